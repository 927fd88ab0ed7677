import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { parse } from 'yaml';
import type { ValueTransformer } from './json-codec.ts';
import { StoreError } from './store.ts';

/** How values are encrypted: upstream's providers of these names. */
export type EncryptionProvider = 'aesgcm' | 'aescbc';

export interface EncryptionKey {
  /** `aesgcm` by default. */
  readonly provider?: EncryptionProvider;
  /** Stored with each value, so that it is known which key opens it. */
  readonly name: string;
  /** 16, 24 or 32 bytes. */
  readonly secret: Uint8Array;
}

/** As upstream writes it, so that its documentation and tools apply: `k8s:enc:aesgcm:v1:NAME:`, then the provider's. */
const anyMark = 'k8s:enc:';
const markForm = /^k8s:enc:([a-z]+):v1:([^:]*):/;
const maxMarkBytes = 300;

interface Cipher {
  /** What follows the mark. The key under which the value is stored is bound to it where the cipher can do so. */
  seal(secret: Uint8Array, plain: Uint8Array, storeKey: string): Uint8Array;
  open(secret: Uint8Array, sealed: Uint8Array, storeKey: string): Uint8Array;
}

const nonceBytes = 12;
const tagBytes = 16;
const blockBytes = 16;
const gcm = (secret: Uint8Array) => `aes-${secret.length * 8}-gcm` as 'aes-256-gcm';
const cbc = (secret: Uint8Array) => `aes-${secret.length * 8}-cbc`;

const ciphers: Readonly<Record<EncryptionProvider, Cipher>> = {
  aesgcm: {
    seal(secret, plain, storeKey) {
      const nonce = randomBytes(nonceBytes);
      const cipher = createCipheriv(gcm(secret), secret, nonce);
      cipher.setAAD(Buffer.from(storeKey));
      return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
    },
    open(secret, sealed, storeKey) {
      const decipher = createDecipheriv(gcm(secret), secret, sealed.subarray(0, nonceBytes));
      decipher.setAAD(Buffer.from(storeKey));
      decipher.setAuthTag(sealed.subarray(sealed.length - tagBytes));
      return Buffer.concat([decipher.update(sealed.subarray(nonceBytes, sealed.length - tagBytes)), decipher.final()]);
    },
  },
  aescbc: {
    seal(secret, plain) {
      const start = randomBytes(blockBytes);
      const cipher = createCipheriv(cbc(secret), secret, start);
      return Buffer.concat([start, cipher.update(plain), cipher.final()]);
    },
    open(secret, sealed) {
      const decipher = createDecipheriv(cbc(secret), secret, sealed.subarray(0, blockBytes));
      return Buffer.concat([decipher.update(sealed.subarray(blockBytes)), decipher.final()]);
    },
  },
};

/**
 * AES over stored values. The first key writes, all keys read; a value that was never encrypted is read as it is. With
 * `aesgcm` a value is bound to its key, so that one that was moved or changed does not open; `aescbc` only hides. To
 * rotate: put a new key last, restart every server, put it first, restart, write all objects again, remove the old one.
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
  const byMark = new Map(keys.map((key) => [markOf(key), key]));
  if (byMark.size < keys.length) throw new RangeError('two keys have the same name');
  const newest = options.writePlain ? undefined : markOf(writer);
  return {
    toStored: (plain, key) => (options.writePlain ? plain : seal(writer, plain, key)),
    isStale: (stored) => markIn(stored)?.[0] !== newest,
    fromStored(stored, key) {
      const found = markIn(stored);
      if (!found) return stored;
      const [mark, provider, name] = found;
      if (!(provider in ciphers)) {
        throw new StoreError('corrupt', `${key} is encrypted in a way that this server does not know`, { key });
      }
      const known = byMark.get(mark);
      if (!known) {
        throw new StoreError('corrupt', `${key} is encrypted with the key "${name}", which is not in the key file`, {
          key,
        });
      }
      return open(known, stored.subarray(Buffer.byteLength(mark)), key);
    },
  };
}

/** The mark of an encrypted value with its provider and key; undefined for a value that was never encrypted. */
function markIn(stored: Uint8Array): readonly [mark: string, provider: string, key: string] | undefined {
  const view = Buffer.from(stored.buffer, stored.byteOffset, stored.byteLength);
  if (view.toString('latin1', 0, anyMark.length) !== anyMark) return undefined;
  const [mark = '', provider = '', key = ''] = markForm.exec(view.toString('utf8', 0, maxMarkBytes)) ?? [];
  return [mark, provider, key];
}

