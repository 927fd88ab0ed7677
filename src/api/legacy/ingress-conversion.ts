/** Conversion of Ingress between v1beta1, whose backends are flat, and networking.k8s.io/v1. */
import type { DeepReadonly } from '../../base/deep.ts';
import { mutableCopy } from '../../base/deep.ts';
import type * as v1 from '../types/networking-v1.ts';
import type * as v1beta1 from '../types/networking-v1beta1.ts';

function backendToStable({ serviceName, servicePort, resource }: v1beta1.IngressBackend): v1.IngressBackend {
  const backend: v1.IngressBackend = resource ? { resource } : {};
  if (!serviceName && !servicePort) return backend;
  const port = typeof servicePort === 'number' ? { number: servicePort } : servicePort ? { name: servicePort } : {};
  return { ...backend, service: { name: serviceName ?? '', port } };
}

function backendFromStable({ service, resource }: v1.IngressBackend): v1beta1.IngressBackend {
  const backend: v1beta1.IngressBackend = resource ? { resource } : {};
  if (!service) return backend;
  return { ...backend, serviceName: service.name, servicePort: service.port.name || (service.port.number ?? 0) };
}

/** v1beta1 of either group → v1. */
export function ingressToStable(ingress: v1beta1.Ingress): v1.Ingress {
  const { backend, rules, ...spec } = ingress.spec;
  return {
    ...ingress,
    apiVersion: 'networking.k8s.io/v1',
    spec: {
      ...spec,
      ...(backend ? { defaultBackend: backendToStable(backend) } : {}),
      ...(rules
        ? {
            rules: rules.map(({ http, ...rule }) => ({
              ...rule,
              ...(http
                ? { http: { paths: http.paths.map((path) => ({ ...path, backend: backendToStable(path.backend) })) } }
                : {}),
            })),
          }
        : {}),
    },
  };
}

/** v1 → v1beta1 of the group that was asked for. */
export function ingressFromStable(shared: DeepReadonly<v1.Ingress>, apiVersion: string): v1beta1.Ingress {
  const ingress = mutableCopy(shared) as v1.Ingress;
  const { defaultBackend, rules, ...spec } = ingress.spec;
  return {
    ...ingress,
    apiVersion,
    spec: {
      ...spec,
      ...(defaultBackend ? { backend: backendFromStable(defaultBackend) } : {}),
      ...(rules
        ? {
            rules: rules.map(({ http, ...rule }) => ({
              ...rule,
              ...(http
                ? { http: { paths: http.paths.map((path) => ({ ...path, backend: backendFromStable(path.backend) })) } }
                : {}),
            })),
          }
        : {}),
    },
  };
}
