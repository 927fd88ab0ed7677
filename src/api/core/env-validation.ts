/** Validation of environment variables and of references to fields of the pod. */
import type { DeepReadonly } from '../../base/deep.ts';
import { child, type FieldError, invalid, notSupported, required } from '../machinery/field-error.ts';
import { configMapKey, dns1123Subdomain, qualifiedName, relaxedEnvVarName } from '../machinery/names.ts';
import { Quantity } from '../machinery/quantity.ts';
import type {
  EnvFromSource,
  EnvVar,
  FileKeySelector,
  ObjectFieldSelector,
  ResourceFieldSelector,
} from '../types/core-v1.ts';
import { invalidEach, validateEach, validateLocalNonReservedPath, validateRequiredName } from './field-rules.ts';

const envFields = [
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
  'spec.nodeName',
  'spec.serviceAccountName',
  'status.hostIP',
  'status.hostIPs',
  'status.podIP',
  'status.podIPs',
];
const knownFields = new Set([...envFields, 'metadata.labels', 'metadata.annotations']);
const resourceFields = ['cpu', 'memory', 'ephemeral-storage'].flatMap((name) => [`limits.${name}`, `requests.${name}`]);

/** The variables of a container. */
export function validateEnv(variables: readonly DeepReadonly<EnvVar>[] | undefined, path: string): FieldError[] {
  return validateEach(variables, path, (variable, itemPath) => [
    ...validateRequiredName(variable.name, relaxedEnvVarName, child(itemPath, 'name')),
    ...validateValueFrom(variable, child(itemPath, 'valueFrom')),
  ]);
}

function validateValueFrom({ value, valueFrom }: DeepReadonly<EnvVar>, path: string): FieldError[] {
  if (!valueFrom) return [];
  const { fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef, fileKeyRef } = valueFrom;
  const errors: FieldError[] = [];
  if (fieldRef) errors.push(...validateFieldRef(fieldRef, envFields, child(path, 'fieldRef')));
  if (resourceFieldRef) {
    errors.push(...validateResourceFieldRef(resourceFieldRef, child(path, 'resourceFieldRef'), { inVolume: false }));
  }
  if (configMapKeyRef) errors.push(...validateKeyRef(configMapKeyRef, child(path, 'configMapKeyRef')));
  if (secretKeyRef) errors.push(...validateKeyRef(secretKeyRef, child(path, 'secretKeyRef')));
  if (fileKeyRef) errors.push(...validateFileKeyRef(fileKeyRef, child(path, 'fileKeyRef')));
  const sources = [fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef, fileKeyRef].filter(Boolean).length;
  if (sources === 0) {
    const message =
      'must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`';
    errors.push(invalid(path, '', message));
  } else if (value) errors.push(invalid(path, '', 'may not be specified when `value` is not empty'));
  else if (sources > 1) errors.push(invalid(path, '', 'may not have more than one field specified at a time'));
  return errors;
}

function validateKeyRef({ name, key }: { readonly name?: string; readonly key: string }, path: string): FieldError[] {
  return [
    ...invalidEach(child(path, 'name'), name ?? '', dns1123Subdomain(name ?? '')),
    ...validateRequiredName(key, configMapKey, child(path, 'key')),
  ];
}

function validateFileKeyRef(
  { volumeName, path: file, key }: DeepReadonly<FileKeySelector>,
  path: string,
): FieldError[] {
  const errors = validateRequiredName(key, relaxedEnvVarName, child(path, 'key'));
  if (!volumeName) errors.push(required(child(path, 'volumeName')));
  if (!file) errors.push(required(child(path, 'path')));
  else errors.push(...validateLocalNonReservedPath(file, child(path, 'path')));
  return errors;
}

