/** Checks a value against an OpenAPI schema, in the words of upstream's validator (go-openapi/validate). */

import { linearRegex, unicodeRegex } from '../../../api/cel/libraries/linear-regex.ts';
import {
  at,
  child,
  type FieldError,
  invalid,
  notSupported,
  required,
  tooLong,
  tooMany,
} from '../../../api/machinery/field-error.ts';
import { deepEqual } from '../../../base/deep.ts';
import { itemsOf, type Schema, valuesOf } from '../schema-types.ts';
import { correlate } from './correlate.ts';
import { hasFormat } from './formats.ts';

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function typeName(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'bigint') return 'integer';
  if (typeof value === 'number') return Number.isInteger(value) ? 'integer' : 'number';
  return typeof value;
}

function hasType(value: unknown, type: string): boolean {
  switch (type) {
    case 'integer':
      return typeof value === 'bigint' || (typeof value === 'number' && Number.isInteger(value));
    case 'number':
      return typeof value === 'number' || typeof value === 'bigint';
    case 'array':
      return Array.isArray(value);
    case 'object':
      return isObject(value);
    default:
      return typeof value === type;
  }
}

const shown = (path: string) => path || '<nil>';
const body = (path: string, rest: string) => (path ? `${path} in body ${rest}` : `in body ${rest}`);

/**
 * Everything that is wrong with a value. `path` is empty at the root. What an update has left as it was is not looked at
 * again (ratcheting, KEP-4008): `old` is the value before, undefined when there was none.
 */
export function validateValue(schema: Schema, value: unknown, path: string, old?: unknown): FieldError[] {
  if (old !== undefined && deepEqual(value, old)) return [];
  const errors: FieldError[] = [];
  const fail = (rest: string) => errors.push(invalid(shown(path), value, body(path, rest)));
  if (value === null) {
    if (schema.nullable || (schema.type === undefined && !schema['x-kubernetes-int-or-string'])) return errors;
    return [typeError(path, value, schema.type ?? 'integer,string')];
  }
  if (schema['x-kubernetes-int-or-string']) {
    if (!hasType(value, 'integer') && typeof value !== 'string') return [typeError(path, value, 'integer,string')];
  } else if (schema.type && !hasType(value, schema.type)) return [typeError(path, value, schema.type)];

  if (schema.enum && !schema.enum.some((allowed) => deepEqual(allowed, value)))
    errors.push(
      notSupported(
        shown(path),
        value,
        schema.enum.map((each) => (typeof each === 'string' ? each : JSON.stringify(each))),
      ),
    );
  if (typeof value === 'string') checkString(schema, value, path, errors);
  else if (typeof value === 'number' || typeof value === 'bigint') checkNumber(schema, value, fail);
  else if (Array.isArray(value)) checkArray(schema, { value, old, path }, errors);
  else if (isObject(value)) checkObject(schema, { value, old, path }, errors);
  checkCombinations(schema, value, path, errors);
  return errors;
}

function typeError(path: string, value: unknown, type: string): FieldError {
  const name = typeName(value);
  return {
    type: 'FieldValueTypeInvalid',
    path: shown(path),
    value: name,
    detail: body(path, `must be of type ${type}: ${JSON.stringify(name)}`),
  };
}

/** Patterns that the linear engine cannot run: it lacks Unicode classes, and what RE2 lacks too. */
const otherPatterns = new Map<string, RegExp | null>();

/** A regular expression of Go's syntax; null for what cannot be read, which is not checked. */
function regexOf(source: string): RegExp | null {
  const known = otherPatterns.get(source);
  if (known !== undefined) return known;
  try {
    return linearRegex(source);
  } catch {
    const other = unicodeRegex(source);
    if (otherPatterns.size > 5000) otherPatterns.clear();
    otherPatterns.set(source, other);
    return other;
  }
}

function checkString(schema: Schema, value: string, path: string, errors: FieldError[]): void {
  const fail = (rest: string) => errors.push(invalid(shown(path), value, body(path, rest)));
  if (schema.maxLength !== undefined || schema.minLength !== undefined) {
    const length = [...value].length;
    if (schema.maxLength !== undefined && length > schema.maxLength)
      errors.push(tooLong(shown(path), value, schema.maxLength));
    if (schema.minLength !== undefined && length < schema.minLength)
      fail(`should be at least ${schema.minLength} chars long`);
  }
  if (schema.pattern !== undefined) {
    const regex = regexOf(schema.pattern);
    if (regex && !regex.test(value)) fail(`should match '${schema.pattern}'`);
  }
  if (schema.format && !hasFormat(schema.format, value))
    fail(`must be of type ${schema.format}: ${JSON.stringify(value)}`);
}

