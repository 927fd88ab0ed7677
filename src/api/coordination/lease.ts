import { ageColumn, nameColumn, textColumn } from '../core/columns.ts';
import { defineKind } from '../kind.ts';
import type * as coordination from '../types/coordination-v1.ts';

/** A lock with a time limit: leader election and node heartbeats. */
export type Lease = coordination.Lease;

/** coordination.k8s.io/v1 Lease. */
export const Lease = defineKind<Lease>({
  group: 'coordination.k8s.io',
  version: 'v1',
  kind: 'Lease',
  plural: 'leases',
  scope: 'Namespaced',
  schema: 'coordination/v1.Lease',
  columns: [nameColumn, textColumn('Holder', (l) => l.spec.holderIdentity ?? ''), ageColumn],
  allowCreateOnUpdate: true,
});