/** A reference to a field of the pod, one of those that this place allows. */
export function validateFieldRef(
  { apiVersion, fieldPath }: DeepReadonly<ObjectFieldSelector>,
  allowed: readonly string[],
  path: string,
): FieldError[] {
  if (!apiVersion) return [required(child(path, 'apiVersion'))];
  if (!fieldPath) return [required(child(path, 'fieldPath'))];
  const fieldPathPath = child(path, 'fieldPath');
  const failed = (reason: string) => [invalid(fieldPathPath, fieldPath, `error converting fieldPath: ${reason}`)];
  if (apiVersion !== 'v1') return failed(`unsupported pod version: ${apiVersion}`);
  const subscripted = /^(.+)\['([^']*)'\]$/.exec(fieldPath);
  if (subscripted) {
    const [, base, key] = subscripted;
    if (base === 'metadata.annotations')
      return invalidEach(path, key!.toLowerCase(), qualifiedName(key!.toLowerCase()));
    if (base === 'metadata.labels') return invalidEach(path, key, qualifiedName(key!));
    return failed(`field label does not support subscript: ${fieldPath}`);
  }
  if (!knownFields.has(fieldPath)) return failed(`field label not supported: ${fieldPath}`);
  return allowed.includes(fieldPath) ? [] : [notSupported(fieldPathPath, fieldPath, allowed)];
}

const byteDivisors = ['1', '1k', '1M', '1G', '1T', '1P', '1E', '1Ki', '1Mi', '1Gi', '1Ti', '1Pi', '1Ei'];

/** A reference to a container's requests or limits; a volume has to name the container. */
export function validateResourceFieldRef(
  { containerName, resource, divisor }: DeepReadonly<ResourceFieldSelector>,
  path: string,
  { inVolume }: { inVolume: boolean },
): FieldError[] {
  const errors: FieldError[] = [];
  const hugePages = /^(requests|limits)\.hugepages-/.test(resource);
  if (inVolume && !containerName) errors.push(required(child(path, 'containerName')));
  else if (!resource) errors.push(required(child(path, 'resource')));
  else if (!resourceFields.includes(resource) && !hugePages) {
    errors.push(notSupported(child(path, 'resource'), resource, resourceFields));
  }
  const quantity = Quantity.tryParse(divisor);
  if (!quantity || quantity.isZero()) return errors;
  const isCpu = resource.endsWith('.cpu');
  const allowed = isCpu ? ['1m', '1'] : byteDivisors;
  if (allowed.includes(quantity.toString()) || !(resourceFields.includes(resource) || hugePages)) return errors;
  const what = isCpu
    ? 'cpu'
    : hugePages
      ? 'hugepages'
      : resource.endsWith('.memory')
        ? 'memory'
        : 'local ephemeral storage';
  const values = isCpu ? '1m and 1' : byteDivisors.join(', ');
  errors.push(
    invalid(
      child(path, 'divisor'),
      resource,
      `only divisor's values ${values} are supported with the ${what} resource`,
    ),
  );
  return errors;
}

/** Variables taken from whole config maps and secrets. */
export function validateEnvFrom(
  sources: readonly DeepReadonly<EnvFromSource>[] | undefined,
  path: string,
): FieldError[] {
  return validateEach(sources, path, ({ prefix, configMapRef, secretRef }, itemPath) => {
    const errors = prefix ? invalidEach(child(itemPath, 'prefix'), prefix, relaxedEnvVarName(prefix)) : [];
    if (configMapRef) {
      errors.push(...validateRequiredName(configMapRef.name, dns1123Subdomain, child(itemPath, 'configMapRef.name')));
    }
    if (secretRef)
      errors.push(...validateRequiredName(secretRef.name, dns1123Subdomain, child(itemPath, 'secretRef.name')));
    if (!configMapRef && !secretRef)
      errors.push(invalid(path, '', 'must specify one of: `configMapRef` or `secretRef`'));
    else if (configMapRef && secretRef) {
      errors.push(invalid(path, '', 'may not have more than one field specified at a time'));
    }
    return errors;
  });
}
