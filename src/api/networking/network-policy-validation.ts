/** Validation of network policies. */
import { BlockList, isIPv4 } from 'node:net';
import type { DeepReadonly } from '../../base/deep.ts';
import { invalidEach, validateEach, validateOptionalChoice } from '../core/field-rules.ts';
import { isCidr, validateCidr } from '../core/ip-rules.ts';
import { at, child, type FieldError, forbidden, invalid, notSupported, required } from '../machinery/field-error.ts';
import { portName, portNumber } from '../machinery/names.ts';
import { validateLabelSelector } from '../machinery/selectors.ts';
import type { IPBlock, NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort } from '../types/networking-v1.ts';

/** A network policy on create and update. */
export function validateNetworkPolicy({ spec }: DeepReadonly<NetworkPolicy>): FieldError[] {
  const errors = [
    ...validateLabelSelector(spec.podSelector, 'spec.podSelector'),
    ...validateEach(spec.ingress, 'spec.ingress', ({ ports, from }, path) => [
      ...validateEach(ports, child(path, 'ports'), validatePolicyPort),
      ...validateEach(from, child(path, 'from'), validatePeer),
    ]),
    ...validateEach(spec.egress, 'spec.egress', ({ ports, to }, path) => [
      ...validateEach(ports, child(path, 'ports'), validatePolicyPort),
      ...validateEach(to, child(path, 'to'), validatePeer),
    ]),
  ];
  const types = spec.policyTypes ?? [];
  if (types.length > 2) {
    return [...errors, invalid('spec.policyTypes', types, 'may not specify more than two policyTypes')];
  }
  for (const [i, type] of types.entries()) {
    if (type !== 'Ingress' && type !== 'Egress') {
      errors.push(notSupported(at('spec.policyTypes', i), type, ['Ingress', 'Egress']));
    }
  }
  return errors;
}

function validatePolicyPort({ protocol, port, endPort }: DeepReadonly<NetworkPolicyPort>, path: string): FieldError[] {
  const errors = validateOptionalChoice(protocol, ['TCP', 'UDP', 'SCTP'], child(path, 'protocol'));
  const portPath = child(path, 'port');
  const endPath = child(path, 'endPort');
  if (port === undefined) {
    if (endPort !== undefined)
      errors.push(invalid(endPath, endPort, 'may not be specified when `port` is not specified'));
  } else if (typeof port === 'string') {
    if (endPort !== undefined)
      errors.push(invalid(endPath, endPort, 'may not be specified when `port` is non-numeric'));
    errors.push(...invalidEach(portPath, port, portName(port)));
  } else {
    errors.push(...invalidEach(portPath, port, portNumber(port)));
    if (endPort !== undefined) {
      if (endPort < port) errors.push(invalid(endPath, endPort, 'must be greater than or equal to `port`'));
      errors.push(...invalidEach(endPath, endPort, portNumber(endPort)));
    }
  }
  return errors;
}

function validatePeer(
  { podSelector, namespaceSelector, ipBlock }: DeepReadonly<NetworkPolicyPeer>,
  path: string,
): FieldError[] {
  const errors = [
    ...validateLabelSelector(podSelector, child(path, 'podSelector')),
    ...validateLabelSelector(namespaceSelector, child(path, 'namespaceSelector')),
    ...(ipBlock ? validateIpBlock(ipBlock, child(path, 'ipBlock')) : []),
  ];
  if (!podSelector && !namespaceSelector && !ipBlock) errors.push(required(path, 'must specify a peer'));
  else if (ipBlock && (podSelector || namespaceSelector)) {
    errors.push(forbidden(path, 'may not specify both ipBlock and another peer'));
  }
  return errors;
}

function validateIpBlock({ cidr, except }: DeepReadonly<IPBlock>, path: string): FieldError[] {
  const cidrPath = child(path, 'cidr');
  if (!cidr) return [required(cidrPath)];
  const errors = validateCidr(cidr, cidrPath);
  if (!isCidr(cidr)) return errors;
  const exceptErrors = (except ?? []).flatMap((range, i) => {
    const exceptPath = at(child(path, 'except'), i);
    const wrong = validateCidr(range, exceptPath);
    if (!isCidr(range)) return wrong;
    return isStrictSubset(range, cidr)
      ? wrong
      : [...wrong, invalid(exceptPath, range, 'must be a strict subset of `cidr`')];
  });
  return [...errors, ...exceptErrors];
}

function isStrictSubset(range: string, whole: string): boolean {
  const [address, bits] = range.split('/') as [string, string];
  const [network, prefix] = whole.split('/') as [string, string];
  if (isIPv4(address) !== isIPv4(network) || Number(bits) <= Number(prefix)) return false;
  const list = new BlockList();
  const family = isIPv4(network) ? 'ipv4' : 'ipv6';
  list.addSubnet(network, Number(prefix), family);
  return list.check(address, family);
}
