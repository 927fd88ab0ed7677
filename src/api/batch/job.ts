import { parseTime } from '../../base/clock.ts';
import { ageColumn, formatLabelSelector, nameColumn, templateColumns, textColumn } from '../core/columns.ts';
import { setPodTemplateDefaults } from '../core/pod-defaults.ts';
import { workloadWarnings } from '../core/pod-warnings.ts';
import { ratcheted } from '../core/ratcheting.ts';
import { defineKind, type Shared } from '../kind.ts';
import { humanDuration } from '../machinery/duration.ts';
import type * as batch from '../types/batch-v1.ts';
import { jobRules } from './job-ratcheting.ts';
import { setJobDefaults } from './job-spec-defaults.ts';
import { validateJobStatusUpdate } from './job-status-validation.ts';
import { validateJob, validateJobUpdate } from './job-validation.ts';

/** Runs pods until enough of them have succeeded. */
export type Job = batch.Job;

/** batch/v1 Job. */
export const Job = defineKind<Job>({
  group: 'batch',
  version: 'v1',
  kind: 'Job',
  plural: 'jobs',
  categories: ['all'],
  scope: 'Namespaced',
  schema: 'batch/v1.Job',
  subresources: { status: true },
  defaults(job) {
    setPodTemplateDefaults(job.spec.template);
    setJobDefaults(job);
  },
  prepareCreate: generateSelector,
  validate: ratcheted(validateJob, jobRules),
  validateUpdate: validateJobUpdate,
  validateStatusUpdate: validateJobStatusUpdate,
  warnings: (job, old) => workloadWarnings(job, old, job.spec.template),
  columns: [
    nameColumn,
    textColumn('Status', status),
    textColumn('Completions', completions),
    textColumn('Duration', duration),
    ageColumn,
    ...templateColumns<Job>(
      (j) => j.spec.template.spec.containers,
      (j) => formatLabelSelector(j.spec.selector),
    ),
  ],
  fieldLabels: { 'status.successful': (j) => String(j.status.succeeded ?? 0) },
  allowUnconditionalUpdate: true,
  orphanDependentsByDefault: true,
});

/** Gives the pods labels of this job alone and selects by its uid, unless the user manages the selector. */
function generateSelector(job: Job): void {
  const { spec, metadata } = job;
  if (spec.manualSelector) return;
  const labels: Record<string, string> = { ...spec.template.metadata.labels };
  for (const [key, value] of [
    ['job-name', metadata.name],
    ['batch.kubernetes.io/job-name', metadata.name],
    ['controller-uid', metadata.uid],
    ['batch.kubernetes.io/controller-uid', metadata.uid],
  ] as const) {
    labels[key] ??= value;
  }
  spec.template.metadata.labels = labels;
  spec.selector ??= {};
  spec.selector.matchLabels = { 'batch.kubernetes.io/controller-uid': metadata.uid, ...spec.selector.matchLabels };
}

function status(job: Shared<Job>): string {
  const has = (type: string) => (job.status.conditions ?? []).some((c) => c.type === type && c.status === 'True');
  if (has('Complete')) return 'Complete';
  if (has('Failed')) return 'Failed';
  if (job.metadata.deletionTimestamp) return 'Terminating';
  return ['Suspended', 'FailureTarget', 'SuccessCriteriaMet'].find(has) ?? 'Running';
}

function completions(job: Shared<Job>): string {
  const succeeded = job.status.succeeded ?? 0;
  if (job.spec.completions !== undefined) return `${succeeded}/${job.spec.completions}`;
  const parallelism = job.spec.parallelism ?? 0;
  return parallelism > 1 ? `${succeeded}/1 of ${parallelism}` : `${succeeded}/1`;
}

function duration({ status: { startTime, completionTime } }: Shared<Job>, now: number): string {
  if (!startTime) return '';
  return humanDuration((completionTime ? parseTime(completionTime) : now) - parseTime(startTime));
}
