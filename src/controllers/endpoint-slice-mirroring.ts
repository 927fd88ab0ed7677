import { Endpoints } from '../api/core/endpoints.ts';
import { Service } from '../api/core/service.ts';
import { EndpointSlice } from '../api/discovery/endpoint-slice.ts';
import type { Shared } from '../api/kind.ts';
import { isNotFound } from '../api/machinery/status.ts';
import type { EndpointAddress, EndpointSubset } from '../api/types/core-v1.ts';
import type { Endpoint, EndpointPort } from '../api/types/discovery-v1.ts';
import { deepEqual } from '../base/deep.ts';
import type { Draft } from '../client/client.ts';
import { type ControllerContext, defineController, keyOf, type ObjectKey, watches } from '../client/reconcile.ts';
import { Expectations } from './expectations.ts';
import { ownerReference } from './ownership.ts';
import { isNamespaceTerminating } from './pods/control.ts';
import { allow, recordEvents } from './rbac-rules.ts';
import { isIPv6 } from './service-pods.ts';

const managedByLabel = 'endpointslice.kubernetes.io/managed-by';
const managedBy = 'endpointslicemirroring-controller.k8s.io';
const serviceNameLabel = 'kubernetes.io/service-name';
const skipLabel = 'endpointslice.kubernetes.io/skip-mirror';
const leaderAnnotation = 'control-plane.alpha.kubernetes.io/leader';
/** Addresses of one subset that are mirrored. */
const maxPerSubset = 1000;
const recheckMs = 1_000;
const pending = new WeakMap<ControllerContext, Expectations<EndpointSlice>>();

const mirrorKey = (slice: Shared<EndpointSlice>): ObjectKey[] => {
  const labels = slice.metadata.labels;
  const name = labels?.[managedByLabel] === managedBy ? labels[serviceNameLabel] : undefined;
  return name ? [`${slice.metadata.namespace}/${name}`] : [];
};

/** Copies Endpoints that users write for services without a selector into endpoint slices, which is what proxies read. */
export const endpointSliceMirroringController = defineController<Endpoints>({
  name: 'endpointslicemirroring-controller',
  for: Endpoints,
  watches: [
    watches<Service>({ kind: Service, keys: (service) => [keyOf(service)] }),
    watches<EndpointSlice>({ kind: EndpointSlice, keys: mirrorKey }),
  ],
  rbac: [
    allow('get list watch', '', 'services endpoints'),
    allow('update', '', 'services/finalizers endpoints/finalizers'),
    allow('get list watch create update delete', 'discovery.k8s.io', 'endpointslices'),
    recordEvents,
  ],
  start(context) {
    pending.set(context, new Expectations(context.clock));
    context.informers.informer(EndpointSlice).addIndex('mirrored-endpoints', (slice) => mirrorKey(slice));
    return undefined;
  },
  async reconcile(key, context) {
    const { client, informers, lister } = context;
    const expectations = pending.get(context)!;
    const slices = informers.informer(EndpointSlice);
    if (!expectations.met(key, slices)) return { requeueAfterMs: recheckMs };
    const service = lister(Service).byKey(key);
    const endpoints = lister(Endpoints).byKey(key);
    const wanted = endpoints && service && isMirrored(endpoints, service) ? mirrorsOf(endpoints) : [];
    const left = new Set(
      slices.byIndex('mirrored-endpoints', key).filter((slice) => !slice.metadata.deletionTimestamp),
    );
    const missing: Draft<EndpointSlice>[] = [];
    for (const draft of wanted) {
      const same = [...left].find(
        (slice) => slice.addressType === draft.addressType && deepEqual(slice.ports, draft.ports),
      );
      if (!same) {
        missing.push(draft);
        continue;
      }
      left.delete(same);
      const { labels, annotations, ownerReferences } = draft.metadata!;
      const metadata = { ...same.metadata, labels, annotations, ownerReferences };
      const next = { ...same, metadata, endpoints: draft.endpoints } as Shared<EndpointSlice>;
      if (!deepEqual(next, same)) expectations.created(key, await client.update(EndpointSlice, next));
    }
    try {
      for (const draft of missing) expectations.created(key, await client.create(EndpointSlice, draft));
    } catch (error) {
      if (!isNamespaceTerminating(error)) throw error;
    }
    for (const slice of left) {
      try {
        await client.delete(EndpointSlice, slice.metadata, { preconditions: { uid: slice.metadata.uid } });
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
      expectations.deleted(key, slice);
    }
    return undefined;
  },
});

function isMirrored(endpoints: Shared<Endpoints>, service: Shared<Service>): boolean {
  const { labels, annotations } = endpoints.metadata;
  if (labels?.[skipLabel] === 'true' || annotations?.[leaderAnnotation] !== undefined) return false;
  return !service.spec.selector;
}

/** The slices that stand for an Endpoints object: for each subset one per address family. */
function mirrorsOf(endpoints: Shared<Endpoints>): Draft<EndpointSlice>[] {
  const groups = new Map<string, { type: 'IPv4' | 'IPv6'; ports: EndpointPort[]; endpoints: Endpoint[] }>();
  for (const subset of endpoints.subsets ?? []) {
    const ports = portsOf(subset);
    let count = 0;
    for (const [addresses, ready] of [
      [subset.addresses ?? [], true],
      [subset.notReadyAddresses ?? [], false],
    ] as const) {
      for (const address of addresses) {
        if (count++ >= maxPerSubset) break;
        const type = isIPv6(address.ip) ? 'IPv6' : 'IPv4';
        const id = `${type} ${JSON.stringify(ports)}`;
        const group = groups.get(id) ?? { type, ports, endpoints: [] };
        groups.set(id, group);
        group.endpoints.push(endpointOf(address, ready));
      }
    }
  }
  const { namespace, name, labels, annotations } = endpoints.metadata;
  const {
    'kubectl.kubernetes.io/last-applied-configuration': _,
    'endpoints.kubernetes.io/last-change-trigger-time': __,
    ...kept
  } = annotations ?? {};
  const { 'endpoints.kubernetes.io/managed-by': ___, ...own } = labels ?? {};
  return [...groups.values()].map((group) => ({
    metadata: {
      namespace,
      generateName: `${name}-`,
      labels: { ...own, [serviceNameLabel]: name, [managedByLabel]: managedBy },
      ...(Object.keys(kept).length ? { annotations: kept } : {}),
      ownerReferences: [ownerReference(endpoints, Endpoints)],
    },
    addressType: group.type,
    ports: group.ports,
    endpoints: group.endpoints,
  }));
}

function portsOf(subset: Shared<EndpointSubset>): EndpointPort[] {
  return (subset.ports ?? []).map(({ name, port, protocol, appProtocol }) => ({
    name: name ?? '',
    protocol: protocol ?? 'TCP',
    port,
    ...(appProtocol ? { appProtocol } : {}),
  }));
}

function endpointOf(address: Shared<EndpointAddress>, ready: boolean): Endpoint {
  return {
    addresses: [address.ip],
    conditions: { ready },
    ...(address.hostname ? { hostname: address.hostname } : {}),
    ...(address.targetRef ? { targetRef: address.targetRef as NonNullable<Endpoint['targetRef']> } : {}),
    ...(address.nodeName ? { nodeName: address.nodeName } : {}),
  };
}
