import { defineSchedulerPlugin, unresolvable } from '../framework.ts';

const name = 'NodeName';

/** A pod that names its node fits no other. */
export const nodeName = defineSchedulerPlugin({
  name,
  order: 30,
  enabledByDefault: true,
  nodeLocal: true,
  events: [{ kind: 'Node', actions: ['add'] }],
  create: () => ({
    filter: (_state, pod, node) =>
      pod.spec.nodeName && pod.spec.nodeName !== node.name
        ? unresolvable(name, "node(s) didn't match the requested node name")
        : undefined,
    helps: (event, pod) => event.object.metadata.name === pod.spec.nodeName,
  }),
});
