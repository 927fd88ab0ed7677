import type { PersistentVolumeClaim } from '../../api/core/persistent-volume-claim.ts';
import { StorageClass } from '../../api/storage/storage-class.ts';
import { defineAdmissionPlugin } from './admission.ts';
import { newestDefault } from './default-class.ts';
import { isCore } from './refusal.ts';

const defaultAnnotations = [
  'storageclass.kubernetes.io/is-default-class',
  'storageclass.beta.kubernetes.io/is-default-class',
];

/** Claims without a class get the default class. */
export const defaultStorageClass = defineAdmissionPlugin({
  name: 'DefaultStorageClass',
  order: 190,
  enabledByDefault: true,
  handles: (request) => request.operation === 'CREATE' && isCore(request, 'persistentvolumeclaims'),
  create({ informers }) {
    const classes = informers.informer(StorageClass);
    return {
      mutate({ object }) {
        const claim = object as PersistentVolumeClaim;
        if (claim.spec.storageClassName !== undefined) return;
        if (claim.metadata.annotations?.['volume.beta.kubernetes.io/storage-class'] !== undefined) return;
        const chosen = newestDefault(classes.list(), defaultAnnotations);
        if (chosen) claim.spec.storageClassName = chosen.metadata.name;
      },
    };
  },
});
