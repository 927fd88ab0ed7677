/** How constraints, configurations and results name the requests of a claim: `request`, or `request/alternative`. */
import type { DeepReadonly } from '../../base/deep.ts';
import { type FieldError, invalid } from '../machinery/field-error.ts';
import type { DeviceRequest } from '../types/resource-v1.ts';
import { validateSet } from './list-validation.ts';
import { validateRequiredLabel } from './name-validation.ts';

const maxReferences = 32;

/** The names that may be referred to. */
export type RequestNames = ReadonlySet<string>;

/** The names of a claim's requests and of their alternatives. */
export function requestNamesOf(requests: readonly DeepReadonly<DeviceRequest>[] | undefined): RequestNames {
  const names = new Set<string>();
  for (const { name, firstAvailable } of requests ?? []) {
    names.add(name);
    for (const alternative of firstAvailable ?? []) names.add(`${name}/${alternative.name}`);
  }
  return names;
}

/** One reference. */
export function validateRequestReference(name: string, names: RequestNames, path: string): FieldError[] {
  const unknown = invalid(
    path,
    name,
    "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'",
  );
  const parts = name.split('/');
  if (parts.length > 2) return [unknown];
  const errors = parts.flatMap((part) => validateRequiredLabel(part, path));
  return names.has(name) ? errors : [...errors, unknown];
}

/** Several of them, each once. */
export function validateRequestReferences(
  references: readonly string[] | undefined,
  names: RequestNames,
  path: string,
): FieldError[] {
  return validateSet(references, path, {
    max: maxReferences,
    validate: (name, itemPath) => validateRequestReference(name, names, itemPath),
    key: (name) => name,
  });
}
