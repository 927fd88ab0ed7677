/** Which addresses a LoadBalancer service gets: those of the nodes, or one of a pool. Pure. */
import type { Shared } from '../../api/kind.ts';
import type { Node, Service } from '../../api/types/core-v1.ts';
import { contains, nthAddress, parseCidr } from '../pod-network/cidr.ts';

/** What an assignment depends on. */
export interface AssignmentInput {
  readonly service: Shared<Service>;
  /** All services; those that have addresses already keep them. */
  readonly services: readonly Shared<Service>[];
  readonly nodes: readonly Shared<Node>[];
  /** Names of the nodes with ready endpoints of the service, for externalTrafficPolicy Local. */
  readonly endpointNodes: ReadonlySet<string>;
  /** A network whose addresses are given out, instead of the nodes' own. */
  readonly pool?: string;
  /** Ports of the nodes' addresses that are not given away. */
  readonly reservedPorts: readonly number[];
}

/** Addresses, or why there are none. */
export type Assignment = { readonly addresses: readonly string[] } | { readonly problem: string };

/** The class that this controller serves besides services without one. */
export const loadBalancerClass = 'timonel.dev/node';

/** Whether a service wants an address from this controller. */
export function wantsAddress(service: Shared<Service>): boolean {
  const { type, loadBalancerClass: wanted } = service.spec;
  return (
    type === 'LoadBalancer' &&
    (wanted === undefined || wanted === '' || wanted === loadBalancerClass) &&
    service.metadata.deletionTimestamp === undefined
  );
}

/** The addresses that the status of a service has. */
export function assignedTo(service: Shared<Service>): string[] {
  return (service.status.loadBalancer?.ingress ?? []).flatMap(({ ip }) => (ip ? [ip] : []));
}

/** Decides on the addresses of a service. */
export function assignAddresses(input: AssignmentInput): Assignment {
  return input.pool ? fromPool(input, input.pool) : fromNodes(input);
}

function fromPool({ service, services }: AssignmentInput, pool: string): Assignment {
  const cidr = parseCidr(pool);
  if (!cidr) return { problem: `the pool of load balancer addresses, ${JSON.stringify(pool)}, is not a network` };
  const taken = new Set(
    services.filter((other) => other.metadata.uid !== service.metadata.uid).flatMap((other) => assignedTo(other)),
  );
  const wanted = service.spec.loadBalancerIP;
  if (wanted) {
    if (!contains(cidr, wanted)) return { problem: `the address ${wanted} is not in the pool ${pool}` };
    if (taken.has(wanted)) return { problem: `the address ${wanted} belongs to another service already` };
    return { addresses: [wanted] };
  }
  const kept = assignedTo(service).filter((address) => contains(cidr, address) && !taken.has(address));
  if (kept.length > 0) return { addresses: [kept[0]!] };
  const size = 2 ** Math.min(16, (cidr.family === 4 ? 32 : 128) - cidr.prefix);
  // The first and last address of a network are not for hosts, unless it has no room to spare.
  const [first, last] = size > 2 ? [1, size - 2] : [0, size - 1];
  for (let n = first; n <= last; n++) {
    const address = nthAddress(cidr, n);
    if (!taken.has(address)) return { addresses: [address] };
  }
  return {
    problem: `all addresses of the pool ${pool} are in use: enlarge it, or delete a service of type LoadBalancer`,
  };
}

function fromNodes({ service, services, nodes, endpointNodes, reservedPorts }: AssignmentInput): Assignment {
  for (const { port, protocol = 'TCP' } of service.spec.ports ?? []) {
    if (reservedPorts.includes(port) && protocol === 'TCP')
      return { problem: `port ${port} of the nodes is kept for the nodes themselves: choose another port` };
    const holder = services.find((other) => isBefore(other, service) && usesPort(other, port, protocol));
    if (holder)
      return {
        problem: `port ${port}/${protocol} of the nodes belongs to the service ${holder.metadata.namespace}/${holder.metadata.name}: choose another port, or delete that service`,
      };
  }
  const families = service.spec.ipFamilies?.length ? service.spec.ipFamilies : ['IPv4'];
  const localOnly = service.spec.externalTrafficPolicy === 'Local';
  const addresses = nodes
    .filter((node) => isServing(node) && (!localOnly || endpointNodes.has(node.metadata.name)))
    .flatMap((node) => nodeAddresses(node))
    .filter((address) => families.includes(address.includes(':') ? 'IPv6' : 'IPv4'));
  return { addresses: [...new Set(addresses)].sort() };
}

function isServing(node: Shared<Node>): boolean {
  return (
    node.metadata.deletionTimestamp === undefined &&
    node.metadata.labels?.['node.kubernetes.io/exclude-from-external-load-balancers'] === undefined &&
    (node.status.conditions ?? []).some(({ type, status }) => type === 'Ready' && status === 'True')
  );
}

/** External addresses where a node has any, else internal ones. */
function nodeAddresses(node: Shared<Node>): string[] {
  const of = (wanted: string) =>
    (node.status.addresses ?? []).filter(({ type }) => type === wanted).map(({ address }) => address);
  const external = of('ExternalIP');
  return external.length > 0 ? external : of('InternalIP');
}

/** The older service keeps a port that two want; the one that has addresses already, before that. */
function isBefore(other: Shared<Service>, service: Shared<Service>): boolean {
  if (other.metadata.uid === service.metadata.uid || !wantsAddress(other)) return false;
  const has = [other, service].map((each) => assignedTo(each).length > 0);
  if (has[0] !== has[1]) return has[0]!;
  const age = other.metadata.creationTimestamp.localeCompare(service.metadata.creationTimestamp);
  return age !== 0 ? age < 0 : other.metadata.uid < service.metadata.uid;
}

function usesPort(service: Shared<Service>, port: number, protocol: string): boolean {
  return (service.spec.ports ?? []).some((used) => used.port === port && (used.protocol ?? 'TCP') === protocol);
}
