/** Validation of config maps and secrets. */
import { type DeepReadonly, deepEqual } from '../../base/deep.ts';
import { at, type FieldError, forbidden, invalid, required, tooLong } from '../machinery/field-error.ts';
import { configMapKey } from '../machinery/names.ts';
import { validateImmutable } from '../machinery/object-meta.ts';
import type { ConfigMap, Secret } from '../types/core-v1.ts';
import { invalidEach } from './field-rules.ts';

/** What the data of one object may be in bytes. */
const maxDataBytes = 1024 * 1024;

const base64Bytes = (text: string): number => Math.floor((text.length * 3) / 4) - (text.match(/=+$/)?.[0].length ?? 0);

/** A config map's keys, each in one of both maps, and its size. */
export function validateConfigMap({ data = {}, binaryData = {} }: DeepReadonly<ConfigMap>): FieldError[] {
  const errors: FieldError[] = [];
  let bytes = 0;
  for (const [key, value] of Object.entries(data)) {
    errors.push(...invalidEach(at('data', key), key, configMapKey(key)));
    if (Object.hasOwn(binaryData, key))
      errors.push(invalid(at('data', key), key, 'duplicate of key present in binaryData'));
    bytes += Buffer.byteLength(value);
  }
  for (const [key, value] of Object.entries(binaryData)) {
    errors.push(...invalidEach(at('binaryData', key), key, configMapKey(key)));
    bytes += base64Bytes(value);
  }
  if (bytes > maxDataBytes) errors.push(tooLong('', '', maxDataBytes));
  return errors;
}

const immutableDetail = 'field is immutable when `immutable` is set';

function validateFrozen<T extends { readonly immutable?: boolean }>(
  object: T,
  old: T,
  fields: readonly (keyof T & string)[],
): FieldError[] {
  if (!old.immutable) return [];
  const errors = object.immutable ? [] : [forbidden('immutable', immutableDetail)];
  for (const field of fields) {
    if (!deepEqual(object[field] ?? {}, old[field] ?? {})) errors.push(forbidden(field, immutableDetail));
  }
  return errors;
}

/** A config map that was made immutable stays as it is. */
export function validateConfigMapUpdate(map: DeepReadonly<ConfigMap>, old: DeepReadonly<ConfigMap>): FieldError[] {
  return validateFrozen(map, old, ['data', 'binaryData']);
}

/** A secret's keys and size, and what its type calls for. */
export function validateSecret(secret: DeepReadonly<Secret>): FieldError[] {
  const { data = {} } = secret;
  const errors: FieldError[] = [];
  let bytes = 0;
  for (const [key, value] of Object.entries(data)) {
    errors.push(...invalidEach(at('data', key), key, configMapKey(key)));
    bytes += base64Bytes(value);
  }
  if (bytes > maxDataBytes) errors.push(tooLong('data', '', maxDataBytes));
  return [...errors, ...validateSecretType(secret)];
}

function validateSecretType({ type, data = {}, metadata }: DeepReadonly<Secret>): FieldError[] {
  const missing = (key: string) => (data[key] === undefined ? [required(at('data', key))] : []);
  switch (type) {
    case 'kubernetes.io/service-account-token': {
      const annotation = 'kubernetes.io/service-account.name';
      return metadata.annotations?.[annotation] ? [] : [required(`metadata.annotations[${annotation}]`)];
    }
    case 'kubernetes.io/dockercfg':
      return validateJsonKey(data, '.dockercfg');
    case 'kubernetes.io/dockerconfigjson':
      return validateJsonKey(data, '.dockerconfigjson');
    case 'kubernetes.io/basic-auth':
      return data.username === undefined && data.password === undefined
        ? [...missing('username'), ...missing('password')]
        : [];
    case 'kubernetes.io/ssh-auth':
      return data['ssh-privatekey'] ? [] : [required(at('data', 'ssh-privatekey'))];
    case 'kubernetes.io/tls':
      return [...missing('tls.crt'), ...missing('tls.key')];
    default:
      return [];
  }
}

function validateJsonKey(data: Readonly<Record<string, string>>, key: string): FieldError[] {
  const text = data[key];
  if (text === undefined) return [required(at('data', key))];
  try {
    const value: unknown = JSON.parse(Buffer.from(text, 'base64').toString());
    if (typeof value === 'object') return [];
    return [invalid(at('data', key), '<secret contents redacted>', 'must be a JSON object')];
  } catch {
    return [invalid(at('data', key), '<secret contents redacted>', 'must be valid JSON')];
  }
}

/** A secret keeps its type, and an immutable one everything. */
export function validateSecretUpdate(secret: DeepReadonly<Secret>, old: DeepReadonly<Secret>): FieldError[] {
  return [...validateImmutable(secret.type, old.type, 'type'), ...validateFrozen(secret, old, ['data'])];
}
