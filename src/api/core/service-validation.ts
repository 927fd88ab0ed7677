/** Validation of services. */
import { isIPv4, isIPv6 } from 'node:net';
import type { DeepReadonly } from '../../base/deep.ts';
import {
  at,
  child,
  duplicate,
  type FieldError,
  forbidden,
  invalid,
  notSupported,
  required,
} from '../machinery/field-error.ts';
import { dns1123Label, dns1123Subdomain, portNumber, qualifiedName } from '../machinery/names.ts';
import { validateLabels } from '../machinery/object-meta.ts';
import type { LoadBalancerStatus, Service, ServicePort } from '../types/core-v1.ts';
import { invalidEach, validateChoice, validateOptionalChoice } from './field-rules.ts';
import { validateCidr, validateIp } from './ip-rules.ts';
import { validatePort } from './probe-validation.ts';
import { isExternallyAccessible } from './service-defaults.ts';
import { isHeadless, validateClusterIps } from './service-ip-validation.ts';
import { validateNonSpecialIp } from './special-ip.ts';

type SharedService = DeepReadonly<Service>;

const maxAffinitySeconds = 86400;
const sourceRangesAnnotation = 'service.beta.kubernetes.io/load-balancer-source-ranges';
const topologyHints = 'service.kubernetes.io/topology-aware-hints';
const topologyMode = 'service.kubernetes.io/topology-mode';

/** A service after addresses and node ports have been allocated. */
export function validateService(service: SharedService): FieldError[] {
  const { spec } = service;
  const types = ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort'];
  return [
    ...validateTopologyAnnotations(service),
    ...validateType(service),
    ...validatePorts(service),
    ...validateLabels(spec.selector, 'spec.selector'),
    ...validateSessionAffinity(service),
    ...validateClusterIps(service),
    ...(spec.externalIPs ?? []).flatMap((ip, i) => {
      const path = `spec.externalIPs[${i}]`;
      const errors = validateIp(ip, path);
      return errors.length ? errors : validateNonSpecialIp(ip, path);
    }),
    ...validateChoice(spec.type, types, 'spec.type'),
    ...validateSourceRanges(service),
    ...validateLoadBalancerFields(service),
    ...validateTrafficPolicies(service),
  ];
}

function validateTopologyAnnotations({ metadata: { annotations } }: SharedService): FieldError[] {
  const mode = annotations?.[topologyMode];
  const hints = annotations?.[topologyHints];
  if (mode === undefined || hints === undefined || mode === hints) return [];
  const detail = `must match annotations[${topologyHints}] when both are specified`;
  return [invalid(`metadata.annotations[${topologyMode}]`, mode, detail)];
}

function validateType(service: SharedService): FieldError[] {
  const { spec } = service;
  const errors: FieldError[] = [];
  if (!spec.ports?.length && !isHeadless(service) && spec.type !== 'ExternalName') errors.push(required('spec.ports'));
  if ((spec.type === 'LoadBalancer' || spec.type === 'NodePort') && isHeadless(service)) {
    const detail = `may not be set to 'None' for ${spec.type} services`;
    errors.push(invalid('spec.clusterIPs[0]', spec.clusterIPs![0], detail));
  }
  if (spec.type !== 'ExternalName') return errors;
  const detail = 'may not be set for ExternalName services';
  if (spec.clusterIPs?.length) errors.push(forbidden('spec.clusterIPs', detail));
  if (spec.ipFamilies?.length) errors.push(forbidden('spec.ipFamilies', detail));
  if (spec.ipFamilyPolicy !== undefined) errors.push(forbidden('spec.ipFamilyPolicy', detail));
  const name = (spec.externalName ?? '').replace(/\.$/, '');
  if (!name) errors.push(required('spec.externalName'));
  return [...errors, ...(name ? invalidEach('spec.externalName', name, dns1123Subdomain(name)) : [])];
}

