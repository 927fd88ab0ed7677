import type { Shared } from '../../api/kind.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import { defineSchedulerPlugin, skip, unschedulable } from '../framework.ts';
import { type HostPort, podInfo } from '../node-info.ts';

const name = 'NodePorts';
const anyAddress = new Set(['0.0.0.0', '::', '']);

function conflicts(a: HostPort, b: HostPort): boolean {
  return (
    a.port === b.port && a.protocol === b.protocol && (a.ip === b.ip || anyAddress.has(a.ip) || anyAddress.has(b.ip))
  );
}

/** Keeps two pods with one host port off one node. */
export const nodePorts = defineSchedulerPlugin({
  name,
  order: 60,
  enabledByDefault: true,
  nodeLocal: true,
  events: [
    { kind: 'Pod', actions: ['delete'] },
    { kind: 'Node', actions: ['add'] },
  ],
  create: () => ({
    preFilter: (_state, pod) => (podInfo(pod).hostPorts.length ? undefined : skip(name)),
    filter(_state, pod, node) {
      const wanted = podInfo(pod).hostPorts;
      return wanted.some((w) => node.hostPorts.some((used) => conflicts(w, used)))
        ? unschedulable(name, "node(s) didn't have free ports for the requested pod ports")
        : undefined;
    },
    helps: (event, pod) =>
      event.kind !== 'Pod' ||
      podInfo(event.object as unknown as Shared<Pod>).hostPorts.some((freed) =>
        podInfo(pod).hostPorts.some((wanted) => conflicts(freed, wanted)),
      ),
  }),
});
