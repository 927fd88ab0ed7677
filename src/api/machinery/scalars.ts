/** Decoding of scalar values by the schema: what Go's JSON decoder takes, in canonical form, or its error. */
import { exactInteger } from '../../base/exact-json.ts';
import { goType, type Scalar, type TypeSchema } from '../schema/schema.ts';
import { formatDuration, parseDuration } from './duration.ts';
import { setOwn } from './parse-json.ts';
import { Quantity, QuantityError } from './quantity.ts';

/** A value that does not fit its type; `where` is filled in by the decoder of the enclosing struct. */
export class WrongType extends Error {
  override readonly name = 'WrongType';
  /** `string`, `number 1.5`, `object`: undefined when the message is complete as it is. */
  readonly found: string | undefined;
  readonly wanted: string;

  constructor(found: string | undefined, wanted: string, message = '') {
    super(message);
    this.found = found;
    this.wanted = wanted;
  }
}

/** A decoder of one value; `undefined` stands for Go's zero value where that is written as null. */
type DecodeScalar = (value: unknown) => unknown;

/** How Go's decoder calls a JSON value in its messages. */
export function jsonTypeName(value: unknown): string {
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'bigint') return 'number';
  return typeof value === 'boolean' ? 'bool' : typeof value;
}

function integer(min: number, max: number): (wanted: string) => DecodeScalar {
  return (wanted) => (value) => {
    if (typeof value === 'bigint') throw new WrongType(`number ${value}`, wanted);
    if (typeof value !== 'number') throw new WrongType(jsonTypeName(value), wanted);
    if (!Number.isInteger(value) || value < min || value > max) throw new WrongType(`number ${value}`, wanted);
    // Adding zero turns -0 into 0.
    return value + 0;
  };
}

/** A bigint where a number would not be exact: see base/exact-json.ts. */
const int64 = (wanted: string): DecodeScalar => {
  // The doubles next to the bounds: what is beyond those in a text reads as the bounds themselves.
  const decode = integer(1024 - 2 ** 63, 2 ** 63 - 1024)(wanted);
  return (value) => {
    if (typeof value === 'bigint') return value;
    const number = decode(value) as number;
    return Number.isSafeInteger(number) ? number : exactInteger(BigInt(number));
  };
};

const ofType =
  (type: 'string' | 'boolean') =>
  (wanted: string): DecodeScalar =>
  (value) => {
    if (typeof value !== type) throw new WrongType(jsonTypeName(value), wanted);
    return value;
  };

const decoders: Readonly<Record<Scalar, (wanted: string) => DecodeScalar>> = {
  string: ofType('string'),
  bool: ofType('boolean'),
  int32: integer(-(2 ** 31), 2 ** 31 - 1),
  int64,
  uint32: integer(0, 2 ** 32 - 1),
  float64: (wanted) => (value) => {
    if (typeof value === 'bigint') return Number(value);
    if (typeof value !== 'number') throw new WrongType(jsonTypeName(value), wanted);
    return value;
  },
  bytes: (wanted) => (value) => {
    if (typeof value !== 'string') throw new WrongType(jsonTypeName(value), wanted);
    return canonicalBase64(value);
  },
  Time: (wanted) => (value) => {
    if (typeof value !== 'string') throw new WrongType(jsonTypeName(value), wanted);
    return canonicalTime(value);
  },
  MicroTime: (wanted) => (value) => {
    if (typeof value !== 'string') throw new WrongType(jsonTypeName(value), wanted);
    return canonicalMicroTime(value);
  },
  Duration: (wanted) => (value) => {
    if (typeof value !== 'string') throw new WrongType(jsonTypeName(value), wanted);
    const nanos = parseDuration(value);
    if (nanos === undefined) {
      throw new WrongType(undefined, wanted, `time: invalid duration ${JSON.stringify(value)}`);
    }
    return formatDuration(nanos);
  },
  Quantity: (wanted) => (value) => {
    try {
      return Quantity.parse(
        typeof value === 'string' || typeof value === 'number'
          ? value
          : typeof value === 'bigint'
            ? String(value)
            : 'not a quantity',
      ).toString();
    } catch (error) {
      if (error instanceof QuantityError) throw new WrongType(undefined, wanted, error.message);
      throw error;
    }
  },
  IntOrString: (wanted) => {
    const int32 = decoders.int32(wanted);
    return (value) => (typeof value === 'string' ? value : int32(value));
  },
  RawExtension: () => copyJson,
  FieldsV1: () => copyJson,
  JSON: () => copyJson,
};

