/** Validation of cron jobs. */
import type { DeepReadonly } from '../../base/deep.ts';
import { validateChoice, validateNonNegative } from '../core/field-rules.ts';
import { type FieldError, invalid, notSupported, required } from '../machinery/field-error.ts';
import type { CronJob } from '../types/batch-v1.ts';
import { cronScheduleProblem } from './cron-schedule.ts';
import { validateJobSpec } from './job-validation.ts';

/** Jobs are named after their cron job with eleven characters more. */
const maxNameLength = 52;

/** A cron job on create and update. */
export function validateCronJob({ spec }: DeepReadonly<CronJob>): FieldError[] {
  const errors = spec.schedule ? validateSchedule(spec.schedule) : [required('spec.schedule')];
  errors.push(
    ...validateNonNegative(spec.startingDeadlineSeconds, 'spec.startingDeadlineSeconds'),
    ...validateTimeZone(spec.timeZone),
    ...validateChoice(spec.concurrencyPolicy, ['Allow', 'Forbid', 'Replace'], 'spec.concurrencyPolicy'),
    ...validateJobSpec(spec.jobTemplate.spec, 'spec.jobTemplate.spec'),
    ...validateNonNegative(spec.successfulJobsHistoryLimit, 'spec.successfulJobsHistoryLimit'),
    ...validateNonNegative(spec.failedJobsHistoryLimit, 'spec.failedJobsHistoryLimit'),
  );
  const { selector } = spec.jobTemplate.spec;
  if (selector) {
    errors.push(invalid('spec.jobTemplate.spec.selector', selector, '`selector` will be auto-generated'));
  }
  if (spec.jobTemplate.spec.manualSelector) {
    errors.push(notSupported('spec.jobTemplate.spec.manualSelector', true, ['nil', 'false']));
  }
  return errors;
}

/** Older cron jobs may have longer names. */
export function validateCronJobCreate({ metadata }: DeepReadonly<CronJob>): FieldError[] {
  return (metadata.name?.length ?? 0) > maxNameLength
    ? [invalid('metadata.name', metadata.name, `must be no more than ${maxNameLength} characters`)]
    : [];
}

/** Older cron jobs may have a zone in the schedule, as long as they have no other. */
export function validateZonedSchedule(
  { spec: { schedule, timeZone } }: DeepReadonly<CronJob>,
  old?: DeepReadonly<CronJob>,
): FieldError[] {
  if (!schedule.includes('TZ')) return [];
  const refuse = (detail: string) => [invalid('spec.schedule', schedule, detail)];
  if (!old?.spec.schedule.includes('TZ')) {
    return refuse('cannot use TZ or CRON_TZ in schedule, use timeZone field instead');
  }
  return timeZone === undefined ? [] : refuse('cannot use both timeZone field and TZ or CRON_TZ in schedule');
}

function validateSchedule(schedule: string): FieldError[] {
  const problem = cronScheduleProblem(schedule);
  return problem ? [invalid('spec.schedule', schedule, problem)] : [];
}

function validateTimeZone(timeZone: string | undefined): FieldError[] {
  if (timeZone === undefined) return [];
  const refuse = (detail: string) => [invalid('spec.timeZone', timeZone, detail)];
  if (timeZone === '') return refuse('timeZone must be nil or non-empty string');
  if (timeZone.toLowerCase() === 'local') {
    return refuse('timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones');
  }
  return isTimeZone(timeZone) ? [] : refuse(`unknown time zone ${timeZone}`);
}

function isTimeZone(timeZone: string): boolean {
  if (/^[+-]/.test(timeZone)) return false;
  try {
    new Intl.DateTimeFormat('en', { timeZone });
    return true;
  } catch {
    return false;
  }
}
