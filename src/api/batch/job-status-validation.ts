/**
 * Validation of what a job's controller reports: ours, or another that the job names (KEP-4368). Most rules are about
 * changes only: what an update of the spec has made wrong is for the controller to mend.
 */

import { parseTime } from '../../base/clock.ts';
import { type DeepReadonly, deepEqual } from '../../base/deep.ts';
import { validateNonNegative } from '../core/field-rules.ts';
import { at, child, duplicate, type FieldError, invalid, omittedValue, required } from '../machinery/field-error.ts';
import type { Job } from '../types/batch-v1.ts';
import { parseIndexList } from './index-list.ts';

type SharedJob = DeepReadonly<Job>;
type Status = SharedJob['status'];

const path = (field: string) => child('status', field);
const conditionError = (detail: string) => invalid(path('conditions'), omittedValue, detail);
const has = ({ conditions }: Status, type: string) =>
  (conditions ?? []).some((condition) => condition.type === type && condition.status === 'True');
const isFinished = (status: Status) => has(status, 'Complete') || has(status, 'Failed');

/** The numbers that a job reports, and that a finished job stays finished. */
export function validateJobStatusUpdate(job: SharedJob, old: SharedJob): FieldError[] {
  return [
    ...validateCounters(job.status),
    ...validateConditions(job.status, old.status),
    ...validateFinished(job.status, old.status),
    ...validateTimes(job, old),
    ...validateIndexes(job, old),
    ...validateSteps(job, old),
  ];
}

function validateCounters(status: Status): FieldError[] {
  const errors: FieldError[] = [];
  for (const field of ['active', 'succeeded', 'failed', 'ready', 'terminating'] as const) {
    errors.push(...validateNonNegative(status[field], path(field)));
  }
  const seen = new Set<string>();
  for (const list of ['succeeded', 'failed'] as const) {
    for (const [i, uid] of (status.uncountedTerminatedPods?.[list] ?? []).entries()) {
      const itemPath = at(path(`uncountedTerminatedPods.${list}`), i);
      if (!uid) errors.push(invalid(itemPath, uid, 'must not be empty'));
      else if (seen.has(uid)) errors.push(duplicate(itemPath, uid));
      seen.add(uid);
    }
  }
  return errors;
}

/** Conditions that exclude each other, and those that another has to come before. */
function validateConditions(status: Status, old: Status): FieldError[] {
  const changed = (type: string) => has(status, type) !== has(old, type);
  const errors: FieldError[] = [];
  const refuse = (types: readonly string[], isWrong: boolean, detail: string) => {
    if (isWrong && types.some(changed)) errors.push(conditionError(detail));
  };
  const complete = has(status, 'Complete');
  const failed = has(status, 'Failed');
  const failureTarget = has(status, 'FailureTarget');
  const met = has(status, 'SuccessCriteriaMet');
  refuse(['Complete', 'Failed'], complete && failed, 'cannot set Complete=True and Failed=true conditions');
  refuse(
    ['Complete', 'FailureTarget'],
    complete && failureTarget,
    'cannot set Complete=True and FailureTarget=true conditions',
  );
  refuse(
    ['Failed', 'FailureTarget'],
    failed && !failureTarget,
    'cannot set Failed=True condition without the FailureTarget=true condition',
  );
  refuse(
    ['Complete', 'SuccessCriteriaMet'],
    complete && !met,
    'cannot set Complete=True condition without the SuccessCriteriaMet=true condition',
  );
  if (met && failed) errors.push(conditionError('cannot set Failed=True and SuccessCriteriaMet=true conditions'));
  if (met && failureTarget) {
    errors.push(conditionError('cannot set FailureTarget=True and SuccessCriteriaMet=true conditions'));
  }
  return errors;
}

/** A finished job has no pods left, and has begun. */
function validateFinished(status: Status, old: Status): FieldError[] {
  const changed = (field: keyof Status) => !deepEqual(status[field], old[field]);
  const errors: FieldError[] = [];
  const { active = 0, ready = 0, terminating = 0, startTime, uncountedTerminatedPods: uncounted } = status;
  if (ready > active && (changed('ready') || changed('active'))) {
    errors.push(invalid(path('ready'), ready, 'cannot set more ready pods than active'));
  }
  if (!isFinished(status)) return errors;
  const finishes = !isFinished(old);
  if (active > 0 && (finishes || changed('active'))) {
    errors.push(invalid(path('active'), active, 'active>0 is invalid for finished job'));
  }
  if (terminating > 0 && (finishes || changed('terminating'))) {
    errors.push(invalid(path('terminating'), terminating, 'terminating>0 is invalid for finished job'));
  }
  if (!startTime && (finishes || changed('startTime'))) {
    errors.push(required(path('startTime'), 'startTime is required for finished job'));
  }
  const left = (uncounted?.succeeded?.length ?? 0) + (uncounted?.failed?.length ?? 0);
  if (left > 0 && (finishes || changed('uncountedTerminatedPods'))) {
    const detail = 'uncountedTerminatedPods needs to be empty for finished job';
    errors.push(invalid(path('uncountedTerminatedPods'), uncounted, detail));
  }
  return errors;
}