function validatePorts({ spec }: SharedService): FieldError[] {
  const ports = spec.ports ?? [];
  const names = new Set<string>();
  const taken = { port: new Set<string>(), nodePort: new Set<string>() };
  return ports.flatMap((port, i) => {
    const path = `spec.ports[${i}]`;
    const errors = validateServicePort(port, path, { names, requireName: ports.length > 1 });
    const { protocol, nodePort } = port;
    if (nodePort) {
      if (spec.type === 'ClusterIP') {
        errors.push(forbidden(child(path, 'nodePort'), "may not be used when `type` is 'ClusterIP'"));
      }
      const key = `${protocol}/${nodePort}`;
      if (taken.nodePort.has(key)) errors.push(duplicate(child(path, 'nodePort'), nodePort));
      taken.nodePort.add(key);
    }
    const key = `${protocol}/${port.port}`;
    if (taken.port.has(key)) errors.push(duplicate(path, { protocol, port: port.port }));
    taken.port.add(key);
    return errors;
  });
}

function validateServicePort(
  port: DeepReadonly<ServicePort>,
  path: string,
  { names, requireName }: { names: Set<string>; requireName: boolean },
): FieldError[] {
  const errors: FieldError[] = [];
  const { name, appProtocol, targetPort } = port;
  if (!name) {
    if (requireName) errors.push(required(child(path, 'name')));
  } else {
    errors.push(...invalidEach(child(path, 'name'), name, dns1123Label(name)));
    if (names.has(name)) errors.push(duplicate(child(path, 'name'), name));
    names.add(name);
  }
  errors.push(
    ...invalidEach(child(path, 'port'), port.port, portNumber(port.port)),
    ...validateChoice(port.protocol, ['SCTP', 'TCP', 'UDP'], child(path, 'protocol')),
    ...validatePort(targetPort ?? 0, child(path, 'targetPort')),
  );
  if (appProtocol !== undefined) {
    errors.push(...invalidEach(child(path, 'appProtocol'), appProtocol, qualifiedName(appProtocol)));
  }
  return errors;
}

function validateSessionAffinity({ spec }: SharedService): FieldError[] {
  const errors = validateChoice(spec.sessionAffinity, ['ClientIP', 'None'], 'spec.sessionAffinity');
  const path = 'spec.sessionAffinityConfig';
  const config = spec.sessionAffinityConfig;
  if (spec.sessionAffinity === 'None') {
    if (config) errors.push(forbidden(path, 'must not be set when session affinity is None'));
  } else if (spec.sessionAffinity === 'ClientIP') {
    const seconds = config?.clientIP?.timeoutSeconds;
    const detail = 'when session affinity type is ClientIP';
    if (!config) errors.push(required(path, detail));
    else if (!config.clientIP) errors.push(required(child(path, 'clientIP'), detail));
    else if (seconds === undefined) errors.push(required(child(path, 'clientIP.timeoutSeconds'), detail));
    else if (seconds <= 0 || seconds > maxAffinitySeconds) {
      const message = `must be greater than 0 and less than ${maxAffinitySeconds}`;
      errors.push(invalid(child(path, 'clientIP.timeoutSeconds'), seconds, message));
    }
  }
  return errors;
}

function validateSourceRanges({ metadata, spec }: SharedService): FieldError[] {
  const detail = "may only be used when `type` is 'LoadBalancer'";
  if (spec.loadBalancerSourceRanges?.length) {
    const path = 'spec.LoadBalancerSourceRanges';
    const errors = spec.type === 'LoadBalancer' ? [] : [forbidden(path, detail)];
    return [...errors, ...spec.loadBalancerSourceRanges.flatMap((range, i) => validateCidr(range.trim(), at(path, i)))];
  }
  const annotation = metadata.annotations?.[sourceRangesAnnotation];
  if (annotation === undefined) return [];
  const path = `metadata.annotations[${sourceRangesAnnotation}]`;
  const errors = spec.type === 'LoadBalancer' ? [] : [forbidden(path, detail)];
  if (!annotation.trim()) return errors;
  return [...errors, ...annotation.split(',').flatMap((range) => validateCidr(range.trim(), path))];
}

function validateLoadBalancerFields({ spec }: SharedService): FieldError[] {
  const detail = "may only be used when `type` is 'LoadBalancer'";
  if (spec.type !== 'LoadBalancer') {
    return (['allocateLoadBalancerNodePorts', 'loadBalancerClass'] as const).flatMap((name) =>
      spec[name] === undefined ? [] : [forbidden(child('spec', name), detail)],
    );
  }
  const errors = spec.allocateLoadBalancerNodePorts === undefined ? [required('allocateLoadBalancerNodePorts')] : [];
  if (spec.loadBalancerClass === undefined) return errors;
  return [
    ...errors,
    ...invalidEach('spec.loadBalancerClass', spec.loadBalancerClass, qualifiedName(spec.loadBalancerClass)),
  ];
}

