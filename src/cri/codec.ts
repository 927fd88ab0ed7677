/** Protobuf encoding of the CRI's messages, made from the schema on first use. */
import protobuf from 'protobufjs';
import { enums, messages } from './schema.ts';
import type { MessageName, Received, Sent } from './types.ts';

const packageName = 'runtime.v1';
let root: protobuf.Root | undefined;

function fieldJson([id, declared]: readonly [number, string]): Record<string, unknown> {
  if (declared === 'map') return { keyType: 'string', type: 'string', id };
  if (declared.endsWith('[]')) return { rule: 'repeated', type: declared.slice(0, -2), id };
  return { type: declared, id };
}

function buildRoot(): protobuf.Root {
  const nested: Record<string, unknown> = {};
  for (const [name, values] of Object.entries(enums)) nested[name] = { values };
  for (const [name, fields] of Object.entries(messages)) {
    nested[name] = {
      fields: Object.fromEntries(
        Object.entries(fields as Record<string, readonly [number, string]>).map(([field, spec]) => [
          field,
          fieldJson(spec),
        ]),
      ),
    };
  }
  return protobuf.Root.fromJSON({
    options: { syntax: 'proto3' },
    nested: { runtime: { nested: { v1: { nested } } } },
  } as protobuf.INamespace);
}

function typeOf(name: MessageName): protobuf.Type {
  root ??= buildRoot();
  return root.lookupType(`${packageName}.${name}`);
}

/** The bytes of a message. */
export function encodeMessage<N extends MessageName>(name: N, value: Sent<N>): Buffer {
  const type = typeOf(name);
  return Buffer.from(type.encode(type.fromObject(value as Record<string, unknown>)).finish());
}

/** The message of some bytes; fields that the schema does not know are skipped. */
export function decodeMessage<N extends MessageName>(name: N, bytes: Uint8Array): Received<N> {
  const type = typeOf(name);
  const plain = type.toObject(type.decode(bytes), {
    enums: String,
    longs: Number,
    bytes: Uint8Array,
    defaults: true,
  });
  return dropNulls(plain) as Received<N>;
}

/** protobufjs gives null for messages that are not set; ours are absent. */
function dropNulls(value: unknown): unknown {
  if (Array.isArray(value)) {
    for (const element of value) dropNulls(element);
  } else if (value !== null && typeof value === 'object' && !ArrayBuffer.isView(value)) {
    const record = value as Record<string, unknown>;
    for (const key of Object.keys(record)) {
      if (record[key] === null) delete record[key];
      else dropNulls(record[key]);
    }
  }
  return value;
}
