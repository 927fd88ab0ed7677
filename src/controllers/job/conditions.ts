/** When a Job ends, and how its conditions say so. Pure functions. */
import type { Shared } from '../../api/kind.ts';
import type { JobCondition } from '../../api/types/batch-v1.ts';
import { formatTime, parseTime } from '../../base/clock.ts';
import { findCondition, isConditionTrue } from '../conditions.ts';
import type { Assessment } from './assess.ts';
import { hasPerIndexLimit, isIndexed, type J, type P, restartedTooOften } from './pods.ts';
import { metSuccessRule } from './policies.ts';

type Condition = Shared<JobCondition>;

/** The end that a job is to come to once none of its pods is left to wait for. */
export interface JobEnd {
  readonly type: 'Complete' | 'Failed';
  readonly reason: string;
  readonly message: string;
}

/** Whether the job has its final condition. */
export const isFinished = (job: J): boolean =>
  isConditionTrue(job.status.conditions, 'Complete') || isConditionTrue(job.status.conditions, 'Failed');

/** Ms until the active deadline; undefined when there is none or the clock stands still (suspended). */
export function deadlineLeftMs(job: J, now: number): number | undefined {
  const { activeDeadlineSeconds, suspend } = job.spec;
  if (activeDeadlineSeconds === undefined || suspend || !job.status.startTime) return undefined;
  return parseTime(job.status.startTime) + Number(activeDeadlineSeconds) * 1000 - now;
}

/** The end that was decided in an earlier step, or is due now; undefined while the job goes on. */
export function endOf(
  job: J,
  pods: readonly P[],
  { counts, now }: { counts: Assessment; now: number },
): JobEnd | undefined {
  const decided = earlierDecision(job);
  if (decided) return decided;
  const failed = (reason: string, message: string): JobEnd => ({ type: 'Failed', reason, message });
  if (counts.policyFailure) return failed('PodFailurePolicy', counts.policyFailure);
  if (counts.failed > (job.spec.backoffLimit ?? 6) || restartedTooOften(job, pods)) {
    return failed('BackoffLimitExceeded', 'Job has reached the specified backoff limit');
  }
  const left = deadlineLeftMs(job, now);
  if (left !== undefined && left <= 0) {
    return failed('DeadlineExceeded', 'Job was active longer than specified deadline');
  }
  if (!isIndexed(job)) return undefined;
  if (hasPerIndexLimit(job)) {
    const failures = counts.failedIndexes.size;
    if (job.spec.maxFailedIndexes !== undefined && failures > job.spec.maxFailedIndexes) {
      return failed('MaxFailedIndexesExceeded', 'Job has exceeded the specified maximal number of failed indexes');
    }
    if (failures > 0 && failures + counts.succeededIndexes.size >= (job.spec.completions ?? 0)) {
      return failed('FailedIndexes', 'Job has failed indexes');
    }
  }
  const met = metSuccessRule(job, counts.succeededIndexes);
  return met === undefined ? undefined : { type: 'Complete', reason: 'SuccessPolicy', message: met };
}

function earlierDecision(job: J): JobEnd | undefined {
  for (const [interim, type] of [
    ['FailureTarget', 'Failed'],
    ['SuccessCriteriaMet', 'Complete'],
  ] as const) {
    const found = findCondition(job.status.conditions, interim);
    if (found?.status === 'True') return { type, reason: found.reason ?? '', message: found.message ?? '' };
  }
  return undefined;
}

/** Whether as many pods succeeded as are wanted and none is active. */
export function isDone(job: J, { succeeded, active }: { succeeded: number; active: number }): boolean {
  if (job.spec.completions === undefined) return succeeded > 0 && active === 0;
  return succeeded >= job.spec.completions && active === 0;
}

export const reachedCompletions: JobEnd = {
  type: 'Complete',
  reason: 'CompletionsReached',
  message: 'Reached expected number of succeeded pods',
};

/** The conditions with the interim one of an end, and with the final one when nothing is waited for. */
export function endConditions(
  before: readonly Condition[],
  end: JobEnd,
  { final, now }: { final: boolean; now: number },
): readonly Condition[] {
  const interim = end.type === 'Failed' ? 'FailureTarget' : 'SuccessCriteriaMet';
  const types = final ? [interim, end.type] : [interim];
  return types.reduce((list, type) => setCondition(list, { ...end, type, status: 'True', now }), before);
}

/** Sets a condition; one with that status, reason and message stays, and so does the order. */
export function setCondition(
  before: readonly Condition[],
  wanted: { type: string; status: 'True' | 'False'; reason: string; message: string; now: number },
): readonly Condition[] {
  const { now, ...words } = wanted;
  const old = findCondition(before, wanted.type);
  if (old?.status === words.status && old.reason === words.reason && old.message === words.message) return before;
  const at = formatTime(now);
  const { type, status, reason, message } = words;
  const next: Condition = { type, status, reason, message, lastProbeTime: at, lastTransitionTime: at };
  return old ? before.map((condition) => (condition === old ? next : condition)) : [...before, next];
}
