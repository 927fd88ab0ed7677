import type { PersistentVolumeClaim } from '../../api/core/persistent-volume-claim.ts';
import type { Shared } from '../../api/kind.ts';
import { Quantity } from '../../api/machinery/quantity.ts';
import { StorageClass } from '../../api/storage/storage-class.ts';
import { defineAdmissionPlugin } from './admission.ts';
import { isCore, refusal } from './refusal.ts';

/** A bound claim grows only where its storage class allows it. */
export const persistentVolumeClaimResize = defineAdmissionPlugin({
  name: 'PersistentVolumeClaimResize',
  order: 220,
  enabledByDefault: true,
  handles: (request) => request.operation === 'UPDATE' && isCore(request, 'persistentvolumeclaims'),
  create({ informers, client }) {
    const classes = informers.informer(StorageClass);
    return {
      async validate(request) {
        const claim = request.object as PersistentVolumeClaim;
        const old = request.oldObject as Shared<PersistentVolumeClaim>;
        const size = (of: Shared<PersistentVolumeClaim>) =>
          Quantity.parse(of.spec.resources.requests?.['storage'] ?? '0');
        if (size(claim).cmp(size(old)) <= 0) return;
        if (old.status.phase !== 'Bound') throw refusal(request, 'Only bound persistent volume claims can be expanded');
        const name =
          old.metadata.annotations?.['volume.beta.kubernetes.io/storage-class'] ?? old.spec.storageClassName ?? '';
        const found = name ? (classes.get(undefined, name) ?? (await client.find(StorageClass, { name }))) : undefined;
        if (found?.allowVolumeExpansion) return;
        throw refusal(
          request,
          'only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize',
        );
      },
    };
  },
});
