/**
 * Ratcheting: an update may keep a fault that the stored object has already, because a rule is younger than the object.
 * Upstream does so for some rules, most of them as a whole: one such fault before allows others of its kind now.
 */
import { deepEqual } from '../../base/deep.ts';
import type { FieldError } from '../machinery/field-error.ts';

/** A rule that may be ratcheted. */
export interface Tolerable {
  readonly matches: (error: FieldError) => boolean;
  /** Only the values that the stored object has already may stay, not others that break the rule as well. */
  readonly sameValue?: boolean;
}

interface RuleMatch {
  readonly path?: RegExp;
  readonly detail?: RegExp;
  readonly sameValue?: boolean;
}

/** A rule known by where its errors are, by what they say, or by both. */
export function tolerable({ path, detail, sameValue = false }: RuleMatch): Tolerable {
  return { matches: (error) => (path?.test(error.path) ?? true) && (detail?.test(error.detail) ?? true), sameValue };
}

/** Values in a label selector that no label can have. */
export const selectorValues: Tolerable = tolerable({ path: /matchExpressions\[\d+\]\.values\[\d+\]$/ });

/**
 * The validation of a kind, without the errors of rules that the stored object breaks too. The stored object is looked
 * at only when there is such an error.
 */
export function ratcheted<T>(
  validate: (object: T) => FieldError[],
  rules: readonly Tolerable[],
): (object: T, old?: T) => FieldError[] {
  return (object, old) => {
    const errors = validate(object);
    if (!old) return errors;
    const broken = rules.filter(({ matches }) => errors.some(matches));
    if (!broken.length) return errors;
    const before = validate(old);
    return errors.filter((error) => !broken.some((rule) => isTolerated(error, rule, before)));
  };
}

function isTolerated(error: FieldError, { matches, sameValue }: Tolerable, before: readonly FieldError[]): boolean {
  return (
    matches(error) && before.some((other) => matches(other) && (!sameValue || deepEqual(other.value, error.value)))
  );
}
