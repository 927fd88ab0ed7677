import { defineSchedulerPlugin, skip } from '../framework.ts';
import { type NodeInfo, podInfo } from '../node-info.ts';
import { maxNodeScore } from '../scores.ts';

const name = 'NodeResourcesBalancedAllocation';

/** Prefers nodes whose resources would be used evenly: 100 less the standard deviation of the used fractions. */
export const balancedAllocation = defineSchedulerPlugin({
  name,
  order: 150,
  weight: 1,
  enabledByDefault: true,
  nodeLocal: true,
  events: [],
  create({ args }) {
    const resources = (
      (args['resources'] as { name: string }[] | undefined) ?? [{ name: 'cpu' }, { name: 'memory' }]
    ).map((r) => r.name);
    const fraction = (node: NodeInfo, resource: string, added: number) => {
      const capacity = node.allocatable.get(resource) ?? 0;
      return capacity ? Math.min(1, ((node.requested.get(resource) ?? 0) + added) / capacity) : undefined;
    };
    return {
      preScore: (_state, pod) => (resources.some((r) => podInfo(pod).requests.get(r)) ? undefined : skip(name)),
      score(_state, pod, node) {
        const requests = podInfo(pod).requests;
        let count = 0;
        let sum = 0;
        let squares = 0;
        for (const resource of resources) {
          const used = fraction(node, resource, requests.get(resource) ?? 0);
          if (used === undefined) continue;
          count++;
          sum += used;
          squares += used * used;
        }
        if (count < 2) return maxNodeScore;
        const mean = sum / count;
        return Math.trunc((1 - Math.sqrt(Math.max(0, squares / count - mean * mean))) * maxNodeScore);
      },
    };
  },
});
