/** JSON to values that expressions compute with, and back. */

import { Optional } from '@marcbachmann/cel-js';
import { Duration, UnsignedInt } from '@marcbachmann/cel-js/evaluator';
import { exactInteger } from '../../base/exact-json.ts';
import { type CelType, escapePropertyName, resolveType } from './types.ts';

/**
 * The value of a JSON value for an expression. Without a type whole numbers are ints and others doubles, as Go's decoder
 * has them. With a type, times and byte strings become what they stand for and object fields get their escaped names.
 */
export function celValue(value: unknown, type: CelType = 'dyn'): unknown {
  if (value === null || value === undefined) return value;
  const resolved = resolveType(type);
  if (typeof resolved === 'string') return scalarValue(value, resolved);
  if ('optional' in resolved) return celValue(value, resolved.optional);
  if ('list' in resolved)
    return Array.isArray(value) ? value.map((item) => celValue(item, resolved.list)) : celValue(value);
  if (typeof value !== 'object' || Array.isArray(value)) return celValue(value);
  const out: Record<string, unknown> = Object.create(null);
  if ('map' in resolved) {
    for (const [key, item] of Object.entries(value)) if (item !== undefined) out[key] = celValue(item, resolved.map);
    return out;
  }
  for (const [key, item] of Object.entries(value)) {
    const escaped = escapePropertyName(key);
    const field = escaped === undefined ? undefined : resolved.fields[escaped];
    if (item !== undefined && item !== null && field !== undefined) out[escaped!] = celValue(item, field);
  }
  return out;
}

function scalarValue(value: unknown, type: string): unknown {
  switch (typeof value) {
    case 'number':
      return type === 'double' ? value : Number.isInteger(value) ? BigInt(value) : value;
    case 'bigint':
      return type === 'double' ? Number(value) : value;
    case 'string':
      if (type === 'timestamp') return new Date(value);
      if (type === 'duration') return parseDuration(value);
      if (type === 'bytes') return new Uint8Array(Buffer.from(value, 'base64'));
      return value;
    case 'object':
      if (type === 'authorizer' || type === 'resourceCheck') return value;
      return plainValue(value as object);
    default:
      return value;
  }
}

function plainValue(value: object): unknown {
  if (Array.isArray(value)) return value.map((item) => celValue(item));
  const prototype = Object.getPrototypeOf(value);
  // Values that are already an expression's (dates, quantities, authorizers) pass as they are.
  if (prototype !== Object.prototype && prototype !== null) return value;
  const out: Record<string, unknown> = Object.create(null);
  for (const [key, item] of Object.entries(value)) if (item !== undefined) out[key] = celValue(item);
  return out;
}

/** The JSON of an expression's result. */
export function jsonValue(value: unknown): unknown {
  if (typeof value === 'bigint') return exactInteger(value);
  if (value === null || typeof value !== 'object') return value;
  if (value instanceof Optional) return value.hasValue() ? jsonValue(value.value()) : null;
  if (value instanceof UnsignedInt) return Number((value as unknown as { value: bigint }).value);
  if (value instanceof Date) return value.toISOString().replace('.000Z', 'Z');
  if (value instanceof Duration) return String(value);
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (Array.isArray(value)) return value.map(jsonValue);
  const entries = value instanceof Map ? [...value] : Object.entries(value);
  return Object.fromEntries(entries.map(([key, item]) => [String(key), jsonValue(item)]));
}

const unitNanos: Readonly<Record<string, bigint>> = {
  h: 3_600_000_000_000n,
  m: 60_000_000_000n,
  s: 1_000_000_000n,
  ms: 1_000_000n,
  us: 1_000n,
  µs: 1_000n,
  ns: 1n,
};

/** A Go duration (`1h30m`); the text itself when it is not one. */
function parseDuration(text: string): unknown {
  if (!/^-?(\d+(\.\d+)?(h|ms|us|µs|ns|m|s))+$/.test(text)) return text;
  let nanos = 0n;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(h|ms|us|µs|ns|m|s)/g)) {
    const [whole, fraction = ''] = amount!.split('.');
    nanos += BigInt(whole!) * unitNanos[unit!]!;
    if (fraction) nanos += (BigInt(fraction) * unitNanos[unit!]!) / 10n ** BigInt(fraction.length);
  }
  if (text.startsWith('-')) nanos = -nanos;
  return new Duration(nanos / 1_000_000_000n, Number(nanos % 1_000_000_000n));
}
