import { deepFreeze } from '../base/deep.ts';
import { parseExactJson } from '../base/exact-json.ts';
import type { ObjectCodec } from './cache-api.ts';
import { StoreError } from './store.ts';

/** Changes stored bytes on their way to and from the store: encryption at rest. */
export interface ValueTransformer {
  toStored(plain: Uint8Array, key: string): Uint8Array;
  fromStored(stored: Uint8Array, key: string): Uint8Array;
  /** Whether `toStored` would make something else of what these bytes hold. */
  isStale(stored: Uint8Array): boolean;
}

interface ObjectWithMeta {
  readonly metadata?: { readonly resourceVersion?: string };
}

/** Bytes of their own, outside the shared pool: they live as long as the object version does, and so would the pool's page. */
export function toBytes(text: string): Uint8Array {
  const bytes = Buffer.allocUnsafeSlow(Buffer.byteLength(text));
  bytes.write(text);
  return bytes;
}

const openBrace = '{'.charCodeAt(0);
const closeBrace = '}'.charCodeAt(0);
// `kind` and `apiVersion` are strings without escapes, so the first `"metadata":{` after nothing else is the top-level one.
const head = /^\{(?:"(?:kind|apiVersion)":"[^"\\]*",)*"metadata":\{/;
const headBytes = 256;

/**
 * JSON with `metadata.resourceVersion` put into JSON that has none; undefined when the bytes do not begin with
 * `kind`, `apiVersion` and `metadata` in any order that ends with `metadata`.
 */
export function spliceResourceVersion(stored: Uint8Array, revision: number): Uint8Array | undefined {
  if (stored[0] !== openBrace) return undefined;
  const view = Buffer.from(stored.buffer, stored.byteOffset, stored.byteLength);
  const match = head.exec(view.toString('latin1', 0, headBytes));
  if (!match) return undefined;
  const at = match[0].length;
  const field = `"resourceVersion":"${revision}"${stored[at] === closeBrace ? '' : ','}`;
  const out = Buffer.allocUnsafeSlow(stored.length + field.length);
  view.copy(out, 0, 0, at);
  out.write(field, at, 'latin1');
  view.copy(out, at + field.length, at);
  return out;
}

export interface JsonCodecOptions<T> {
  readonly transformer?: ValueTransformer;
  /** Freezes what `decode` and `withRevision` return. */
  readonly freeze?: boolean;
  /** Turns a value that was parsed from stored JSON into the object (conversion, defaults). Its bytes are then not spliced. */
  readonly revive?: (value: unknown, key: string) => T;
}

/** The codec of objects that are stored as JSON. */
export function createJsonCodec<T extends object>(options: JsonCodecOptions<T> = {}): ObjectCodec<T> {
  const { transformer, freeze = false, revive } = options;
  const finish = (object: T): T => (freeze ? deepFreeze(object) : object);
  const withRevision = (object: T, revision: number): T => {
    const metadata = { ...(object as ObjectWithMeta).metadata, resourceVersion: String(revision) };
    return finish({ ...object, metadata });
  };
  return {
    encode(object, key) {
      const { metadata } = object as ObjectWithMeta;
      const bare =
        metadata?.resourceVersion === undefined
          ? object
          : { ...object, metadata: { ...metadata, resourceVersion: undefined } };
      const bytes = toBytes(JSON.stringify(bare));
      return transformer ? transformer.toStored(bytes, key) : bytes;
    },
    decode(stored, revision, key) {
      const bytes = transformer ? transformer.fromStored(stored, key) : stored;
      const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString();
      const value = parseStored(text, key);
      const object = revive ? revive(value, key) : (value as T);
      const { metadata } = object as { metadata?: Record<string, unknown> };
      if (!metadata || Object.isFrozen(metadata)) return withRevision(object, revision);
      metadata['resourceVersion'] = String(revision);
      return finish(object);
    },
    withRevision,
    ...(transformer ? { isStale: (stored) => transformer.isStale(stored) } : {}),
    ...(revive ? {} : { splice: spliceResourceVersion }),
  };
}

/** The stored text as data. Throws StoreError `corrupt` that names the key. */
function parseStored(text: string, key: string): unknown {
  try {
    return parseExactJson(text);
  } catch (error) {
    const why = text.startsWith('k8s:enc:')
      ? 'it is encrypted, and its key is not configured'
      : (error as Error).message;
    throw new StoreError('corrupt', `${key} cannot be read: ${why}`, { key, cause: error });
  }
}
