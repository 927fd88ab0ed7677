import type { Node } from '../../api/core/node.ts';
import { defineAdmissionPlugin } from './admission.ts';
import { isCore } from './refusal.ts';

const notReady = 'node.kubernetes.io/not-ready';

/** A new node takes no pods until the node lifecycle controller has seen it ready. */
export const taintNodesByCondition = defineAdmissionPlugin({
  name: 'TaintNodesByCondition',
  order: 90,
  enabledByDefault: true,
  handles: (request) => request.operation === 'CREATE' && isCore(request, 'nodes'),
  create: () => ({
    mutate({ object }) {
      const node = object as Node;
      const taints = node.spec.taints ?? [];
      if (taints.some((taint) => taint.key === notReady && taint.effect === 'NoSchedule')) return;
      node.spec.taints = [...taints, { key: notReady, effect: 'NoSchedule' }];
    },
  }),
});
