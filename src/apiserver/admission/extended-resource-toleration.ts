import type { Pod } from '../../api/core/pod.ts';
import { isExtendedResource } from '../../api/core/resource-validation.ts';
import { defineAdmissionPlugin } from './admission.ts';
import { isCore } from './refusal.ts';

/** Pods that ask for a device tolerate the taint of its name, which keeps others off the nodes that have it. On request. */
export const extendedResourceToleration = defineAdmissionPlugin({
  name: 'ExtendedResourceToleration',
  order: 180,
  enabledByDefault: false,
  handles: (request) => (request.operation === 'CREATE' || request.operation === 'UPDATE') && isCore(request, 'pods'),
  create: () => ({
    mutate({ object }) {
      const { spec } = object as Pod;
      const containers = [...spec.containers, ...(spec.initContainers ?? [])];
      const asked = containers.flatMap(({ resources }) => Object.keys(resources?.requests ?? {}));
      for (const key of [...new Set(asked.filter(isExtendedResource))].sort()) {
        const wanted = { key, operator: 'Exists', effect: 'NoSchedule' };
        const others = (spec.tolerations ?? []).filter(
          (t) => t.key !== key || t.operator !== wanted.operator || t.effect !== wanted.effect || t.value,
        );
        spec.tolerations = [...others, wanted];
      }
    },
  }),
});
