/** Validation of addresses that services hold, and of the ranges that they come from. */
import { isIP, isIPv4 } from 'node:net';
import { type DeepReadonly, deepEqual } from '../../base/deep.ts';
import { invalidEach, validateRequiredName } from '../core/field-rules.ts';
import { canonicalCidr, isCidr, validateCidr } from '../core/ip-rules.ts';
import { at, child, type FieldError, forbidden, invalid, required } from '../machinery/field-error.ts';
import { dns1123Label, dns1123Subdomain, pathSegmentName } from '../machinery/names.ts';
import type { IPAddress, ServiceCIDR } from '../types/networking-v1.ts';

/** The name of an IPAddress is the address in its canonical form. */
export function validateIpAddressName(name: string): string[] {
  if (!isIP(name)) return ['must be a valid IP address'];
  const canonical = isIPv4(name) ? name : new URL(`http://[${name}]`).hostname.slice(1, -1);
  return canonical === name ? [] : [`must be in canonical form (${JSON.stringify(canonical)})`];
}

/** Who holds the address. */
export function validateIpAddress({ spec }: DeepReadonly<IPAddress>): FieldError[] {
  const path = 'spec.parentRef';
  const parent = spec.parentRef;
  if (!parent) return [required(path)];
  const errors: FieldError[] = [];
  if (parent.group) errors.push(...invalidEach(child(path, 'group'), parent.group, dns1123Subdomain(parent.group)));
  errors.push(...validateRequiredName(parent.resource, pathSegmentName, child(path, 'resource')));
  errors.push(...validateRequiredName(parent.name, pathSegmentName, child(path, 'name')));
  if (!parent.namespace) return errors;
  return [...errors, ...invalidEach(child(path, 'namespace'), parent.namespace, dns1123Label(parent.namespace))];
}

/** An address is released and taken anew, not handed over. */
export function validateIpAddressUpdate(
  { spec }: DeepReadonly<IPAddress>,
  { spec: old }: DeepReadonly<IPAddress>,
): FieldError[] {
  return deepEqual(spec.parentRef, old.parentRef)
    ? []
    : [invalid('spec.parentRef', spec.parentRef ?? null, 'field is immutable')];
}

/** One range for each IP family at most. */
export function validateServiceCidr({ spec }: DeepReadonly<ServiceCIDR>): FieldError[] {
  const { cidrs = [] } = spec;
  const path = 'spec.cidrs';
  if (!cidrs.length) return [required(path, 'at least one CIDR required')];
  if (cidrs.length > 2) {
    return [invalid(path, cidrs, 'may only hold up to 2 values')];
  }
  const families = new Set(cidrs.filter(isCidr).map((cidr) => isIPv4(cidr.split('/')[0]!)));
  const errors =
    cidrs.length === 2 && families.size < 2
      ? [
          invalid(
            path,
            cidrs,
            'may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/96',
          ),
        ]
      : [];
  return [...errors, ...cidrs.flatMap((cidr, i) => validateRange(cidr, at(path, i)))];
}

function validateRange(cidr: string, path: string): FieldError[] {
  const errors = validateCidr(cidr, path);
  if (errors.length || canonicalCidr(cidr) === cidr) return errors;
  return [invalid(path, cidr, `must be in canonical form (${JSON.stringify(canonicalCidr(cidr))})`)];
}

/** A range may get a second one of the other family. */
export function validateServiceCidrUpdate(
  { spec }: DeepReadonly<ServiceCIDR>,
  { spec: old }: DeepReadonly<ServiceCIDR>,
): FieldError[] {
  const before = old.cidrs ?? [];
  const after = spec.cidrs ?? [];
  if (deepEqual(before, after)) return [];
  return before.length === 1 && after.length === 2 && before[0] === after[0]
    ? []
    : [forbidden('spec.cidrs', 'field is immutable')];
}
