/** What a service is given when it is written: cluster IPs, node ports, IP families. */
import type { Service } from '../../../api/core/service.ts';
import type { KubeObject, Shared } from '../../../api/kind.ts';
import { at, child, type FieldError, invalid } from '../../../api/machinery/field-error.ts';
import { internalError, invalidObject } from '../../../api/machinery/status.ts';
import type { ObjectWrite } from '../../../store/cache-api.ts';
import type { ApiContext, WriteHook } from '../../context.ts';
import { canonicalIp, familyOf, type IpFamily } from './address-range.ts';
import type { AddressAllocator } from './addresses.ts';
import type { PortAllocator } from './ports.ts';

type Write = ObjectWrite<Shared<KubeObject>>;
type SharedService = Shared<Service>;

const headless = 'None';
const kind = { group: '', kind: 'Service' };

const hasClusterIp = (service: SharedService) =>
  service.spec.type !== 'ExternalName' && service.spec.clusterIP !== headless;
const needsNodePorts = ({ spec }: SharedService) =>
  spec.type === 'NodePort' || (spec.type === 'LoadBalancer' && spec.allocateLoadBalancerNodePorts !== false);
const needsHealthPort = ({ spec }: SharedService) =>
  spec.type === 'LoadBalancer' && spec.externalTrafficPolicy === 'Local';

const addressesOf = (service: SharedService | undefined): string[] =>
  service && service.spec.type !== 'ExternalName'
    ? (service.spec.clusterIPs ?? (service.spec.clusterIP ? [service.spec.clusterIP] : [])).filter(
        (ip) => ip !== '' && ip !== headless,
      )
    : [];
const portsOf = (service: SharedService | undefined): number[] => {
  if (!service) return [];
  const ports = (service.spec.ports ?? []).flatMap((port) => (port.nodePort ? [port.nodePort] : []));
  return [...new Set([...ports, ...(service.spec.healthCheckNodePort ? [service.spec.healthCheckNodePort] : [])])];
};

/** Makes the two fields for cluster IPs agree, as upstream's NormalizeClusterIPs. */
export function normalizeClusterIps(service: Service, old: SharedService | undefined): void {
  const { spec } = service;
  if (!old) {
    if (spec.clusterIP && !spec.clusterIPs?.length) spec.clusterIPs = [spec.clusterIP];
    return;
  }
  const sameIp = (spec.clusterIP ?? '') === (old.spec.clusterIP ?? '');
  const same = JSON.stringify(spec.clusterIPs ?? []) === JSON.stringify(old.spec.clusterIPs ?? []);
  if (!sameIp && !spec.clusterIP && same) delete spec.clusterIPs;
  else if (!sameIp && spec.clusterIP && same) {
    spec.clusterIPs = [spec.clusterIP];
  } else if (sameIp && !same && !spec.clusterIPs?.length) {
    // A client that knows one address only leaves the list out.
    if (spec.clusterIP) spec.clusterIPs = [...(old.spec.clusterIPs ?? [])];
  }
}

/** Leaves out of an update what the server gave: it stays as it was (upstream's patchAllocatedValues). */
export function keepAllocated(service: Service, old: SharedService): void {
  const { spec } = service;
  const clustered = (s: SharedService) => s.spec.type !== 'ExternalName';
  if (clustered(old) && clustered(service as SharedService)) {
    if (!spec.clusterIP && old.spec.clusterIP) spec.clusterIP = old.spec.clusterIP;
    if (!spec.clusterIPs?.length && old.spec.clusterIPs?.length && spec.clusterIP === old.spec.clusterIP)
      spec.clusterIPs = [...old.spec.clusterIPs];
    if (!spec.ipFamilies?.length && old.spec.ipFamilies) spec.ipFamilies = [...old.spec.ipFamilies];
    spec.ipFamilyPolicy ??= old.spec.ipFamilyPolicy!;
  }
  if (needsNodePorts(old) && needsNodePorts(service as SharedService)) {
    const id = (port: { protocol?: string; port: number }) => `${port.protocol ?? 'TCP'}/${port.port}`;
    const before = new Map((old.spec.ports ?? []).map((port) => [id(port), port.nodePort]));
    const used = new Set((spec.ports ?? []).map((port) => port.nodePort).filter(Boolean));
    for (const port of spec.ports ?? []) {
      const kept = before.get(id(port));
      if (!port.nodePort && kept && !used.has(kept)) {
        port.nodePort = kept;
        used.add(kept);
      }
    }
  }
  if (needsHealthPort(old) && needsHealthPort(service as SharedService) && !spec.healthCheckNodePort)
    spec.healthCheckNodePort = old.spec.healthCheckNodePort!;
}

