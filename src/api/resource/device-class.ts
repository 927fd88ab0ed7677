import { ageColumn, nameColumn } from '../core/columns.ts';
import { defineKind } from '../kind.ts';
import type * as resource from '../types/resource-v1.ts';
import { validateDeviceClass } from './device-class-validation.ts';

/** A kind of devices that claims may ask for. */
export type DeviceClass = resource.DeviceClass;

/** resource.k8s.io/v1 DeviceClass. */
export const DeviceClass = defineKind<DeviceClass>({
  group: 'resource.k8s.io',
  version: 'v1',
  kind: 'DeviceClass',
  plural: 'deviceclasses',
  scope: 'Cluster',
  schema: 'resource/v1.DeviceClass',
  validate: validateDeviceClass,
  columns: [nameColumn, ageColumn],
  tracksGeneration: true,
  allowUnconditionalUpdate: true,
});
