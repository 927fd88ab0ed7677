import { defineKind, type Shared } from '../kind.ts';
import type * as core from '../types/core-v1.ts';
import { nameColumn, textColumn } from './columns.ts';

/** The health of a control plane component, as old clients ask for it. */
export type ComponentStatus = core.ComponentStatus;

/** core/v1 ComponentStatus: computed on request, never stored. */
export const ComponentStatus = defineKind<ComponentStatus>({
  group: '',
  version: 'v1',
  kind: 'ComponentStatus',
  plural: 'componentstatuses',
  shortNames: ['cs'],
  scope: 'Cluster',
  schema: 'core/v1.ComponentStatus',
  verbs: ['get', 'list'],
  deprecation: 'v1 ComponentStatus is deprecated in v1.19+',
  columns: [
    nameColumn,
    textColumn('Status', (c) => {
      const status = healthy(c)?.status;
      return status === 'True' ? 'Healthy' : status === 'False' ? 'Unhealthy' : 'Unknown';
    }),
    textColumn('Message', (c) => healthy(c)?.message ?? ''),
    textColumn('Error', (c) => healthy(c)?.error ?? ''),
  ],
  persisted: false,
});

const healthy = ({ conditions }: Shared<ComponentStatus>) => conditions?.find((c) => c.type === 'Healthy');
