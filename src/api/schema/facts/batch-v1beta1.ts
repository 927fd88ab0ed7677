import type { SchemaFacts } from '../facts.ts';

/** The types of batch/v1beta1: the notation is explained in ../facts.ts. */
export const facts: SchemaFacts = {
  id: 'batch/v1beta1',
  apiVersion: 'batch/v1beta1',
  openapi: 'io.k8s.api.batch.v1beta1',
  text: `
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
type JobTemplateSpec
  1 metadata? meta/v1.ObjectMeta
  2 spec? batch/v1.JobSpec
`,
};
