import type { SchemaFacts } from '../facts.ts';

/** The types of meta.k8s.io/v1: the notation is explained in ../facts.ts. */
export const facts: SchemaFacts = {
  id: 'meta/v1',
  apiVersion: 'meta.k8s.io/v1',
  openapi: 'io.k8s.apimachinery.pkg.apis.meta.v1',
  text: `
type APIGroup
  - ... TypeMeta
  1 name string
  2 versions []GroupVersionForDiscovery list=atomic
  3 preferredVersion? GroupVersionForDiscovery
  4 serverAddressByClientCIDRs? []ServerAddressByClientCIDR list=atomic
type APIGroupList
  - ... TypeMeta
  1 groups []APIGroup list=atomic
type APIResource
  1 name string
  6 singularName string
  2 namespaced bool
  8 group? string
  9 version? string
  3 kind string
  4 verbs Verbs
  5 shortNames? []string list=atomic
  7 categories? []string list=atomic
  10 storageVersionHash? string
type APIResourceList
  - ... TypeMeta
  1 groupVersion string
  2 resources []APIResource list=atomic
type APIVersions
  - ... TypeMeta
  1 versions []string list=atomic
  2 serverAddressByClientCIDRs []ServerAddressByClientCIDR list=atomic
type ApplyOptions
  - ... TypeMeta
  1 dryRun? []string list=atomic
  2 force bool
  3 fieldManager string
alias CauseType string FieldValueNotFound FieldValueRequired FieldValueDuplicate FieldValueInvalid FieldValueNotSupported FieldValueForbidden FieldValueTooLong FieldValueTooMany InternalError FieldValueTypeInvalid UnexpectedServerResponse FieldManagerConflict ResourceVersionTooLarge
type Condition
  1 type string required
  2 status ConditionStatus required
  3 observedGeneration? int64
  4 lastTransitionTime Time required
  5 reason string required
  6 message string required
alias ConditionStatus string True False Unknown
type CreateOptions
  - ... TypeMeta
  1 dryRun? []string list=atomic
  3 fieldManager? string
  4 fieldValidation? string
type DeleteOptions
  - ... TypeMeta
  1 gracePeriodSeconds? *int64
  2 preconditions? *Preconditions
  3 orphanDependents? *bool
  4 propagationPolicy? *DeletionPropagation
  5 dryRun? []string list=atomic
  6 ignoreStoreReadErrorWithClusterBreakingPotential? *bool
alias DeletionPropagation string Orphan Background Foreground
alias FieldSelectorOperator string In NotIn Exists DoesNotExist
type FieldSelectorRequirement
  1 key string
  2 operator FieldSelectorOperator
  3 values? []string list=atomic
type GetOptions
  - ... TypeMeta
  1 resourceVersion? string
type GroupKind
  1 group string
  2 kind string
type GroupResource
  1 group string
  2 resource string
type GroupVersion
  1 group string
  2 version string
type GroupVersionForDiscovery
  1 groupVersion string
  2 version string
type GroupVersionKind
  1 group string
  2 version string
  3 kind string
type GroupVersionResource
  1 group string
  2 version string
  3 resource string
alias IncludeObjectPolicy string None Metadata Object
type LabelSelector struct=atomic
  1 matchLabels? {}string
  2 matchExpressions? []LabelSelectorRequirement list=atomic
alias LabelSelectorOperator string In NotIn Exists DoesNotExist
type LabelSelectorRequirement
  1 key string
  2 operator LabelSelectorOperator
  3 values? []string list=atomic
type List
  - ... TypeMeta
  1 metadata? ListMeta
  2 items []RawExtension
type ListMeta
  1 selfLink? string
  2 resourceVersion? string
  3 continue? string
  4 remainingItemCount? *int64
  5 shardInfo? *ShardInfo gate=ShardedListAndWatch
type ListOptions
  - ... TypeMeta
  1 labelSelector? string
  2 fieldSelector? string
  3 watch? bool
  9 allowWatchBookmarks? bool
  4 resourceVersion? string
  10 resourceVersionMatch? ResourceVersionMatch
  5 timeoutSeconds? *int64
  7 limit? int64
  8 continue? string
  11 sendInitialEvents? *bool
  15 shardSelector? string gate=ShardedListAndWatch
type ManagedFieldsEntry
  1 manager? string
  2 operation? ManagedFieldsOperationType
  3 apiVersion? string
  4 time? *Time
  6 fieldsType? string
  7 fieldsV1? *FieldsV1
  8 subresource? string
alias ManagedFieldsOperationType string Apply Update
type MicroTime
  - - string
type ObjectMeta
  1 name? string
  2 generateName? string
  3 namespace? string
  4 selfLink? string
  5 uid? string
  6 resourceVersion? string
  7 generation? int64
  8 creationTimestamp? Time
  9 deletionTimestamp? *Time
  10 deletionGracePeriodSeconds? *int64
  11 labels? {}string
  12 annotations? {}string
  13 ownerReferences? []OwnerReference list=map keys=uid patch=merge mergeKey=uid
  14 finalizers? []string list=set patch=merge
  17 managedFields? []ManagedFieldsEntry list=atomic
type OwnerReference struct=atomic
  5 apiVersion string
  1 kind string
  3 name string
  4 uid string
  6 controller? *bool
  7 blockOwnerDeletion? *bool
type PartialObjectMetadata
  - ... TypeMeta
  1 metadata? ObjectMeta
type PartialObjectMetadataList
  - ... TypeMeta
  1 metadata? ListMeta
  2 items []PartialObjectMetadata
type PatchOptions
  - ... TypeMeta
  1 dryRun? []string list=atomic
  2 force? *bool
  3 fieldManager? string
  4 fieldValidation? string
type Preconditions
  1 uid? *string
  2 resourceVersion? *string
alias ResourceVersionMatch string NotOlderThan Exact
type RootPaths
  1 paths []string list=atomic
alias RowConditionType string Completed
type ServerAddressByClientCIDR
  1 clientCIDR string
  2 serverAddress string
type ShardInfo
  1 selector string required
type Status
  - ... TypeMeta
  1 metadata? ListMeta
  2 status? string
  3 message? string
  4 reason? StatusReason
  5 details? *StatusDetails
  6 code? int32
type StatusCause
  1 reason? CauseType
  2 message? string
  3 field? string
type StatusDetails
  1 name? string
  2 group? string
  3 kind? string
  6 uid? string
  4 causes? []StatusCause list=atomic
  5 retryAfterSeconds? int32
alias StatusReason string "" Unauthorized Forbidden NotFound AlreadyExists Conflict Gone Invalid ServerTimeout StorageReadError Timeout TooManyRequests BadRequest MethodNotAllowed NotAcceptable RequestEntityTooLarge UnsupportedMediaType InternalError Expired ServiceUnavailable
type Table
  - ... TypeMeta
  - metadata? ListMeta
  - columnDefinitions []TableColumnDefinition list=atomic
  - rows []TableRow list=atomic
type TableColumnDefinition
  - name string
  - type string
  - format string
  - description string
  - priority int32
type TableOptions
  - ... TypeMeta
  1 includeObject? IncludeObjectPolicy
type TableRow
  - conditions? []TableRowCondition list=atomic
  - object? RawExtension
type TableRowCondition
  - type RowConditionType
  - status ConditionStatus
  - reason? string
  - message? string
type TypeMeta
  1 kind? string
  2 apiVersion? string
type UpdateOptions
  - ... TypeMeta
  1 dryRun? []string list=atomic
  2 fieldManager? string
  3 fieldValidation? string
alias Verbs []string
`,
};
