import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { parse } from 'yaml';
import type { ValueTransformer } from './json-codec.ts';
import { StoreError } from './store.ts';

export interface EncryptionKey {
  /** Stored with each value, so that it is known which key opens it. */
  readonly name: string;
  /** 16, 24 or 32 bytes. */
  readonly secret: Uint8Array;
}

/** As upstream writes it, so that its documentation and tools apply: `k8s:enc:aesgcm:v1:NAME:`, nonce, ciphertext and tag. */
const mark = 'k8s:enc:aesgcm:v1:';
const anyMark = 'k8s:enc:';
const nonceBytes = 12;
const tagBytes = 16;

/**
 * AES-GCM over stored values, bound to their key, so that a value moved to another key does not open. The first key
 * writes, all keys read; a value that was never encrypted is read as it is. To rotate: put a new key last, restart every
 * server, put it first, restart, write all objects again, remove the old one.
 *
 * @param writePlain new values are written without encryption (the way back).
 */
export function createEncryption(
  keys: readonly EncryptionKey[],
  options: { writePlain?: boolean } = {},
): ValueTransformer {
  const writer = keys[0];
  if (!writer) throw new RangeError('encryption at rest needs at least one key');
  for (const { name, secret } of keys) {
    if (![16, 24, 32].includes(secret.length)) {
      throw new RangeError(`the key ${name} has ${secret.length} bytes; AES takes 16, 24 or 32`);
    }
    if (name === '' || name.includes(':')) throw new RangeError(`the key name "${name}" is empty or contains ":"`);
  }
  if (new Set(keys.map((key) => key.name)).size < keys.length) throw new RangeError('two keys have the same name');
  return {
    toStored: (plain, key) => (options.writePlain ? plain : seal(writer, plain, key)),
    fromStored(stored, key) {
      const view = Buffer.from(stored.buffer, stored.byteOffset, stored.byteLength);
      if (view.toString('latin1', 0, anyMark.length) !== anyMark) return stored;
      const end = view.indexOf(':', mark.length);
      if (view.toString('latin1', 0, mark.length) !== mark || end < 0) {
        throw new StoreError('corrupt', `${key} is encrypted in a way that this server does not know`, { key });
      }
      const name = view.toString('utf8', mark.length, end);
      const known = keys.find((each) => each.name === name);
      if (!known) {
        throw new StoreError('corrupt', `${key} is encrypted with the key "${name}", which is not in the key file`, {
          key,
        });
      }
      return open(known, view.subarray(end + 1), key);
    },
  };
}

function algorithm({ secret }: EncryptionKey): 'aes-256-gcm' {
  return `aes-${secret.length * 8}-gcm` as 'aes-256-gcm';
}

function seal(key: EncryptionKey, plain: Uint8Array, storeKey: string): Uint8Array {
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv(algorithm(key), key.secret, nonce);
  cipher.setAAD(Buffer.from(storeKey));
  const sealed = cipher.update(plain);
  return Uint8Array.from(
    Buffer.concat([Buffer.from(`${mark}${key.name}:`), nonce, sealed, cipher.final(), cipher.getAuthTag()]),
  );
}

function open(key: EncryptionKey, sealed: Buffer, storeKey: string): Uint8Array {
  try {
    const decipher = createDecipheriv(algorithm(key), key.secret, sealed.subarray(0, nonceBytes));
    decipher.setAAD(Buffer.from(storeKey));
    decipher.setAuthTag(sealed.subarray(sealed.length - tagBytes));
    return Buffer.concat([decipher.update(sealed.subarray(nonceBytes, sealed.length - tagBytes)), decipher.final()]);
  } catch (error) {
    throw new StoreError(
      'corrupt',
      `${storeKey} does not open with the key "${key.name}": wrong key or damaged value`,
      {
        key: storeKey,
        cause: error,
      },
    );
  }
}

interface EncryptionConfiguration {
  readonly kind?: string;
  readonly resources?: readonly {
    readonly resources?: readonly string[];
    readonly providers?: readonly Record<string, { keys?: readonly { name?: string; secret?: string }[] } | null>[];
  }[];
}

/**
 * Reads upstream's EncryptionConfiguration (YAML or JSON) with the providers `aesgcm` and `identity`.
 *
 * @returns the transformer of each resource (`secrets`, `configmaps`, `widgets.example.com`)
 */
export function parseEncryptionConfiguration(text: string): Map<string, ValueTransformer> {
  const config = parse(text) as EncryptionConfiguration | null;
  if (config?.kind !== 'EncryptionConfiguration' || !config.resources?.length) {
    throw new RangeError('the encryption file is no EncryptionConfiguration with resources');
  }
  const transformers = new Map<string, ValueTransformer>();
  for (const { resources = [], providers = [] } of config.resources) {
    const keys: EncryptionKey[] = [];
    for (const provider of providers) {
      for (const [name, settings] of Object.entries(provider)) {
        if (name === 'identity') continue;
        if (name !== 'aesgcm')
          throw new RangeError(`the encryption provider ${name} is not known; use aesgcm or identity`);
        for (const key of settings?.keys ?? []) {
          keys.push({ name: key.name ?? '', secret: Buffer.from(key.secret ?? '', 'base64') });
        }
      }
    }
    const writePlain = providers[0] !== undefined && 'identity' in providers[0];
    if (keys.length === 0) continue;
    const transformer = createEncryption(keys, { writePlain });
    // The first entry that names a resource decides, as upstream.
    for (const resource of resources) if (!transformers.has(resource)) transformers.set(resource, transformer);
  }
  return transformers;
}
