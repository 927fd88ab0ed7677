/** Which pods a scale-down takes first, as upstream's ActivePodsWithRanks. */
import type { Shared } from '../../api/kind.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import { parseTime } from '../../base/clock.ts';
import { isPodReady, podReadySince } from './state.ts';

const phaseOrder: Readonly<Record<string, number>> = { Pending: 0, Unknown: 1, Running: 2 };
const costAnnotation = 'controller.kubernetes.io/pod-deletion-cost';

/** The cost a pod asks for; an annotation that is no 32-bit integer counts as 0. */
export function podDeletionCost(pod: Shared<Pod>): number {
  const text = pod.metadata.annotations?.[costAnnotation];
  if (text === undefined || !/^(0|[+-]?[1-9]\d*)$/.test(text)) return 0;
  const cost = Number(text);
  return cost >= -(2 ** 31) && cost < 2 ** 31 ? cost : 0;
}

const restarts = (pod: Shared<Pod>): number =>
  Math.max(0, ...(pod.status.containerStatuses ?? []).map((status) => status.restartCount));

/** Ages that are about the same count as the same, so that not always the youngest replica is the one to go. */
const ageRank = (since: number, now: number): number => Math.floor(Math.log2(Math.max(1, (now - since) * 1e6)));

/**
 * The `count` pods to delete first: unassigned, then pending, then not ready, then cheap, then those on nodes with many
 * replicas (`rank`), then those that became ready last, restarted most, were created last.
 */
export function podsToDelete(
  pods: readonly Shared<Pod>[],
  count: number,
  { rank, now }: { rank(pod: Shared<Pod>): number; now: number },
): readonly Shared<Pod>[] {
  if (count >= pods.length) return pods;
  const compare = (a: Shared<Pod>, b: Shared<Pod>): number => {
    const assigned = Number(Boolean(a.spec.nodeName)) - Number(Boolean(b.spec.nodeName));
    if (assigned) return assigned;
    const phase = (phaseOrder[a.status.phase ?? ''] ?? 0) - (phaseOrder[b.status.phase ?? ''] ?? 0);
    if (phase) return phase;
    const ready = Number(isPodReady(a)) - Number(isPodReady(b));
    if (ready) return ready;
    const cost = podDeletionCost(a) - podDeletionCost(b);
    if (cost) return cost;
    const crowd = rank(b) - rank(a);
    if (crowd) return crowd;
    const readyAge = ageRank(podReadySince(a) ?? 0, now) - ageRank(podReadySince(b) ?? 0, now);
    if (isPodReady(a) && readyAge) return readyAge;
    const restarted = restarts(b) - restarts(a);
    if (restarted) return restarted;
    const age =
      ageRank(parseTime(a.metadata.creationTimestamp), now) - ageRank(parseTime(b.metadata.creationTimestamp), now);
    if (age) return age;
    return a.metadata.uid < b.metadata.uid ? -1 : 1;
  };
  return [...pods].sort(compare).slice(0, count);
}

/** How many active pods of the same family are on each pod's node. */
export function crowdingRank(related: readonly Shared<Pod>[]): (pod: Shared<Pod>) => number {
  const perNode = new Map<string, number>();
  for (const pod of related) {
    if (pod.spec.nodeName) perNode.set(pod.spec.nodeName, (perNode.get(pod.spec.nodeName) ?? 0) + 1);
  }
  return (pod) => (pod.spec.nodeName ? (perNode.get(pod.spec.nodeName) ?? 0) : 0);
}
