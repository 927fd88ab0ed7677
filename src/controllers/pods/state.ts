/** What controllers ask about a pod. */
import type { Shared } from '../../api/kind.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import { parseTime } from '../../base/clock.ts';
import { findCondition, isConditionTrue } from '../conditions.ts';

/** Whether all containers have ended for good. */
export const isPodTerminal = (pod: Shared<Pod>): boolean =>
  pod.status.phase === 'Succeeded' || pod.status.phase === 'Failed';

/** Whether the pod runs or may still run, and is not being deleted. */
export const isPodActive = (pod: Shared<Pod>): boolean => !isPodTerminal(pod) && !pod.metadata.deletionTimestamp;

/** Whether the pod is being deleted and its containers have not ended yet. */
export const isPodTerminating = (pod: Shared<Pod>): boolean =>
  !isPodTerminal(pod) && pod.metadata.deletionTimestamp !== undefined;

export const isPodReady = (pod: Shared<Pod>): boolean => isConditionTrue(pod.status.conditions, 'Ready');

/** When the pod became ready, in ms since the epoch; undefined when it is not ready. */
export function podReadySince(pod: Shared<Pod>): number | undefined {
  const ready = findCondition(pod.status.conditions, 'Ready');
  if (ready?.status !== 'True') return undefined;
  return ready.lastTransitionTime ? parseTime(ready.lastTransitionTime) : 0;
}

/** Whether the pod has been ready for `minReadySeconds`. */
export function isPodAvailable(pod: Shared<Pod>, minReadySeconds: number, now: number): boolean {
  const since = podReadySince(pod);
  if (since === undefined) return false;
  return minReadySeconds === 0 || (since > 0 && since + minReadySeconds * 1000 <= now);
}

/** Milliseconds until the first of the ready pods that are not available yet becomes available; undefined without one. */
export function nextAvailabilityMs(
  pods: readonly Shared<Pod>[],
  minReadySeconds: number,
  now: number,
): number | undefined {
  if (minReadySeconds === 0) return undefined;
  let next: number | undefined;
  for (const pod of pods) {
    const since = podReadySince(pod);
    if (!since) continue;
    const left = since + minReadySeconds * 1000 - now;
    if (left > 0 && (next === undefined || left < next)) next = left;
  }
  return next;
}

/** Whether a change of a pod can matter to the counts and decisions of the controllers that own pods. */
export function podOwnerCares(pod: Shared<Pod>, old: Shared<Pod>): boolean {
  return (
    pod.status.phase !== old.status.phase ||
    isPodReady(pod) !== isPodReady(old) ||
    pod.metadata.deletionTimestamp !== old.metadata.deletionTimestamp ||
    pod.metadata.labels !== old.metadata.labels ||
    pod.metadata.ownerReferences !== old.metadata.ownerReferences ||
    pod.metadata.finalizers !== old.metadata.finalizers
  );
}
