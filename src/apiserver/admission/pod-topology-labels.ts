import { Node } from '../../api/core/node.ts';
import type { Binding } from '../../api/types/core-v1.ts';
import { defineAdmissionPlugin } from './admission.ts';
import { isCore } from './refusal.ts';

const labels = ['topology.kubernetes.io/zone', 'topology.kubernetes.io/region'] as const;

/** A pod that is bound gets its node's zone and region as labels, so that it can read them (KEP-4742). */
export const podTopologyLabels = defineAdmissionPlugin({
  name: 'PodTopologyLabels',
  order: 275,
  enabledByDefault: true,
  handles: (request) =>
    request.operation === 'CREATE' && (isCore(request, 'pods', 'binding') || isCore(request, 'bindings')),
  create({ informers }) {
    const nodes = informers.informer(Node);
    return {
      mutate({ object }) {
        const binding = object as unknown as Binding;
        const node = nodes.get(undefined, binding.target?.name ?? '');
        const found = labels.flatMap((label) => {
          const value = node?.metadata.labels?.[label];
          return value === undefined ? [] : [[label, value] as const];
        });
        if (found.length) binding.metadata.labels = { ...binding.metadata.labels, ...Object.fromEntries(found) };
      },
    };
  },
});
