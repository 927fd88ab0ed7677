import { defineKind, type Shared } from '../kind.ts';
import type * as core from '../types/core-v1.ts';
import { ageColumn, nameColumn, textColumn } from './columns.ts';
import { validateResourceQuota, validateResourceQuotaStatus, validateResourceQuotaUpdate } from './quota-validation.ts';
import { roundResourceList } from './resource-list.ts';

/** A limit on what a namespace uses altogether. */
export type ResourceQuota = core.ResourceQuota;

/** core/v1 ResourceQuota. */
export const ResourceQuota = defineKind<ResourceQuota>({
  group: '',
  version: 'v1',
  kind: 'ResourceQuota',
  plural: 'resourcequotas',
  shortNames: ['quota'],
  scope: 'Namespaced',
  schema: 'core/v1.ResourceQuota',
  subresources: { status: true },
  defaults(quota) {
    roundResourceList(quota.spec.hard);
    roundResourceList(quota.status.hard);
    roundResourceList(quota.status.used);
  },
  validate: validateResourceQuota,
  validateUpdate: validateResourceQuotaUpdate,
  validateStatusUpdate: validateResourceQuotaStatus,
  columns: [
    nameColumn,
    textColumn('Request', (q) => usage(q, false)),
    textColumn('Limit', (q) => usage(q, true)),
    ageColumn,
  ],
  tracksGeneration: false,
  allowUnconditionalUpdate: true,
});

function usage({ status }: Shared<ResourceQuota>, limits: boolean): string {
  return Object.keys(status.hard ?? {})
    .filter((name) => name.startsWith('limits') === limits)
    .sort()
    .map((name) => `${name}: ${status.used?.[name] ?? '0'}/${status.hard?.[name]}`)
    .join(', ');
}
