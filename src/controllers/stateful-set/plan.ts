/** What one look at a StatefulSet does: a plan made from its pods, without a client. */
import type { StatefulSet } from '../../api/apps/stateful-set.ts';
import type { Pod } from '../../api/core/pod.ts';
import type { Shared } from '../../api/kind.ts';
import { scaledValue } from '../../api/machinery/int-or-string.ts';
import { isPodAvailable, isPodReady, isPodTerminal } from '../pods/state.ts';
import { isWanted, ordinalOf, replicasOf, revisionOf, startOrdinal } from './identity.ts';

type Sts = Shared<StatefulSet>;
type P = Shared<Pod>;

export interface Plan {
  readonly create: readonly { readonly ordinal: number; readonly revision: string }[];
  readonly remove: readonly { readonly pod: P; readonly why: 'failed' | 'succeeded' | 'scaled-down' | 'outdated' }[];
  /** Pods that are to stay, to have their identity and claims seen to. */
  readonly keep: readonly { readonly pod: P; readonly ordinal: number }[];
}

export interface Revisions {
  readonly current: string;
  readonly update: string;
}

/** The pods of the set in order of their ordinals. */
export function inOrder(set: Sts, pods: readonly P[]): { readonly ordinal: number; readonly pod: P }[] {
  return pods
    .map((pod) => ({ pod, ordinal: ordinalOf(set, pod) }))
    .filter((entry): entry is { pod: P; ordinal: number } => entry.ordinal !== undefined)
    .sort((a, b) => a.ordinal - b.ordinal);
}

export function planStep(
  set: Sts,
  pods: readonly P[],
  { revisions, now }: { revisions: Revisions; now: number },
): Plan {
  const create: Plan['create'][number][] = [];
  const remove: Plan['remove'][number][] = [];
  const keep: Plan['keep'][number][] = [];
  const plan: Plan = { create, remove, keep };
  const ordered = inOrder(set, pods);
  const byOrdinal = new Map(ordered.map(({ ordinal, pod }) => [ordinal, pod]));
  const monotonic = set.spec.podManagementPolicy !== 'Parallel';
  const minReady = set.spec.minReadySeconds ?? 0;
  const isHealthy = (pod: P) => isPodReady(pod) && pod.status.phase === 'Running' && !pod.metadata.deletionTimestamp;
  const isAvailable = (pod: P) => isHealthy(pod) && isPodAvailable(pod, minReady, now);

  const first = startOrdinal(set);
  for (let ordinal = first; ordinal < first + replicasOf(set); ordinal++) {
    const pod = byOrdinal.get(ordinal);
    if (!pod) {
      const old = needsCurrentRevision(set, ordinal, revisions);
      create.push({ ordinal, revision: old ? revisions.current : revisions.update });
      if (monotonic) return plan;
      continue;
    }
    keep.push({ pod, ordinal });
    if (isPodTerminal(pod)) {
      if (!pod.metadata.deletionTimestamp) {
        remove.push({ pod, why: pod.status.phase === 'Failed' ? 'failed' : 'succeeded' });
      }
      if (monotonic) return plan;
      continue;
    }
    if (monotonic && !isAvailable(pod)) return plan;
  }

  const condemned = ordered.filter(({ ordinal }) => !isWanted(set, ordinal)).reverse();
  const firstUnhealthy = [...ordered].find(({ pod }) => !isHealthy(pod))?.pod;
  for (const { pod, ordinal } of condemned) {
    keep.push({ pod, ordinal });
    if (pod.metadata.deletionTimestamp) {
      if (monotonic) return plan;
      continue;
    }
    if (monotonic && !isAvailable(pod) && pod !== firstUnhealthy) return plan;
    remove.push({ pod, why: 'scaled-down' });
    if (monotonic) return plan;
  }
  if (remove.length || create.length) return plan;
  remove.push(...outdated(set, ordered, { revisions, isAvailable }).map((pod) => ({ pod, why: 'outdated' as const })));
  return plan;
}

/** Whether a new pod of this ordinal is still made from the current revision while the update rolls. */
function needsCurrentRevision(set: Sts, ordinal: number, revisions: Revisions): boolean {
  if (set.spec.updateStrategy.type !== 'RollingUpdate' || revisions.current === revisions.update) return false;
  const rolling = set.spec.updateStrategy.rollingUpdate;
  const limit = rolling ? (rolling.partition ?? 0) : (set.status.currentReplicas ?? 0);
  return ordinal < startOrdinal(set) + limit;
}

/** The pods that the rolling update deletes now, from the highest ordinal down to the partition. */
function outdated(
  set: Sts,
  ordered: readonly { readonly ordinal: number; readonly pod: P }[],
  { revisions, isAvailable }: { revisions: Revisions; isAvailable(pod: P): boolean },
): P[] {
  if (set.spec.updateStrategy.type !== 'RollingUpdate') return [];
  const rolling = set.spec.updateStrategy.rollingUpdate;
  const from = startOrdinal(set) + (rolling?.partition ?? 0);
  const wanted = ordered.filter(({ ordinal }) => isWanted(set, ordinal));
  const limit = Math.max(1, scaledValue(rolling?.maxUnavailable ?? 1, replicasOf(set), { roundUp: true }));
  const candidates = wanted.filter(({ ordinal }) => ordinal >= from).reverse();
  if (limit === 1) {
    for (const { pod } of candidates) {
      if (revisionOf(pod) !== revisions.update && !pod.metadata.deletionTimestamp) return [pod];
      // What is newer must be well before anything older is touched.
      if (!isAvailable(pod)) return [];
    }
    return [];
  }
  const unavailable = wanted.filter(({ pod }) => !isAvailable(pod));
  const isOld = ({ pod }: { pod: P }) => revisionOf(pod) !== revisions.update && !pod.metadata.deletionTimestamp;
  // Replacing a pod that is down anyway makes nothing worse.
  const broken = candidates.filter((entry) => isOld(entry) && unavailable.includes(entry));
  const healthy = candidates.filter((entry) => isOld(entry) && !unavailable.includes(entry));
  const room = Math.max(0, limit - unavailable.length);
  return [...broken, ...healthy.slice(0, room)].map(({ pod }) => pod);
}
