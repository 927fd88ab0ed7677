/** Whether a node is one that a pod insists on: nodeSelector and required node affinity. */
import type { Node } from '../api/core/node.ts';
import type { Shared } from '../api/kind.ts';
import type { NodeSelector, NodeSelectorRequirement, NodeSelectorTerm, PodSpec } from '../api/types/core-v1.ts';

/** Whether a pod with this spec may run on the node as far as its own wishes go. */
export function wantsNode(spec: Shared<PodSpec>, node: Shared<Node>): boolean {
  const labels = node.metadata.labels ?? {};
  for (const [key, value] of Object.entries(spec.nodeSelector ?? {})) if (labels[key] !== value) return false;
  const required = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  return !required || matchesNodeSelector(required, node);
}

/** Whether any term matches; a term without requirements matches nothing. */
export function matchesNodeSelector(selector: Shared<NodeSelector>, node: Shared<Node>): boolean {
  return selector.nodeSelectorTerms.some((term) => matchesTerm(term, node));
}

function matchesTerm(term: Shared<NodeSelectorTerm>, node: Shared<Node>): boolean {
  const expressions = term.matchExpressions ?? [];
  const fields = term.matchFields ?? [];
  if (expressions.length + fields.length === 0) return false;
  return (
    expressions.every((requirement) => meets(requirement, node.metadata.labels?.[requirement.key])) &&
    fields.every((requirement) => requirement.key === 'metadata.name' && meets(requirement, node.metadata.name))
  );
}

function meets({ operator, values = [] }: Shared<NodeSelectorRequirement>, actual: string | undefined): boolean {
  switch (operator) {
    case 'In':
      return actual !== undefined && values.includes(actual);
    case 'NotIn':
      return actual === undefined || !values.includes(actual);
    case 'Exists':
      return actual !== undefined;
    case 'DoesNotExist':
      return actual === undefined;
    case 'Gt':
    case 'Lt': {
      if (actual === undefined || !/^-?\d+$/.test(actual) || values.length !== 1) return false;
      return operator === 'Gt' ? Number(actual) > Number(values[0]) : Number(actual) < Number(values[0]);
    }
    default:
      return false;
  }
}
