import { ageColumn, formatLabelSelector, nameColumn, templateColumns, textColumn } from '../core/columns.ts';
import { setPodTemplateDefaults } from '../core/pod-defaults.ts';
import { podNameWarnings, templateWarnings } from '../core/pod-warnings.ts';
import { ratcheted } from '../core/ratcheting.ts';
import { defineKind } from '../kind.ts';
import { ageOf } from '../machinery/duration.ts';
import type * as batch from '../types/batch-v1.ts';
import { validateCronJob, validateCronJobCreate, validateZonedSchedule } from './cron-job-validation.ts';
import { cronJobRules } from './job-ratcheting.ts';

/** Creates jobs on a schedule. */
export type CronJob = batch.CronJob;

const validateCronJobRatcheted = ratcheted(validateCronJob, cronJobRules);

/** batch/v1 CronJob. */
export const CronJob = defineKind<CronJob>({
  group: 'batch',
  version: 'v1',
  kind: 'CronJob',
  plural: 'cronjobs',
  shortNames: ['cj'],
  categories: ['all'],
  scope: 'Namespaced',
  schema: 'batch/v1.CronJob',
  subresources: { status: true },
  defaults({ spec }) {
    setPodTemplateDefaults(spec.jobTemplate.spec.template);
    spec.concurrencyPolicy ||= 'Allow';
    spec.suspend ??= false;
    spec.successfulJobsHistoryLimit ??= 3;
    spec.failedJobsHistoryLimit ??= 1;
  },
  validate: (cronJob, old) => [...validateCronJobRatcheted(cronJob, old), ...validateZonedSchedule(cronJob, old)],
  validateCreate: validateCronJobCreate,
  warnings(cronJob, old) {
    const changed = !old || cronJob.metadata.generation !== old.metadata.generation;
    const warnings = old ? [] : podNameWarnings(cronJob.metadata.name);
    if (!changed) return warnings;
    warnings.push(...templateWarnings(cronJob.spec.jobTemplate.spec.template, 'spec.jobTemplate.spec.template'));
    if (cronJob.spec.schedule.includes('TZ')) {
      warnings.push(
        'spec.schedule: CRON_TZ or TZ used in schedule is not officially supported, see https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details',
      );
    }
    return warnings;
  },
  columns: [
    nameColumn,
    textColumn('Schedule', (c) => c.spec.schedule),
    textColumn('Timezone', (c) => c.spec.timeZone ?? '<none>'),
    { ...textColumn<CronJob>('Suspend', (c) => (c.spec.suspend ? 'True' : 'False')), type: 'boolean' },
    { ...textColumn<CronJob>('Active', (c) => c.status.active?.length ?? 0), type: 'integer' },
    textColumn('Last Schedule', (c, now) =>
      c.status.lastScheduleTime ? ageOf(c.status.lastScheduleTime, now) : '<none>',
    ),
    ageColumn,
    ...templateColumns<CronJob>(
      (c) => c.spec.jobTemplate.spec.template.spec.containers,
      (c) => formatLabelSelector(c.spec.jobTemplate.spec.selector),
    ),
  ],
  allowUnconditionalUpdate: true,
});
