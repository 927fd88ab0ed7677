import { ageColumn, nameColumn, textColumn } from '../core/columns.ts';
import { defineKind } from '../kind.ts';
import type * as storage from '../types/storage-v1.ts';
import { validateVolumeAttributesClass, validateVolumeAttributesClassUpdate } from './storage-class-validation.ts';

/** Attributes of volumes that may change while they are in use. */
export type VolumeAttributesClass = storage.VolumeAttributesClass;

/** storage.k8s.io/v1 VolumeAttributesClass. */
export const VolumeAttributesClass = defineKind<VolumeAttributesClass>({
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'VolumeAttributesClass',
  plural: 'volumeattributesclasses',
  shortNames: ['vac'],
  scope: 'Cluster',
  schema: 'storage/v1.VolumeAttributesClass',
  validate: validateVolumeAttributesClass,
  validateUpdate: validateVolumeAttributesClassUpdate,
  columns: [nameColumn, textColumn('DriverName', (c) => c.driverName), ageColumn],
  allowUnconditionalUpdate: true,
});
