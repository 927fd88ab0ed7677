/** Validation of what is handed to drivers as it is. */
import type { DeepReadonly } from '../../base/deep.ts';
import { child, type FieldError, invalid, required, tooLong } from '../machinery/field-error.ts';
import type { DeviceConfiguration } from '../types/resource-v1.ts';
import { validateDriverName } from './name-validation.ts';

const maxParametersBytes = 10 * 1024;

/** A configuration; the size of parameters that are `stored` already does not matter. */
export function validateDeviceConfiguration(
  { opaque }: DeepReadonly<DeviceConfiguration>,
  path: string,
  { stored }: { readonly stored: boolean },
): FieldError[] {
  const opaquePath = child(path, 'opaque');
  if (!opaque) return [required(opaquePath)];
  return [
    ...validateDriverName(opaque.driver, child(opaquePath, 'driver')),
    ...validateRawObject(opaque.parameters, child(opaquePath, 'parameters'), stored ? undefined : maxParametersBytes),
  ];
}

/** A JSON object of at most so many bytes. */
export function validateRawObject(value: unknown, path: string, maxBytes: number | undefined): FieldError[] {
  if (value === undefined || value === null) return [required(path)];
  if (maxBytes !== undefined && Buffer.byteLength(JSON.stringify(value)) > maxBytes) {
    return [tooLong(path, value, maxBytes)];
  }
  const isObject = typeof value === 'object' && !Array.isArray(value);
  return isObject ? [] : [invalid(path, '<value omitted>', 'must be a valid JSON object')];
}
