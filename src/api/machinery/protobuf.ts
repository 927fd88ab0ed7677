/**
 * `application/vnd.kubernetes.protobuf`: the envelope, lists and watch frames around the messages of protobuf-message.ts.
 */
import { Reader } from 'protobufjs';
import type { DeepReadonly } from '../../base/deep.ts';
import { type StructSchema, structSchema } from '../schema/schema.ts';
import { decodeMessage, encodeMessage } from './protobuf-message.ts';
import { BackwardWriter } from './protobuf-writer.ts';
import { badRequest, type Status } from './status.ts';

export { decodeMessage, encodeMessage } from './protobuf-message.ts';

/** The first bytes of every document. */
const magic = Buffer.from('k8s\0', 'latin1');

interface TypeRef {
  readonly apiVersion: string;
  readonly kind: string;
}

/** The envelope (runtime.Unknown) around a message. */
export function wrapMessage(type: TypeRef, message: Uint8Array): Uint8Array {
  const writer = new BackwardWriter(message.length + 128);
  // Content encoding and type, which are never set.
  writer.string(4, '');
  writer.string(3, '');
  writer.bytes(2, message);
  const before = writer.written;
  writer.string(2, type.kind);
  writer.string(1, type.apiVersion);
  writer.header(1, before);
  writer.raw(magic);
  return writer.finish();
}

/** An object of a kind, or of a struct with its type in the object. */
export function encodeProtobuf(
  kind: TypeRef & { readonly struct: StructSchema },
  object: DeepReadonly<object>,
): Uint8Array {
  return wrapMessage(kind, encodeMessage(kind.struct, object));
}

let status: StructSchema | undefined;

/** A Status, the form of every error. */
export function encodeStatusProtobuf(value: Status | DeepReadonly<Status>): Uint8Array {
  status ??= structSchema('meta/v1.Status');
  return encodeProtobuf({ apiVersion: 'v1', kind: 'Status', struct: status }, value);
}

let listMeta: StructSchema | undefined;

/** A list from its items' messages (as {@link encodeMessage} gives them, so that they can be cached). */
export function encodeListProtobuf(type: TypeRef, metadata: object, items: readonly Uint8Array[]): Uint8Array {
  listMeta ??= structSchema('meta/v1.ListMeta');
  let size = 256;
  for (const item of items) size += item.length + 6;
  const writer = new BackwardWriter(size);
  for (let i = items.length - 1; i >= 0; i--) writer.bytes(2, items[i]!);
  writer.bytes(1, encodeMessage(listMeta, metadata));
  return wrapMessage(type, writer.finish());
}

/**
 * One event of a watch: a length of four bytes and the event's message. The object is a whole document, with its envelope.
 */
export function encodeWatchFrame(eventType: string, object: Uint8Array): Uint8Array {
  const writer = new BackwardWriter(object.length + 64);
  const before = writer.written;
  writer.bytes(1, object);
  writer.header(2, before);
  writer.string(1, eventType);
  const event = writer.finish();
  const frame = Buffer.allocUnsafe(4 + event.length);
  frame.writeUInt32BE(event.length, 0);
  frame.set(event, 4);
  return frame;
}

/** A document whose message is not decoded yet. */
export interface ProtobufDocument extends TypeRef {
  /** The message in the envelope. */
  readonly raw: Uint8Array;
  /** The message as JSON-like data with its type; {@link canonicalize} makes it an object. Throws badRequest. */
  decode(struct: StructSchema): Record<string, unknown>;
}

/** Opens the envelope; throws badRequest for what is not one. */
export function decodeProtobuf(bytes: Uint8Array): ProtobufDocument {
  if (bytes.length < 4 || magic.compare(bytes, 0, 4) !== 0) {
    throw badRequest('provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]');
  }
  const envelope = { apiVersion: '', kind: '', raw: new Uint8Array() as Uint8Array };
  reading(() => {
    const reader = Reader.create(bytes.subarray(4));
    while (reader.pos < reader.len) {
      const tag = reader.uint32();
      if (tag === 0x0a) readTypeMeta(Reader.create(reader.bytes()), envelope);
      else if (tag === 0x12) envelope.raw = reader.bytes();
      else reader.skipType(tag & 7);
    }
  });
  const { apiVersion, kind, raw } = envelope;
  return {
    ...envelope,
    decode: (struct) => {
      const value = reading(() => decodeMessage(struct, raw));
      return struct.byName.has('kind') ? { kind, apiVersion, ...value } : value;
    },
  };
}

function readTypeMeta(reader: Reader, into: { apiVersion: string; kind: string }): void {
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    if (tag === 0x0a) into.apiVersion = reader.string();
    else if (tag === 0x12) into.kind = reader.string();
    else reader.skipType(tag & 7);
  }
}

/** What a reader throws on bytes that are no message (or nest without end) is the sender's mistake. */
function reading<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof RangeError || (error instanceof Error && error.constructor === Error)) {
      throw badRequest(`unable to decode the protobuf message: ${error.message}`);
    }
    throw error;
  }
}

/** The events of a watch stream as bytes arrive; what follows the last whole frame is kept for the next call. */
export class WatchFrameReader {
  #rest: Buffer = Buffer.alloc(0);

  /** Each whole event: its type and its object's document. */
  push(chunk: Uint8Array): { type: string; object: Uint8Array }[] {
    this.#rest = this.#rest.length ? Buffer.concat([this.#rest, chunk]) : Buffer.from(chunk);
    const events: { type: string; object: Uint8Array }[] = [];
    while (this.#rest.length >= 4) {
      const size = this.#rest.readUInt32BE(0);
      if (this.#rest.length < 4 + size) break;
      events.push(readEvent(this.#rest.subarray(4, 4 + size)));
      this.#rest = this.#rest.subarray(4 + size);
    }
    return events;
  }
}

function readEvent(bytes: Uint8Array): { type: string; object: Uint8Array } {
  const event = { type: '', object: new Uint8Array() as Uint8Array };
  const reader = Reader.create(bytes);
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    if (tag === 0x0a) event.type = reader.string();
    else if (tag === 0x12) {
      const raw = Reader.create(reader.bytes());
      while (raw.pos < raw.len) {
        const inner = raw.uint32();
        if (inner === 0x0a) event.object = raw.bytes();
        else raw.skipType(inner & 7);
      }
    } else reader.skipType(tag & 7);
  }
  return event;
}
