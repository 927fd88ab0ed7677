import { ageColumn, nameColumn, textColumn } from '../core/columns.ts';
import { defineKind } from '../kind.ts';
import { type FieldError, forbidden, invalid } from '../machinery/field-error.ts';
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
  prepareCreate: dropElection,
  prepareUpdate(lease, { spec: { strategy, preferredHolder } }) {
    if (strategy === undefined && preferredHolder === undefined) dropElection(lease);
  },
  validate({ spec }) {
    const { leaseDurationSeconds, leaseTransitions, strategy, preferredHolder } = spec;
    const errors: FieldError[] = [];
    if (leaseDurationSeconds !== undefined && leaseDurationSeconds <= 0) {
      errors.push(invalid('spec.leaseDurationSeconds', leaseDurationSeconds, 'must be greater than 0'));
    }
    if (leaseTransitions !== undefined && leaseTransitions < 0) {
      errors.push(invalid('spec.leaseTransitions', leaseTransitions, 'must be greater than or equal to 0'));
    }
    if (preferredHolder && !strategy) {
      errors.push(forbidden('spec.preferredHolder', 'may only be specified if `strategy` is defined'));
    }
    return errors;
  },
  columns: [nameColumn, textColumn('Holder', (l) => l.spec.holderIdentity ?? ''), ageColumn],
  allowCreateOnUpdate: true,
});

/** Coordinated election (KEP-4355) is off by default, and only leases that have its fields keep them. */
function dropElection({ spec }: Lease): void {
  delete spec.strategy;
  delete spec.preferredHolder;
}
