/** Node selectors: the labels and fields of nodes that a pod, or a volume, asks for. */
import type { Shared } from '../api/kind.ts';
import type { Node, NodeSelector, NodeSelectorRequirement, NodeSelectorTerm, Pod } from '../api/types/core-v1.ts';

function requirementMatches(requirement: Shared<NodeSelectorRequirement>, value: string | undefined): boolean {
  const values = requirement.values ?? [];
  switch (requirement.operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    case 'Gt':
    case 'Lt': {
      const actual = /^[+-]?\d+$/.test(value ?? '') ? Number(value) : Number.NaN;
      const bound = Number(values[0]);
      return requirement.operator === 'Gt' ? actual > bound : actual < bound;
    }
    default:
      return false;
  }
}

/** Whether a term matches; one without requirements matches no node. */
export function termMatches(term: Shared<NodeSelectorTerm>, node: Shared<Node>): boolean {
  const expressions = term.matchExpressions ?? [];
  const fields = term.matchFields ?? [];
  if (expressions.length + fields.length === 0) return false;
  return (
    expressions.every((r) => requirementMatches(r, node.metadata.labels?.[r.key])) &&
    fields.every((r) => requirementMatches(r, r.key === 'metadata.name' ? node.metadata.name : undefined))
  );
}

/** Whether any term of a selector matches a node. */
export function nodeSelectorMatches(selector: Shared<NodeSelector>, node: Shared<Node>): boolean {
  return selector.nodeSelectorTerms.some((term) => termMatches(term, node));
}

/** Whether a pod's nodeSelector and required node affinity allow a node. */
export function requiredNodeAffinityMatches(pod: Shared<Pod>, node: Shared<Node>): boolean {
  const selector = pod.spec.nodeSelector;
  if (selector) {
    const labels = node.metadata.labels;
    for (const key of Object.keys(selector)) if (labels?.[key] !== selector[key]) return false;
  }
  const required = pod.spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  return !required || nodeSelectorMatches(required, node);
}
