/** Taints of nodes and what tolerates them. */
import type { Shared } from '../api/kind.ts';
import type { Taint, Toleration } from '../api/types/core-v1.ts';

export const notReadyTaint = 'node.kubernetes.io/not-ready';
export const unreachableTaint = 'node.kubernetes.io/unreachable';
export const unschedulableTaint = 'node.kubernetes.io/unschedulable';
export const outOfServiceTaint = 'node.kubernetes.io/out-of-service';

/** Whether a toleration covers a taint. */
export function tolerates(toleration: Shared<Toleration>, taint: Shared<Taint>): boolean {
  if (toleration.effect && toleration.effect !== taint.effect) return false;
  if (toleration.key && toleration.key !== taint.key) return false;
  switch (toleration.operator ?? 'Equal') {
    case 'Exists':
      return true;
    case 'Equal':
    case '':
      return Boolean(toleration.key) && (toleration.value ?? '') === (taint.value ?? '');
    case 'Lt':
    case 'Gt': {
      const limit = Number(toleration.value);
      const value = Number(taint.value);
      if (!Number.isInteger(limit) || !Number.isInteger(value)) return false;
      return toleration.operator === 'Lt' ? value < limit : value > limit;
    }
    default:
      return false;
  }
}

/** The first taint of the given effects that no toleration covers. */
export function untolerated(
  taints: readonly Shared<Taint>[] | undefined,
  tolerations: readonly Shared<Toleration>[] | undefined,
  effects: readonly string[],
): Shared<Taint> | undefined {
  return taints?.find(
    (taint) => effects.includes(taint.effect) && !tolerations?.some((toleration) => tolerates(toleration, taint)),
  );
}

/** When a pod must leave a node with these NoExecute taints: now, after a time in ms, or never (undefined). */
export function evictionDelay(
  taints: readonly Shared<Taint>[],
  tolerations: readonly Shared<Toleration>[] | undefined,
): number | undefined {
  if (untolerated(taints, tolerations, ['NoExecute'])) return 0;
  let shortest: number | undefined;
  for (const toleration of tolerations ?? []) {
    if (toleration.tolerationSeconds === undefined) continue;
    if (!taints.some((taint) => taint.effect === 'NoExecute' && tolerates(toleration, taint))) continue;
    const delay = Math.max(0, Number(toleration.tolerationSeconds)) * 1000;
    if (shortest === undefined || delay < shortest) shortest = delay;
  }
  return shortest;
}
