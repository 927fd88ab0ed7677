import type { SchemaFacts } from '../facts.ts';

/** The types of flowcontrol.apiserver.k8s.io/v1: the notation is explained in ../facts.ts. */
export const facts: SchemaFacts = {
  id: 'flowcontrol/v1',
  apiVersion: 'flowcontrol.apiserver.k8s.io/v1',
  openapi: 'io.k8s.api.flowcontrol.v1',
  text: `
alias ConditionStatus string True False Unknown
type ExemptPriorityLevelConfiguration
  1 nominalConcurrencyShares? *int32
  2 lendablePercent? *int32
type FlowDistinguisherMethod
  1 type FlowDistinguisherMethodType
alias FlowDistinguisherMethodType string ByUser ByNamespace
type FlowSchema cluster
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ObjectMeta
  2 spec? FlowSchemaSpec
  3 status? FlowSchemaStatus
type FlowSchemaCondition
  1 type? FlowSchemaConditionType
  2 status? ConditionStatus
  3 lastTransitionTime? Time
  4 reason? string
  5 message? string
alias FlowSchemaConditionType string
type FlowSchemaList
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ListMeta
  2 items []FlowSchema
type FlowSchemaSpec
  1 priorityLevelConfiguration PriorityLevelConfigurationReference
  2 matchingPrecedence int32 optional
  3 distinguisherMethod? *FlowDistinguisherMethod
  4 rules? []PolicyRulesWithSubjects list=atomic
type FlowSchemaStatus
  1 conditions? []FlowSchemaCondition list=map keys=type patch=merge mergeKey=type
type GroupSubject
  1 name string
type LimitResponse union
  1 type LimitResponseType union
  2 queuing? *QueuingConfiguration
alias LimitResponseType string Queue Reject
type LimitedPriorityLevelConfiguration
  1 nominalConcurrencyShares *int32 optional
  2 limitResponse? LimitResponse
  3 lendablePercent? *int32
  4 borrowingLimitPercent? *int32
type NonResourcePolicyRule
  1 verbs []string list=set
  6 nonResourceURLs []string list=set
type PolicyRulesWithSubjects
  1 subjects []Subject list=atomic
  2 resourceRules? []ResourcePolicyRule list=atomic
  3 nonResourceRules? []NonResourcePolicyRule list=atomic
type PriorityLevelConfiguration cluster
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ObjectMeta
  2 spec? PriorityLevelConfigurationSpec
  3 status? PriorityLevelConfigurationStatus
type PriorityLevelConfigurationCondition
  1 type? PriorityLevelConfigurationConditionType
  2 status? ConditionStatus
  3 lastTransitionTime? Time
  4 reason? string
  5 message? string
alias PriorityLevelConfigurationConditionType string
type PriorityLevelConfigurationList
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ListMeta
  2 items []PriorityLevelConfiguration
type PriorityLevelConfigurationReference
  1 name string
type PriorityLevelConfigurationSpec union
  1 type PriorityLevelEnablement union
  2 limited? *LimitedPriorityLevelConfiguration
  3 exempt? *ExemptPriorityLevelConfiguration
type PriorityLevelConfigurationStatus
  1 conditions? []PriorityLevelConfigurationCondition list=map keys=type patch=merge mergeKey=type
alias PriorityLevelEnablement string Exempt Limited
type QueuingConfiguration
  1 queues int32 optional
  2 handSize int32 optional
  3 queueLengthLimit int32 optional
type ResourcePolicyRule
  1 verbs []string list=set
  2 apiGroups []string list=set
  3 resources []string list=set
  4 clusterScope? bool
  5 namespaces []string optional list=set
type ServiceAccountSubject
  1 namespace string
  2 name string
type Subject union
  1 kind SubjectKind union
  2 user? *UserSubject
  3 group? *GroupSubject
  4 serviceAccount? *ServiceAccountSubject
alias SubjectKind string User Group ServiceAccount
type UserSubject
  1 name string
`,
};
