/** From the pods that a service selects to the endpoint slices that it should have; no client involved. */

import type { Node } from '../../api/core/node.ts';
import type { Pod } from '../../api/core/pod.ts';
import { Service } from '../../api/core/service.ts';
import type { EndpointSlice } from '../../api/discovery/endpoint-slice.ts';
import type { Shared } from '../../api/kind.ts';
import type { Endpoint, EndpointPort } from '../../api/types/discovery-v1.ts';
import { deepEqual } from '../../base/deep.ts';
import type { Draft } from '../../client/client.ts';
import { ownerReference } from '../ownership.ts';
import { isPodReady, isPodTerminal } from '../pods/state.ts';
import { isIPv6, podReference, publishedHostname, targetPortOf } from '../service-pods.ts';

export const serviceNameLabel = 'kubernetes.io/service-name';
export const managedByLabel = 'endpointslice.kubernetes.io/managed-by';
export const managedBy = 'endpointslice-controller.k8s.io';
const headlessLabel = 'service.kubernetes.io/headless';
const zoneLabel = 'topology.kubernetes.io/zone';
/** Endpoints in one slice at most. */
const sliceSize = 100;

type Slice = Shared<EndpointSlice>;
type AddressType = 'IPv4' | 'IPv6';

export interface SliceChanges {
  readonly create: readonly Draft<EndpointSlice>[];
  readonly update: readonly Slice[];
  readonly remove: readonly Slice[];
}

interface PortGroup {
  readonly ports: readonly EndpointPort[];
  readonly endpoints: Map<string, Endpoint>;
}

/** The address types that a service publishes. */
export function addressTypesOf(service: Shared<Service>): readonly AddressType[] {
  const families = service.spec.ipFamilies;
  if (families?.length) return families.map((family) => (family === 'IPv6' ? 'IPv6' : 'IPv4'));
  return [isIPv6(service.spec.clusterIP ?? '') ? 'IPv6' : 'IPv4'];
}

/** The changes that bring a service's slices to what its pods are now. Pods on nodes that are not known are left out. */
export function sliceChanges(
  service: Shared<Service>,
  pods: readonly Shared<Pod>[],
  { existing, nodeOf }: { existing: readonly Slice[]; nodeOf(name: string): Shared<Node> | undefined },
): SliceChanges {
  const create: Draft<EndpointSlice>[] = [];
  const update: Slice[] = [];
  const types = addressTypesOf(service);
  const remove = existing.filter((slice) => !types.includes(slice.addressType as AddressType));
  for (const type of types) {
    const groups = groupByPorts(service, pods, { type, nodeOf });
    const left = new Set(existing.filter((slice) => slice.addressType === type));
    for (const group of groups.values()) {
      const mine = [...left].filter((slice) => portsKey(slice.ports ?? []) === portsKey(group.ports));
      for (const slice of mine) left.delete(slice);
      packGroup(group, mine, { service, type, create, update, remove });
    }
    if (groups.size === 0) {
      // One empty slice says that the service was looked at.
      const [placeholder, ...rest] = [...left];
      if (!placeholder) create.push(newSlice(service, type, { ports: [], endpoints: [] }));
      else {
        const empty = asDesired(service, { ...placeholder, endpoints: [], ports: [] });
        if (!sameSlice(empty, placeholder)) update.push(empty);
      }
      remove.push(...rest);
    } else remove.push(...left);
  }
  return { create, update, remove };
}

function groupByPorts(
  service: Shared<Service>,
  pods: readonly Shared<Pod>[],
  { type, nodeOf }: { type: AddressType; nodeOf(name: string): Shared<Node> | undefined },
): Map<string, PortGroup> {
  const groups = new Map<string, PortGroup>();
  for (const pod of pods) {
    if (isPodTerminal(pod)) continue;
    const ips = pod.status.podIPs?.map(({ ip }) => ip) ?? (pod.status.podIP ? [pod.status.podIP] : []);
    const address = ips.find((ip) => ip !== undefined && isIPv6(ip) === (type === 'IPv6'));
    if (!address) continue;
    const node = pod.spec.nodeName ? nodeOf(pod.spec.nodeName) : undefined;
    if (pod.spec.nodeName && !node && !service.spec.publishNotReadyAddresses) continue;
    const ports: EndpointPort[] = [];
    for (const port of service.spec.ports ?? []) {
      const number = targetPortOf(pod, port);
      if (number === undefined) continue;
      ports.push({
        name: port.name ?? '',
        protocol: port.protocol ?? 'TCP',
        port: number,
        ...(port.appProtocol ? { appProtocol: port.appProtocol } : {}),
      });
    }
    const key = portsKey(ports);
    let group = groups.get(key);
    if (!group) {
      group = { ports, endpoints: new Map() };
      groups.set(key, group);
    }
    group.endpoints.set(pod.metadata.uid, endpointOf(pod, service, { address, node }));
  }
  return groups;
}

