/** Validation of endpoints. */
import type { DeepReadonly } from '../../base/deep.ts';
import { at, child, type FieldError, required } from '../machinery/field-error.ts';
import { dns1123Label, dns1123Subdomain, portNumber, qualifiedName } from '../machinery/names.ts';
import type { EndpointAddress, EndpointPort, Endpoints } from '../types/core-v1.ts';
import { invalidEach, validateChoice, validateEach } from './field-rules.ts';
import { validateIp } from './ip-rules.ts';
import { validateNonSpecialIp } from './special-ip.ts';

/** The addresses and ports behind a service. */
export function validateEndpoints({ subsets }: DeepReadonly<Endpoints>): FieldError[] {
  return validateEach(subsets, 'subsets', ({ addresses, notReadyAddresses, ports }, path) => {
    const errors =
      addresses?.length || notReadyAddresses?.length
        ? []
        : [required(path, 'must specify `addresses` or `notReadyAddresses`')];
    return [
      ...errors,
      ...validateEach(addresses, child(path, 'addresses'), validateAddress),
      ...validateEach(notReadyAddresses, child(path, 'notReadyAddresses'), validateAddress),
      ...validateEndpointPorts(ports, child(path, 'ports')),
    ];
  });
}

function validateAddress({ ip, hostname, nodeName }: DeepReadonly<EndpointAddress>, path: string): FieldError[] {
  const ipErrors = validateIp(ip, child(path, 'ip'));
  return [
    ...(ipErrors.length ? ipErrors : validateNonSpecialIp(ip, child(path, 'ip'))),
    ...(hostname ? invalidEach(child(path, 'hostname'), hostname, dns1123Label(hostname)) : []),
    ...(nodeName === undefined ? [] : invalidEach(child(path, 'nodeName'), nodeName, dns1123Subdomain(nodeName))),
  ];
}

function validateEndpointPorts(ports: readonly DeepReadonly<EndpointPort>[] | undefined, path: string): FieldError[] {
  return (ports ?? []).flatMap(({ name = '', port, protocol, appProtocol }, i) => {
    const itemPath = at(path, i);
    const errors: FieldError[] = [];
    if (!name) {
      if (ports!.length > 1) errors.push(required(child(itemPath, 'name')));
    } else {
      errors.push(...invalidEach(child(itemPath, 'name'), name, dns1123Label(name)));
    }
    errors.push(
      ...invalidEach(child(itemPath, 'port'), port, portNumber(port)),
      ...validateChoice(protocol, ['SCTP', 'TCP', 'UDP'], child(itemPath, 'protocol')),
    );
    if (appProtocol === undefined) return errors;
    return [...errors, ...invalidEach(child(itemPath, 'appProtocol'), appProtocol, qualifiedName(appProtocol))];
  });
}
