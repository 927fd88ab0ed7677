/** The names of a definition, as it asks for them and as they were accepted. */
import type { DeepReadonly } from '../../base/deep.ts';
import { at, child, type FieldError, invalid } from '../machinery/field-error.ts';
import { dns1035Label } from '../machinery/names.ts';
import type { CustomResourceDefinitionNames } from '../types/apiextensions-v1.ts';

/** Upstream's ValidateCustomResourceDefinitionNames; names that are not given are no problem here. */
export function validateNames(names: DeepReadonly<CustomResourceDefinitionNames>, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const check = (where: string, name: string | undefined, prefix = '') => {
    const problems = name ? dns1035Label(prefix ? name.toLowerCase() : name) : [];
    if (problems.length) errors.push(invalid(where, name, prefix + problems.join(',')));
  };
  check(child(path, 'plural'), names.plural);
  check(child(path, 'singular'), names.singular);
  check(child(path, 'kind'), names.kind, mixedCase);
  check(child(path, 'listKind'), names.listKind, mixedCase);
  for (const [i, name] of (names.shortNames ?? []).entries()) check(at(child(path, 'shortNames'), i), name);
  // Parsing would not know a list from an object.
  if (names.kind && names.kind === names.listKind)
    errors.push(invalid(child(path, 'listKind'), names.listKind, 'kind and listKind may not be the same'));
  for (const [i, name] of (names.categories ?? []).entries()) check(at(child(path, 'categories'), i), name);
  return errors;
}

/** How a kind that is no label is refused, here and in embedded resources. */
export const mixedCase = 'may have mixed case, but should otherwise match: ';
