import type { SchemaFacts } from '../facts.ts';

/** The types of storagemigration.k8s.io/v1beta1: the notation is explained in ../facts.ts. */
export const facts: SchemaFacts = {
  id: 'storagemigration/v1beta1',
  apiVersion: 'storagemigration.k8s.io/v1beta1',
  openapi: 'io.k8s.api.storagemigration.v1beta1',
  text: `
type StorageVersionMigration cluster
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ObjectMeta
  2 spec? StorageVersionMigrationSpec
  3 status? StorageVersionMigrationStatus
type StorageVersionMigrationList
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ListMeta
  2 items []StorageVersionMigration
type StorageVersionMigrationSpec
  1 resource meta/v1.GroupResource
type StorageVersionMigrationStatus
  1 conditions? []meta/v1.Condition list=map keys=type patch=merge mergeKey=type
  2 resourceVersion? string
`,
};
