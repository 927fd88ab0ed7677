/**
 * Protobuf messages by the schema, byte for byte as gogo's generated code writes them: fields in order of their numbers,
 * what is not a pointer always, maps sorted by key. Each struct is compiled on first use.
 */
import { Reader } from 'protobufjs';
import type { StructSchema, TypeSchema } from '../schema/schema.ts';
import { setOwn } from './parse-json.ts';
import { type Codec, readNested, scalarCodecs } from './protobuf-scalars.ts';
import { BackwardWriter } from './protobuf-writer.ts';

type Json = Record<string, unknown>;

interface FieldCodec {
  readonly number: number;
  /** Writes the field of an object, if it has to be there. */
  readonly write: (writer: BackwardWriter, object: Json) => void;
  /** Reads the field into an object. */
  readonly read: (reader: Reader, object: Json) => void;
}

interface MessageCodec {
  /** By number, highest first: they are written backwards. */
  readonly descending: readonly FieldCodec[];
  readonly byNumber: ReadonlyMap<number, FieldCodec>;
}

/** The message of an object, without an envelope. */
export function encodeMessage(struct: StructSchema, object: object): Uint8Array {
  const writer = new BackwardWriter();
  writeFields(writer, messageCodec(struct), object as Json);
  return writer.finish();
}

/** The JSON-like data of a message: not yet canonical. Throws Error or RangeError for what is no message. */
export function decodeMessage(struct: StructSchema, bytes: Uint8Array): Json {
  const reader = Reader.create(bytes);
  const { byNumber } = messageCodec(struct);
  const out: Json = {};
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    const field = byNumber.get(tag >>> 3);
    if (field) field.read(reader, out);
    else reader.skipType(tag & 7);
  }
  return out;
}

function writeFields(writer: BackwardWriter, codec: MessageCodec, object: Json): void {
  for (const field of codec.descending) field.write(writer, object);
}

/** Reads the message that follows into an object. */
function readFields(reader: Reader, codec: MessageCodec, into: Json): Json {
  readNested(reader, (number) => {
    const field = codec.byNumber.get(number);
    field?.read(reader, into);
    return field !== undefined;
  });
  return into;
}

const messages = new WeakMap<StructSchema, MessageCodec>();

function messageCodec(struct: StructSchema): MessageCodec {
  let codec = messages.get(struct);
  if (!codec) {
    const fields = struct.fields.flatMap((field): FieldCodec[] => {
      const { number, name, type, pointer, inline } = field;
      if (number === undefined) return [];
      if (inline && type.kind === 'struct') return [inlined(number, type.struct)];
      return [fieldCodec(number, name, { type, pointer })];
    });
    fields.sort((a, b) => b.number - a.number);
    codec = { descending: fields, byNumber: new Map(fields.map((field) => [field.number, field])) };
    messages.set(struct, codec);
  }
  return codec;
}

/** JSON has the struct's fields in its parent, protobuf has a message. */
function inlined(number: number, struct: StructSchema): FieldCodec {
  return {
    number,
    write(writer, object) {
      const before = writer.written;
      writeFields(writer, messageCodec(struct), object);
      writer.header(number, before);
    },
    read(reader, object) {
      readFields(reader, messageCodec(struct), object);
    },
  };
}

/** Named lists that are messages of their own, so that an empty one differs from none. */
const isWrappedList = (type: TypeSchema) =>
  type.kind === 'list' && type.goName !== undefined && /\.(?:ExtraValue|Verbs)$/.test(type.goName);

function fieldCodec(number: number, name: string, field: { type: TypeSchema; pointer: boolean }): FieldCodec {
  const { type, pointer } = field;
  if (type.kind === 'list' && !isWrappedList(type)) return listField(number, name, valueCodec(type.of));
  if (type.kind === 'map') return mapField(number, name, valueCodec(type.of));
  const codec = valueCodec(type);
  // Bytes and named lists are nil when absent; other non-pointers are always written.
  const optional = pointer || (type.kind === 'scalar' && type.scalar === 'bytes') || type.kind === 'list';
  const { zero } = codec;
  return {
    number,
    write(writer, object) {
      const value = object[name];
      if (value !== undefined && value !== null && !(optional && value === '' && !pointer)) {
        writeField(writer, number, codec, value);
      } else if (!optional) writeField(writer, number, codec, zero);
    },
    read(reader, object) {
      const value = codec.read(reader);
      if (value !== undefined) object[name] = value;
    },
  };
}

function writeField(writer: BackwardWriter, number: number, codec: Codec, value: unknown): void {
  const before = writer.written;
  codec.write(writer, value);
  if (codec.wireType === 2) writer.header(number, before);
  else writer.tag(number, codec.wireType);
}

