/** Validation errors with a field path, worded as upstream's field.Error (apimachinery util/validation/field). */

export type FieldErrorType =
  | 'FieldValueNotFound'
  | 'FieldValueRequired'
  | 'FieldValueDuplicate'
  | 'FieldValueInvalid'
  | 'FieldValueNotSupported'
  | 'FieldValueForbidden'
  | 'FieldValueTooLong'
  | 'FieldValueTooMany'
  | 'InternalError'
  | 'FieldValueTypeInvalid';

/** One thing that is wrong with one field. */
export interface FieldError {
  readonly type: FieldErrorType;
  /** `spec.containers[0].image`. */
  readonly path: string;
  /** The value found; its JSON (strings quoted) is part of the message for most types. */
  readonly value: unknown;
  readonly detail: string;
}

/** The path of a child field, of an element, of a map key: `spec` → `spec.replicas`, `spec[0]`, `labels[app]`. */
export const child = (path: string, name: string): string => (path ? `${path}.${name}` : name);
export const at = (path: string, index: number | string): string => `${path}[${index}]`;

export const notFoundField = (path: string, value: unknown): FieldError => ({
  type: 'FieldValueNotFound',
  path,
  value,
  detail: '',
});
export const required = (path: string, detail = ''): FieldError => ({
  type: 'FieldValueRequired',
  path,
  value: '',
  detail,
});
export const duplicate = (path: string, value: unknown): FieldError => ({
  type: 'FieldValueDuplicate',
  path,
  value,
  detail: '',
});
export const invalid = (path: string, value: unknown, detail: string): FieldError => ({
  type: 'FieldValueInvalid',
  path,
  value,
  detail,
});
export const forbidden = (path: string, detail: string): FieldError => ({
  type: 'FieldValueForbidden',
  path,
  value: '',
  detail,
});
export const tooLong = (path: string, _value: unknown, maxLength: number): FieldError => ({
  type: 'FieldValueTooLong',
  path,
  value: '<value omitted>',
  detail: maxLength >= 0 ? `may not be more than ${maxLength} bytes` : 'value is too long',
});
export const tooMany = (path: string, actual: number, max: number): FieldError => ({
  type: 'FieldValueTooMany',
  path,
  value: actual,
  detail: max >= 0 ? `must have at most ${max} ${max === 1 ? 'item' : 'items'}` : 'has too many items',
});
/** The supported values are listed as given: upstream sorts those that it keeps as sets, and leaves others as they are. */
export const notSupported = (path: string, value: unknown, supported: readonly string[]): FieldError => ({
  type: 'FieldValueNotSupported',
  path,
  value,
  detail: supported.length ? `supported values: ${supported.map((v) => JSON.stringify(v)).join(', ')}` : '',
});

const titles: Record<FieldErrorType, string> = {
  FieldValueNotFound: 'Not found',
  FieldValueRequired: 'Required value',
  FieldValueDuplicate: 'Duplicate value',
  FieldValueInvalid: 'Invalid value',
  FieldValueNotSupported: 'Unsupported value',
  FieldValueForbidden: 'Forbidden',
  FieldValueTooLong: 'Too long',
  FieldValueTooMany: 'Too many',
  InternalError: 'Internal error',
  FieldValueTypeInvalid: 'Invalid value',
};

const withoutValue: ReadonlySet<FieldErrorType> = new Set([
  'FieldValueRequired',
  'FieldValueForbidden',
  'FieldValueTooLong',
  'InternalError',
]);

/** The message without the path, as StatusCause.message carries it: `Invalid value: 0: must be greater than 0`. */
export function fieldErrorBody(error: FieldError): string {
  const title = titles[error.type];
  const value = withoutValue.has(error.type)
    ? ''
    : `: ${error.value === undefined ? 'null' : JSON.stringify(error.value)}`;
  return `${title}${value}${error.detail ? `: ${error.detail}` : ''}`;
}

/** `spec.replicas: Invalid value: -1: must be greater than or equal to 0`. */
export function fieldErrorMessage(error: FieldError): string {
  return `${error.path}: ${fieldErrorBody(error)}`;
}
