/** The status of a Deployment and whether its rollout gets on. */
import type { Deployment } from '../../api/apps/deployment.ts';
import type { ReplicaSet } from '../../api/apps/replica-set.ts';
import type { Shared } from '../../api/kind.ts';
import type { DeploymentCondition, DeploymentStatus } from '../../api/types/apps-v1.ts';
import { formatTime, parseTime } from '../../base/clock.ts';
import { findCondition, withoutCondition } from '../conditions.ts';
import { nonZero } from '../replica-counts.ts';
import { fenceposts, replicasOf, totalReplicas } from './rollout-math.ts';

type D = Shared<Deployment>;
type RS = Shared<ReplicaSet>;
type Status = Shared<DeploymentStatus>;
type Condition = Shared<DeploymentCondition>;

const noDeadline = 2 ** 31 - 1;

/** Whether lack of progress is reported at all. */
export const hasDeadline = (d: D): boolean =>
  d.spec.progressDeadlineSeconds !== undefined && d.spec.progressDeadlineSeconds !== noDeadline;

/** A condition with the times of `now`. */
export function deploymentCondition(
  type: string,
  status: 'True' | 'False' | 'Unknown',
  { reason, message, now }: { reason: string; message: string; now: number },
): Condition {
  const at = formatTime(now);
  return { type, status, reason, message, lastUpdateTime: at, lastTransitionTime: at };
}

/** Sets a condition at the end of the list; one with the same status and reason stays as it is. */
export function setCondition(conditions: readonly Condition[] | undefined, wanted: Condition): readonly Condition[] {
  const old = findCondition(conditions, wanted.type);
  if (old && old.status === wanted.status && old.reason === wanted.reason) return conditions!;
  const next =
    old && old.status === wanted.status && old.lastTransitionTime
      ? { ...wanted, lastTransitionTime: old.lastTransitionTime }
      : wanted;
  return [...withoutCondition(conditions, wanted.type), next];
}

/** Counts and the Available condition. */
export function statusOf(d: D, all: readonly RS[], newSet: RS | undefined, now: number): Status {
  const sum = (count: (rs: RS) => number | undefined) => all.reduce((total, rs) => total + (count(rs) ?? 0), 0);
  const available = sum((rs) => rs.status.availableReplicas);
  const enough = available >= replicasOf(d) - fenceposts(d).maxUnavailable;
  const conditions = setCondition(
    d.status.conditions,
    deploymentCondition('Available', enough ? 'True' : 'False', {
      reason: enough ? 'MinimumReplicasAvailable' : 'MinimumReplicasUnavailable',
      message: enough ? 'Deployment has minimum availability.' : 'Deployment does not have minimum availability.',
      now,
    }),
  );
  const terminating = all.every((rs) => rs.status.terminatingReplicas !== undefined || !rs.status.observedGeneration);
  return {
    ...nonZero({
      observedGeneration: d.metadata.generation ?? 0,
      replicas: sum((rs) => rs.status.replicas),
      updatedReplicas: newSet?.status.replicas ?? 0,
      readyReplicas: sum((rs) => rs.status.readyReplicas),
      availableReplicas: available,
      unavailableReplicas: Math.max(0, totalReplicas(all) - available),
    }),
    ...(terminating ? { terminatingReplicas: sum((rs) => rs.status.terminatingReplicas) } : {}),
    conditions,
    ...(d.status.collisionCount === undefined ? {} : { collisionCount: d.status.collisionCount }),
  };
}

/** Whether every pod is of the newest template and available, and none other is left. */
export function isComplete(d: D, status: Status): boolean {
  const wanted = replicasOf(d);
  return (
    (status.updatedReplicas ?? 0) === wanted &&
    (status.replicas ?? 0) === wanted &&
    (status.availableReplicas ?? 0) === wanted &&
    (status.observedGeneration ?? 0) >= (d.metadata.generation ?? 0)
  );
}

