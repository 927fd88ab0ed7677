import type { SchemaFacts } from '../facts.ts';

/** The types of internal.apiserver.k8s.io/v1alpha1: the notation is explained in ../facts.ts. */
export const facts: SchemaFacts = {
  id: 'apiserverinternal/v1alpha1',
  apiVersion: 'internal.apiserver.k8s.io/v1alpha1',
  openapi: 'io.k8s.api.apiserverinternal.v1alpha1',
  text: `
type ServerStorageVersion
  1 apiServerID? string
  2 encodingVersion? string
  3 decodableVersions? []string list=set
  4 servedVersions? []string list=set
type StorageVersion cluster
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ObjectMeta
  2 spec StorageVersionSpec
  3 status StorageVersionStatus
type StorageVersionCondition
  1 type StorageVersionConditionType
  2 status ConditionStatus
  3 observedGeneration? int64
  4 lastTransitionTime? Time
  5 reason string
  6 message string required
type StorageVersionList
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ListMeta
  2 items []StorageVersion
type StorageVersionSpec
type StorageVersionStatus
  1 storageVersions? []ServerStorageVersion list=map keys=apiServerID
  2 commonEncodingVersion? *string
  3 conditions? []StorageVersionCondition list=map keys=type
alias ConditionStatus string True False Unknown
alias StorageVersionConditionType string AllEncodingVersionsEqual
`,
};
