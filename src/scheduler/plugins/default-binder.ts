import { Pod } from '../../api/core/pod.ts';
import { defineSchedulerPlugin } from '../framework.ts';

/** Binds a pod to its node through the binding subresource. */
export const defaultBinder = defineSchedulerPlugin({
  name: 'DefaultBinder',
  order: 200,
  enabledByDefault: true,
  events: [],
  create: ({ client }) => ({
    async bind(_state, pod, nodeName) {
      const { namespace, name, uid } = pod.metadata;
      await client.subresource(
        'create',
        Pod,
        { namespace, name, subresource: 'binding' },
        {
          apiVersion: 'v1',
          kind: 'Binding',
          metadata: { namespace, name, uid },
          target: { kind: 'Node', name: nodeName },
        },
      );
      return true;
    },
  }),
});
