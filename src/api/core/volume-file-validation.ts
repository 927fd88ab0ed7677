/** Validation of the files that config maps, secrets and fields of the pod become in volumes. */
import type { DeepReadonly } from '../../base/deep.ts';
import { child, type FieldError, invalid, required } from '../machinery/field-error.ts';
import type { DownwardAPIVolumeFile, KeyToPath } from '../types/core-v1.ts';
import { validateFieldRef, validateResourceFieldRef } from './env-validation.ts';
import { validateFileMode, validateLocalNonReservedPath, validatePresent } from './field-rules.ts';

/** Which key becomes which file. */
export function validateKeyToPath(item: DeepReadonly<KeyToPath>, path: string): FieldError[] {
  return [
    ...validatePresent(item.key, child(path, 'key')),
    ...validatePresent(item.path, child(path, 'path')),
    ...validateLocalNonReservedPath(item.path, child(path, 'path')),
    ...validateFileMode(item.mode, child(path, 'mode')),
  ];
}

const volumeFields = ['metadata.name', 'metadata.namespace', 'metadata.labels', 'metadata.annotations', 'metadata.uid'];

/** A file with a field of the pod. */
export function validateDownwardFile(file: DeepReadonly<DownwardAPIVolumeFile>, path: string): FieldError[] {
  const { fieldRef, resourceFieldRef } = file;
  const errors = [
    ...validatePresent(file.path, child(path, 'path')),
    ...validateLocalNonReservedPath(file.path, child(path, 'path')),
  ];
  if (fieldRef) {
    errors.push(...validateFieldRef(fieldRef, volumeFields, child(path, 'fieldRef')));
    if (resourceFieldRef) {
      errors.push(invalid(path, 'resource', 'fieldRef and resourceFieldRef can not be specified simultaneously'));
    }
  } else if (resourceFieldRef) {
    errors.push(...validateResourceFieldRef(resourceFieldRef, child(path, 'resourceFieldRef'), { inVolume: true }));
  } else errors.push(required(path, 'one of fieldRef and resourceFieldRef is required'));
  return [...errors, ...validateFileMode(file.mode, child(path, 'mode'))];
}