/** The hook of services. */
export function createServiceHook(
  api: ApiContext,
  allocators: { readonly addresses: AddressAllocator; readonly ports: PortAllocator },
): WriteHook {
  const { addresses, ports } = allocators;
  return {
    prepare(object, old) {
      const service = object as unknown as Service;
      if (old) keepAllocated(service, old as unknown as SharedService);
      normalizeClusterIps(service, old as unknown as SharedService | undefined);
    },
    beforeWrite({ object, old, dryRun }) {
      const service = object as unknown as Service | undefined;
      const before = old as unknown as SharedService | undefined;
      const owner = (service ?? before)!;
      const me = `${owner.metadata.namespace}/${owner.metadata.name}`;
      const errors: FieldError[] = [];
      if (service) {
        settleFamilies(service, addresses.families, errors);
        giveAddresses(service, { addresses, me, errors });
        givePorts(service, { ports, me, errors, api });
        if (errors.length) throw invalidObject(kind, service.metadata.name ?? '', errors);
      }
      if (dryRun) return [];
      const writes: (Write | undefined)[] = [];
      const now = addressesOf(service as SharedService | undefined);
      const was = addressesOf(before);
      // What a new service seems to hold is that of an older one of the same name: it must be its own at the commit.
      for (const ip of now)
        if (!before || addresses.holder(ip) !== me) writes.push(addresses.take(ip, service as Shared<KubeObject>));
      for (const ip of was) if (!now.includes(ip) && addresses.holder(ip) === me) writes.push(addresses.release(ip));
      const portsNow = portsOf(service as SharedService | undefined);
      for (const port of portsNow)
        if ((!before || ports.holder(port) !== me) && ports.inRange(port))
          writes.push(ports.take(port, service as Shared<KubeObject>));
      for (const port of portsOf(before))
        if (!portsNow.includes(port) && ports.holder(port) === me) writes.push(ports.release(port));
      return writes.filter((write) => write !== undefined);
    },
  };
}

function settleFamilies(service: Service, cluster: readonly IpFamily[], errors: FieldError[]): void {
  const { spec } = service;
  if (spec.type === 'ExternalName') return;
  const [primary = 'IPv4'] = cluster;
  const isHeadless = spec.clusterIP === headless;
  if (isHeadless && Object.keys(spec.selector ?? {}).length === 0) {
    if (!spec.ipFamilies?.length) spec.ipFamilies = [primary];
    if (spec.ipFamilies.length < 2 && spec.ipFamilyPolicy !== 'SingleStack')
      spec.ipFamilies = [...spec.ipFamilies, spec.ipFamilies[0] === 'IPv4' ? 'IPv6' : 'IPv4'];
    spec.ipFamilyPolicy ??= 'RequireDualStack';
    return;
  }
  if (spec.ipFamilyPolicy === undefined) {
    const wanted = Math.max(spec.ipFamilies?.length ?? 0, addressesOf(service as SharedService).length);
    spec.ipFamilyPolicy = wanted > 1 ? 'RequireDualStack' : 'SingleStack';
  }
  const given = addressesOf(service as SharedService).filter((ip) => canonicalIp(ip) !== undefined);
  if (!spec.ipFamilies?.length) spec.ipFamilies = given.length ? given.map(familyOf) : [primary];
  for (const [i, family] of spec.ipFamilies.entries()) {
    if (!cluster.includes(family as IpFamily) && !isHeadless)
      errors.push(invalid(at('spec.ipFamilies', i), family, 'not configured on this cluster'));
  }
  if (spec.ipFamilyPolicy === 'RequireDualStack' && cluster.length < 2)
    errors.push(
      invalid('spec.ipFamilyPolicy', spec.ipFamilyPolicy, 'this cluster is not configured for dual-stack services'),
    );
  if (spec.ipFamilyPolicy !== 'SingleStack' && cluster.length > 1 && spec.ipFamilies.length === 1)
    spec.ipFamilies = [...spec.ipFamilies, spec.ipFamilies[0] === 'IPv4' ? 'IPv6' : 'IPv4'];
  if (spec.ipFamilyPolicy === 'SingleStack' && spec.ipFamilies.length > 1)
    spec.ipFamilies = spec.ipFamilies.slice(0, 1);
}