function listField(number: number, name: string, codec: Codec): FieldCodec {
  return {
    number,
    write(writer, object) {
      const list = object[name];
      if (!Array.isArray(list)) return;
      for (let i = list.length - 1; i >= 0; i--) writeField(writer, number, codec, list[i] ?? codec.zero);
    },
    read(reader, object) {
      const list = object[name];
      const value = codec.read(reader) ?? null;
      if (Array.isArray(list)) list.push(value);
      else object[name] = [value];
    },
  };
}

/** Go sorts keys by their bytes, JavaScript by UTF-16 units: they differ only beyond the basic plane. */
function sortedKeys(map: Json): string[] {
  const keys = Object.keys(map);
  if (keys.length < 2) return keys;
  return keys.some((key) => /[\ud800-\udfff]/.test(key))
    ? keys.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    : keys.sort();
}

function mapField(number: number, name: string, codec: Codec): FieldCodec {
  return {
    number,
    write(writer, object) {
      const map = object[name];
      if (typeof map !== 'object' || map === null) return;
      const keys = sortedKeys(map as Json);
      for (let i = keys.length - 1; i >= 0; i--) {
        const before = writer.written;
        const value = (map as Json)[keys[i]!];
        writeField(writer, 2, codec, value ?? codec.zero);
        writer.string(1, keys[i]!);
        writer.header(number, before);
      }
    },
    read(reader, object) {
      let key = '';
      let value: unknown = codec.zero;
      readNested(reader, (part) => {
        if (part === 1) key = reader.string();
        else if (part === 2) value = codec.read(reader);
        return part === 1 || part === 2;
      });
      let map = object[name] as Json | undefined;
      if (!map) {
        map = {};
        object[name] = map;
      }
      setOwn(map, key, value ?? null);
    },
  };
}

function valueCodec(type: TypeSchema): Codec {
  switch (type.kind) {
    case 'scalar':
      return scalarCodecs[type.scalar];
    case 'struct':
      return oneOfTwo[type.struct.id]?.(type.struct) ?? structCodec(type.struct);
    case 'list':
      return wrapped(listField(1, 'items', valueCodec(type.of)), []);
    case 'map':
      return wrapped(mapField(1, 'items', valueCodec(type.of)), {});
    case 'any':
      return scalarCodecs.JSON;
  }
}

function structCodec(struct: StructSchema): Codec {
  return {
    wireType: 2,
    zero: {},
    write: (writer, value) => writeFields(writer, messageCodec(struct), value as Json),
    read: (reader) => readFields(reader, messageCodec(struct), {}),
  };
}

/** A list or map as a message that has it as its field 1. */
function wrapped(items: FieldCodec, zero: unknown): Codec {
  return {
    wireType: 2,
    zero,
    write: (writer, value) => items.write(writer, { items: value }),
    read(reader) {
      const out: Json = {};
      readNested(reader, (part) => {
        if (part === 1) items.read(reader, out);
        return part === 1;
      });
      return out['items'] ?? zero;
    },
  };
}

/** Structs whose JSON is either a schema or something else: each form has a field of its own. */
const oneOfTwo: Readonly<Record<string, ((struct: StructSchema) => Codec) | undefined>> = {
  'apiextensions/v1.JSONSchemaPropsOrArray': schemaOrList,
  'apiextensions/v1.JSONSchemaPropsOrStringArray': schemaOrList,
  'apiextensions/v1.JSONSchemaPropsOrBool': schemaOrBool,
};

function schemaOrList(struct: StructSchema): Codec {
  const [schema, list] = struct.fields.map((field) =>
    fieldCodec(field.number!, field.type.kind === 'list' ? 'list' : 'schema', field),
  ) as [FieldCodec, FieldCodec];
  return {
    wireType: 2,
    zero: {},
    write: (writer, value) =>
      Array.isArray(value) ? list.write(writer, { list: value }) : schema.write(writer, { schema: value }),
    read(reader) {
      const out = readForms(reader, [schema, list]);
      return out['schema'] ?? out['list'] ?? [];
    },
  };
}

function schemaOrBool(struct: StructSchema): Codec {
  const [allows, schema] = struct.fields.map((field) =>
    fieldCodec(field.number!, field.type.kind === 'struct' ? 'schema' : 'allows', field),
  ) as [FieldCodec, FieldCodec];
  return {
    wireType: 2,
    zero: false,
    write(writer, value) {
      if (typeof value === 'object') schema.write(writer, { schema: value });
      allows.write(writer, { allows: value !== false });
    },
    read(reader) {
      const out = readForms(reader, [allows, schema]);
      return out['schema'] ?? out['allows'] ?? false;
    },
  };
}

function readForms(reader: Reader, forms: readonly FieldCodec[]): Json {
  return readFields(reader, { descending: forms, byNumber: new Map(forms.map((form) => [form.number, form])) }, {});
}
