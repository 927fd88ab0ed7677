import type { SchemaFacts } from '../facts.ts';

/** The types of storage.k8s.io/v1: the notation is explained in ../facts.ts. */
export const facts: SchemaFacts = {
  id: 'storage/v1',
  apiVersion: 'storage.k8s.io/v1',
  openapi: 'io.k8s.api.storage.v1',
  text: `
type CSIDriver cluster
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ObjectMeta
  2 spec CSIDriverSpec
type CSIDriverList
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ListMeta
  2 items []CSIDriver
type CSIDriverSpec
  1 attachRequired? *bool
  2 podInfoOnMount? *bool
  3 volumeLifecycleModes? []VolumeLifecycleMode list=set
  4 storageCapacity? *bool gate=CSIStorageCapacity
  5 fsGroupPolicy? *FSGroupPolicy
  6 tokenRequests? []TokenRequest list=atomic
  7 requiresRepublish? *bool
  8 seLinuxMount? *bool gate=SELinuxMountReadWriteOncePod
  9 nodeAllocatableUpdatePeriodSeconds? *int64 gate=MutableCSINodeAllocatableCount
  10 serviceAccountTokenInSecrets? *bool gate=CSIServiceAccountTokenSecrets
  11 preventPodSchedulingIfMissing? *bool gate=VolumeLimitScaling
type CSINode cluster
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ObjectMeta
  2 spec CSINodeSpec
type CSINodeDriver
  1 name string
  2 nodeID string
  3 topologyKeys []string optional list=atomic
  4 allocatable? *VolumeNodeResources
type CSINodeList
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ListMeta
  2 items []CSINode
type CSINodeSpec
  1 drivers []CSINodeDriver list=map keys=name patch=merge mergeKey=name
type CSIStorageCapacity
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ObjectMeta
  2 nodeTopology? *meta/v1.LabelSelector
  3 storageClassName string
  4 capacity? *Quantity
  5 maximumVolumeSize? *Quantity
type CSIStorageCapacityList
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ListMeta
  2 items []CSIStorageCapacity
alias FSGroupPolicy string ReadWriteOnceWithFSType File None
type StorageClass cluster
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ObjectMeta
  2 provisioner string required
  3 parameters? {}string
  4 reclaimPolicy? *core/v1.PersistentVolumeReclaimPolicy
  5 mountOptions? []string list=atomic
  6 allowVolumeExpansion? *bool
  7 volumeBindingMode? *VolumeBindingMode
  8 allowedTopologies? []core/v1.TopologySelectorTerm list=atomic
type StorageClassList
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ListMeta
  2 items []StorageClass
type TokenRequest
  1 audience string
  2 expirationSeconds? *int64
type VolumeAttachment cluster
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ObjectMeta
  2 spec VolumeAttachmentSpec required
  3 status? VolumeAttachmentStatus
type VolumeAttachmentList
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ListMeta
  2 items []VolumeAttachment
type VolumeAttachmentSource
  1 persistentVolumeName? *string
  2 inlineVolumeSpec? *core/v1.PersistentVolumeSpec
type VolumeAttachmentSpec
  1 attacher string required
  2 source VolumeAttachmentSource
  3 nodeName string
type VolumeAttachmentStatus
  1 attached bool
  2 attachmentMetadata? {}string
  3 attachError? *VolumeError
  4 detachError? *VolumeError
type VolumeAttributesClass cluster
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ObjectMeta
  2 driverName string
  3 parameters? {}string
type VolumeAttributesClassList
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ListMeta
  2 items []VolumeAttributesClass
alias VolumeBindingMode string Immediate WaitForFirstConsumer
type VolumeError
  1 time? Time
  2 message? string
  3 errorCode? *int32 gate=MutableCSINodeAllocatableCount
alias VolumeLifecycleMode string Persistent Ephemeral
type VolumeNodeResources
  1 count? *int32
`,
};
