/**
 * Counting a Job's pods exactly. A pod that ended keeps the tracking finalizer until its UID (or its index) is in the
 * status; the UID leaves the status, and the counter rises, only when the cache shows the pod without the finalizer. So a
 * crash between any two writes neither loses a pod nor counts one twice.
 */
import type { JobStatus } from '../../api/types/batch-v1.ts';
import { isPodActive, isPodReady, isPodTerminating } from '../pods/state.ts';
import { type IndexSet, parseIndexes } from './indexes.ts';
import { earlierFailures, hasPerIndexLimit, indexOf, isFailed, isIndexed, isTracked, type J, type P } from './pods.ts';
import { type FailureVerdict, judgeFailure } from './policies.ts';

/** Pods whose UIDs are in the status at a time, at most. */
const maxUncounted = 500;

export interface Assessment {
  readonly active: readonly P[];
  readonly ready: number;
  readonly terminating: number;
  /** Totals that include what is not written yet. */
  readonly succeeded: number;
  readonly failed: number;
  readonly succeededIndexes: IndexSet;
  readonly failedIndexes: IndexSet;
  /** The counters and UIDs to write. */
  readonly counters: Pick<JobStatus, 'succeeded' | 'failed'>;
  readonly uncounted: { readonly succeeded: readonly string[]; readonly failed: readonly string[] };
  /** Pods whose finalizer goes once the status is written. */
  readonly release: readonly P[];
  /** Pods that were seen to have ended for the first time, with whether they succeeded. */
  readonly newlyEnded: readonly { readonly pod: P; readonly succeeded: boolean }[];
  /** Why the failure policy fails the whole job. */
  readonly policyFailure: string | undefined;
}

export function assess(job: J, pods: readonly P[]): Assessment {
  const completions = job.spec.completions ?? 0;
  const indexed = isIndexed(job);
  const before = job.status.uncountedTerminatedPods;
  const byUid = new Map(pods.map((pod) => [pod.metadata.uid, pod]));
  const stillTracked = (uid: string) => {
    const pod = byUid.get(uid);
    return pod !== undefined && isTracked(pod);
  };
  const keptSucceeded = (before?.succeeded ?? []).filter(stillTracked);
  const keptFailed = (before?.failed ?? []).filter(stillTracked);
  const settledSucceeded = (before?.succeeded?.length ?? 0) - keptSucceeded.length;
  const settledFailed = (before?.failed?.length ?? 0) - keptFailed.length;
  const known = new Set([...keptSucceeded, ...keptFailed]);
  const uncountedSucceeded = [...keptSucceeded];
  const uncountedFailed = [...keptFailed];
  const succeededIndexes = indexed ? parseIndexes(job.status.completedIndexes, completions) : new Set<number>();
  const failedIndexes = parseIndexes(job.status.failedIndexes, completions);
  const verdicts = new Map<P, FailureVerdict>();
  let policyFailure: string | undefined;
  for (const pod of pods) {
    if (!isFailed(job, pod)) continue;
    const verdict = judgeFailure(job, pod);
    verdicts.set(pod, verdict);
    if (verdict.action === 'FailJob' && pod.status.phase === 'Failed') policyFailure ??= verdict.message;
    const index = indexOf(job, pod);
    if (!hasPerIndexLimit(job) || index === undefined || succeededIndexes.has(index)) continue;
    const failures = earlierFailures(pod) + (verdict.counts ? 1 : 0);
    if (verdict.action === 'FailIndex' || failures > job.spec.backoffLimitPerIndex!) failedIndexes.add(index);
  }
  const held = hasPerIndexLimit(job) ? lastFailures(job, pods, { succeededIndexes, failedIndexes }) : new Set<P>();
  const release: P[] = [];
  const newlyEnded: { pod: P; succeeded: boolean }[] = [];
  let seen = 0;
  for (const pod of pods) {
    if (!isTracked(pod)) continue;
    const uid = pod.metadata.uid;
    if (known.has(uid)) {
      release.push(pod);
      continue;
    }
    const succeeded = pod.status.phase === 'Succeeded';
    const verdict = verdicts.get(pod);
    if (!succeeded && !verdict) {
      if (job.metadata.deletionTimestamp) release.push(pod);
      continue;
    }
    if ((held.has(pod) && !job.metadata.deletionTimestamp) || seen >= maxUncounted) continue;
    const index = indexed ? indexOf(job, pod) : undefined;
    release.push(pod);
    if (indexed && index === undefined) continue;
    if (succeeded) {
      if (index === undefined) uncountedSucceeded.push(uid);
      else succeededIndexes.add(index);
    } else if (verdict!.counts) uncountedFailed.push(uid);
    else continue;
    seen++;
    newlyEnded.push({ pod, succeeded });
  }
  const succeededCounter = indexed ? succeededIndexes.size : (job.status.succeeded ?? 0) + settledSucceeded;
  const failedCounter = (job.status.failed ?? 0) + settledFailed;
  const active = pods.filter(isPodActive);
  for (const index of succeededIndexes) failedIndexes.delete(index);
  return {
    active,
    ready: active.filter(isPodReady).length,
    terminating: pods.filter(isPodTerminating).length,
    succeeded: succeededCounter + uncountedSucceeded.length,
    failed: failedCounter + uncountedFailed.length,
    succeededIndexes,
    failedIndexes,
    counters: {
      ...(succeededCounter ? { succeeded: succeededCounter } : {}),
      ...(failedCounter ? { failed: failedCounter } : {}),
    },
    uncounted: { succeeded: uncountedSucceeded, failed: uncountedFailed },
    release,
    newlyEnded,
    policyFailure,
  };
}

/**
 * The last failed pod of each index that is to be tried again: it keeps its finalizer until its replacement is there,
 * because the number of failures is written on pods only.
 */
function lastFailures(
  job: J,
  pods: readonly P[],
  done: { succeededIndexes: IndexSet; failedIndexes: IndexSet },
): Set<P> {
  const last = new Map<number, P>();
  for (const pod of pods) {
    const index = indexOf(job, pod);
    if (index === undefined || done.succeededIndexes.has(index) || done.failedIndexes.has(index)) continue;
    const best = last.get(index);
    if (
      !best ||
      earlierFailures(pod) > earlierFailures(best) ||
      (earlierFailures(pod) === earlierFailures(best) && isPodActive(pod))
    ) {
      last.set(index, pod);
    }
  }
  return new Set([...last.values()].filter((pod) => !isPodActive(pod) && isFailed(job, pod)));
}
