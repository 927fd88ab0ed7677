import type { Pod } from '../../api/core/pod.ts';
import { type FieldError, fieldErrorMessage, notSupported } from '../../api/machinery/field-error.ts';
import { defineAdmissionPlugin } from './admission.ts';
import { aggregate, isCore, refusal } from './refusal.ts';

const lists = ['initContainers', 'containers', 'ephemeralContainers'] as const;

/** Images are pulled each time, so that only those who may pull an image run it; on request. */
export const alwaysPullImages = defineAdmissionPlugin({
  name: 'AlwaysPullImages',
  order: 100,
  enabledByDefault: false,
  handles: (request) =>
    (request.operation === 'CREATE' || request.operation === 'UPDATE') &&
    (isCore(request, 'pods') || isCore(request, 'pods', 'ephemeralcontainers')),
  create: () => ({
    mutate({ object }) {
      const { spec } = object as Pod;
      for (const list of lists) for (const container of spec[list] ?? []) container.imagePullPolicy = 'Always';
      for (const volume of spec.volumes ?? []) if (volume.image) volume.image.pullPolicy = 'Always';
    },
    validate(request) {
      const { spec } = request.object as Pod;
      const errors: FieldError[] = [];
      for (const list of lists) {
        for (const [i, container] of (spec[list] ?? []).entries()) {
          if (container.imagePullPolicy === 'Always') continue;
          errors.push(notSupported(`spec.${list}[${i}].imagePullPolicy`, container.imagePullPolicy, ['Always']));
        }
      }
      if (errors.length) throw refusal(request, aggregate(errors.map(fieldErrorMessage)));
    },
  }),
});