function endpointOf(
  pod: Shared<Pod>,
  service: Shared<Service>,
  { address, node }: { address: string; node: Shared<Node> | undefined },
): Endpoint {
  const serving = isPodReady(pod);
  const terminating = pod.metadata.deletionTimestamp !== undefined;
  const ready = service.spec.publishNotReadyAddresses === true || (serving && !terminating);
  const zone = node?.metadata.labels?.[zoneLabel];
  const hostname = publishedHostname(pod, service);
  const hints = ready ? hintsFor(service, zone, pod.spec.nodeName) : undefined;
  return {
    addresses: [address],
    conditions: { ready, serving, terminating },
    ...(hostname ? { hostname } : {}),
    targetRef: podReference(pod),
    ...(pod.spec.nodeName ? { nodeName: pod.spec.nodeName } : {}),
    ...(zone ? { zone } : {}),
    ...(hints ? { hints } : {}),
  };
}

function hintsFor(
  service: Shared<Service>,
  zone: string | undefined,
  node: string | undefined,
): Endpoint['hints'] | undefined {
  const wish = service.spec.trafficDistribution;
  const forZones = zone ? { forZones: [{ name: zone }] } : {};
  if (wish === 'PreferClose' || wish === 'PreferSameZone') return zone ? forZones : undefined;
  if (wish === 'PreferSameNode' && node) return { ...forZones, forNodes: [{ name: node }] };
  return undefined;
}

interface Packing {
  readonly service: Shared<Service>;
  readonly type: AddressType;
  readonly create: Draft<EndpointSlice>[];
  readonly update: Slice[];
  readonly remove: Slice[];
}

/** Keeps endpoints in the slices that have them, fills gaps in those that change anyway, and makes as few new ones as will do. */
function packGroup(group: PortGroup, existing: readonly Slice[], packing: Packing): void {
  const { service, type, create, update, remove } = packing;
  const missing = new Map(group.endpoints);
  const drafts = existing.map((slice) => {
    const kept: Shared<Endpoint>[] = [];
    let changed = false;
    for (const endpoint of slice.endpoints) {
      const uid = endpoint.targetRef?.uid ?? '';
      const wanted = missing.get(uid);
      if (!wanted) {
        changed = true;
        continue;
      }
      missing.delete(uid);
      const same = deepEqual(wanted, endpoint);
      kept.push(same ? endpoint : wanted);
      changed ||= !same;
    }
    return { slice, kept, changed };
  });
  const fill = (draft: (typeof drafts)[number]) => {
    for (const [uid, endpoint] of missing) {
      if (draft.kept.length >= sliceSize) return;
      draft.kept.push(endpoint);
      missing.delete(uid);
      draft.changed = true;
    }
  };
  for (const draft of drafts) if (draft.changed) fill(draft);
  if (missing.size > 0 && missing.size < sliceSize) {
    // The fullest slice that still takes all of them, so that one write is enough.
    const roomy = drafts
      .filter((draft) => draft.kept.length + missing.size <= sliceSize)
      .sort((a, b) => b.kept.length - a.kept.length)[0];
    if (roomy) fill(roomy);
  }
  for (const { slice, kept, changed } of drafts) {
    if (kept.length === 0) {
      remove.push(slice);
      continue;
    }
    const next = asDesired(service, changed ? { ...slice, endpoints: kept } : slice);
    if (changed || !sameSlice(next, slice)) update.push(next);
  }
  const rest = [...missing.values()];
  for (let at = 0; at < rest.length; at += sliceSize) {
    create.push(newSlice(service, type, { ports: group.ports, endpoints: rest.slice(at, at + sliceSize) }));
  }
}

const portsKey = (ports: readonly Shared<EndpointPort>[]): string =>
  ports
    .map((port) => `${port.name ?? ''}/${port.protocol ?? ''}/${port.port ?? ''}/${port.appProtocol ?? ''}`)
    .sort()
    .join(',');

function newSlice(
  service: Shared<Service>,
  addressType: AddressType,
  { ports, endpoints }: { ports: readonly EndpointPort[]; endpoints: readonly Endpoint[] },
): Draft<EndpointSlice> {
  return {
    metadata: {
      namespace: service.metadata.namespace,
      generateName: `${service.metadata.name}-`,
      labels: sliceLabels(service),
      ownerReferences: [ownerReference(service, Service)],
    },
    addressType,
    ports: [...ports],
    endpoints: [...endpoints],
  };
}

function asDesired(service: Shared<Service>, slice: Slice): Slice {
  return {
    ...slice,
    metadata: { ...slice.metadata, labels: sliceLabels(service), ownerReferences: [ownerReference(service, Service)] },
  };
}

function sameSlice(a: Slice, b: Slice): boolean {
  return (
    a.endpoints.length === b.endpoints.length &&
    portsKey(a.ports ?? []) === portsKey(b.ports ?? []) &&
    deepEqual(a.metadata.labels, b.metadata.labels) &&
    deepEqual(a.metadata.ownerReferences, b.metadata.ownerReferences)
  );
}

function sliceLabels(service: Shared<Service>): Record<string, string> {
  const { [headlessLabel]: _, ...own } = service.metadata.labels ?? {};
  return {
    ...own,
    ...(service.spec.clusterIP === 'None' ? { [headlessLabel]: '' } : {}),
    [serviceNameLabel]: service.metadata.name,
    [managedByLabel]: managedBy,
  };
}
