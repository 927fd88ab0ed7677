import { nameColumn, textColumn } from '../core/columns.ts';
import { ratcheted, selectorValues } from '../core/ratcheting.ts';
import { defineKind } from '../kind.ts';
import type * as storage from '../types/storage-v1.ts';
import { validateCsiStorageCapacity, validateCsiStorageCapacityUpdate } from './csi-validation.ts';

/** How much storage of a class is available in a part of the cluster. */
export type CSIStorageCapacity = storage.CSIStorageCapacity;

/** storage.k8s.io/v1 CSIStorageCapacity. */
export const CSIStorageCapacity = defineKind<CSIStorageCapacity>({
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'CSIStorageCapacity',
  plural: 'csistoragecapacities',
  scope: 'Namespaced',
  schema: 'storage/v1.CSIStorageCapacity',
  validate: ratcheted(validateCsiStorageCapacity, [selectorValues]),
  validateUpdate: validateCsiStorageCapacityUpdate,
  columns: [
    nameColumn,
    textColumn('StorageClassName', (c) => c.storageClassName),
    textColumn('Capacity', (c) => c.capacity ?? '<unset>'),
  ],
});
