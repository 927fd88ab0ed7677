import { ageColumn, nameColumn, textColumn } from '../core/columns.ts';
import { defineKind } from '../kind.ts';
import type * as storage from '../types/storage-v1.ts';
import { validateCsiDriver, validateCsiDriverUpdate } from './csi-validation.ts';

/** What a storage driver that is deployed in the cluster can do. */
export type CSIDriver = storage.CSIDriver;

/** storage.k8s.io/v1 CSIDriver. */
export const CSIDriver = defineKind<CSIDriver>({
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'CSIDriver',
  plural: 'csidrivers',
  scope: 'Cluster',
  schema: 'storage/v1.CSIDriver',
  defaults({ spec }) {
    spec.attachRequired ??= true;
    spec.podInfoOnMount ??= false;
    spec.storageCapacity ??= false;
    spec.fsGroupPolicy ??= 'ReadWriteOnceWithFSType';
    if (!spec.volumeLifecycleModes?.length) spec.volumeLifecycleModes = ['Persistent'];
    spec.requiresRepublish ??= false;
    spec.seLinuxMount ??= false;
  },
  validate: validateCsiDriver,
  validateUpdate: validateCsiDriverUpdate,
  columns: [
    nameColumn,
    { ...textColumn<CSIDriver>('AttachRequired', (d) => d.spec.attachRequired ?? true), type: 'boolean' },
    { ...textColumn<CSIDriver>('PodInfoOnMount', (d) => d.spec.podInfoOnMount ?? false), type: 'boolean' },
    { ...textColumn<CSIDriver>('StorageCapacity', (d) => d.spec.storageCapacity ?? false), type: 'boolean' },
    textColumn('TokenRequests', (d) => (d.spec.tokenRequests ?? []).map((r) => r.audience).join(',') || '<unset>'),
    { ...textColumn<CSIDriver>('RequiresRepublish', (d) => d.spec.requiresRepublish ?? false), type: 'boolean' },
    textColumn('Modes', (d) => (d.spec.volumeLifecycleModes ?? []).join(',') || '<none>'),
    ageColumn,
  ],
  tracksGeneration: true,
});
