import { formatTime } from '../../base/clock.ts';
import { ageColumn, nameColumn, textColumn } from '../core/columns.ts';
import { defineKind, type Shared } from '../kind.ts';
import type * as resource from '../types/resource-v1.ts';
import { validateResourceSlice, validateResourceSliceUpdate } from './resource-slice-validation.ts';

/** Some of the devices that a driver offers. */
export type ResourceSlice = resource.ResourceSlice;

/** resource.k8s.io/v1 ResourceSlice. */
export const ResourceSlice = defineKind<ResourceSlice>({
  group: 'resource.k8s.io',
  version: 'v1',
  kind: 'ResourceSlice',
  plural: 'resourceslices',
  scope: 'Cluster',
  schema: 'resource/v1.ResourceSlice',
  prepareCreate(slice, { now }) {
    dropDisabled(slice);
    stampTaints(slice, now);
  },
  prepareUpdate(slice, old, { now }) {
    if (!usesDisabled(old)) dropDisabled(slice);
    stampTaints(slice, now);
  },
  validate: validateResourceSlice,
  validateUpdate: validateResourceSliceUpdate,
  columns: [
    nameColumn,
    textColumn('Node', ({ spec }) => spec.nodeName ?? (spec.allNodes ? '<all>' : '<none>')),
    textColumn('Driver', (s) => s.spec.driver),
    textColumn('Pool', (s) => s.spec.pool.name),
    ageColumn,
  ],
  fieldLabels: {
    'spec.nodeName': (s) => s.spec.nodeName ?? '',
    'spec.driver': (s) => s.spec.driver,
  },
  tracksGeneration: true,
  allowUnconditionalUpdate: true,
});

type AttributeLists = Pick<resource.DeviceAttribute, 'bools' | 'ints' | 'strings' | 'versions'>;
const attributeLists = ['bools', 'ints', 'strings', 'versions'] as const satisfies readonly (keyof AttributeLists)[];

/** Whether a slice has fields of features that are alpha: lists of values, and what devices take of a node. */
const usesDisabled = ({ spec }: Shared<ResourceSlice>): boolean =>
  (spec.devices ?? []).some(
    ({ attributes, nodeAllocatableResourceMappings }) =>
      nodeAllocatableResourceMappings !== undefined ||
      Object.values(attributes ?? {}).some((one) => attributeLists.some((field) => one[field] !== undefined)),
  );

function dropDisabled({ spec }: ResourceSlice): void {
  for (const device of spec.devices ?? []) {
    delete device.nodeAllocatableResourceMappings;
    for (const attribute of Object.values(device.attributes ?? {})) {
      for (const field of attributeLists) delete attribute[field];
    }
  }
}

function stampTaints(slice: ResourceSlice, now: number): void {
  for (const device of slice.spec.devices ?? []) {
    for (const taint of device.taints ?? []) taint.timeAdded ??= formatTime(now);
  }
}
