import { formatTime } from '../../base/clock.ts';
import { defineKind } from '../kind.ts';
import type * as core from '../types/core-v1.ts';
import { ageColumn, formatAccessModes, nameColumn, textColumn } from './columns.ts';
import { setPersistentVolumeSpecDefaults } from './persistent-volume-defaults.ts';
import { validatePersistentVolume, validatePersistentVolumeUpdate } from './persistent-volume-validation.ts';
import { ratcheted, tolerable } from './ratcheting.ts';
import { storageClassOf } from './storage-class-name.ts';
import { persistentVolumeWarnings } from './volume-warnings.ts';

/** A piece of storage in the cluster. */
export type PersistentVolume = core.PersistentVolume;

/** core/v1 PersistentVolume. */
export const PersistentVolume = defineKind<PersistentVolume>({
  group: '',
  version: 'v1',
  kind: 'PersistentVolume',
  plural: 'persistentvolumes',
  shortNames: ['pv'],
  scope: 'Cluster',
  schema: 'core/v1.PersistentVolume',
  subresources: { status: true },
  defaults(volume) {
    volume.status.phase ||= 'Pending';
    setPersistentVolumeSpecDefaults(volume.spec);
  },
  prepareCreate(volume, { now }) {
    volume.status = { phase: 'Pending', lastPhaseTransitionTime: formatTime(now) };
  },
  prepareStatusUpdate(volume, old, { now }) {
    const changed = volume.status.phase !== old.status.phase;
    const { lastPhaseTransitionTime } = volume.status;
    if (changed && (!lastPhaseTransitionTime || lastPhaseTransitionTime === old.status.lastPhaseTransitionTime)) {
      volume.status.lastPhaseTransitionTime = formatTime(now);
    }
  },
  validate: ratcheted(validatePersistentVolume, [
    tolerable({ path: /^spec\.nodeAffinity\.required\..*\.values\[\d+\]$/ }),
  ]),
  validateUpdate: validatePersistentVolumeUpdate,
  warnings: persistentVolumeWarnings,
  columns: [
    nameColumn,
    textColumn('Capacity', (v) => v.spec.capacity?.storage ?? '0'),
    textColumn('Access Modes', (v) => formatAccessModes(v.spec.accessModes)),
    textColumn('Reclaim Policy', (v) => v.spec.persistentVolumeReclaimPolicy ?? ''),
    textColumn('Status', (v) => (v.metadata.deletionTimestamp ? 'Terminating' : (v.status.phase ?? ''))),
    textColumn('Claim', ({ spec: { claimRef } }) =>
      claimRef ? `${claimRef.namespace ?? ''}/${claimRef.name ?? ''}` : '',
    ),
    textColumn('StorageClass', storageClassOf),
    textColumn('VolumeAttributesClass', (v) => v.spec.volumeAttributesClassName ?? '<unset>'),
    textColumn('Reason', (v) => v.status.reason ?? ''),
    ageColumn,
    textColumn('VolumeMode', (v) => v.spec.volumeMode ?? '<unset>', 1),
  ],
  fieldLabels: { name: (v) => v.metadata.name },
  tracksGeneration: false,
  allowUnconditionalUpdate: true,
});
