/** The scalar types in protobuf: plain ones, and those that are messages of a few fields. */
import type { Reader } from 'protobufjs';
import { formatMicroTime, formatTime, parseTime } from '../../base/clock.ts';
import { exactInteger, parseExactJson } from '../../base/exact-json.ts';
import type { Scalar } from '../schema/schema.ts';
import { formatDuration, parseDuration } from './duration.ts';
import type { BackwardWriter } from './protobuf-writer.ts';

/** Writes and reads the content of a field. */
export interface Codec {
  readonly wireType: 0 | 1 | 2;
  /** Writes the value without its tag; length-delimited ones without their length. */
  readonly write: (writer: BackwardWriter, value: unknown) => void;
  /** Reads the value after its tag. */
  readonly read: (reader: Reader) => unknown;
  /** Written where a field that is not a pointer has no value. */
  readonly zero: unknown;
}

const varint = (read: (reader: Reader) => number | bigint): Codec => ({
  wireType: 0,
  zero: 0,
  write: (writer, value) => writer.varint(value as number | bigint),
  read,
});

const int64 = varint((reader) => {
  const value = reader.int64();
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : exactInteger(BigInt(String(value)));
});
/** Seconds, nanoseconds, kinds: what no value in use goes beyond a double. */
const smallInt64 = (reader: Reader) => Number(int64.read(reader));

/**
 * Reads the message that follows, field by field: `field` reads the content of the field of a number, or says that it does
 * not know it. Throws RangeError for a message that is longer than what is left.
 */
export function readNested(reader: Reader, field: (number: number) => boolean): void {
  const size = reader.uint32();
  const end = reader.pos + size;
  if (end > reader.len) throw new RangeError(`index out of range: ${reader.pos} + ${size} > ${reader.len}`);
  while (reader.pos < end) {
    const tag = reader.uint32();
    if (!field(tag >>> 3)) reader.skipType(tag & 7);
  }
  if (reader.pos !== end) throw new RangeError('a field is longer than its message');
}

/** A message of a few scalar fields, all of them always written. */
function scalarMessage(options: {
  zero: unknown;
  write: (writer: BackwardWriter, value: unknown) => void;
  readers: Readonly<Record<number, (reader: Reader) => unknown>>;
  build: (fields: Readonly<Record<number, unknown>>) => unknown;
}): Codec {
  return {
    wireType: 2,
    zero: options.zero,
    write: options.write,
    read(reader) {
      const fields: Record<number, unknown> = {};
      readNested(reader, (number) => {
        const read = options.readers[number];
        if (read) fields[number] = read(reader);
        return read !== undefined;
      });
      return options.build(fields);
    },
  };
}

const readString = (reader: Reader) => reader.string();

function timeCodec(nanosOf: (text: string) => number, format: (ms: number) => string): Codec {
  return scalarMessage({
    zero: undefined,
    write(writer, value) {
      if (typeof value !== 'string') return;
      const ms = parseTime(value);
      writer.int(2, nanosOf(value));
      writer.int(1, Math.floor(ms / 1000));
    },
    readers: { 1: smallInt64, 2: (reader) => reader.int32() },
    build({ 1: seconds, 2: nanos = 0 }) {
      return seconds === undefined ? undefined : format((seconds as number) * 1000 + (nanos as number) / 1e6);
    },
  });
}

/** A message whose field 1 is the JSON text of the value. */
const rawJson: Codec = scalarMessage({
  zero: undefined,
  write(writer, value) {
    if (value !== undefined) writer.string(1, JSON.stringify(value));
  },
  readers: { 1: (reader) => reader.bytes() },
  build({ 1: raw }) {
    const bytes = raw as Uint8Array | undefined;
    return bytes?.length ? parseExactJson(Buffer.from(bytes).toString('utf8')) : undefined;
  },
});

/** How each scalar type is written and read. */
export const scalarCodecs: Readonly<Record<Scalar, Codec>> = {
  string: { wireType: 2, zero: '', write: (writer, value) => writer.utf8(value as string), read: readString },
  bool: {
    wireType: 0,
    zero: false,
    write: (writer, value) => writer.varint(value ? 1 : 0),
    read: (reader) => reader.bool(),
  },
  int32: varint((reader) => reader.int32()),
  int64,
  uint32: varint((reader) => reader.uint32()),
  float64: {
    wireType: 1,
    zero: 0,
    write: (writer, value) => writer.double(value as number),
    read: (reader) => reader.double(),
  },
  bytes: {
    wireType: 2,
    zero: '',
    write: (writer, value) => writer.raw(Buffer.from(value as string, 'base64')),
    read: (reader) => Buffer.from(reader.bytes()).toString('base64'),
  },
  Time: timeCodec(() => 0, formatTime),
  MicroTime: timeCodec(
    (text) => Number((/\.(\d+)/.exec(text)?.[1] ?? '').slice(0, 6).padEnd(6, '0')) * 1000,
    formatMicroTime,
  ),
  Duration: scalarMessage({
    zero: '0s',
    write: (writer, value) => writer.int(1, parseDuration(value as string) ?? 0),
    readers: { 1: smallInt64 },
    build: ({ 1: nanos = 0 }) => formatDuration(nanos as number),
  }),
  Quantity: scalarMessage({
    zero: '0',
    write: (writer, value) => writer.string(1, String(value)),
    readers: { 1: readString },
    build: ({ 1: text = '0' }) => text || '0',
  }),
  IntOrString: scalarMessage({
    zero: 0,
    write(writer, value) {
      const isString = typeof value === 'string';
      writer.string(3, isString ? value : '');
      writer.int(2, isString ? 0 : (value as number));
      writer.int(1, isString ? 1 : 0);
    },
    readers: { 1: smallInt64, 2: (reader) => reader.int32(), 3: readString },
    build: ({ 1: type = 0, 2: number = 0, 3: text = '' }) => (type === 1 ? text : number),
  }),
  RawExtension: rawJson,
  FieldsV1: rawJson,
  JSON: rawJson,
};
