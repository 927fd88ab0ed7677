/** Which pods a Job creates and deletes now. Pure functions. */
import { podsToDelete } from '../pods/deletion-order.ts';
import type { Assessment } from './assess.ts';
import {
  earlierFailures,
  earlierIgnored,
  finishedAt,
  hasPerIndexLimit,
  indexOf,
  isFailed,
  isIndexed,
  type J,
  type P,
  replacesOnlyFailed,
} from './pods.ts';
import { judgeFailure } from './policies.ts';

const maxAtOnce = 500;
const firstDelayMs = 10_000;
const longestDelayMs = 600_000;

export interface JobPlan {
  readonly remove: readonly P[];
  readonly create: readonly (
    | { readonly index: number; readonly failures: number; readonly ignored: number }
    | undefined
  )[];
  /** Ms until more pods may be created, when failures hold them back. */
  readonly waitMs: number | undefined;
}

/** The wait after a number of failures in a row: 10 s doubling to 10 min. */
export const retryDelayMs = (failures: number): number =>
  failures <= 0 ? 0 : Math.min(longestDelayMs, firstDelayMs * 2 ** Math.min(failures - 1, 10));

export function planPods(
  job: J,
  pods: readonly P[],
  { counts, now, waitMs }: { counts: Assessment; now: number; waitMs: number },
): JobPlan {
  const active = counts.active;
  const rank = () => 0;
  if (job.spec.suspend) return { remove: active.slice(0, maxAtOnce), create: [], waitMs: undefined };
  const wanted = wantedActive(job, counts);
  const duplicates = isIndexed(job) ? superfluous(job, active, counts) : [];
  const others = active.filter((pod) => !duplicates.includes(pod));
  const surplus = Math.max(0, active.length - wanted - duplicates.length);
  const remove = [...duplicates, ...(surplus ? podsToDelete(others, surplus, { rank, now }) : [])].slice(0, maxAtOnce);
  if (remove.length) return { remove, create: [], waitMs: undefined };
  const terminating = replacesOnlyFailed(job) ? counts.terminating : 0;
  const missing = Math.min(maxAtOnce, wanted - active.length - terminating);
  if (missing <= 0) return { remove, create: [], waitMs: undefined };
  if (hasPerIndexLimit(job)) return planIndexes(job, pods, { counts, missing, now });
  if (waitMs > 0) return { remove, create: [], waitMs };
  if (!isIndexed(job)) return { remove, create: new Array(missing).fill(undefined), waitMs: undefined };
  const create = freeIndexes(job, pods, counts)
    .slice(0, missing)
    .map((index) => ({ index, failures: 0, ignored: 0 }));
  return { remove, create, waitMs: undefined };
}

function wantedActive(job: J, { succeeded, failedIndexes, active }: Assessment): number {
  const parallelism = job.spec.parallelism ?? 1;
  // Without a number of completions the first success means that no more pods are started.
  if (job.spec.completions === undefined) return succeeded > 0 ? Math.min(active.length, parallelism) : parallelism;
  const left = job.spec.completions - succeeded - (hasPerIndexLimit(job) ? failedIndexes.size : 0);
  return Math.max(0, Math.min(parallelism, left));
}

/** Active pods with an index that is done, taken twice, or not the job's. */
function superfluous(job: J, active: readonly P[], { succeededIndexes, failedIndexes }: Assessment): P[] {
  const taken = new Set<number>();
  return active.filter((pod) => {
    const index = indexOf(job, pod);
    if (index === undefined || succeededIndexes.has(index) || failedIndexes.has(index) || taken.has(index)) return true;
    taken.add(index);
    return false;
  });
}

/** Indexes that are neither done nor have a pod, the lowest first. */
function freeIndexes(job: J, pods: readonly P[], { active, succeededIndexes, failedIndexes }: Assessment): number[] {
  const busy = new Set([...succeededIndexes, ...failedIndexes]);
  for (const pod of active) busy.add(indexOf(job, pod) ?? -1);
  if (replacesOnlyFailed(job)) {
    for (const pod of pods) {
      const ended = pod.status.phase === 'Failed' || pod.status.phase === 'Succeeded';
      if (pod.metadata.deletionTimestamp && !ended) busy.add(indexOf(job, pod) ?? -1);
    }
  }
  const free: number[] = [];
  for (let index = 0; index < (job.spec.completions ?? 0); index++) if (!busy.has(index)) free.push(index);
  return free;
}

/** With a limit for each index every index waits for itself. */
function planIndexes(
  job: J,
  pods: readonly P[],
  { counts, missing, now }: { counts: Assessment; missing: number; now: number },
): JobPlan {
  const last = new Map<number, P>();
  for (const pod of pods) {
    const index = indexOf(job, pod);
    if (index === undefined || !isFailed(job, pod)) continue;
    const best = last.get(index);
    if (!best || earlierFailures(pod) >= earlierFailures(best)) last.set(index, pod);
  }
  const create: { index: number; failures: number; ignored: number }[] = [];
  let waitMs: number | undefined;
  for (const index of freeIndexes(job, pods, counts)) {
    if (create.length >= missing) break;
    const failed = last.get(index);
    if (!failed) {
      create.push({ index, failures: 0, ignored: 0 });
      continue;
    }
    const counted = judgeFailure(job, failed).counts;
    const failures = earlierFailures(failed) + (counted ? 1 : 0);
    const ignored = earlierIgnored(failed) + (counted ? 0 : 1);
    const left = finishedAt(failed, now) + retryDelayMs(failures + ignored) - now;
    if (left <= 0) create.push({ index, failures, ignored });
    else waitMs = Math.min(waitMs ?? left, left);
  }
  return { remove: [], create, waitMs };
}
