/** Taints and the tolerations that answer them. */
import type { Shared } from '../api/kind.ts';
import type { Taint, Toleration } from '../api/types/core-v1.ts';

type Tolerations = readonly Shared<Toleration>[] | undefined;
type TaintLike = Pick<Shared<Taint>, 'key' | 'value' | 'effect'>;

/** Whether one of the tolerations answers a taint (corev1.Toleration.ToleratesTaint). */
export function tolerates(tolerations: Tolerations, taint: TaintLike): boolean {
  return (
    tolerations?.some((t) => {
      if (t.effect && t.effect !== taint.effect) return false;
      if (t.key && t.key !== taint.key) return false;
      switch (t.operator || 'Equal') {
        case 'Equal':
          return (t.value ?? '') === (taint.value ?? '');
        case 'Exists':
          return true;
        case 'Lt':
          return comparesTo(taint.value, t.value, -1);
        case 'Gt':
          return comparesTo(taint.value, t.value, 1);
        default:
          return false;
      }
    }) ?? false
  );
}

/** Numeric tolerations (KEP-5471): the taint's value is below or above the toleration's. */
function comparesTo(taintValue: string | undefined, tolerated: string | undefined, sign: 1 | -1): boolean {
  const integer = /^(0|-?[1-9]\d*)$/;
  if (!integer.test(taintValue ?? '') || !integer.test(tolerated ?? '')) return false;
  return Math.sign(Number(taintValue) - Number(tolerated)) === sign;
}

/** The first taint with one of the effects that no toleration answers. */
export function firstUntolerated(
  taints: readonly Shared<Taint>[] | undefined,
  tolerations: Tolerations,
  effects: readonly string[],
): Shared<Taint> | undefined {
  return taints?.find((taint) => effects.includes(taint.effect) && !tolerates(tolerations, taint));
}
