/** Reading and setting entries of `status.conditions`. */
import { formatTime } from '../base/clock.ts';

interface AnyCondition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
  readonly lastTransitionTime?: string;
  readonly observedGeneration?: number;
}

/** The condition of a type, if it is there. */
export function findCondition<C extends { readonly type: string }>(
  conditions: readonly C[] | undefined,
  type: string,
): C | undefined {
  return conditions?.find((condition) => condition.type === type);
}

/** Whether the condition of a type is there with status True. */
export function isConditionTrue(
  conditions: readonly { readonly type: string; readonly status: string }[] | undefined,
  type: string,
): boolean {
  return findCondition(conditions, type)?.status === 'True';
}

/**
 * The conditions with one set. The transition time moves only when the status changes; the very list comes back when
 * nothing differs, so that callers can compare by identity. Order is kept.
 */
export function withCondition<C extends AnyCondition>(
  conditions: readonly C[] | undefined,
  wanted: C,
  now: number,
): readonly C[] {
  const list = conditions ?? [];
  const old = findCondition(list, wanted.type);
  if (
    old &&
    old.status === wanted.status &&
    old.reason === wanted.reason &&
    old.message === wanted.message &&
    old.observedGeneration === wanted.observedGeneration
  ) {
    return list;
  }
  const lastTransitionTime =
    old && old.status === wanted.status && old.lastTransitionTime ? old.lastTransitionTime : formatTime(now);
  const next = { ...wanted, lastTransitionTime };
  return old ? list.map((condition) => (condition === old ? next : condition)) : [...list, next];
}

/** The conditions without those of a type; the very list when there is none. */
export function withoutCondition<C extends { readonly type: string }>(
  conditions: readonly C[] | undefined,
  type: string,
): readonly C[] {
  const list = conditions ?? [];
  return list.some((condition) => condition.type === type) ? list.filter((condition) => condition.type !== type) : list;
}
