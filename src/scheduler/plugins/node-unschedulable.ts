import { defineSchedulerPlugin, unresolvable } from '../framework.ts';
import { tolerates } from '../tolerations.ts';

const name = 'NodeUnschedulable';
const taint = { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' };

/** Keeps pods off cordoned nodes, but for those that tolerate it. */
export const nodeUnschedulable = defineSchedulerPlugin({
  name,
  order: 20,
  enabledByDefault: true,
  nodeLocal: true,
  events: [{ kind: 'Node', actions: ['add', 'update'] }],
  create: () => ({
    filter(_state, pod, { node }) {
      if (!node.spec.unschedulable || tolerates(pod.spec.tolerations, taint)) return undefined;
      return unresolvable(name, 'node(s) were unschedulable');
    },
  }),
});
