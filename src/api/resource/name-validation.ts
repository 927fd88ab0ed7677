/** Names that claims on devices and slices of devices share. */
import { invalidEach } from '../core/field-rules.ts';
import { validateCsiDriverName } from '../core/volume-source-validation.ts';
import { type FieldError, invalid, required, tooLong } from '../machinery/field-error.ts';
import { cIdentifier, dns1123Label, dns1123Subdomain, labelValue, qualifiedName } from '../machinery/names.ts';

const maxPoolNameBytes = 253;
const maxIdentifierBytes = 32;

/** The longest domain and identifier, with the slash between them. */
export const maxAttributeNameLength: number = 63 + 1 + maxIdentifierBytes;

/** A driver of devices is named like a storage driver. */
export const validateDriverName: (name: string, path: string) => FieldError[] = validateCsiDriverName;

/** The name of a device, a request or a set of counters. */
export const validateLabel = (name: string, path: string): FieldError[] => invalidEach(path, name, dns1123Label(name));

/** As {@link validateLabel}, worded for a field that is required. */
export const validateRequiredLabel = (name: string, path: string): FieldError[] =>
  name ? validateLabel(name, path) : [required(path)];

/** One or more subdomains with slashes between them. */
export function validatePoolName(name: string, path: string): FieldError[] {
  if (!name) return [required(path)];
  const errors = name.length > maxPoolNameBytes ? [tooLong(path, name, maxPoolNameBytes)] : [];
  return [...errors, ...name.split('/').flatMap((part) => invalidEach(path, part, dns1123Subdomain(part)))];
}

/** `domain/identifier`, or an identifier in the driver's own domain. */
export function validateAttributeName(name: string, path: string): FieldError[] {
  const [first = '', second, ...rest] = name.split('/');
  if (rest.length) return [invalid(path, name, 'must not contain more than one slash')];
  if (second === undefined) return validateIdentifier(first, path);
  return [
    ...(first ? validateDriverName(first, path) : [invalid(path, '', 'the domain must not be empty')]),
    ...(second ? validateIdentifier(second, path) : [invalid(path, '', 'the name must not be empty')]),
  ];
}

/** As {@link validateAttributeName}, with the domain. */
export function validateFullAttributeName(name: string, path: string): FieldError[] {
  const errors = validateAttributeName(name, path);
  if (name.includes('/')) return errors;
  return [...errors, invalid(path, name, 'a fully qualified name must be a domain and a name separated by a slash')];
}

function validateIdentifier(identifier: string, path: string): FieldError[] {
  const errors =
    Buffer.byteLength(identifier) > maxIdentifierBytes ? [tooLong(path, identifier, maxIdentifierBytes)] : [];
  return [...errors, ...invalidEach(path, identifier, cIdentifier(identifier))];
}

/** The key of a label, a taint or a condition. */
export const validateLabelName = (name: string, path: string): FieldError[] =>
  invalidEach(path, name, qualifiedName(name));

/** The value of a label or a taint. */
export const validateLabelValue = (value: string, path: string): FieldError[] =>
  invalidEach(path, value, labelValue(value));

const uuidPattern = /^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$/;

/** A UUID in lower case, with dashes. */
export function validateShareId(id: string | undefined, path: string): FieldError[] {
  if (id === undefined) return [];
  if (!uuidPattern.test(id)) return [invalid(path, id, uuidProblem(id))];
  if (id === id.toLowerCase()) return [];
  const form = '`xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx` with lowercase hexadecimal characters';
  return [invalid(path, id, `uid must be in RFC 4122 normalized form, ${form}`)];
}

const uuidProblem = (id: string): string =>
  `error validating uid: ${id.length === 36 ? 'invalid UUID format' : `invalid UUID length: ${id.length}`}`;
