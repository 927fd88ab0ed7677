/**
 * Ratcheting: an update may keep a fault that the stored object has already, because a rule is younger than the object.
 * Upstream does so for some rules, each as a whole: one such fault before allows others of its kind now.
 */
import type { FieldError } from '../machinery/field-error.ts';

/** Whether an error is about a rule that may be ratcheted. */
export type Tolerable = (error: FieldError) => boolean;

/** A rule known by where its errors are, by what they say, or by both. */
export function tolerable({ path, detail }: { readonly path?: RegExp; readonly detail?: RegExp }): Tolerable {
  return (error) => (path?.test(error.path) ?? true) && (detail?.test(error.detail) ?? true);
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
    const broken = rules.filter((rule) => errors.some(rule));
    if (!broken.length) return errors;
    const before = validate(old);
    const tolerated = broken.filter((rule) => before.some(rule));
    return errors.filter((error) => !tolerated.some((rule) => rule(error)));
  };
}
