import type { SchemaFacts } from '../facts.ts';

/** The types of batch/v1: the notation is explained in ../facts.ts. */
export const facts: SchemaFacts = {
  id: 'batch/v1',
  apiVersion: 'batch/v1',
  openapi: 'io.k8s.api.batch.v1',
  text: `
alias CompletionMode string NonIndexed Indexed
alias ConcurrencyPolicy string Allow Forbid Replace
type CronJob
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ObjectMeta
  2 spec? CronJobSpec required
  3 status? CronJobStatus
type CronJobList
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ListMeta
  2 items []CronJob
type CronJobSpec
  1 schedule string required
  8 timeZone? *string
  2 startingDeadlineSeconds? *int64
  3 concurrencyPolicy? ConcurrencyPolicy
  4 suspend? *bool
  5 jobTemplate JobTemplateSpec
  6 successfulJobsHistoryLimit? *int32
  7 failedJobsHistoryLimit? *int32
type CronJobStatus
  1 active? []core/v1.ObjectReference list=atomic
  4 lastScheduleTime? *Time
  5 lastSuccessfulTime? *Time
type Job
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ObjectMeta
  2 spec? JobSpec
  3 status? JobStatus
type JobCondition
  1 type JobConditionType
  2 status core/v1.ConditionStatus
  3 lastProbeTime? Time
  4 lastTransitionTime? Time
  5 reason? string
  6 message? string
alias JobConditionType string Suspended Complete Failed FailureTarget SuccessCriteriaMet
type JobList
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ListMeta
  2 items []Job
type JobSpec
  1 parallelism? *int32
  2 completions? *int32
  3 activeDeadlineSeconds? *int64
  11 podFailurePolicy? *PodFailurePolicy
  16 successPolicy? *SuccessPolicy
  7 backoffLimit? *int32
  12 backoffLimitPerIndex? *int32
  13 maxFailedIndexes? *int32
  4 selector? *meta/v1.LabelSelector
  5 manualSelector? *bool
  6 template core/v1.PodTemplateSpec
  8 ttlSecondsAfterFinished? *int32
  9 completionMode? *CompletionMode
  10 suspend? *bool
  14 podReplacementPolicy? *PodReplacementPolicy
  15 managedBy? *string
type JobStatus
  1 conditions? []JobCondition list=atomic patch=merge mergeKey=type
  2 startTime? *Time
  3 completionTime? *Time
  4 active? int32
  5 succeeded? int32
  6 failed? int32
  11 terminating? *int32
  7 completedIndexes? string
  10 failedIndexes? *string
  8 uncountedTerminatedPods? *UncountedTerminatedPods
  9 ready? *int32
type JobTemplateSpec
  1 metadata? meta/v1.ObjectMeta
  2 spec? JobSpec
type PodFailurePolicy
  1 rules []PodFailurePolicyRule list=atomic
alias PodFailurePolicyAction string FailJob FailIndex Ignore Count
alias PodFailurePolicyOnExitCodesOperator string In NotIn
type PodFailurePolicyOnExitCodesRequirement
  1 containerName? *string
  2 operator PodFailurePolicyOnExitCodesOperator
  3 values []int32 list=set
type PodFailurePolicyOnPodConditionsPattern
  1 type core/v1.PodConditionType
  2 status core/v1.ConditionStatus optional
type PodFailurePolicyRule
  1 action PodFailurePolicyAction
  2 onExitCodes? *PodFailurePolicyOnExitCodesRequirement
  3 onPodConditions? []PodFailurePolicyOnPodConditionsPattern list=atomic
alias PodReplacementPolicy string TerminatingOrFailed Failed
type SuccessPolicy
  1 rules []SuccessPolicyRule list=atomic
type SuccessPolicyRule
  1 succeededIndexes? *string
  2 succeededCount? *int32
type UncountedTerminatedPods
  1 succeeded? []string list=set
  2 failed? []string list=set
`,
};