function giveAddresses(
  service: Service,
  { addresses, me, errors }: { addresses: AddressAllocator; me: string; errors: FieldError[] },
): void {
  const { spec } = service;
  if (errors.length || !hasClusterIp(service as SharedService)) return;
  const wanted = spec.clusterIPs?.length ? [...spec.clusterIPs] : spec.clusterIP ? [spec.clusterIP] : [];
  const chosen = new Set(wanted);
  const out: string[] = [];
  for (const [i, family] of (spec.ipFamilies ?? []).entries()) {
    const asked = wanted[i];
    if (!asked) {
      const ip = addresses.pick(family as IpFamily, chosen);
      if (!ip) throw internalError(`failed to allocate a serviceIP: range is full`);
      chosen.add(ip);
      out.push(ip);
      continue;
    }
    const ip = canonicalIp(asked);
    if (!ip) {
      errors.push(invalid('spec.clusterIPs', [asked], `failed to allocate IP ${asked}: must be a valid IP address`));
      return;
    }
    const holder = addresses.holder(ip);
    if (holder !== undefined && holder !== me)
      errors.push(invalid('spec.clusterIPs', [asked], `failed to allocate IP ${ip}: provided IP is already allocated`));
    else if (holder === undefined && !addresses.inRange(ip))
      errors.push(
        invalid(
          'spec.clusterIPs',
          [asked],
          `failed to allocate IP ${ip}: the provided IP (${ip}) is not in the valid range. The range of valid IPs is ${addresses.rangesText()}`,
        ),
      );
    out.push(ip);
  }
  if (errors.length) return;
  spec.clusterIPs = out;
  spec.clusterIP = out[0]!;
}

function givePorts(
  service: Service,
  { ports, me, errors, api }: { ports: PortAllocator; me: string; errors: FieldError[]; api: ApiContext },
): void {
  const { spec } = service;
  const asked = new Set<number>(portsOf(service as SharedService));
  const check = (port: number, path: string) => {
    const holder = ports.holder(port);
    if (holder !== undefined && holder !== me) errors.push(invalid(path, port, 'provided port is already allocated'));
    else if (holder === undefined && !ports.inRange(port))
      errors.push(
        invalid(
          path,
          port,
          `provided port is not in the valid range. The range of valid ports is ${ports.first}-${ports.last}`,
        ),
      );
  };
  for (const [i, port] of (spec.ports ?? []).entries())
    if (port.nodePort) check(port.nodePort, child(at('spec.ports', i), 'nodePort'));
  if (spec.healthCheckNodePort) check(spec.healthCheckNodePort, 'spec.healthCheckNodePort');
  if (errors.length) return;
  const pick = (): number => {
    const port = ports.pick(asked, api.random);
    if (port === undefined) throw internalError('failed to allocate a nodePort: range is full');
    asked.add(port);
    return port;
  };
  if (needsNodePorts(service as SharedService)) {
    // The same port over two protocols gets the same node port.
    const byPort = new Map<number, number>();
    for (const port of spec.ports ?? []) if (port.nodePort) byPort.set(port.port, port.nodePort);
    const taken = new Set((spec.ports ?? []).filter((p) => p.nodePort).map((p) => `${p.protocol}/${p.nodePort}`));
    for (const port of spec.ports ?? []) {
      if (port.nodePort) continue;
      const shared = byPort.get(port.port);
      port.nodePort = shared && !taken.has(`${port.protocol}/${shared}`) ? shared : pick();
      byPort.set(port.port, port.nodePort);
      taken.add(`${port.protocol}/${port.nodePort}`);
    }
  }
  if (needsHealthPort(service as SharedService) && !spec.healthCheckNodePort) spec.healthCheckNodePort = pick();
}
