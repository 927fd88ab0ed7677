import type { Shared } from '../../api/kind.ts';
import type { Node, Toleration } from '../../api/types/core-v1.ts';
import { defineSchedulerPlugin, skip, unresolvable } from '../framework.ts';
import { normalizeScores } from '../scores.ts';
import { firstUntolerated, tolerates } from '../tolerations.ts';

const name = 'TaintToleration';
const hard = ['NoSchedule', 'NoExecute'];

/** Keeps pods off nodes with taints that they do not tolerate, and prefers nodes without soft ones. */
export const taintToleration = defineSchedulerPlugin({
  name,
  order: 40,
  weight: 3,
  enabledByDefault: true,
  nodeLocal: true,
  events: [
    { kind: 'Node', actions: ['add', 'update'] },
    { kind: 'Pod', actions: ['update'] },
  ],
  create: () => ({
    filter(_state, pod, { node }) {
      const taint = node.spec.taints && firstUntolerated(node.spec.taints, pod.spec.tolerations, hard);
      return taint
        ? unresolvable(name, `node(s) had untolerated taint {${taint.key}: ${taint.value ?? ''}}`)
        : undefined;
    },
    helps(event, pod) {
      if (event.kind === 'Pod') return event.object.metadata.uid === pod.metadata.uid;
      const isFree = (node: unknown) =>
        !firstUntolerated((node as Shared<Node>).spec.taints, pod.spec.tolerations, hard);
      return isFree(event.object) && (!event.old || !isFree(event.old));
    },
    preScore(state, pod, nodes) {
      // Without soft taints every node would get the same.
      if (!nodes.some(({ node }) => node.spec.taints?.some((t) => t.effect === 'PreferNoSchedule'))) return skip(name);
      const soft: Shared<Toleration>[] = (pod.spec.tolerations ?? []).filter(
        (t) => !t.effect || t.effect === 'PreferNoSchedule',
      );
      state.set(name, soft);
      return undefined;
    },
    score(state, _pod, { node }) {
      const soft = state.get(name) as readonly Shared<Toleration>[];
      let count = 0;
      for (const taint of node.spec.taints ?? [])
        if (taint.effect === 'PreferNoSchedule' && !tolerates(soft, taint)) count++;
      return count;
    },
    normalize: (_state, _pod, nodes, scores) => normalizeScores(scores, nodes.length, { reverse: true }),
  }),
});