/** The decoder of a scalar type. */
export function scalarDecoder(type: TypeSchema & { kind: 'scalar' }): DecodeScalar {
  return decoders[type.scalar](goType(type));
}

/** A JSON value in a message; a client's object may have a toString of its own. */
export function shown(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '');
}

/** A copy of a JSON value that the receiver may change; undefined properties are left out. */
export function copyJson(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(copyJson);
  const out: Record<string, unknown> = {};
  for (const key of Object.keys(value)) {
    const child = (value as Record<string, unknown>)[key];
    if (child !== undefined) setOwn(out, key, copyJson(child));
  }
  return out;
}

const base64Pattern = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** Base64 as Go's decoder takes it (line breaks ignored), written as its encoder does. */
function canonicalBase64(text: string): string {
  const bare = text.includes('\n') || text.includes('\r') ? text.replace(/[\r\n]/g, '') : text;
  if (!base64Pattern.test(bare)) {
    const bad = bare.search(/[^A-Za-z0-9+/]/);
    const at = bad >= 0 ? bad : bare.length - (bare.length % 4);
    throw new WrongType(undefined, '[]uint8', `illegal base64 data at input byte ${at}`);
  }
  if (!bare.endsWith('=')) return bare;
  const last = bare.length - 4;
  return bare.slice(0, last) + Buffer.from(bare.slice(last), 'base64').toString('base64');
}

const plainTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;
const anyTime = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:[.,](\d+))?(Z|[+-]\d\d:\d\d)$/;
const zeroTime = '0001-01-01T00:00:00Z';

function instant(text: string, layout: string): { ms: number; fraction: string } {
  const match = anyTime.exec(text);
  const ms = match ? Date.parse(match[1] + match[3]!) : Number.NaN;
  // Date.parse rolls 24:00:00 over; Go has no such hour.
  if (Number.isNaN(ms) || match![1]!.slice(11, 13) === '24') {
    throw new WrongType(undefined, 'string', timeMessage(text, layout));
  }
  return { ms, fraction: match![2] ?? '' };
}

function timeMessage(text: string, layout: string): string {
  const head = `parsing time ${JSON.stringify(text)}`;
  if (anyTime.test(text)) return `${head}: ${/-(0[013-9]|1[0-2])-|-02-/.test(text) ? 'day' : 'month'} out of range`;
  const parts = ['2006', '-', '01', '-', '02', 'T', '15', ':', '04', ':', '05', 'Z07:00'];
  const patterns = [
    /^\d{4}/,
    /^-/,
    /^\d\d/,
    /^-/,
    /^\d\d/,
    /^T/,
    /^\d\d/,
    /^:/,
    /^\d\d/,
    /^:/,
    /^\d\d(\.\d+)?/,
    /^(Z|[+-]\d\d:\d\d)/,
  ];
  let rest = text;
  for (const [i, pattern] of patterns.entries()) {
    const match = pattern.exec(rest);
    if (!match) return `${head} as "${layout}": cannot parse ${JSON.stringify(rest)} as ${JSON.stringify(parts[i])}`;
    rest = rest.slice(match[0].length);
  }
  return `${head}: extra text: ${JSON.stringify(rest)}`;
}

function canonicalTime(text: string): string | undefined {
  if (text === '' || text === zeroTime) {
    if (text) return undefined;
    throw new WrongType(undefined, 'string', timeMessage(text, '2006-01-02T15:04:05Z07:00'));
  }
  const { ms } = instant(text, '2006-01-02T15:04:05Z07:00');
  return plainTime.test(text) ? text : `${new Date(ms).toISOString().slice(0, 19)}Z`;
}

function canonicalMicroTime(text: string): string | undefined {
  const { ms, fraction } = instant(text, '2006-01-02T15:04:05.000000Z07:00');
  const seconds = new Date(ms).toISOString().slice(0, 19);
  const written = `${seconds}.${fraction.slice(0, 6).padEnd(6, '0')}Z`;
  return written === '0001-01-01T00:00:00.000000Z' ? undefined : written;
}
