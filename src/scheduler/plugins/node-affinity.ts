import type { Shared } from '../../api/kind.ts';
import type { Node, NodeSelector, Pod, PreferredSchedulingTerm } from '../../api/types/core-v1.ts';
import { defineSchedulerPlugin, skip, unresolvable } from '../framework.ts';
import { nodeSelectorMatches, requiredNodeAffinityMatches, termMatches } from '../node-selector.ts';
import { normalizeScores } from '../scores.ts';

const name = 'NodeAffinity';

/** Nodes that the required terms name outright, when each of them does (a DaemonSet's pods): no other need be looked at. */
function namedNodes(pod: Shared<Pod>): Set<string> | undefined {
  const terms = pod.spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
  if (!terms?.length) return undefined;
  const names = new Set<string>();
  for (const term of terms) {
    const field = term.matchFields?.find((r) => r.key === 'metadata.name' && r.operator === 'In');
    if (!field) return undefined;
    for (const value of field.values ?? []) names.add(value);
  }
  return names;
}

/** Node selectors and node affinity, required and preferred, with a profile's addedAffinity. */
export const nodeAffinity = defineSchedulerPlugin({
  name,
  order: 50,
  weight: 2,
  enabledByDefault: true,
  nodeLocal: true,
  events: [{ kind: 'Node', actions: ['add', 'update'] }],
  create({ args }) {
    const added = args['addedAffinity'] as
      | {
          requiredDuringSchedulingIgnoredDuringExecution?: NodeSelector;
          preferredDuringSchedulingIgnoredDuringExecution?: PreferredSchedulingTerm[];
        }
      | undefined;
    const addedRequired = added?.requiredDuringSchedulingIgnoredDuringExecution;
    const addedPreferred = added?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
    return {
      preFilter(_state, pod) {
        const affinity = pod.spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
        if (!addedRequired && !affinity && !pod.spec.nodeSelector) return skip(name);
        const nodeNames = namedNodes(pod);
        return nodeNames ? { nodeNames } : undefined;
      },
      filter(_state, pod, { node }) {
        if (addedRequired && !nodeSelectorMatches(addedRequired, node))
          return unresolvable(name, "node(s) didn't match scheduler-enforced node affinity");
        return requiredNodeAffinityMatches(pod, node)
          ? undefined
          : unresolvable(name, "node(s) didn't match Pod's node affinity/selector");
      },
      helps(event, pod) {
        const matches = (node: unknown) =>
          requiredNodeAffinityMatches(pod, node as Shared<Node>) &&
          (!addedRequired || nodeSelectorMatches(addedRequired, node as Shared<Node>));
        return matches(event.object) && (!event.old || !matches(event.old));
      },
      preScore: (_state, pod) =>
        addedPreferred.length +
          (pod.spec.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution?.length ?? 0) ===
        0
          ? skip(name)
          : undefined,
      score(_state, pod, { node }) {
        let sum = 0;
        const terms = pod.spec.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
        for (const { weight, preference } of [...addedPreferred, ...terms])
          if (weight && termMatches(preference, node)) sum += weight;
        return sum;
      },
      normalize: (_state, _pod, nodes, scores) => normalizeScores(scores, nodes.length, { reverse: false }),
    };
  },
});