function validateTimes({ spec, status }: SharedJob, { status: old }: SharedJob): FieldError[] {
  const { startTime, completionTime } = status;
  const started = startTime !== old.startTime;
  const ended = completionTime !== old.completionTime;
  const errors: FieldError[] = [];
  const refuse = (detail: string) => errors.push(invalid(path('completionTime'), completionTime, detail));
  const complete = has(status, 'Complete');
  if (ended || complete !== has(old, 'Complete')) {
    if (completionTime && !complete) refuse('cannot set completionTime when there is no Complete=True condition');
    if (complete && !completionTime) {
      errors.push(required(path('completionTime'), 'completionTime is required for Complete jobs'));
    }
  }
  if (startTime && completionTime && (started || ended) && parseTime(completionTime) < parseTime(startTime)) {
    refuse('completionTime cannot be set before startTime');
  }
  if (ended && completionTime && old.completionTime) refuse('completionTime cannot be mutated');
  // A job that goes on after it was suspended starts anew.
  if (old.startTime && !startTime && !spec.suspend) {
    errors.push(required(path('startTime'), 'startTime cannot be removed for unsuspended job'));
  }
  return errors;
}

function validateIndexes({ spec, status }: SharedJob, { status: old }: SharedJob): FieldError[] {
  const { completions, completionMode, backoffLimitPerIndex } = spec;
  const { completedIndexes = '', failedIndexes } = status;
  const completedChanged = completedIndexes !== (old.completedIndexes ?? '');
  const failedChanged = failedIndexes !== old.failedIndexes;
  const errors: FieldError[] = [];
  const refuse = (field: 'completedIndexes' | 'failedIndexes', detail: string) =>
    errors.push(invalid(path(field), status[field] ?? '', detail));
  const parse = (field: 'completedIndexes' | 'failedIndexes', isChecked: boolean) => {
    if (completions === undefined) return [];
    const ranges = parseIndexList(status[field] ?? '', completions);
    if (typeof ranges !== 'string') return ranges;
    if (isChecked) refuse(field, `error parsing ${field}: ${ranges}`);
    return [];
  };
  const completed = parse('completedIndexes', completedChanged);
  const failed = parse('failedIndexes', failedChanged && backoffLimitPerIndex !== undefined);
  if (completedChanged && completedIndexes && completionMode !== 'Indexed') {
    refuse('completedIndexes', 'cannot set non-empty completedIndexes when non-indexed completion mode');
  }
  if (failedChanged && failedIndexes !== undefined && backoffLimitPerIndex === undefined) {
    refuse('failedIndexes', 'cannot set non-null failedIndexes when backoffLimitPerIndex is null');
  }
  if (!completedChanged && !failedChanged) return errors;
  for (const [first, last] of failed) {
    const range = completed.find(([start, end]) => start <= last && end >= first);
    if (!range) continue;
    refuse('failedIndexes', `failedIndexes and completedIndexes overlap at index: ${Math.max(first, range[0])}`);
    break;
  }
  return errors;
}

/** Counters only grow and terminal conditions stay. */
function validateSteps({ spec, status }: SharedJob, { status: old }: SharedJob): FieldError[] {
  const errors: FieldError[] = [];
  for (const type of ['Failed', 'Complete', 'FailureTarget']) {
    if (has(old, type) && !has(status, type)) {
      errors.push(conditionError(`cannot disable the terminal ${type}=True condition`));
    }
  }
  const { failed = 0, succeeded = 0 } = status;
  if (failed < (old.failed ?? 0)) errors.push(invalid(path('failed'), failed, 'cannot decrease the failed counter'));
  // Indexed jobs with as many pods at once as indexes can be scaled down.
  const isElastic = spec.completionMode === 'Indexed' && spec.completions === spec.parallelism;
  if (succeeded < (old.succeeded ?? 0) && !isElastic) {
    errors.push(invalid(path('succeeded'), succeeded, 'cannot decrease the succeeded counter'));
  }
  const [met, wasMet] = [has(status, 'SuccessCriteriaMet'), has(old, 'SuccessCriteriaMet')];
  if (wasMet && !met) errors.push(conditionError('cannot disable the SuccessCriteriaMet=True condition'));
  if (met && !wasMet && has(old, 'Complete')) {
    const detail = 'cannot set SuccessCriteriaMet=True for Job already has Complete=true conditions';
    errors.push(conditionError(detail));
  }
  return errors;
}
