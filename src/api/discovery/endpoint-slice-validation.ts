/** Validation of endpoint slices. */
import { isIPv4, isIPv6 } from 'node:net';
import type { DeepReadonly } from '../../base/deep.ts';
import { invalidEach, validateChoice } from '../core/field-rules.ts';
import { isMapped } from '../core/ip-rules.ts';
import { validateNonSpecialIp } from '../core/special-ip.ts';
import { at, child, duplicate, type FieldError, invalid, required, tooMany } from '../machinery/field-error.ts';
import { dns1123Label, dns1123Subdomain, labelValue, portNumber, qualifiedName } from '../machinery/names.ts';
import { validateImmutable } from '../machinery/object-meta.ts';
import type { Endpoint, EndpointPort, EndpointSlice } from '../types/discovery-v1.ts';

const maxEndpoints = 1000;
const maxAddresses = 100;
const maxPorts = 20_000;
const maxHints = 8;

/** A slice on create and update. */
export function validateEndpointSlice(slice: DeepReadonly<EndpointSlice>): FieldError[] {
  const { addressType, endpoints = [] } = slice;
  const errors = validateChoice(addressType, ['FQDN', 'IPv4', 'IPv6'], 'addressType');
  if (endpoints.length > maxEndpoints) return [...errors, tooMany('endpoints', endpoints.length, maxEndpoints)];
  for (const [i, endpoint] of endpoints.entries()) {
    errors.push(...validateEndpoint(endpoint, addressType, at('endpoints', i)));
  }
  return [...errors, ...validatePorts(slice.ports ?? [])];
}

function validateEndpoint(endpoint: DeepReadonly<Endpoint>, addressType: string, path: string): FieldError[] {
  const { addresses, nodeName, hostname, hints, deprecatedTopology } = endpoint;
  const addressesPath = child(path, 'addresses');
  const errors: FieldError[] = [];
  if (!addresses?.length) errors.push(required(addressesPath, 'must contain at least 1 address'));
  else if (addresses.length > maxAddresses) errors.push(tooMany(addressesPath, addresses.length, maxAddresses));
  for (const [i, address] of (addresses ?? []).entries()) {
    errors.push(...validateAddress(address, addressType, at(addressesPath, i)));
  }
  if (nodeName !== undefined)
    errors.push(...invalidEach(child(path, 'nodeName'), nodeName, dns1123Subdomain(nodeName)));
  if (hostname !== undefined) errors.push(...invalidEach(child(path, 'hostname'), hostname, dns1123Label(hostname)));
  for (const [key, value] of Object.entries(deprecatedTopology ?? {})) {
    const topologyPath = child(path, 'deprecatedTopology');
    errors.push(...invalidEach(topologyPath, key, qualifiedName(key)));
    errors.push(...invalidEach(topologyPath, value, labelValue(value)));
  }
  for (const list of ['forZones', 'forNodes'] as const) {
    const targets = hints?.[list] ?? [];
    const listPath = child(child(path, 'hints'), list);
    if (targets.length > maxHints) errors.push(tooMany(listPath, targets.length, maxHints));
    for (const [i, { name }] of targets.entries()) {
      const namePath = child(at(listPath, i), 'name');
      if (targets.findIndex((other) => other.name === name) < i) errors.push(duplicate(namePath, name));
      else errors.push(...invalidEach(namePath, name, list === 'forZones' ? labelValue(name) : dns1123Subdomain(name)));
    }
  }
  return errors;
}

function validateAddress(address: string, addressType: string, path: string): FieldError[] {
  if (addressType === 'FQDN') return invalidEach(path, address, dns1123Subdomain(address));
  if (addressType === 'IPv4' && !isIPv4(address)) {
    return [invalid(path, address, 'must be a valid IPv4 address')];
  }
  if (addressType === 'IPv6' && (!isIPv6(address) || isMapped(address))) {
    return [invalid(path, address, 'must be a valid IPv6 address')];
  }
  return addressType === 'IPv4' || addressType === 'IPv6' ? validateNonSpecialIp(address, path) : [];
}

function validatePorts(ports: readonly DeepReadonly<EndpointPort>[]): FieldError[] {
  if (ports.length > maxPorts) return [tooMany('ports', ports.length, maxPorts)];
  const names = new Set<string>();
  return ports.flatMap(({ name = '', protocol, port, appProtocol }, i) => {
    const path = at('ports', i);
    const errors = name ? invalidEach(child(path, 'name'), name, dns1123Label(name)) : [];
    if (names.has(name)) errors.push(duplicate(child(path, 'name'), name));
    names.add(name);
    errors.push(...validateChoice(protocol, ['SCTP', 'TCP', 'UDP'], child(path, 'protocol')));
    if (port !== undefined) errors.push(...invalidEach(child(path, 'port'), port, portNumber(port)));
    if (appProtocol === undefined) return errors;
    return [...errors, ...invalidEach(child(path, 'appProtocol'), appProtocol, qualifiedName(appProtocol))];
  });
}

/** A slice keeps its type of address. */
export function validateEndpointSliceUpdate(
  { addressType }: DeepReadonly<EndpointSlice>,
  { addressType: old }: DeepReadonly<EndpointSlice>,
): FieldError[] {
  return validateImmutable(addressType, old, 'addressType');
}
