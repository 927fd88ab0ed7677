/** Validation of cluster IPs and IP families, on create and update. */
import { isIPv6 } from 'node:net';
import type { DeepReadonly } from '../../base/deep.ts';
import { at, duplicate, type FieldError, invalid, notSupported, required } from '../machinery/field-error.ts';
import type { Service } from '../types/core-v1.ts';
import { validateOptionalChoice } from './field-rules.ts';
import { validateIp } from './ip-rules.ts';

type SharedService = DeepReadonly<Service>;

/** Whether a service has no address of its own, by the wish of its owner. */
export const isHeadless = ({ spec }: SharedService): boolean =>
  spec.clusterIPs?.length === 1 && spec.clusterIPs[0] === 'None';

const ipsPath = 'spec.clusterIPs';
const familiesPath = 'spec.ipFamilies';

/** Addresses, families and policy agree with each other. */
export function validateClusterIps(service: SharedService): FieldError[] {
  const { spec } = service;
  if (spec.type === 'ExternalName') return [];
  const { clusterIP, clusterIPs = [], ipFamilies = [] } = spec;
  const errors: FieldError[] = [];
  if (clusterIP) {
    if (!clusterIPs.length) errors.push(required(ipsPath));
    else if (clusterIPs[0] !== clusterIP)
      errors.push(invalid(ipsPath, clusterIPs, 'first value must match `clusterIP`'));
  } else if (clusterIPs.length) {
    errors.push(invalid(ipsPath, clusterIPs, 'must be empty when `clusterIP` is not specified'));
  }
  for (const [i, family] of ipFamilies.entries()) {
    const path = at(familiesPath, i);
    if (family !== 'IPv4' && family !== 'IPv6') errors.push(notSupported(path, family, ['IPv4', 'IPv6']));
    if (ipFamilies.indexOf(family) < i) errors.push(duplicate(path, family));
  }
  const policies = ['PreferDualStack', 'RequireDualStack', 'SingleStack'];
  errors.push(...validateOptionalChoice(spec.ipFamilyPolicy, policies, 'spec.ipFamilyPolicy'));
  const wrong = validateAddresses(clusterIPs);
  errors.push(...wrong);
  if (clusterIPs.length > 2) errors.push(invalid(ipsPath, clusterIPs, 'may only hold up to 2 values'));
  if (wrong.length) return errors;
  if (clusterIPs.length > 1 && new Set(clusterIPs.map(isIPv6)).size !== clusterIPs.length) {
    errors.push(invalid(ipsPath, clusterIPs, 'may specify no more than one IP for each IP family'));
  }
  if (isHeadless(service)) return errors;
  for (const [i, ip] of clusterIPs.entries()) {
    const family = ipFamilies[i];
    if ((family === 'IPv4' && isIPv6(ip)) || (family === 'IPv6' && !isIPv6(ip))) {
      errors.push(invalid(at(ipsPath, i), ip, `expected an ${family} value as indicated by \`ipFamilies[${i}]\``));
    }
  }
  return errors;
}

function validateAddresses(clusterIPs: readonly string[]): FieldError[] {
  return clusterIPs.flatMap((ip, i) => {
    if (i > 0 || ip !== 'None') return validateIp(ip, at(ipsPath, i));
    return clusterIPs.length > 1 ? [invalid(ipsPath, clusterIPs, "'None' must be the first and only value")] : [];
  });
}

/** The first address and family stay; the second may come, and go when the policy says single stack. */
export function validateClusterIpsUpdate(service: SharedService, old: SharedService): FieldError[] {
  if (service.spec.type === 'ExternalName' || old.spec.type === 'ExternalName') return [];
  const headless = isHeadless(service);
  const wasHeadless = isHeadless(old);
  const errors: FieldError[] = [];
  if (!(headless && wasHeadless)) errors.push(...validateListUpdate(service, old, 'clusterIPs'));
  if (!headless && !wasHeadless) errors.push(...validateListUpdate(service, old, 'ipFamilies'));
  return errors;
}

function validateListUpdate(
  service: SharedService,
  old: SharedService,
  field: 'clusterIPs' | 'ipFamilies',
): FieldError[] {
  const values: readonly string[] = service.spec[field] ?? [];
  const before: readonly string[] = old.spec[field] ?? [];
  const path = `spec.${field}`;
  const changed = (i: number) => invalid(at(path, i), values, 'may not change once set');
  if (before.length === values.length) {
    return before.flatMap((value, i) => (value === values[i] ? [] : [changed(field === 'clusterIPs' ? i : 0)]));
  }
  const errors: FieldError[] = [];
  if (before.length && values.length && before[0] !== values[0]) errors.push(changed(0));
  if (before.length < values.length) return errors;
  if (!service.spec.clusterIPs?.length) {
    const what = field === 'clusterIPs' ? 'clusterIP' : 'ipFamily';
    errors.push(invalid(at(path, 0), values, `primary ${what} can not be unset`));
  }
  if (values.length === 1 && service.spec.ipFamilyPolicy !== 'SingleStack') {
    const what = field === 'clusterIPs' ? 'clusterIP' : 'ipFamily';
    const detail = `must be set to 'SingleStack' when releasing the secondary ${what}`;
    errors.push(invalid('spec.ipFamilyPolicy', service.spec.ipFamilyPolicy ?? null, detail));
  }
  return errors;
}