const markOf = ({ provider = 'aesgcm', name }: EncryptionKey): string => `${anyMark}${provider}:v1:${name}:`;

function seal(key: EncryptionKey, plain: Uint8Array, storeKey: string): Uint8Array {
  const sealed = ciphers[key.provider ?? 'aesgcm'].seal(key.secret, plain, storeKey);
  return Uint8Array.from(Buffer.concat([Buffer.from(markOf(key)), sealed]));
}

function open(key: EncryptionKey, sealed: Uint8Array, storeKey: string): Uint8Array {
  try {
    return ciphers[key.provider ?? 'aesgcm'].open(key.secret, sealed, storeKey);
  } catch (error) {
    throw new StoreError(
      'corrupt',
      `${storeKey} does not open with the key "${key.name}": wrong key or damaged value`,
      { key: storeKey, cause: error },
    );
  }
}

type Provider = Readonly<Record<string, { readonly keys?: readonly { name?: string; secret?: string }[] } | null>>;

interface EncryptionConfiguration {
  readonly kind?: string;
  readonly resources?: readonly {
    readonly resources?: readonly string[];
    readonly providers?: readonly Provider[];
  }[];
}

/** Which resource is encrypted how; undefined where it is not. */
export interface EncryptionRules {
  /** @param resource `secrets`, `configmaps`, `widgets.example.com` */
  get(resource: string): ValueTransformer | undefined;
}

/**
 * Reads upstream's EncryptionConfiguration (YAML or JSON) with the providers `aesgcm`, `aescbc` and `identity`. Resources may be
 * `*.apps` for a group, `*.` for the core group and `*.*` for all.
 */
export function parseEncryptionConfiguration(text: string): EncryptionRules {
  const config = parse(text) as EncryptionConfiguration | null;
  if (config?.kind !== 'EncryptionConfiguration' || !config.resources?.length) {
    throw new RangeError('the encryption file is no EncryptionConfiguration with resources');
  }
  const transformers = new Map<string, ValueTransformer | undefined>();
  for (const { resources = [], providers = [] } of config.resources) {
    const keys = providers.flatMap(keysOf);
    const writePlain = providers[0] !== undefined && 'identity' in providers[0];
    const transformer = keys.length ? createEncryption(keys, { writePlain }) : undefined;
    // The first entry that names a resource decides, as upstream.
    for (const resource of resources) if (!transformers.has(resource)) transformers.set(resource, transformer);
  }
  return {
    get(resource) {
      const dot = resource.indexOf('.');
      const group = dot < 0 ? '' : resource.slice(dot + 1);
      const rule = [resource, `*.${group}`, '*.*'].find((name) => transformers.has(name));
      return rule === undefined ? undefined : transformers.get(rule);
    },
  };
}

function keysOf(provider: Provider): EncryptionKey[] {
  return Object.entries(provider).flatMap(([name, settings]) => {
    if (name === 'identity') return [];
    if (name !== 'aesgcm' && name !== 'aescbc') {
      throw new RangeError(`the encryption provider ${name} is not known; use aesgcm, aescbc or identity`);
    }
    return (settings?.keys ?? []).map((key) => ({
      provider: name,
      name: key.name ?? '',
      secret: Buffer.from(key.secret ?? '', 'base64'),
    }));
  });
}
