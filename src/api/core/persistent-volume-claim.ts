import { defineKind } from '../kind.ts';
import type * as core from '../types/core-v1.ts';
import { ageColumn, formatAccessModes, nameColumn, textColumn } from './columns.ts';
import { setClaimSpecDefaults, settleDataSources } from './persistent-volume-claim-defaults.ts';
import { validateClaim, validateClaimStatusUpdate, validateClaimUpdate } from './persistent-volume-claim-validation.ts';
import { ratcheted, selectorValues, tolerable } from './ratcheting.ts';
import { roundResourceList } from './resource-list.ts';
import { storageClassOf } from './storage-class-name.ts';
import { claimWarnings } from './volume-warnings.ts';

/** A user's claim on storage. */
export type PersistentVolumeClaim = core.PersistentVolumeClaim;

/** core/v1 PersistentVolumeClaim. */
export const PersistentVolumeClaim = defineKind<PersistentVolumeClaim>({
  group: '',
  version: 'v1',
  kind: 'PersistentVolumeClaim',
  plural: 'persistentvolumeclaims',
  shortNames: ['pvc'],
  scope: 'Namespaced',
  schema: 'core/v1.PersistentVolumeClaim',
  subresources: { status: true },
  defaults(claim) {
    claim.status.phase ||= 'Pending';
    setClaimSpecDefaults(claim.spec);
    roundResourceList(claim.spec.resources.requests);
    roundResourceList(claim.spec.resources.limits);
    roundResourceList(claim.status.capacity);
  },
  prepareCreate(claim) {
    claim.status = { phase: 'Pending' };
    settleDataSources(claim.spec, undefined);
  },
  prepareUpdate(claim, old) {
    settleDataSources(claim.spec, old.spec);
  },
  validate: ratcheted(validateClaim, [selectorValues, tolerable({ path: /^spec\.dataSource(Ref)?\.apiGroup$/ })]),
  validateUpdate: validateClaimUpdate,
  validateStatusUpdate: validateClaimStatusUpdate,
  warnings: claimWarnings,
  columns: [
    nameColumn,
    textColumn('Status', (c) => (c.metadata.deletionTimestamp ? 'Terminating' : (c.status.phase ?? ''))),
    textColumn('Volume', (c) => c.spec.volumeName ?? ''),
    textColumn('Capacity', (c) => (c.spec.volumeName ? (c.status.capacity?.storage ?? '0') : '')),
    textColumn('Access Modes', (c) => (c.spec.volumeName ? formatAccessModes(c.status.accessModes) : '')),
    textColumn('StorageClass', storageClassOf),
    textColumn('VolumeAttributesClass', (c) => c.spec.volumeAttributesClassName ?? '<unset>'),
    ageColumn,
    textColumn('VolumeMode', (c) => c.spec.volumeMode ?? '<unset>', 1),
  ],
  fieldLabels: { name: (c) => c.metadata.name },
  tracksGeneration: false,
  allowUnconditionalUpdate: true,
});
