/** The arithmetic of a PodDisruptionBudget. Pure functions. */
import type { Pod } from '../../api/core/pod.ts';
import type { Shared } from '../../api/kind.ts';
import { scaledValue } from '../../api/machinery/int-or-string.ts';
import type { PodDisruptionBudgetSpec } from '../../api/types/policy-v1.ts';
import { parseTime } from '../../base/clock.ts';
import { isPodReady } from '../pods/state.ts';

/** An eviction that was allowed must have become a deletion by then. */
export const deletionTimeoutMs = 120_000;

/** How many pods there should be and how many must be healthy. */
export function expectedCounts(
  spec: Shared<PodDisruptionBudgetSpec>,
  { pods, scale }: { pods: number; scale: number },
): { readonly expected: number; readonly desired: number } {
  if (spec.maxUnavailable !== undefined) {
    const unavailable = scaledValue(spec.maxUnavailable, scale, { roundUp: true });
    return { expected: scale, desired: Math.max(0, scale - unavailable) };
  }
  const { minAvailable } = spec;
  if (typeof minAvailable === 'string') {
    return { expected: scale, desired: scaledValue(minAvailable, scale, { roundUp: true }) };
  }
  return { expected: pods, desired: minAvailable ?? 0 };
}

/** The evictions that are still under way, and how long until the next one is taken for failed. */
export function pendingDisruptions(
  disrupted: Readonly<Record<string, string>> | undefined,
  pods: readonly Shared<Pod>[],
  now: number,
): {
  readonly pending: Record<string, string>;
  readonly overdue: readonly Shared<Pod>[];
  readonly recheckMs: number | undefined;
} {
  const pending: Record<string, string> = {};
  const overdue: Shared<Pod>[] = [];
  let recheckMs: number | undefined;
  for (const pod of pods) {
    const at = disrupted?.[pod.metadata.name];
    if (at === undefined || pod.metadata.deletionTimestamp) continue;
    const left = parseTime(at) + deletionTimeoutMs - now;
    if (left <= 0) {
      overdue.push(pod);
      continue;
    }
    pending[pod.metadata.name] = at;
    recheckMs = Math.min(recheckMs ?? left, left);
  }
  return { pending, overdue, recheckMs };
}

/** Pods that are ready and about to stay. */
export function countHealthy(pods: readonly Shared<Pod>[], pending: Readonly<Record<string, string>>): number {
  return pods.filter(
    (pod) => !pod.metadata.deletionTimestamp && pending[pod.metadata.name] === undefined && isPodReady(pod),
  ).length;
}
