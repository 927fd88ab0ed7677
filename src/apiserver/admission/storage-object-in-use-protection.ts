import { defineAdmissionPlugin } from './admission.ts';

const finalizers: Readonly<Record<string, string>> = {
  persistentvolumes: 'kubernetes.io/pv-protection',
  persistentvolumeclaims: 'kubernetes.io/pvc-protection',
  'volumeattributesclasses.storage.k8s.io': 'kubernetes.io/vac-protection',
};

const key = ({ group, plural }: { group: string; plural: string }) => (group ? `${plural}.${group}` : plural);

/** New volumes and claims get the finalizer that keeps them until nothing uses them. */
export const storageObjectInUseProtection = defineAdmissionPlugin({
  name: 'StorageObjectInUseProtection',
  order: 200,
  enabledByDefault: true,
  handles: ({ operation, resource, subresource }) =>
    operation === 'CREATE' && subresource === '' && key(resource) in finalizers,
  create: () => ({
    mutate({ object, resource }) {
      const finalizer = finalizers[key(resource)]!;
      const have = object!.metadata.finalizers ?? [];
      if (!have.includes(finalizer)) object!.metadata.finalizers = [...have, finalizer];
    },
  }),
});
