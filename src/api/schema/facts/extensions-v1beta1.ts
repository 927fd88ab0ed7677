import type { SchemaFacts } from '../facts.ts';

/** The types of extensions/v1beta1: the notation is explained in ../facts.ts. */
export const facts: SchemaFacts = {
  id: 'extensions/v1beta1',
  apiVersion: 'extensions/v1beta1',
  openapi: 'io.k8s.api.extensions.v1beta1',
  text: `
type DaemonSet
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ObjectMeta
  2 spec? DaemonSetSpec
  3 status? DaemonSetStatus
type DaemonSetCondition
  1 type DaemonSetConditionType
  2 status core/v1.ConditionStatus
  3 lastTransitionTime? Time
  4 reason? string
  5 message? string
alias DaemonSetConditionType string
type DaemonSetList
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ListMeta
  2 items []DaemonSet
type DaemonSetSpec
  1 selector? *meta/v1.LabelSelector
  2 template core/v1.PodTemplateSpec
  3 updateStrategy? DaemonSetUpdateStrategy
  4 minReadySeconds? int32
  5 templateGeneration? int64
  6 revisionHistoryLimit? *int32
type DaemonSetStatus
  1 currentNumberScheduled int32
  2 numberMisscheduled int32
  3 desiredNumberScheduled int32
  4 numberReady int32
  5 observedGeneration? int64
  6 updatedNumberScheduled? int32
  7 numberAvailable? int32
  8 numberUnavailable? int32
  9 collisionCount? *int32
  10 conditions? []DaemonSetCondition list=map keys=type patch=merge mergeKey=type
type DaemonSetUpdateStrategy
  1 type? DaemonSetUpdateStrategyType
  2 rollingUpdate? *RollingUpdateDaemonSet
alias DaemonSetUpdateStrategyType string RollingUpdate OnDelete
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
type HTTPIngressPath
  1 path? string
  3 pathType? *PathType
  2 backend IngressBackend
type HTTPIngressRuleValue
  1 paths []HTTPIngressPath list=atomic
type IPBlock
  1 cidr string required
  2 except? []string list=atomic
type Ingress
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ObjectMeta
  2 spec? IngressSpec
  3 status? IngressStatus
type IngressBackend
  1 serviceName? string
  2 servicePort? IntOrString
  3 resource? *core/v1.TypedLocalObjectReference
type IngressList
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ListMeta
  2 items []Ingress
type IngressLoadBalancerIngress
  1 ip? string
  2 hostname? string
  4 ports? []IngressPortStatus list=atomic
type IngressLoadBalancerStatus
  1 ingress? []IngressLoadBalancerIngress list=atomic
type IngressPortStatus
  1 port int32
  2 protocol core/v1.Protocol
  3 error? *string
type IngressRule
  1 host? string
  2 ... IngressRuleValue optional
type IngressRuleValue
  1 http? *HTTPIngressRuleValue
type IngressSpec
  4 ingressClassName? *string
  1 backend? *IngressBackend
  2 tls? []IngressTLS list=atomic
  3 rules? []IngressRule list=atomic
type IngressStatus
  1 loadBalancer? IngressLoadBalancerStatus
type IngressTLS
  1 hosts? []string list=atomic
  2 secretName? string
type NetworkPolicy
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ObjectMeta
  2 spec? NetworkPolicySpec
type NetworkPolicyEgressRule
  1 ports? []NetworkPolicyPort list=atomic
  2 to? []NetworkPolicyPeer list=atomic
type NetworkPolicyIngressRule
  1 ports? []NetworkPolicyPort list=atomic
  2 from? []NetworkPolicyPeer list=atomic
type NetworkPolicyList
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ListMeta
  2 items []NetworkPolicy
type NetworkPolicyPeer
  1 podSelector? *meta/v1.LabelSelector
  2 namespaceSelector? *meta/v1.LabelSelector
  3 ipBlock? *IPBlock
type NetworkPolicyPort
  1 protocol? *core/v1.Protocol
  2 port? *IntOrString
  3 endPort? *int32
type NetworkPolicySpec
  1 podSelector meta/v1.LabelSelector
  2 ingress? []NetworkPolicyIngressRule list=atomic
  3 egress? []NetworkPolicyEgressRule list=atomic
  4 policyTypes? []PolicyType list=atomic
alias PathType string
alias PolicyType string Ingress Egress
type ReplicaSet
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ObjectMeta
  2 spec? ReplicaSetSpec
  3 status? ReplicaSetStatus
type ReplicaSetCondition
  1 type ReplicaSetConditionType
  2 status core/v1.ConditionStatus
  3 lastTransitionTime? Time
  4 reason? string
  5 message? string
alias ReplicaSetConditionType string ReplicaFailure
type ReplicaSetList
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ListMeta
  2 items []ReplicaSet
type ReplicaSetSpec
  1 replicas? *int32
  4 minReadySeconds? int32
  2 selector? *meta/v1.LabelSelector
  3 template? core/v1.PodTemplateSpec
type ReplicaSetStatus
  1 replicas int32
  2 fullyLabeledReplicas? int32
  4 readyReplicas? int32
  5 availableReplicas? int32
  7 terminatingReplicas? *int32
  3 observedGeneration? int64
  6 conditions? []ReplicaSetCondition list=map keys=type patch=merge mergeKey=type
type RollbackConfig
  1 revision? int64
type RollingUpdateDaemonSet
  1 maxUnavailable? *IntOrString
  2 maxSurge? *IntOrString
type RollingUpdateDeployment
  1 maxUnavailable? *IntOrString
  2 maxSurge? *IntOrString
type Scale
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ObjectMeta
  2 spec? ScaleSpec
  3 status? ScaleStatus
type ScaleSpec
  1 replicas? int32 default=0
type ScaleStatus
  1 replicas int32
  2 selector? {}string map=atomic
  3 targetSelector? string
`,
};
