/** Names and sizes that claims on devices and slices of devices share. */
import { invalidEach } from '../core/field-rules.ts';
import { type FieldError, invalid, required, tooMany } from '../machinery/field-error.ts';
import { cIdentifier, dns1123Label, dns1123Subdomain } from '../machinery/names.ts';

/** At most so many elements. */
export function validateSize(list: readonly unknown[] | undefined, max: number, path: string): FieldError[] {
  return (list?.length ?? 0) > max ? [tooMany(path, list!.length, max)] : [];
}

/** A DNS label that has to be there. */
export const validateLabel = (name: string, path: string) =>
  name ? invalidEach(path, name, dns1123Label(name)) : [required(path)];

/** `domain/identifier`, or an identifier in the driver's own domain. */
export function validateAttributeName(name: string, path: string): FieldError[] {
  if (!name) return [required(path, 'name required')];
  const slash = name.indexOf('/');
  const domain = slash < 0 ? undefined : name.slice(0, slash);
  const identifier = name.slice(slash + 1);
  const errors: FieldError[] = [];
  if (domain === '') errors.push(required(path, 'the domain must not be empty'));
  else if (domain !== undefined) errors.push(...invalidEach(path, domain, dns1123Subdomain(domain)));
  if (!identifier) return [...errors, required(path, 'the name must not be empty')];
  if (identifier.length > 32) errors.push(invalid(path, identifier, 'must be no more than 32 characters'));
  return [...errors, ...invalidEach(path, identifier, cIdentifier(identifier))];
}