const needsHealthCheck = ({ spec }: SharedService) =>
  spec.type === 'LoadBalancer' && spec.externalTrafficPolicy === 'Local';

function validateTrafficPolicies(service: SharedService): FieldError[] {
  const { spec } = service;
  const policies = ['Cluster', 'Local'];
  const errors: FieldError[] = [];
  if (isExternallyAccessible(service)) {
    errors.push(...validateChoice(spec.externalTrafficPolicy, policies, 'spec.externalTrafficPolicy'));
  } else if (spec.externalTrafficPolicy) {
    const detail = 'may only be set for externally-accessible services';
    errors.push(invalid('spec.externalTrafficPolicy', spec.externalTrafficPolicy, detail));
  }
  const port = spec.healthCheckNodePort ?? 0;
  if (!needsHealthCheck(service)) {
    const detail = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'";
    if (port) errors.push(invalid('spec.healthCheckNodePort', port, detail));
  } else if (!port) errors.push(required('spec.healthCheckNodePort'));
  else errors.push(...invalidEach('spec.healthCheckNodePort', port, portNumber(port)));
  if (spec.internalTrafficPolicy === undefined) {
    if (spec.type !== 'ExternalName') errors.push(required('spec.internalTrafficPolicy'));
  } else if (!policies.includes(spec.internalTrafficPolicy)) {
    errors.push(notSupported('spec.internalTrafficPolicy', spec.internalTrafficPolicy, policies));
  }
  const distributions = ['PreferClose', 'PreferSameNode', 'PreferSameZone'];
  return [...errors, ...validateOptionalChoice(spec.trafficDistribution, distributions, 'spec.trafficDistribution')];
}

/** What an update of a service may not change. */
export function validateServiceUpdate(service: SharedService, old: SharedService): FieldError[] {
  const errors: FieldError[] = [];
  if (old.spec.type === 'LoadBalancer' && service.spec.type === 'LoadBalancer') {
    if (old.spec.loadBalancerClass !== service.spec.loadBalancerClass) {
      errors.push(invalid('spec.loadBalancerClass', service.spec.loadBalancerClass ?? null, 'may not change once set'));
    }
  }
  if (needsHealthCheck(old) && needsHealthCheck(service)) {
    if ((old.spec.healthCheckNodePort ?? 0) !== (service.spec.healthCheckNodePort ?? 0)) {
      errors.push(forbidden('spec.healthCheckNodePort', 'field is immutable'));
    }
  }
  return errors;
}

/** The addresses that a load balancer reports. */
export function validateServiceStatus({ spec, status }: SharedService): FieldError[] {
  return validateLoadBalancerStatus(status.loadBalancer, spec.type === 'LoadBalancer', 'status.loadBalancer');
}

function validateLoadBalancerStatus(
  { ingress = [] }: DeepReadonly<LoadBalancerStatus>,
  isLoadBalancer: boolean,
  path: string,
): FieldError[] {
  const ingressPath = child(path, 'ingress');
  if (!isLoadBalancer && ingress.length) {
    return [forbidden(ingressPath, "may only be used when `spec.type` is 'LoadBalancer'")];
  }
  return ingress.flatMap(({ ip, hostname, ipMode }, i) => {
    const itemPath = at(ingressPath, i);
    const errors: FieldError[] = ip ? validateIp(ip, child(itemPath, 'ip')) : [];
    if (ip && ipMode === undefined)
      errors.push(required(child(itemPath, 'ipMode'), 'must be specified when `ip` is set'));
    if (!ip && ipMode !== undefined) {
      errors.push(forbidden(child(itemPath, 'ipMode'), 'may not be specified when `ip` is not set'));
    } else if (ipMode !== undefined && ipMode !== 'VIP' && ipMode !== 'Proxy') {
      errors.push(notSupported(child(itemPath, 'ipMode'), ipMode, ['Proxy', 'VIP']));
    }
    if (!hostname) return errors;
    errors.push(...invalidEach(child(itemPath, 'hostname'), hostname, dns1123Subdomain(hostname)));
    if (isIPv4(hostname) || isIPv6(hostname)) {
      errors.push(invalid(child(itemPath, 'hostname'), hostname, 'must be a DNS name, not an IP address'));
    }
    return errors;
  });
}
