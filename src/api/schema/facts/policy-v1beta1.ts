import type { SchemaFacts } from '../facts.ts';

/** The types of policy/v1beta1: the notation is explained in ../facts.ts. */
export const facts: SchemaFacts = {
  id: 'policy/v1beta1',
  apiVersion: 'policy/v1beta1',
  openapi: 'io.k8s.api.policy.v1beta1',
  text: `
type Eviction
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ObjectMeta
  2 deleteOptions? *meta/v1.DeleteOptions
type PodDisruptionBudget
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ObjectMeta
  2 spec? PodDisruptionBudgetSpec
  3 status? PodDisruptionBudgetStatus
type PodDisruptionBudgetList
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ListMeta
  2 items []PodDisruptionBudget
type PodDisruptionBudgetSpec
  1 minAvailable? *IntOrString
  2 selector? *meta/v1.LabelSelector
  3 maxUnavailable? *IntOrString
  4 unhealthyPodEvictionPolicy? *UnhealthyPodEvictionPolicyType
type PodDisruptionBudgetStatus
  1 observedGeneration? int64
  2 disruptedPods? {}Time
  3 disruptionsAllowed int32 optional
  4 currentHealthy int32 optional
  5 desiredHealthy int32 optional
  6 expectedPods int32 optional
  7 conditions? []meta/v1.Condition list=map keys=type patch=merge mergeKey=type
alias UnhealthyPodEvictionPolicyType string IfHealthyBudget AlwaysAllow
`,
};
