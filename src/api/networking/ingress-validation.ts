/** Validation of ingresses and ingress classes. */
import { isIP } from 'node:net';
import type { DeepReadonly } from '../../base/deep.ts';
import { invalidEach, validateRequiredName } from '../core/field-rules.ts';
import { validateIp } from '../core/ip-rules.ts';
import {
  at,
  child,
  type FieldError,
  forbidden,
  invalid,
  notSupported,
  required,
  tooLong,
} from '../machinery/field-error.ts';
import {
  dns1123Label,
  dns1123Subdomain,
  domainPrefixedPath,
  pathSegmentName,
  portName,
  portNumber,
  wildcardDns1123Subdomain,
} from '../machinery/names.ts';
import { validateImmutable } from '../machinery/object-meta.ts';
import type { TypedLocalObjectReference } from '../types/core-v1.ts';
import type { HTTPIngressPath, Ingress, IngressBackend, IngressClass } from '../types/networking-v1.ts';

const classAnnotation = 'kubernetes.io/ingress.class';

/** An ingress on create and update. */
export function validateIngress({ spec }: DeepReadonly<Ingress>): FieldError[] {
  const { rules = [], defaultBackend, ingressClassName } = spec;
  const errors: FieldError[] = [];
  if (!rules.length && !defaultBackend) {
    errors.push(invalid('spec', spec.rules ?? null, 'either `defaultBackend` or `rules` must be specified'));
  }
  if (defaultBackend) errors.push(...validateBackend(defaultBackend, 'spec.defaultBackend'));
  for (const [i, { host = '', http }] of rules.entries()) {
    const path = `spec.rules[${i}].host`;
    if (host) {
      if (isIP(host)) errors.push(invalid(path, host, 'must be a DNS name, not an IP address'));
      errors.push(...invalidEach(path, host, hostProblems(host)));
    }
    if (http) errors.push(...validateHttp(http.paths, `spec.rules[${i}].http`));
  }
  for (const [i, { hosts, secretName }] of (spec.tls ?? []).entries()) {
    for (const [j, host] of (hosts ?? []).entries()) {
      errors.push(...invalidEach(`spec.tls[${i}].hosts[${j}]`, host, hostProblems(host)));
    }
    if (secretName) errors.push(...invalidEach(`spec.tls[${i}].secretName`, secretName, dns1123Subdomain(secretName)));
  }
  if (ingressClassName === undefined) return errors;
  return [...errors, ...invalidEach('spec.ingressClassName', ingressClassName, dns1123Subdomain(ingressClassName))];
}

const hostProblems = (host: string) => (host.includes('*') ? wildcardDns1123Subdomain(host) : dns1123Subdomain(host));

/** The annotation of old and the field name the same class on new objects. */
export function validateIngressCreate({ metadata, spec }: DeepReadonly<Ingress>): FieldError[] {
  const value = metadata.annotations?.[classAnnotation];
  const { ingressClassName } = spec;
  if (value === undefined || ingressClassName === undefined || value === ingressClassName) return [];
  const detail = 'must match `ingressClassName` when both are specified';
  return [invalid(`annotations.${classAnnotation}`, value, detail)];
}

function validateHttp(paths: readonly DeepReadonly<HTTPIngressPath>[], path: string): FieldError[] {
  const pathsPath = child(path, 'paths');
  if (!paths?.length) return [required(pathsPath)];
  return paths.flatMap((element, i) => validatePath(element, at(pathsPath, i)));
}

const forbiddenSequences = ['//', '/./', '/../', '%2f', '%2F'];
const forbiddenSuffixes = ['/..', '/.'];

function validatePath(
  { path = '', pathType, backend }: DeepReadonly<HTTPIngressPath>,
  fieldPath: string,
): FieldError[] {
  if (pathType === undefined) return [required(child(fieldPath, 'pathType'), 'pathType must be specified')];
  const errors: FieldError[] = [];
  const refuse = (detail: string) => errors.push(invalid(child(fieldPath, 'path'), path, detail));
  switch (pathType) {
    case 'Exact':
    case 'Prefix':
      if (!path.startsWith('/')) refuse('must be an absolute path');
      for (const sequence of forbiddenSequences) if (path.includes(sequence)) refuse(`must not contain '${sequence}'`);
      for (const suffix of forbiddenSuffixes) if (path.endsWith(suffix)) refuse(`cannot end with '${suffix}'`);
      break;
    case 'ImplementationSpecific':
      if (path && !path.startsWith('/')) refuse('must be an absolute path');
      break;
    default:
      errors.push(notSupported(child(fieldPath, 'pathType'), pathType, ['Exact', 'ImplementationSpecific', 'Prefix']));
  }
  return [...errors, ...validateBackend(backend, child(fieldPath, 'backend'))];
}

