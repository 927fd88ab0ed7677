/** Validation of storage classes and classes of volume attributes. */
import { type DeepReadonly, deepEqual } from '../../base/deep.ts';
import { invalidEach, validateChoice } from '../core/field-rules.ts';
import { validateCsiDriverName } from '../core/volume-source-validation.ts';
import {
  at,
  child,
  duplicate,
  type FieldError,
  forbidden,
  invalid,
  notSupported,
  required,
  tooLong,
} from '../machinery/field-error.ts';
import { qualifiedName } from '../machinery/names.ts';
import { validateImmutable } from '../machinery/object-meta.ts';
import type { TopologySelectorTerm } from '../types/core-v1.ts';
import type { StorageClass, VolumeAttributesClass } from '../types/storage-v1.ts';

const maxParameters = 512;
const maxParametersBytes = 256 * 1024;

function validateParameters(
  parameters: Readonly<Record<string, string>> | undefined,
  what: string,
  path: string,
): FieldError[] {
  const entries = Object.entries(parameters ?? {});
  if (entries.length > maxParameters) return [tooLong(path, what, maxParameters)];
  const errors: FieldError[] = [];
  let bytes = 0;
  for (const [key, value] of entries) {
    if (!key) errors.push(invalid(path, key, 'field can not be empty.'));
    bytes += Buffer.byteLength(key) + Buffer.byteLength(value);
  }
  if (bytes > maxParametersBytes) errors.push(tooLong(path, '', maxParametersBytes));
  return errors;
}

/** A storage class on create and update. */
export function validateStorageClass(storageClass: DeepReadonly<StorageClass>): FieldError[] {
  const { provisioner, reclaimPolicy, volumeBindingMode } = storageClass;
  const errors = provisioner
    ? invalidEach('provisioner', provisioner, qualifiedName(provisioner.toLowerCase()))
    : [required('provisioner', provisioner)];
  errors.push(
    ...validateParameters(storageClass.parameters, 'Provisioner Parameters exceeded max allowed', 'parameters'),
  );
  if (reclaimPolicy && reclaimPolicy !== 'Delete' && reclaimPolicy !== 'Retain') {
    errors.push(notSupported('reclaimPolicy', reclaimPolicy, ['Delete', 'Retain']));
  }
  const modes = ['Immediate', 'WaitForFirstConsumer'];
  errors.push(...validateChoice(volumeBindingMode, modes, 'volumeBindingMode'));
  return [...errors, ...validateTopologies(storageClass.allowedTopologies)];
}

function validateTopologies(terms: readonly DeepReadonly<TopologySelectorTerm>[] | undefined): FieldError[] {
  const seen: unknown[] = [];
  return (terms ?? []).flatMap((term, i) => {
    const termPath = at('allowedTopologies', i);
    const errors: FieldError[] = [];
    const keys = new Set<string>();
    for (const [j, { key, values }] of (term.matchLabelExpressions ?? []).entries()) {
      const path = at(child(termPath, 'matchLabelExpressions'), j);
      if (!values.length) errors.push(required(child(path, 'values')));
      for (const [k, value] of values.entries()) {
        if (values.indexOf(value) < k) errors.push(duplicate(at(child(path, 'values'), k), value));
      }
      errors.push(...invalidEach(child(path, 'key'), key, qualifiedName(key)));
      if (keys.has(key)) errors.push(duplicate(child(path, 'key'), key));
      keys.add(key);
    }
    const shape = Object.fromEntries(
      (term.matchLabelExpressions ?? []).map(({ key, values }) => [key, [...values].sort()]),
    );
    if (seen.some((other) => deepEqual(other, shape))) {
      errors.push(duplicate(child(termPath, 'matchLabelExpressions'), ''));
    }
    seen.push(shape);
    return errors;
  });
}

const updateForbidden = (field: string) => forbidden(field, `updates to ${field} are forbidden.`);

/** Volumes were made from the class as it was: what they depend on stays. */
export function validateStorageClassUpdate(
  storageClass: DeepReadonly<StorageClass>,
  old: DeepReadonly<StorageClass>,
): FieldError[] {
  const errors: FieldError[] = [];
  if (!deepEqual(storageClass.parameters ?? {}, old.parameters ?? {})) errors.push(updateForbidden('parameters'));
  if (storageClass.provisioner !== old.provisioner) errors.push(updateForbidden('provisioner'));
  if (storageClass.reclaimPolicy !== old.reclaimPolicy) errors.push(updateForbidden('reclaimPolicy'));
  return [...errors, ...validateImmutable(storageClass.volumeBindingMode, old.volumeBindingMode, 'volumeBindingMode')];
}

/** A class of volume attributes: a driver and what it is to set. */
export function validateVolumeAttributesClass({
  driverName,
  parameters,
}: DeepReadonly<VolumeAttributesClass>): FieldError[] {
  const errors = validateCsiDriverName(driverName, 'driverName');
  if (!Object.keys(parameters ?? {}).length) {
    return [...errors, required('parameters', 'must contain at least one key/value pair')];
  }
  return [
    ...errors,
    ...validateParameters(parameters, 'VolumeAttributesClass parameters exceeded max allowed', 'parameters'),
  ];
}

/** A class of volume attributes stays as it is. */
export function validateVolumeAttributesClassUpdate(
  attributesClass: DeepReadonly<VolumeAttributesClass>,
  old: DeepReadonly<VolumeAttributesClass>,
): FieldError[] {
  const errors: FieldError[] = [];
  if (attributesClass.driverName !== old.driverName) errors.push(updateForbidden('driverName'));
  if (!deepEqual(attributesClass.parameters ?? {}, old.parameters ?? {})) errors.push(updateForbidden('parameters'));
  return errors;
}
