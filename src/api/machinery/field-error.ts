/** Validation errors with a field path, worded as upstream's field.Error (apimachinery util/validation/field). */

export type FieldErrorType =
  | 'FieldValueNotFound'
  | 'FieldValueRequired'
  | 'FieldValueDuplicate'
  | 'FieldValueInvalid'
  | 'FieldValueNotSupported'
  | 'FieldValueForbidden'
  | 'FieldValueTooLong'
  | 'FieldValueTooShort'
  | 'FieldValueTooMany'
  | 'FieldValueTooFew'
  | 'InternalError'
  | 'FieldValueTypeInvalid';

/** One thing that is wrong with one field. */
export interface FieldError {
  readonly type: FieldErrorType;
  /** `spec.containers[0].image`. */
  readonly path: string;
  /** The value found; it is part of the message for most types. */
  readonly value: unknown;
  readonly detail: string;
}

/** A value that messages leave out: objects and lists would fill them. */
export const omittedValue: unique symbol = Symbol('omitted');

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
  detail:
    maxLength >= 0 ? `may not be more than ${maxLength} ${maxLength === 1 ? 'byte' : 'bytes'}` : 'value is too long',
});
export const tooMany = (path: string, actual: number, max: number): FieldError => ({
  type: 'FieldValueTooMany',
  path,
  value: actual < 0 ? omittedValue : actual,
  detail: max >= 0 ? `must have at most ${max} ${max === 1 ? 'item' : 'items'}` : 'has too many items',
});
/** What went wrong is not the value's fault. */
export const internalError = (path: string, detail: string): FieldError => ({
  type: 'InternalError',
  path,
  value: '',
  detail,
});
/** The supported values are listed as given: upstream sorts those that it keeps as sets, and leaves others as they are. */
export const notSupported = (path: string, value: unknown, supported: readonly string[]): FieldError => ({
  type: 'FieldValueNotSupported',
  path,
  value,
  detail: supported.length ? `supported values: ${supported.map(goQuote).join(', ')}` : '',
});

const titles: Record<FieldErrorType, string> = {
  FieldValueNotFound: 'Not found',
  FieldValueRequired: 'Required value',
  FieldValueDuplicate: 'Duplicate value',
  FieldValueInvalid: 'Invalid value',
  FieldValueNotSupported: 'Unsupported value',
  FieldValueForbidden: 'Forbidden',
  FieldValueTooLong: 'Too long',
  FieldValueTooShort: 'Too short',
  FieldValueTooMany: 'Too many',
  FieldValueTooFew: 'Too few',
  InternalError: 'Internal error',
  FieldValueTypeInvalid: 'Invalid value',
};

const withoutValue: ReadonlySet<FieldErrorType> = new Set([
  'FieldValueRequired',
  'FieldValueForbidden',
  'FieldValueTooLong',
  'FieldValueTooShort',
  'InternalError',
]);

/** The message without the path, as StatusCause.message carries it: `Invalid value: 0: must be greater than 0`. */
export function fieldErrorBody(error: FieldError): string {
  const title = titles[error.type];
  const value = withoutValue.has(error.type) || error.value === omittedValue ? '' : `: ${shown(error.value)}`;
  return `${title}${value}${error.detail ? `: ${error.detail}` : ''}`;
}

/** A value as upstream prints it: strings as Go quotes them, all else as Go's JSON. */
function shown(value: unknown): string {
  if (typeof value === 'string') return goQuote(value);
  return JSON.stringify(value ?? null).replace(/[<>&\u2028\u2029]/g, (c) => unicodeEscape(c.codePointAt(0)!));
}

const shortEscapes: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\x07': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
};

/** A string as Go's `%q` prints it: what cannot be printed is escaped, other Unicode stays. */
export function goQuote(text: string): string {
  const escaped = text.replace(/["\\]|[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/gu, (c) => {
    const code = c.codePointAt(0)!;
    return shortEscapes[c] ?? (code < 0x80 ? `\\x${code.toString(16).padStart(2, '0')}` : unicodeEscape(code));
  });
  return `"${escaped}"`;
}

const unicodeEscape = (code: number): string =>
  code > 0xffff ? `\\U${code.toString(16).padStart(8, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`;

/** `spec.replicas: Invalid value: -1: must be greater than or equal to 0`. */
export function fieldErrorMessage(error: FieldError): string {
  return `${error.path}: ${fieldErrorBody(error)}`;
}
