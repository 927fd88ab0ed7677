/** Uniqueness in lists of type set and map (upstream's listtype validation). */
import { at, child, duplicate, type FieldError } from '../../../api/machinery/field-error.ts';
import { itemsOf, type Schema, valuesOf } from '../schema-types.ts';

/** Repeated items in a value; `path` is empty at the root. */
export function validateListTypes(schema: Schema, value: unknown, path: string): FieldError[] {
  if (typeof value !== 'object' || value === null) return [];
  const errors: FieldError[] = [];
  if (Array.isArray(value)) {
    const type = schema['x-kubernetes-list-type'];
    if (type === 'set') errors.push(...repeated(value, path, (item) => item));
    if (type === 'map') {
      const keys = schema['x-kubernetes-list-map-keys'] ?? [];
      errors.push(...repeated(value, path, (item) => keysOf(item, keys)));
    }
    const items = itemsOf(schema);
    if (items) for (const [i, item] of value.entries()) errors.push(...validateListTypes(items, item, at(path, i)));
    return errors;
  }
  const values = valuesOf(schema);
  for (const [key, inner] of Object.entries(value)) {
    const property = schema.properties && Object.hasOwn(schema.properties, key) ? schema.properties[key] : undefined;
    if (property) errors.push(...validateListTypes(property, inner, child(path, key)));
    else if (values && values !== true) errors.push(...validateListTypes(values, inner, child(path, key)));
  }
  return errors;
}

function keysOf(item: unknown, keys: readonly string[]): unknown {
  const object = (typeof item === 'object' && item !== null ? item : {}) as Record<string, unknown>;
  return Object.fromEntries(keys.map((key) => [key, object[key] ?? null]));
}

function repeated(list: readonly unknown[], path: string, identify: (item: unknown) => unknown): FieldError[] {
  const errors: FieldError[] = [];
  const seen = new Set<string>();
  for (const [i, item] of list.entries()) {
    const id = identify(item);
    const text = JSON.stringify(id);
    if (seen.has(text)) errors.push(duplicate(at(path, i), id));
    seen.add(text);
  }
  return errors;
}