function validateBackend({ service, resource }: DeepReadonly<IngressBackend>, path: string): FieldError[] {
  if (resource && service) return [invalid(path, '', 'cannot set both resource and service backends')];
  if (resource) return validateResource(resource, child(path, 'resource'));
  if (!service) return [invalid(path, '', 'resource or service backend is required')];
  const errors = validateRequiredName(service.name, dns1123Label, child(path, 'service.name'));
  const { name, number } = service.port;
  if (name && number) errors.push(invalid(path, '', 'cannot set both port name & port number'));
  else if (name) errors.push(...invalidEach(child(path, 'service.port.name'), name, portName(name)));
  else if (number) errors.push(...invalidEach(child(path, 'service.port.number'), number, portNumber(number)));
  else errors.push(required(path, 'port name or number is required'));
  return errors;
}

function validateResource(
  { apiGroup, kind, name }: DeepReadonly<TypedLocalObjectReference>,
  path: string,
): FieldError[] {
  const errors: FieldError[] = [];
  if (apiGroup) errors.push(...invalidEach(child(path, 'apiGroup'), apiGroup, dns1123Subdomain(apiGroup)));
  return [
    ...errors,
    ...validateRequiredName(kind, pathSegmentName, child(path, 'kind')),
    ...validateRequiredName(name, pathSegmentName, child(path, 'name')),
  ];
}

/** The addresses that an ingress controller reports. */
export function validateIngressStatus({ status }: DeepReadonly<Ingress>): FieldError[] {
  return (status.loadBalancer.ingress ?? []).flatMap(({ ip, hostname }, i) => {
    const path = `status.loadBalancer.ingress[${i}]`;
    const errors = ip ? validateIp(ip, child(path, 'ip')) : [];
    if (!hostname) return errors;
    errors.push(...invalidEach(child(path, 'hostname'), hostname, dns1123Subdomain(hostname)));
    if (isIP(hostname)) {
      errors.push(invalid(child(path, 'hostname'), hostname, 'must be a DNS name, not an IP address'));
    }
    return errors;
  });
}

/** An ingress class: its controller, and where its parameters are. */
export function validateIngressClass({ spec }: DeepReadonly<IngressClass>): FieldError[] {
  const { controller = '', parameters } = spec;
  const errors: FieldError[] = controller.length > 250 ? [tooLong('spec.controller', controller, 250)] : [];
  if (!controller) errors.push(required('spec.controller'));
  else errors.push(...domainPrefixedPath('spec.controller', controller));
  if (!parameters) return errors;
  const path = 'spec.parameters';
  const { apiGroup, kind, name, scope, namespace } = parameters;
  if (apiGroup) errors.push(...invalidEach(child(path, 'apiGroup'), apiGroup, dns1123Subdomain(apiGroup)));
  errors.push(
    ...validateRequiredName(kind, pathSegmentName, child(path, 'kind')),
    ...validateRequiredName(name, pathSegmentName, child(path, 'name')),
  );
  const namespacePath = child(path, 'namespace');
  if (scope === undefined) errors.push(required(child(path, 'scope')));
  else if (scope === 'Namespace') {
    if (namespace === undefined) errors.push(required(namespacePath, "`parameters.scope` is set to 'Namespace'"));
    else errors.push(...invalidEach(namespacePath, namespace, dns1123Label(namespace)));
  } else if (scope === 'Cluster') {
    if (namespace !== undefined) errors.push(forbidden(namespacePath, "`parameters.scope` is set to 'Cluster'"));
  } else errors.push(notSupported(child(path, 'scope'), scope, ['Cluster', 'Namespace']));
  return errors;
}

/** A class keeps its controller. */
export function validateIngressClassUpdate(
  { spec }: DeepReadonly<IngressClass>,
  { spec: old }: DeepReadonly<IngressClass>,
): FieldError[] {
  return validateImmutable(spec.controller, old.controller, 'spec.controller');
}
