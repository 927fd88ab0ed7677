import { Endpoints } from '../api/core/endpoints.ts';
import { Pod } from '../api/core/pod.ts';
import { Service } from '../api/core/service.ts';
import type { Shared } from '../api/kind.ts';
import { isAlreadyExists, isNotFound } from '../api/machinery/status.ts';
import type { EndpointAddress, EndpointPort, EndpointSubset } from '../api/types/core-v1.ts';
import { deepEqual } from '../base/deep.ts';
import { defineController, keyOf, watches } from '../client/reconcile.ts';
import { coalesceMs } from './coalesce.ts';
import { isNamespaceTerminating } from './pods/control.ts';
import { isPodReady, isPodTerminal } from './pods/state.ts';
import { allow, recordEvents } from './rbac-rules.ts';
import { isIPv6, podReference, podsOfServices, publishedHostname, selectedPods, targetPortOf } from './service-pods.ts';

const headlessLabel = 'service.kubernetes.io/headless';
const managedByLabel = 'endpoints.kubernetes.io/managed-by';
const capacityAnnotation = 'endpoints.kubernetes.io/over-capacity';
/** Addresses in one Endpoints object at most; the rest is left out and an annotation says so. */
const capacity = 1000;

/** The older form of endpoint slices: one object with the addresses of a service's pods. */
export const endpointsController = defineController<Service>({
  name: 'endpoint-controller',
  for: Service,
  watches: [
    watches<Pod>(podsOfServices),
    watches<Endpoints>({
      kind: Endpoints,
      keys: (endpoints) => (endpoints.metadata.labels?.[managedByLabel] ? [keyOf(endpoints)] : []),
    }),
  ],
  rbac: [
    allow('get list watch', '', 'services pods'),
    allow('get list watch create update delete', '', 'endpoints'),
    allow('create', '', 'endpoints/restricted'),
    recordEvents,
  ],
  async reconcile(key, { client, lister, events }) {
    const service = lister(Service).byKey(key);
    const found = lister(Endpoints).byKey(key);
    if (!service) {
      if (found) {
        await client
          .delete(Endpoints, found.metadata, { preconditions: { uid: found.metadata.uid } })
          .catch((error) => {
            if (!isNotFound(error)) throw error;
          });
      }
      return undefined;
    }
    if (!service.spec.selector || service.spec.type === 'ExternalName') return undefined;
    const pods = selectedPods(service, lister(Pod));
    const pace = { coalesceMs: coalesceMs(pods.length) };
    const { subsets, truncated } = subsetsOf(service, pods);
    const { [headlessLabel]: _, ...serviceLabels } = service.metadata.labels ?? {};
    const labels = {
      ...serviceLabels,
      [managedByLabel]: 'endpoint-controller',
      ...(service.spec.clusterIP === 'None' ? { [headlessLabel]: '' } : {}),
    };
    const { [capacityAnnotation]: __, ...kept } = found?.metadata.annotations ?? {};
    const annotations = truncated ? { ...kept, [capacityAnnotation]: 'truncated' } : kept;
    const spread = subsets.length ? { subsets } : {};
    if (
      found &&
      deepEqual(found.subsets ?? [], subsets) &&
      deepEqual(found.metadata.labels, labels) &&
      deepEqual(found.metadata.annotations ?? {}, annotations)
    ) {
      return pace;
    }
    try {
      if (found) {
        const { subsets: _old, ...rest } = found;
        await client.update(Endpoints, { ...rest, metadata: { ...found.metadata, labels, annotations }, ...spread });
      } else {
        const metadata = { namespace: service.metadata.namespace, name: service.metadata.name, labels, annotations };
        await client.create(Endpoints, { metadata, ...spread });
      }
    } catch (error) {
      if (isNamespaceTerminating(error)) return undefined;
      // There already, which the cache will show.
      if (!found && isAlreadyExists(error)) throw error;
      const verb = found ? 'update' : 'create';
      const reason = found ? 'FailedToUpdateEndpoint' : 'FailedToCreateEndpoint';
      const message = `Failed to ${verb} endpoint for service ${key}: ${(error as Error).message}`;
      events.event(found ?? service, 'Warning', reason, message);
      throw error;
    }
    return pace;
  },
});

/** The subsets of a service: pods with the same ports share one, in a fixed order. */
export function subsetsOf(
  service: Shared<Service>,
  pods: readonly Shared<Pod>[],
): { readonly subsets: EndpointSubset[]; readonly truncated: boolean } {
  const groups = new Map<string, { ports: EndpointPort[]; ready: EndpointAddress[]; notReady: EndpointAddress[] }>();
  const wantIPv6 = service.spec.ipFamilies?.[0]
    ? service.spec.ipFamilies[0] === 'IPv6'
    : isIPv6(service.spec.clusterIP ?? '');
  const all = service.spec.publishNotReadyAddresses === true;
  let count = 0;
  const sorted = [...pods].sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  for (const pod of sorted) {
    if (isPodTerminal(pod) || (pod.metadata.deletionTimestamp && !all)) continue;
    const ips = pod.status.podIPs?.map((entry) => entry.ip) ?? [pod.status.podIP];
    const ip = ips.find((candidate) => candidate && isIPv6(candidate) === wantIPv6);
    if (!ip) continue;
    const ports: EndpointPort[] = [];
    for (const port of service.spec.ports ?? []) {
      const number = targetPortOf(pod, port);
      if (number === undefined) continue;
      ports.push({
        ...(port.name ? { name: port.name } : {}),
        port: number,
        protocol: port.protocol ?? 'TCP',
        ...(port.appProtocol ? { appProtocol: port.appProtocol } : {}),
      });
    }
    if (ports.length === 0 && (service.spec.ports?.length || service.spec.clusterIP !== 'None')) continue;
    ports.sort((a, b) => (portKey(a) < portKey(b) ? -1 : 1));
    const key = ports.map(portKey).join(',');
    let group = groups.get(key);
    if (!group) {
      group = { ports, ready: [], notReady: [] };
      groups.set(key, group);
    }
    const hostname = publishedHostname(pod, service);
    const address: EndpointAddress = {
      ip,
      ...(hostname ? { hostname } : {}),
      ...(pod.spec.nodeName ? { nodeName: pod.spec.nodeName } : {}),
      targetRef: podReference(pod),
    };
    (all || isPodReady(pod) ? group.ready : group.notReady).push(address);
    count++;
  }
  let room = capacity;
  const take = (addresses: EndpointAddress[]) => {
    const taken = [...addresses].sort((a, b) => (a.ip < b.ip ? -1 : 1)).slice(0, room);
    room -= taken.length;
    return taken;
  };
  const subsets: EndpointSubset[] = [];
  for (const [, group] of [...groups].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const addresses = take(group.ready);
    const notReadyAddresses = take(group.notReady);
    if (addresses.length + notReadyAddresses.length === 0) continue;
    subsets.push({
      ...(addresses.length ? { addresses } : {}),
      ...(notReadyAddresses.length ? { notReadyAddresses } : {}),
      ...(group.ports.length ? { ports: group.ports } : {}),
    });
  }
  return { subsets, truncated: count > capacity };
}

const portKey = (port: EndpointPort): string =>
  `${port.name ?? ''}/${port.port}/${port.protocol ?? ''}/${port.appProtocol ?? ''}`;