function checkNumber(schema: Schema, value: number | bigint, fail: (rest: string) => void): void {
  const { maximum, minimum, multipleOf, exclusiveMaximum, exclusiveMinimum, format } = schema;
  if (maximum !== undefined && (exclusiveMaximum ? value >= maximum : value > maximum))
    fail(`should be less than ${exclusiveMaximum ? '' : 'or equal to '}${maximum}`);
  if (minimum !== undefined && (exclusiveMinimum ? value <= minimum : value < minimum))
    fail(`should be greater than ${exclusiveMinimum ? '' : 'or equal to '}${minimum}`);
  if (multipleOf !== undefined) {
    const quotient = Number(value) / multipleOf;
    if (Math.abs(quotient - Math.round(quotient)) > 1e-9) fail(`should be a multiple of ${multipleOf}`);
  }
  if (format === 'int32' && (value > 2147483647 || value < -2147483648))
    fail(`should be less than or equal to 2.147483647e+09`);
}

function checkArray(
  schema: Schema,
  { value, old, path }: { value: readonly unknown[]; old: unknown; path: string },
  errors: FieldError[],
): void {
  const fail = (rest: string) => errors.push(invalid(shown(path), value, body(path, rest)));
  if (schema.maxItems !== undefined && value.length > schema.maxItems)
    errors.push(tooMany(shown(path), value.length, schema.maxItems));
  if (schema.minItems !== undefined && value.length < schema.minItems)
    fail(`should have at least ${schema.minItems} items`);
  if (schema.uniqueItems && value.some((item, i) => value.slice(0, i).some((other) => deepEqual(item, other))))
    fail("shouldn't contain duplicates");
  const items = itemsOf(schema);
  if (!items) return;
  for (const [i, item] of value.entries())
    errors.push(...validateValue(items, item, at(path, i), correlate(schema, old, item)));
}

function checkObject(
  schema: Schema,
  { value, old, path }: { value: Record<string, unknown>; old: unknown; path: string },
  errors: FieldError[],
): void {
  const fail = (rest: string) => errors.push(invalid(shown(path), value, body(path, rest)));
  const keys = Object.keys(value);
  if (schema.maxProperties !== undefined && keys.length > schema.maxProperties)
    errors.push(tooMany(shown(path), keys.length, schema.maxProperties));
  if (schema.minProperties !== undefined && keys.length < schema.minProperties)
    fail(`should have at least ${schema.minProperties} properties`);
  for (const name of schema.required ?? []) if (!Object.hasOwn(value, name)) errors.push(required(child(path, name)));
  const properties = schema.properties ?? {};
  const values = valuesOf(schema);
  const before = isObject(old) ? old : {};
  for (const key of keys) {
    if (Object.hasOwn(properties, key))
      errors.push(...validateValue(properties[key]!, value[key], child(path, key), before[key]));
    else if (values && values !== true)
      errors.push(...validateValue(values, value[key], child(path, key), before[key]));
    else if (schema.additionalProperties === false) fail(`is a forbidden property`);
  }
}

function checkCombinations(schema: Schema, value: unknown, path: string, errors: FieldError[]): void {
  const name = JSON.stringify(path);
  const fits = (each: Schema) => validateValue(each, value, path).length === 0;
  for (const each of schema.allOf ?? []) {
    const found = validateValue(each, value, path);
    errors.push(...found);
    if (found.length) errors.push(invalid(shown(path), value, `${name} must validate all the schemas (allOf)`));
  }
  if (schema.anyOf?.length && !schema['x-kubernetes-int-or-string'] && !schema.anyOf.some(fits)) {
    errors.push(...(schema.anyOf.map((each) => validateValue(each, value, path)).find((found) => found.length) ?? []));
    errors.push(invalid(shown(path), value, `${name} must validate at least one schema (anyOf)`));
  }
  if (schema.oneOf?.length) {
    const matching = schema.oneOf.filter(fits).length;
    if (matching !== 1)
      errors.push(
        invalid(
          shown(path),
          value,
          `${name} must validate one and only one schema (oneOf). ${matching === 0 ? 'Found none valid' : `Found ${matching} valid alternatives`}`,
        ),
      );
  }
  if (schema.not && fits(schema.not))
    errors.push(invalid(shown(path), value, `${name} must not validate the schema (not)`));
}
