/** Checks of single values that the validation of many kinds shares, with upstream's wording. */
import { at, type FieldError, invalid, notSupported, required } from '../machinery/field-error.ts';

export const nonNegativeMessage = 'must be greater than or equal to 0';
export const positiveMessage = 'must be greater than zero';
export const fileModeMessage = 'must be a number between 0 and 0777 (octal), both inclusive';

/** An Invalid error for each message. */
export function invalidEach(path: string, value: unknown, messages: readonly string[]): FieldError[] {
  return messages.map((message) => invalid(path, value, message));
}

/** An error when the number is negative; absent is fine. */
export function validateNonNegative(value: number | undefined, path: string): FieldError[] {
  return value !== undefined && value < 0 ? [invalid(path, value, nonNegativeMessage)] : [];
}

/** Required when empty, NotSupported when not one of the values. */
export function validateChoice(value: string | undefined, supported: readonly string[], path: string): FieldError[] {
  if (!value) return [required(path)];
  return supported.includes(value) ? [] : [notSupported(path, value, supported)];
}

/** NotSupported when set and not one of the values. */
export function validateOptionalChoice(
  value: string | undefined,
  supported: readonly string[],
  path: string,
): FieldError[] {
  return value === undefined || supported.includes(value) ? [] : [notSupported(path, value, supported)];
}

/** Required when empty, else the messages of a name check. */
export function validateRequiredName(
  value: string | undefined,
  check: (name: string) => string[],
  path: string,
): FieldError[] {
  return value ? invalidEach(path, value, check(value)) : [required(path)];
}

/** Required when empty. */
export function validatePresent(value: string | undefined, path: string): FieldError[] {
  return value ? [] : [required(path)];
}

/** A path relative to some root that does not leave it. */
export function validateLocalDescendingPath(target: string, path: string): FieldError[] {
  const errors = target.startsWith('/') ? [invalid(path, target, 'must be a relative path')] : [];
  return [...errors, ...validateNoBacksteps(target, path)];
}

/** A path without `..` elements. */
export function validateNoBacksteps(target: string, path: string): FieldError[] {
  return target.split('/').includes('..') ? [invalid(path, target, "must not contain '..'")] : [];
}

/** As {@link validateLocalDescendingPath}, and the first element does not begin with the two dots kept for the system. */
export function validateLocalNonReservedPath(target: string, path: string): FieldError[] {
  const errors = validateLocalDescendingPath(target, path);
  if (target.startsWith('..') && target !== '..' && !target.startsWith('../')) {
    errors.push(invalid(path, target, "must not start with '..'"));
  }
  return errors;
}

/** Permission bits; absent is fine. */
export function validateFileMode(mode: number | undefined, path: string): FieldError[] {
  return mode !== undefined && (mode < 0 || mode > 0o777) ? [invalid(path, mode, fileModeMessage)] : [];
}

/** Errors of every element. */
export function validateEach<T>(
  list: readonly T[] | undefined,
  path: string,
  validate: (element: T, path: string, index: number) => FieldError[],
): FieldError[] {
  return (list ?? []).flatMap((element, i) => validate(element, at(path, i), i));
}
