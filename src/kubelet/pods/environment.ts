/** A container's environment variables. */
import type { Shared } from '../../api/kind.ts';
import type {
  ConfigMap,
  Container,
  EnvVar,
  EphemeralContainer,
  Pod,
  Secret,
  Service,
} from '../../api/types/core-v1.ts';
import { expandVariables } from './expansion.ts';
import { type PodFacts, podFieldText, resourceFieldText } from './field-path.ts';

/** A container that cannot be configured: shown as its waiting reason, retried. */
export class ContainerConfigError extends Error {
  override readonly name = 'ContainerConfigError';
}

/** Where values come from. */
export interface EnvironmentSources {
  configMap(namespace: string, name: string): Promise<Shared<ConfigMap> | undefined>;
  secret(namespace: string, name: string): Promise<Shared<Secret> | undefined>;
  /** Services of the pod's namespace, and of `default` for the API server's. */
  readonly services: readonly Shared<Service>[];
  readonly facts: PodFacts;
  readonly allocatable: Readonly<Record<string, string>>;
}

/**
 * The variables in the order of upstream: services first, then envFrom, then env, later ones replacing earlier ones.
 * Throws {@link ContainerConfigError} for what is missing and not optional.
 */
export async function makeEnvironment(
  pod: Shared<Pod>,
  container: Shared<Container | EphemeralContainer>,
  sources: EnvironmentSources,
): Promise<Map<string, string>> {
  const namespace = pod.metadata.namespace!;
  const result = new Map<string, string>();
  // What $(NAME) may refer to: everything so far, but services only where the pod asks for them.
  const services = serviceVariables(sources.services, namespace, pod.spec.enableServiceLinks ?? true);

  for (const from of container.envFrom ?? []) {
    const prefix = from.prefix ?? '';
    if (from.configMapRef) {
      const found = await sources.configMap(namespace, from.configMapRef.name!);
      if (!found && !from.configMapRef.optional) throw missing('configmap', from.configMapRef.name!);
      for (const [key, value] of Object.entries(found?.data ?? {})) result.set(prefix + key, value);
    } else if (from.secretRef) {
      const found = await sources.secret(namespace, from.secretRef.name!);
      if (!found && !from.secretRef.optional) throw missing('secret', from.secretRef.name!);
      for (const [key, value] of Object.entries(found?.data ?? {})) result.set(prefix + key, decodeBase64(value));
    }
  }

  const known = new Map([...services, ...result]);
  for (const variable of container.env ?? []) {
    const value = variable.valueFrom
      ? await valueFrom(pod, container, variable, sources)
      : expandVariables(variable.value ?? '', known);
    if (value === undefined) continue;
    known.set(variable.name, value);
    result.set(variable.name, value);
  }
  for (const [name, value] of services) if (!result.has(name)) result.set(name, value);
  return result;
}

async function valueFrom(
  pod: Shared<Pod>,
  container: Shared<Container | EphemeralContainer>,
  variable: Shared<EnvVar>,
  sources: EnvironmentSources,
): Promise<string | undefined> {
  const namespace = pod.metadata.namespace!;
  const from = variable.valueFrom!;
  try {
    if (from.fieldRef) return podFieldText(pod, from.fieldRef.fieldPath, sources.facts);
    if (from.resourceFieldRef) {
      return resourceFieldText([...(pod.spec.initContainers ?? []), ...pod.spec.containers], from.resourceFieldRef, {
        containerName: container.name,
        allocatable: sources.allocatable,
      });
    }
  } catch (error) {
    throw new ContainerConfigError((error as Error).message);
  }
  if (from.configMapKeyRef) {
    const { name, key, optional } = from.configMapKeyRef;
    const found = await sources.configMap(namespace, name!);
    if (!found && !optional) throw missing('configmap', name!);
    const value = found?.data?.[key];
    if (found && value === undefined && !optional) {
      throw new ContainerConfigError(`couldn't find key ${key} in ConfigMap ${namespace}/${name}`);
    }
    return value;
  }
  if (from.secretKeyRef) {
    const { name, key, optional } = from.secretKeyRef;
    const found = await sources.secret(namespace, name!);
    if (!found && !optional) throw missing('secret', name!);
    const value = found?.data?.[key];
    if (found && value === undefined && !optional) {
      throw new ContainerConfigError(`couldn't find key ${key} in Secret ${namespace}/${name}`);
    }
    return value === undefined ? undefined : decodeBase64(value);
  }
  return '';
}

const missing = (kind: string, name: string) => new ContainerConfigError(`${kind} "${name}" not found`);

const decodeBase64 = (text: string) => Buffer.from(text, 'base64').toString('utf8');

/** The variables that tell of services: `<NAME>_SERVICE_HOST` and the docker-links forms. */
export function serviceVariables(
  services: readonly Shared<Service>[],
  namespace: string,
  links: boolean,
): Map<string, string> {
  const out = new Map<string, string>();
  const chosen = new Map<string, Shared<Service>>();
  for (const service of services) {
    const ip = service.spec.clusterIP;
    if (!ip || ip === 'None') continue;
    const name = service.metadata.name!;
    const isMaster = service.metadata.namespace === 'default' && name === 'kubernetes';
    // The API server's service is for everyone, under the name that a namespace's own service of that name takes over.
    if (isMaster && !chosen.has(name)) chosen.set(name, service);
    if (service.metadata.namespace === namespace && (links || isMaster)) chosen.set(name, service);
  }
  for (const service of chosen.values()) {
    const name = service.metadata.name!.toUpperCase().replaceAll('-', '_');
    const host = service.spec.clusterIP!;
    const ports = service.spec.ports ?? [];
    if (ports.length === 0) continue;
    out.set(`${name}_SERVICE_HOST`, host);
    out.set(`${name}_SERVICE_PORT`, String(ports[0]!.port));
    for (const port of ports) {
      if (port.name) out.set(`${name}_SERVICE_PORT_${port.name.toUpperCase().replaceAll('-', '_')}`, String(port.port));
    }
    const address = host.includes(':') ? `[${host}]` : host;
    for (const [i, port] of ports.entries()) {
      const protocol = (port.protocol ?? 'TCP').toLowerCase();
      const url = `${protocol}://${address}:${port.port}`;
      const prefix = `${name}_PORT_${port.port}_${protocol.toUpperCase()}`;
      if (i === 0) out.set(`${name}_PORT`, url);
      out.set(prefix, url);
      out.set(`${prefix}_PROTO`, protocol);
      out.set(`${prefix}_PORT`, String(port.port));
      out.set(`${prefix}_ADDR`, host);
    }
  }
  return out;
}
