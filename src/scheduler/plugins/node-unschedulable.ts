import type { Shared } from '../../api/kind.ts';
import type { Node } from '../../api/types/core-v1.ts';
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
  events: [
    { kind: 'Node', actions: ['add', 'update'] },
    { kind: 'Pod', actions: ['update'] },
  ],
  create: () => ({
    filter(_state, pod, { node }) {
      if (!node.spec.unschedulable || tolerates(pod.spec.tolerations, taint)) return undefined;
      return unresolvable(name, 'node(s) were unschedulable');
    },
    helps(event, pod) {
      if (event.kind === 'Pod') return event.object.metadata.uid === pod.metadata.uid;
      const isCordoned = (node: unknown) => (node as Shared<Node>).spec.unschedulable === true;
      return !isCordoned(event.object) && (!event.old || isCordoned(event.old));
    },
  }),
});
