/** Checking that a document read from a file has the form that is expected, before its values are looked at. */
import { at, child, type FieldError, forbidden, invalid } from '../../api/machinery/field-error.ts';

/** What a value may be; what a field that is absent would be is not asked. */
export type Shape =
  | 'string'
  | 'integer'
  | 'boolean'
  | 'any'
  | { readonly list: Shape }
  | { readonly map: Shape }
  | { readonly fields: Readonly<Record<string, Shape>> };

const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** What is wrong with the form of a value: types, and fields that nobody knows. */
export function checkShape(value: unknown, shape: Shape, path: string): FieldError[] {
  if (value === undefined || value === null || shape === 'any') return [];
  const wrong = (what: string) => [invalid(path, value, `must be ${what}`)];
  if (shape === 'string') return typeof value === 'string' ? [] : wrong('a string');
  if (shape === 'boolean') return typeof value === 'boolean' ? [] : wrong('true or false');
  if (shape === 'integer') return Number.isSafeInteger(value) ? [] : wrong('a whole number');
  if ('list' in shape) {
    if (!Array.isArray(value)) return wrong('a list');
    return value.flatMap((item, i) => checkShape(item, shape.list, at(path, i)));
  }
  if (!isMap(value)) return wrong('a map of fields');
  return Object.entries(value).flatMap(([name, item]) => {
    const known = 'map' in shape ? shape.map : shape.fields[name];
    if (known) return checkShape(item, known, child(path, name));
    const names = 'fields' in shape ? Object.keys(shape.fields).sort().join(', ') : '';
    return [forbidden(child(path, name), `there is no such field; known are ${names}`)];
  });
}
