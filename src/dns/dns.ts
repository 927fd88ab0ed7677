/** Cluster DNS in the process of a node or server: names of services and pods from informers, other names from the host's resolvers. */
import { Namespace } from '../api/core/namespace.ts';
import { Service } from '../api/core/service.ts';
import { EndpointSlice } from '../api/discovery/endpoint-slice.ts';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { InformerSet } from '../client/informer.ts';
import { ClusterRecords } from './cluster-records.ts';
import { createResponder } from './responder.ts';
import { type DnsSockets, type ListenAddress, openSockets } from './sockets.ts';
import { createUpstream, type UpstreamServer } from './upstream.ts';

export interface DnsOptions {
  readonly informers: InformerSet;
  /** `cluster.local` by default. */
  readonly clusterDomain?: string;
  /** Addresses to listen on: the node's gateway addresses in the pod network, port 53. */
  readonly listen: readonly ListenAddress[];
  /** Resolvers for other names, or the path of a resolv.conf that lists them; the host's by default. */
  readonly upstream?: readonly UpstreamServer[] | string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** A running DNS server. */
export interface Dns {
  /** Where it listens, with the ports that were taken. */
  readonly addresses: readonly ListenAddress[];
  close(): Promise<void>;
}

/** Starts the server; resolves when it knows all names and listens. Rejects with the system's error where a port is taken. */
export async function startDns(options: DnsOptions): Promise<Dns> {
  const { informers, clusterDomain = 'cluster.local', listen, clock, random, log } = options;
  const services = informers.informer(Service);
  const slices = informers.informer(EndpointSlice);
  const namespaces = informers.informer(Namespace);
  services.addIndex(
    'clusterIP',
    (service) => service.spec.clusterIPs ?? (service.spec.clusterIP ? [service.spec.clusterIP] : []),
  );
  slices.addIndex('service', (slice) => {
    const name = slice.metadata.labels?.['kubernetes.io/service-name'];
    return name ? [`${slice.metadata.namespace}/${name}`] : [];
  });
  slices.addIndex('address', (slice) => slice.endpoints.flatMap((endpoint) => endpoint.addresses));
  await Promise.all([services.whenSynced(), slices.whenSynced(), namespaces.whenSynced()]);

  const records = new ClusterRecords(clusterDomain, {
    service: (namespace, name) => services.get(namespace, name),
    slices: (namespace, name) => slices.byIndex('service', `${namespace}/${name}`),
    hasNamespace: (name) => namespaces.get(undefined, name) !== undefined,
    servicesAt: (address) => services.byIndex('clusterIP', address),
    slicesAt: (address) => slices.byIndex('address', address),
  });
  const upstream = createUpstream({
    servers: options.upstream ?? '/etc/resolv.conf',
    own: listen.map(({ address }) => address),
    clock,
    random,
  });
  const responder = createResponder(records, upstream);
  const changed = { onAdd: responder.invalidate, onUpdate: responder.invalidate, onDelete: responder.invalidate };
  const removers = [
    services.addHandler(changed),
    slices.addHandler(changed),
    namespaces.addHandler({ onAdd: changed.onAdd, onDelete: changed.onDelete }),
  ];
  const sockets: DnsSockets[] = [];
  const close = async () => {
    for (const remove of removers.splice(0)) remove();
    await Promise.all(sockets.splice(0).map((socket) => socket.close()));
  };
  try {
    for (const address of listen) sockets.push(await openSockets(address, responder, log));
  } catch (error) {
    await close();
    throw error;
  }
  return { addresses: sockets.map(({ address, port }) => ({ address, port })), close };
}