/** Whether something moved since the status that was last written. */
function isProgressing(old: Status, status: Status): boolean {
  const n = (value: number | undefined) => value ?? 0;
  return (
    n(status.updatedReplicas) > n(old.updatedReplicas) ||
    n(status.replicas) - n(status.updatedReplicas) < n(old.replicas) - n(old.updatedReplicas) ||
    n(status.readyReplicas) > n(old.readyReplicas) ||
    n(status.availableReplicas) > n(old.availableReplicas)
  );
}

/** Whether the deadline has passed since the Progressing condition was last touched. */
export function isTimedOut(d: D, status: Status, now: number): boolean {
  if (!hasDeadline(d)) return false;
  const condition = findCondition(status.conditions, 'Progressing');
  if (!condition || condition.reason === 'NewReplicaSetAvailable') return false;
  if (condition.reason === 'ProgressDeadlineExceeded') return true;
  return parseTime(condition.lastUpdateTime ?? '') + d.spec.progressDeadlineSeconds! * 1000 < now;
}

/** The status with its Progressing and ReplicaFailure conditions brought up to date. */
export function rolloutStatus(d: D, all: readonly RS[], newSet: RS | undefined, now: number): Status {
  const status = statusOf(d, all, newSet, now);
  let conditions: readonly Condition[] = status.conditions ?? [];
  const subject = newSet ? `ReplicaSet "${newSet.metadata.name}"` : `Deployment "${d.metadata.name}"`;
  const current = findCondition(d.status.conditions, 'Progressing');
  const settled =
    (status.replicas ?? 0) === (status.updatedReplicas ?? 0) && current?.reason === 'NewReplicaSetAvailable';
  if (!hasDeadline(d)) conditions = withoutCondition(conditions, 'Progressing');
  else if (!settled) {
    if (isComplete(d, status)) {
      conditions = setCondition(
        conditions,
        deploymentCondition('Progressing', 'True', {
          reason: 'NewReplicaSetAvailable',
          message: `${subject} has successfully progressed.`,
          now,
        }),
      );
    } else if (isProgressing(d.status, status)) {
      const next = deploymentCondition('Progressing', 'True', {
        reason: 'ReplicaSetUpdated',
        message: `${subject} is progressing.`,
        now,
      });
      // Written anew even when nothing but its time changes: the deadline counts from there.
      const since = current?.status === 'True' ? current.lastTransitionTime : undefined;
      conditions = setCondition(
        withoutCondition(conditions, 'Progressing'),
        since ? { ...next, lastTransitionTime: since } : next,
      );
    } else if (isTimedOut(d, status, now)) {
      conditions = setCondition(
        conditions,
        deploymentCondition('Progressing', 'False', {
          reason: 'ProgressDeadlineExceeded',
          message: `${subject} has timed out progressing.`,
          now,
        }),
      );
    }
  }
  const failure = replicaFailure(all, newSet);
  conditions = failure ? setCondition(conditions, failure) : withoutCondition(conditions, 'ReplicaFailure');
  const { conditions: _, ...counts } = status;
  return conditions.length ? { ...counts, conditions } : counts;
}

function replicaFailure(all: readonly RS[], newSet: RS | undefined): Condition | undefined {
  for (const rs of newSet ? [newSet, ...all] : all) {
    const condition = findCondition(rs.status.conditions, 'ReplicaFailure');
    if (!condition) continue;
    const at = condition.lastTransitionTime;
    return { ...condition, ...(at ? { lastUpdateTime: at } : {}) };
  }
  return undefined;
}

/** When to look again for a rollout that may stall, in ms; undefined when its end is known. */
export function deadlineCheckMs(d: D, status: Status, now: number): number | undefined {
  const condition = findCondition(d.status.conditions, 'Progressing');
  if (!condition || !hasDeadline(d) || isComplete(d, status)) return undefined;
  if (condition.reason === 'ProgressDeadlineExceeded' || condition.reason === 'NewReplicaSetAvailable')
    return undefined;
  if (d.spec.paused) return undefined;
  const due = parseTime(condition.lastUpdateTime ?? '') + d.spec.progressDeadlineSeconds! * 1000;
  return Math.max(1000, due - now + 1000);
}
