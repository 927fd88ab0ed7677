/**
 * The endpoints of the kubernetes service: all API servers that live. Where several share a store, each says so by a
 * Lease in kube-system, as upstream's apiserver identities (KEP-1965) and its lease reconciler do together.
 */
import { createHash } from 'node:crypto';
import { isIP } from 'node:net';
import { Lease } from '../../api/coordination/lease.ts';
import { Endpoints } from '../../api/core/endpoints.ts';
import { EndpointSlice } from '../../api/discovery/endpoint-slice.ts';
import type { Shared } from '../../api/kind.ts';
import { isNotFound } from '../../api/machinery/status.ts';
import { formatMicroTime, parseTime } from '../../base/clock.ts';
import { deepEqual } from '../../base/deep.ts';
import type { Client } from '../../client/client.ts';
import type { ApiContext } from '../context.ts';
import { ensure } from './ensure.ts';
import { publishStorageVersions } from './storage-versions.ts';

/** Where clients in the cluster reach a server. */
export interface ServerAddress {
  readonly address: string;
  readonly port: number;
}

/** As upstream's endpoint leases. */
const leaseSeconds = 15;
const renewMs = 5_000;
/** How long a server that ends waits for a store that does not answer. */
const farewellMs = 2_000;

const namespace = 'default';
const name = 'kubernetes';
const identity = 'apiserver.kubernetes.io/identity';

/** Points the service at this server and, on a shared store, at the others: from now on until it is stopped. */
export async function publishEndpoints(api: ApiContext, own: ServerAddress): Promise<{ stop(): Promise<void> }> {
  const client = api.loopback();
  if (!api.sharedStore) {
    await writeEndpoints(client, [own]);
    return { stop: async () => {} };
  }
  const lease = leaseOf(own);
  let running: Promise<void> | undefined;
  const step = async () => {
    await renew(client, lease, api.clock.now());
    await writeEndpoints(client, await livingServers(client, api.clock.now()));
  };
  await step();
  const storageVersions = publishStorageVersions(api, lease.metadata.name);
  const timer = api.clock.every(renewMs, () => {
    running ??= step()
      .catch((error: unknown) => api.log.warn('the endpoints of the kubernetes service were not renewed', { error }))
      .finally(() => {
        running = undefined;
      });
  });
  const leave = async () => {
    await running;
    await client.delete(Lease, lease.metadata);
    const others = await livingServers(client, api.clock.now());
    // The last one leaves its address: nobody is there to be reached, and the next one replaces it.
    if (others.length) await writeEndpoints(client, others);
  };
  return {
    async stop() {
      timer.cancel();
      storageVersions?.stop();
      const left = leave().catch((error: unknown) =>
        api.log.warn('the server stays in the endpoints of the kubernetes service until its lease runs out', { error }),
      );
      const waited = new AbortController();
      await Promise.race([left, api.clock.sleep(farewellMs, waited.signal).catch(() => {})]);
      waited.abort();
    },
  };
}

function leaseOf({ address, port }: ServerAddress) {
  const holderIdentity = `${address}:${port}`;
  const hash = createHash('sha256').update(holderIdentity).digest('hex').slice(0, 26);
  return {
    metadata: { namespace: 'kube-system', name: `apiserver-${hash}`, labels: { [identity]: 'kube-apiserver' } },
    spec: { holderIdentity, leaseDurationSeconds: leaseSeconds },
  };
}

async function renew(client: Client, { metadata, spec }: ReturnType<typeof leaseOf>, now: number): Promise<void> {
  const renewTime = formatMicroTime(now);
  try {
    await client.patch(Lease, metadata, { spec: { ...spec, renewTime } }, { type: 'merge' });
  } catch (error) {
    if (!isNotFound(error)) throw error;
    await ensure(client, Lease, { metadata, spec: { ...spec, renewTime } });
  }
}

async function livingServers(client: Client, now: number): Promise<ServerAddress[]> {
  const { items } = await client.list(Lease, { namespace: 'kube-system', labelSelector: `${identity}=kube-apiserver` });
  return items.flatMap(({ spec }) => {
    const { holderIdentity = '', renewTime = '', leaseDurationSeconds = 0 } = spec;
    const cut = holderIdentity.lastIndexOf(':');
    const [address, port] = [holderIdentity.slice(0, cut), Number(holderIdentity.slice(cut + 1))];
    const lives = parseTime(renewTime) + leaseDurationSeconds * 1000 > now;
    return lives && isIP(address) && port ? [{ address, port }] : [];
  });
}

/** Servers by port, as endpoints have them: `[[6443, ['10.0.0.1', '10.0.0.2']]]`. */
function byPort(servers: readonly ServerAddress[]): [number, string[]][] {
  const ports = [...new Set(servers.map((server) => server.port))].sort((a, b) => a - b);
  return ports.map((port) => [
    port,
    servers
      .filter((server) => server.port === port)
      .map((server) => server.address)
      .sort(),
  ]);
}

async function writeEndpoints(client: Client, servers: readonly ServerAddress[]): Promise<void> {
  const groups = byPort(servers);
  const skipMirror = { 'endpointslice.kubernetes.io/skip-mirror': 'true' };
  const subsets = groups.map(([port, addresses]) => ({
    addresses: addresses.map((ip) => ({ ip })),
    ports: [{ name: 'https', port, protocol: 'TCP' }],
  }));
  const ref = { namespace, name };
  await ensure(client, Endpoints, { metadata: { ...ref, labels: skipMirror }, subsets });
  const endpoints = await client.find(Endpoints, ref);
  if (endpoints && !deepEqual(endpoints.subsets, subsets))
    await client.patch(Endpoints, ref, { subsets }, { type: 'merge' });

  const slices = groups.map(([port, addresses], index) => ({
    metadata: {
      namespace,
      name: index ? `${name}-${port}` : name,
      labels: { 'kubernetes.io/service-name': name },
    },
    addressType: addresses[0]!.includes(':') ? 'IPv6' : 'IPv4',
    endpoints: addresses.map((address) => ({ addresses: [address], conditions: { ready: true } })),
    ports: [{ name: 'https', port, protocol: 'TCP' }],
  }));
  const found = await client.list(EndpointSlice, { namespace, labelSelector: `kubernetes.io/service-name=${name}` });
  for (const slice of slices) {
    const there = found.items.find((each) => each.metadata.name === slice.metadata.name);
    if (!there) await ensure(client, EndpointSlice, slice);
    else if (!says(there, slice))
      await client.patch(
        EndpointSlice,
        slice.metadata,
        { endpoints: slice.endpoints, ports: slice.ports },
        { type: 'merge' },
      );
  }
  for (const { metadata } of found.items) {
    if (slices.some((slice) => slice.metadata.name === metadata.name)) continue;
    await client.delete(EndpointSlice, { namespace, name: metadata.name }).catch((error: unknown) => {
      if (!isNotFound(error)) throw error;
    });
  }
}

function says(
  there: Shared<EndpointSlice>,
  { endpoints, ports }: { endpoints: { addresses: string[] }[]; ports: { port: number }[] },
): boolean {
  const addresses = (list: readonly { readonly addresses: readonly string[] }[]) => list.map((each) => each.addresses);
  return deepEqual(addresses(there.endpoints ?? []), addresses(endpoints)) && there.ports?.[0]?.port === ports[0]?.port;
}
