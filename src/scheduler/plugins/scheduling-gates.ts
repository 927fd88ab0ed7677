import { defineSchedulerPlugin, unresolvable } from '../framework.ts';

const name = 'SchedulingGates';

/** Keeps pods with scheduling gates out of the queue until the gates are removed (KEP-3521). */
export const schedulingGates = defineSchedulerPlugin({
  name,
  order: 10,
  enabledByDefault: true,
  events: [{ kind: 'Pod', actions: ['update'] }],
  create: () => ({
    preEnqueue(pod) {
      const gates = pod.spec.schedulingGates ?? [];
      return gates.length
        ? unresolvable(name, `waiting for scheduling gates: [${gates.map((g) => g.name).join(' ')}]`)
        : undefined;
    },
    helps: (event, pod) => event.object.metadata.uid === pod.metadata.uid,
  }),
});
