import type { SchemaFacts } from '../facts.ts';

/** The types of apps/v1beta1: the notation is explained in ../facts.ts. */
export const facts: SchemaFacts = {
  id: 'apps/v1beta1',
  apiVersion: 'apps/v1beta1',
  openapi: 'io.k8s.api.apps.v1beta1',
  text: `
type ControllerRevision
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ObjectMeta
  2 data? RawExtension
  3 revision int64
type ControllerRevisionList
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ListMeta
  2 items []ControllerRevision
type Deployment
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ObjectMeta
  2 spec? DeploymentSpec
  3 status? DeploymentStatus
type DeploymentCondition
  1 type DeploymentConditionType
  2 status core/v1.ConditionStatus
  6 lastUpdateTime? Time
  7 lastTransitionTime? Time
  4 reason? string
  5 message? string
alias DeploymentConditionType string Available Progressing ReplicaFailure
type DeploymentList
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ListMeta
  2 items []Deployment
type DeploymentRollback
  - ... meta/v1.TypeMeta
  1 name string
  2 updatedAnnotations? {}string
  3 rollbackTo RollbackConfig
type DeploymentSpec
  1 replicas? *int32
  2 selector? *meta/v1.LabelSelector
  3 template core/v1.PodTemplateSpec
  4 strategy? DeploymentStrategy patch=retainKeys
  5 minReadySeconds? int32
  6 revisionHistoryLimit? *int32
  7 paused? bool
  8 rollbackTo? *RollbackConfig
  9 progressDeadlineSeconds? *int32
type DeploymentStatus
  1 observedGeneration? int64
  2 replicas? int32
  3 updatedReplicas? int32
  7 readyReplicas? int32
  4 availableReplicas? int32
  5 unavailableReplicas? int32
  9 terminatingReplicas? *int32
  6 conditions? []DeploymentCondition list=map keys=type patch=merge mergeKey=type
  8 collisionCount? *int32
type DeploymentStrategy
  1 type? DeploymentStrategyType
  2 rollingUpdate? *RollingUpdateDeployment
alias DeploymentStrategyType string Recreate RollingUpdate
alias PersistentVolumeClaimRetentionPolicyType string Retain Delete
alias PodManagementPolicyType string OrderedReady Parallel
type RollbackConfig
  1 revision? int64
type RollingUpdateDeployment
  1 maxUnavailable? *IntOrString
  2 maxSurge? *IntOrString
type RollingUpdateStatefulSetStrategy
  1 partition? *int32
  2 maxUnavailable? *IntOrString gate=MaxUnavailableStatefulSet
type Scale
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ObjectMeta
  2 spec? ScaleSpec
  3 status? ScaleStatus
type ScaleSpec
  1 replicas? int32 default=0
type ScaleStatus
  1 replicas int32
  2 selector? {}string
  3 targetSelector? string
type StatefulSet
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ObjectMeta
  2 spec? StatefulSetSpec
  3 status? StatefulSetStatus
type StatefulSetCondition
  1 type StatefulSetConditionType
  2 status core/v1.ConditionStatus
  3 lastTransitionTime? Time
  4 reason? string
  5 message? string
alias StatefulSetConditionType string
type StatefulSetList
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ListMeta
  2 items []StatefulSet
type StatefulSetOrdinals
  1 start int32 optional
type StatefulSetPersistentVolumeClaimRetentionPolicy
  1 whenDeleted? PersistentVolumeClaimRetentionPolicyType
  2 whenScaled? PersistentVolumeClaimRetentionPolicyType
type StatefulSetSpec
  1 replicas? *int32
  2 selector? *meta/v1.LabelSelector
  3 template core/v1.PodTemplateSpec
  4 volumeClaimTemplates? []core/v1.PersistentVolumeClaim list=atomic
  5 serviceName string optional
  6 podManagementPolicy? PodManagementPolicyType
  7 updateStrategy? StatefulSetUpdateStrategy
  8 revisionHistoryLimit? *int32
  9 minReadySeconds? int32
  10 persistentVolumeClaimRetentionPolicy? *StatefulSetPersistentVolumeClaimRetentionPolicy
  11 ordinals? *StatefulSetOrdinals
type StatefulSetStatus
  1 observedGeneration? *int64
  2 replicas int32
  3 readyReplicas? int32
  4 currentReplicas? int32
  5 updatedReplicas? int32
  6 currentRevision? string
  7 updateRevision? string
  9 collisionCount? *int32
  10 conditions? []StatefulSetCondition list=map keys=type patch=merge mergeKey=type
  11 availableReplicas int32 optional
type StatefulSetUpdateStrategy
  1 type? StatefulSetUpdateStrategyType
  2 rollingUpdate? *RollingUpdateStatefulSetStrategy
alias StatefulSetUpdateStrategyType string RollingUpdate OnDelete
`,
};
