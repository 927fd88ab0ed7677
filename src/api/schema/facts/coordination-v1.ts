import type { SchemaFacts } from '../facts.ts';

/** The types of coordination.k8s.io/v1: the notation is explained in ../facts.ts. */
export const facts: SchemaFacts = {
  id: 'coordination/v1',
  apiVersion: 'coordination.k8s.io/v1',
  openapi: 'io.k8s.api.coordination.v1',
  text: `
alias CoordinatedLeaseStrategy string OldestEmulationVersion
type Lease
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ObjectMeta
  2 spec? LeaseSpec
type LeaseList
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ListMeta
  2 items []Lease
type LeaseSpec
  1 holderIdentity? *string
  2 leaseDurationSeconds? *int32
  3 acquireTime? *MicroTime
  4 renewTime? *MicroTime
  5 leaseTransitions? *int32
  6 strategy? *CoordinatedLeaseStrategy gate=CoordinatedLeaderElection
  7 preferredHolder? *string gate=CoordinatedLeaderElection
`,
};
