/** How many replicas each ReplicaSet of a Deployment should have: upstream's arithmetic, free of any client. */
import type { Deployment } from '../../api/apps/deployment.ts';
import type { ReplicaSet } from '../../api/apps/replica-set.ts';
import type { Shared } from '../../api/kind.ts';
import { scaledValue } from '../../api/machinery/int-or-string.ts';
import { parseTime } from '../../base/clock.ts';

type D = Shared<Deployment>;
type RS = Shared<ReplicaSet>;

export const desiredAnnotation = 'deployment.kubernetes.io/desired-replicas';
export const maxAnnotation = 'deployment.kubernetes.io/max-replicas';

export const replicasOf = (object: { readonly spec: { readonly replicas?: number } }): number =>
  object.spec.replicas ?? 1;
/** Available pods, never more than the set is to keep: its status may be from before it was scaled down. */
const availableOf = (rs: RS): number => Math.min(rs.status.availableReplicas ?? 0, replicasOf(rs));
/**
 * The pods that a set has or may make. A set that was told to shrink still has its pods until its own controller has seen
 * that; counting them keeps the surge a promise about pods, where upstream's is one about numbers.
 */
const podsOf = (rs: RS): number => Math.max(replicasOf(rs), rs.status.replicas ?? 0);
export const totalReplicas = (sets: readonly RS[]): number => sets.reduce((sum, rs) => sum + replicasOf(rs), 0);
export const isActive = (rs: RS): boolean => replicasOf(rs) > 0;

/** Surge and unavailability as numbers of pods. Both zero would block any progress: then one pod may be unavailable. */
export function fenceposts(d: D): { readonly maxSurge: number; readonly maxUnavailable: number } {
  if (d.spec.strategy.type !== 'RollingUpdate') return { maxSurge: 0, maxUnavailable: 0 };
  const replicas = replicasOf(d);
  const rolling = d.spec.strategy.rollingUpdate;
  const maxSurge = scaledValue(rolling?.maxSurge ?? 0, replicas, { roundUp: true });
  const unavailable = scaledValue(rolling?.maxUnavailable ?? 0, replicas, { roundUp: false });
  const maxUnavailable = maxSurge === 0 && unavailable === 0 ? 1 : unavailable;
  return { maxSurge, maxUnavailable: Math.min(maxUnavailable, replicas) };
}

/** The size that the newest set may have now. */
export function newSetSize(d: D, all: readonly RS[], newSet: RS): number {
  const wanted = replicasOf(d);
  if (d.spec.strategy.type !== 'RollingUpdate') return wanted;
  const current = all.reduce((sum, rs) => sum + podsOf(rs), 0);
  const limit = wanted + fenceposts(d).maxSurge;
  const size = replicasOf(newSet);
  if (size >= wanted) return wanted;
  return current >= limit ? size : size + Math.min(limit - current, wanted - size);
}

/** The sizes that old sets should shrink to now, unhealthy pods first, without fewer available pods than allowed. */
export function oldSetSizes(d: D, old: readonly RS[], newSet: RS): Map<RS, number> {
  const sizes = new Map<RS, number>();
  const all = [...old, newSet];
  const minAvailable = replicasOf(d) - fenceposts(d).maxUnavailable;
  const newUnavailable = replicasOf(newSet) - availableOf(newSet);
  let budget = totalReplicas(all) - minAvailable - newUnavailable;
  if (budget <= 0) return sizes;
  const oldestFirst = [...old].sort(byAge);
  const sizeOf = (rs: RS) => sizes.get(rs) ?? replicasOf(rs);
  for (const rs of oldestFirst) {
    const cut = Math.min(budget, sizeOf(rs) - availableOf(rs));
    if (cut <= 0) continue;
    sizes.set(rs, sizeOf(rs) - cut);
    budget -= cut;
  }
  let spare = all.reduce((sum, rs) => sum + availableOf(rs), 0) - minAvailable;
  for (const rs of oldestFirst) {
    const cut = Math.min(spare, sizeOf(rs));
    if (cut <= 0) continue;
    sizes.set(rs, sizeOf(rs) - cut);
    spare -= cut;
  }
  return sizes;
}

/** When a Deployment is scaled during a rollout, its active sets share the change by their sizes. */
export function proportionalSizes(d: D, active: readonly RS[]): Map<RS, number> {
  const { maxSurge } = fenceposts(d);
  const allowed = replicasOf(d) > 0 ? replicasOf(d) + maxSurge : 0;
  const toAdd = allowed - totalReplicas(active);
  const sorted = [...active].sort((a, b) => replicasOf(b) - replicasOf(a) || (toAdd > 0 ? byAge(b, a) : byAge(a, b)));
  const sizes = new Map<RS, number>();
  let added = 0;
  for (const rs of sorted) {
    const share = toAdd === 0 ? 0 : proportion(rs, { d, maxSurge, toAdd, added });
    sizes.set(rs, replicasOf(rs) + share);
    added += share;
  }
  const first = sorted[0];
  if (first) sizes.set(first, Math.max(0, sizes.get(first)! + toAdd - added));
  return sizes;
}

function proportion(rs: RS, facts: { d: D; maxSurge: number; toAdd: number; added: number }): number {
  const { d, toAdd, added } = facts;
  const left = toAdd - added;
  if (replicasOf(rs) === 0 || left === 0) return 0;
  const share = fraction(rs, d, facts.maxSurge);
  return toAdd > 0 ? Math.min(share, left) : Math.max(share, left);
}

/** The change that keeps a set's part of the whole, measured against the size the Deployment had when it was set. */
function fraction(rs: RS, d: D, maxSurge: number): number {
  if (replicasOf(d) === 0) return -replicasOf(rs);
  const before = Number(rs.metadata.annotations?.[maxAnnotation]) || d.status.replicas || 0;
  if (before === 0) return 0;
  return Math.round((replicasOf(rs) * (replicasOf(d) + maxSurge)) / before) - replicasOf(rs);
}

/** The set to scale when at most one is active; undefined when the change must be shared between several. */
export function activeOrLatest(newSet: RS | undefined, old: readonly RS[]): RS | undefined {
  const newestFirst = [...old].sort((a, b) => byAge(b, a));
  const active = [...newestFirst, ...(newSet ? [newSet] : [])].filter(isActive);
  if (active.length === 0) return newSet ?? newestFirst[0];
  return active.length === 1 ? active[0] : undefined;
}

/** Whether the newest set has all its pods available at the size that was last asked of the Deployment. */
export function isSaturated(d: D, rs: RS | undefined): boolean {
  if (!rs) return false;
  const wanted = replicasOf(d);
  return (
    replicasOf(rs) === wanted &&
    Number(rs.metadata.annotations?.[desiredAnnotation]) === wanted &&
    (rs.status.availableReplicas ?? 0) === wanted
  );
}

/** Whether the Deployment was scaled since its active sets were last sized. */
export function isScalingEvent(d: D, all: readonly RS[]): boolean {
  return all.some((rs) => {
    const desired = rs.metadata.annotations?.[desiredAnnotation];
    return isActive(rs) && desired !== undefined && Number(desired) !== replicasOf(d);
  });
}

/** Oldest first; of the same second by name. */
export function byAge(a: RS, b: RS): number {
  return (
    parseTime(a.metadata.creationTimestamp) - parseTime(b.metadata.creationTimestamp) ||
    (a.metadata.name < b.metadata.name ? -1 : 1)
  );
}
