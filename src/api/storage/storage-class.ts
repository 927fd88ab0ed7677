import { ageColumn, nameColumn, textColumn } from '../core/columns.ts';
import { defineKind } from '../kind.ts';
import type * as storage from '../types/storage-v1.ts';
import { validateStorageClass, validateStorageClassUpdate } from './storage-class-validation.ts';

/** A kind of storage that volumes are provisioned from. */
export type StorageClass = storage.StorageClass;

const isDefault = (annotations: Readonly<Record<string, string>> | undefined) =>
  annotations?.['storageclass.kubernetes.io/is-default-class'] === 'true' ||
  annotations?.['storageclass.beta.kubernetes.io/is-default-class'] === 'true';

/** storage.k8s.io/v1 StorageClass. */
export const StorageClass = defineKind<StorageClass>({
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'StorageClass',
  plural: 'storageclasses',
  shortNames: ['sc'],
  scope: 'Cluster',
  schema: 'storage/v1.StorageClass',
  defaults(storageClass) {
    storageClass.reclaimPolicy ??= 'Delete';
    storageClass.volumeBindingMode ??= 'Immediate';
  },
  validate: validateStorageClass,
  validateUpdate: validateStorageClassUpdate,
  columns: [
    {
      ...nameColumn,
      cell: ({ metadata }) => (isDefault(metadata.annotations) ? `${metadata.name} (default)` : metadata.name),
    },
    textColumn('Provisioner', (c) => c.provisioner),
    textColumn('ReclaimPolicy', (c) => c.reclaimPolicy ?? 'Delete'),
    textColumn('VolumeBindingMode', (c) => c.volumeBindingMode ?? 'Immediate'),
    textColumn('AllowVolumeExpansion', (c) => c.allowVolumeExpansion ?? false),
    ageColumn,
  ],
  allowUnconditionalUpdate: true,
});
