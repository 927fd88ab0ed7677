/** What a node's conditions mean for its labels and taints, and what silence means for its conditions. Pure functions. */
import type { Node } from '../../api/core/node.ts';
import type { Shared } from '../../api/kind.ts';
import type { NodeCondition, Taint } from '../../api/types/core-v1.ts';
import { formatTime } from '../../base/clock.ts';
import { findCondition } from '../conditions.ts';
import { notReadyTaint, unreachableTaint, unschedulableTaint } from '../taints.ts';

/** Conditions that a silent kubelet can no longer vouch for. */
const heartbeatConditions = ['Ready', 'MemoryPressure', 'DiskPressure', 'PIDPressure'];
const pressureTaints: Readonly<Record<string, string>> = {
  MemoryPressure: 'node.kubernetes.io/memory-pressure',
  DiskPressure: 'node.kubernetes.io/disk-pressure',
  PIDPressure: 'node.kubernetes.io/pid-pressure',
  NetworkUnavailable: 'node.kubernetes.io/network-unavailable',
};
const managedNoSchedule: ReadonlySet<string> = new Set([
  notReadyTaint,
  unreachableTaint,
  unschedulableTaint,
  ...Object.values(pressureTaints),
]);

export type ReadyStatus = 'True' | 'False' | 'Unknown';

/** The Ready condition's status; a node that never reported is unknown. */
export function readyStatus(node: Shared<Node>): ReadyStatus {
  const status = findCondition(node.status.conditions, 'Ready')?.status;
  if (status === 'True') return 'True';
  return status === 'False' ? 'False' : 'Unknown';
}

/** The conditions of a node whose kubelet fell silent; the very list when they say so already. */
export function silentConditions(node: Shared<Node>, now: number): readonly Shared<NodeCondition>[] {
  let conditions: readonly Shared<NodeCondition>[] = node.status.conditions ?? [];
  const at = formatTime(now);
  for (const type of heartbeatConditions) {
    const old = findCondition(conditions, type);
    if (!old) {
      const never: Shared<NodeCondition> = {
        type,
        status: 'Unknown',
        reason: 'NodeStatusNeverUpdated',
        message: 'Kubelet never posted node status.',
        lastHeartbeatTime: node.metadata.creationTimestamp,
        lastTransitionTime: at,
      };
      conditions = [...conditions, never];
    } else if (old.status !== 'Unknown') {
      const unknown: Shared<NodeCondition> = {
        ...old,
        status: 'Unknown',
        reason: 'NodeStatusUnknown',
        message: 'Kubelet stopped posting node status.',
        lastTransitionTime: at,
      };
      conditions = conditions.map((condition) => (condition === old ? unknown : condition));
    }
  }
  return conditions;
}

/** The taints that keep new pods away, by condition; taints of others stay. The very list when nothing changes. */
export function withNoScheduleTaints(node: Shared<Node>): readonly Shared<Taint>[] {
  const before = node.spec.taints ?? [];
  const wanted = new Set<string>();
  const ready = findCondition(node.status.conditions, 'Ready')?.status;
  if (ready === 'False') wanted.add(notReadyTaint);
  if (ready === 'Unknown') wanted.add(unreachableTaint);
  for (const [type, key] of Object.entries(pressureTaints)) {
    if (findCondition(node.status.conditions, type)?.status === 'True') wanted.add(key);
  }
  if (node.spec.unschedulable) wanted.add(unschedulableTaint);
  const isManaged = (taint: Shared<Taint>) => taint.effect === 'NoSchedule' && managedNoSchedule.has(taint.key);
  const kept = before.filter((taint) => !isManaged(taint) || wanted.delete(taint.key));
  if (kept.length === before.length && wanted.size === 0) return before;
  return [...kept, ...[...wanted].map((key) => ({ key, effect: 'NoSchedule' }))];
}

/** The NoExecute taint that a node's readiness asks for. */
export function wantedEvictionTaint(node: Shared<Node>): string | undefined {
  const ready = findCondition(node.status.conditions, 'Ready')?.status;
  return ready === 'False' ? notReadyTaint : ready === 'Unknown' ? unreachableTaint : undefined;
}

/** Whether the node has one of the two readiness taints with effect NoExecute. */
export function evictionTaintOf(node: Shared<Node>): string | undefined {
  return node.spec.taints?.find(
    (taint) => taint.effect === 'NoExecute' && (taint.key === notReadyTaint || taint.key === unreachableTaint),
  )?.key;
}

/** The taints with the readiness taint set to `key` (none when undefined). */
export function withEvictionTaint(
  taints: readonly Shared<Taint>[],
  key: string | undefined,
  now: number,
): readonly Shared<Taint>[] {
  const others = taints.filter(
    (taint) => taint.effect !== 'NoExecute' || (taint.key !== notReadyTaint && taint.key !== unreachableTaint),
  );
  return key ? [...others, { key, effect: 'NoExecute', timeAdded: formatTime(now) }] : others;
}

const labelTwins: readonly (readonly [string, string])[] = [
  ['kubernetes.io/os', 'beta.kubernetes.io/os'],
  ['kubernetes.io/arch', 'beta.kubernetes.io/arch'],
];

/** Labels that must be set because the stable one has a deprecated twin; undefined when they agree. */
export function twinLabels(node: Shared<Node>): Record<string, string> | undefined {
  const labels = node.metadata.labels ?? {};
  const wrong = labelTwins.filter(([stable, beta]) => labels[stable] !== undefined && labels[beta] !== labels[stable]);
  return wrong.length ? Object.fromEntries(wrong.map(([stable, beta]) => [beta, labels[stable]!])) : undefined;
}
