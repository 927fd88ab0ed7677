/** What a Job reads off its pods, and the pods that it makes. */
import { Job } from '../../api/batch/job.ts';
import type { Pod } from '../../api/core/pod.ts';
import type { Shared } from '../../api/kind.ts';
import type { Container } from '../../api/types/core-v1.ts';
import { parseTime } from '../../base/clock.ts';
import type { Draft } from '../../client/client.ts';
import { findCondition } from '../conditions.ts';
import { podFromTemplate } from '../pods/control.ts';

export type J = Shared<Job>;
export type P = Shared<Pod>;

export const trackingFinalizer = 'batch.kubernetes.io/job-tracking';
const indexAnnotation = 'batch.kubernetes.io/job-completion-index';
const failureCountAnnotation = 'batch.kubernetes.io/job-index-failure-count';
const ignoredCountAnnotation = 'batch.kubernetes.io/job-index-ignored-failure-count';

export const isIndexed = (job: J): boolean => job.spec.completionMode === 'Indexed';
export const hasPerIndexLimit = (job: J): boolean => isIndexed(job) && job.spec.backoffLimitPerIndex !== undefined;
export const isTracked = (pod: P): boolean => pod.metadata.finalizers?.includes(trackingFinalizer) ?? false;
/** Whether replacements wait until a pod has really ended, instead of being made when it begins to end. */
export const replacesOnlyFailed = (job: J): boolean =>
  job.spec.podReplacementPolicy === 'Failed' || job.spec.podFailurePolicy !== undefined;

/** Whether a pod counts as failed: it is, or it is being deleted and nothing asks to wait for its end. */
export function isFailed(job: J, pod: P): boolean {
  if (pod.status.phase === 'Failed') return true;
  if (replacesOnlyFailed(job)) return false;
  return pod.metadata.deletionTimestamp !== undefined && pod.status.phase !== 'Succeeded';
}

/** The completion index of a pod; undefined when it has none or one that the job does not have. */
export function indexOf(job: J, pod: P): number | undefined {
  const text = pod.metadata.annotations?.[indexAnnotation];
  const index = text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
  return index !== undefined && index < (job.spec.completions ?? 0) ? index : undefined;
}

const count = (pod: P, annotation: string): number => Number(pod.metadata.annotations?.[annotation]) || 0;

/** Failures of the pod's index before it, as its annotation remembers them. */
export const earlierFailures = (pod: P): number => count(pod, failureCountAnnotation);
export const earlierIgnored = (pod: P): number => count(pod, ignoredCountAnnotation);

/** When a pod ended, in ms since the epoch; not after `now`, whatever its node's clock says. */
export function finishedAt(pod: P, now: number): number {
  let latest = 0;
  for (const status of pod.status.containerStatuses ?? []) {
    const at = status.state.terminated?.finishedAt;
    if (at) latest = Math.max(latest, parseTime(at));
  }
  if (latest) return Math.min(latest, now);
  const ready = findCondition(pod.status.conditions, 'Ready')?.lastTransitionTime;
  const fallback = ready ?? pod.metadata.deletionTimestamp;
  return fallback ? Math.min(parseTime(fallback), now) : now;
}

/** Whether containers restarted more often than the backoff limit allows (restartPolicy OnFailure). */
export function restartedTooOften(job: J, pods: readonly P[]): boolean {
  if (job.spec.template.spec.restartPolicy !== 'OnFailure') return false;
  let restarts = 0;
  for (const pod of pods) {
    if (pod.status.phase !== 'Running' && pod.status.phase !== 'Pending') continue;
    for (const status of [...(pod.status.initContainerStatuses ?? []), ...(pod.status.containerStatuses ?? [])]) {
      restarts += status.restartCount;
    }
  }
  const limit = job.spec.backoffLimit ?? 6;
  return limit === 0 ? restarts > 0 : restarts >= limit;
}

/** The pod of a job, or of one of its indexes. */
export function jobPod(job: J, of?: { index: number; failures: number; ignored: number }): Draft<Pod> {
  const draft = podFromTemplate(job.spec.template, job, Job);
  const metadata = draft.metadata!;
  metadata.finalizers = [...(metadata.finalizers ?? []), trackingFinalizer];
  metadata.generateName = `${job.metadata.name}-`;
  if (!of) return draft;
  const stem = `${job.metadata.name}-${of.index}`;
  metadata.generateName = `${stem.slice(0, 57)}-`;
  metadata.labels = { ...metadata.labels, [indexAnnotation]: String(of.index) };
  metadata.annotations = { ...metadata.annotations, [indexAnnotation]: String(of.index) };
  if (hasPerIndexLimit(job)) {
    metadata.annotations[failureCountAnnotation] = String(of.failures);
    if (of.ignored) metadata.annotations[ignoredCountAnnotation] = String(of.ignored);
  }
  const withIndex = (container: Shared<Container>): Container => {
    const own = (container.env ?? []) as NonNullable<Container['env']>;
    if (own.some(({ name }) => name === 'JOB_COMPLETION_INDEX')) return container as Container;
    const fieldPath = `metadata.annotations['${indexAnnotation}']`;
    return {
      ...(container as Container),
      env: [...own, { name: 'JOB_COMPLETION_INDEX', valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath } } }],
    };
  };
  const { containers, initContainers } = job.spec.template.spec;
  draft.spec = {
    ...draft.spec,
    hostname: stem,
    containers: containers.map(withIndex),
    ...(initContainers ? { initContainers: initContainers.map(withIndex) } : {}),
  };
  return draft;
}
