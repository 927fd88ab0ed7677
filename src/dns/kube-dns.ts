/** The kube-dns Service and the endpoints behind it: the DNS servers of the nodes. */
import type { Service } from '../api/core/service.ts';
import { EndpointSlice } from '../api/discovery/endpoint-slice.ts';
import { deepEqual } from '../base/deep.ts';
import type { Client, Draft } from '../client/client.ts';
import type { ListenAddress } from './sockets.ts';

const namespace = 'kube-system';
const name = 'kube-dns';
const managedBy = 'dns.timonel';

/** The Service through which pods reach DNS; it has no selector, its endpoints come from {@link publishDnsEndpoints}. */
export function kubeDnsService(clusterIP: string): Draft<Service> {
  return {
    metadata: {
      name,
      namespace,
      labels: { 'k8s-app': 'kube-dns', 'kubernetes.io/cluster-service': 'true', 'kubernetes.io/name': 'CoreDNS' },
    },
    spec: {
      clusterIP,
      type: 'ClusterIP',
      ports: [
        { name: 'dns', port: 53, protocol: 'UDP', targetPort: 53 },
        { name: 'dns-tcp', port: 53, protocol: 'TCP', targetPort: 53 },
      ],
    },
  };
}

export interface DnsEndpointsOptions {
  readonly nodeName: string;
  /** Ties the endpoints to the node's object, so that they go with it. */
  readonly nodeUid?: string;
  /** Where the node's DNS listens; all with one port. */
  readonly addresses: readonly ListenAddress[];
}

/** Makes the node's DNS an endpoint of kube-dns, preferred by the node's own pods. Resolves when the slices are as they should be. */
export async function publishDnsEndpoints(client: Client, options: DnsEndpointsOptions): Promise<void> {
  for (const addressType of ['IPv4', 'IPv6'] as const) {
    const own = options.addresses.filter(({ address }) => address.includes(':') === (addressType === 'IPv6'));
    const sliceName = sliceOf(options.nodeName, addressType);
    if (own.length === 0) continue;
    const draft = {
      metadata: {
        name: sliceName,
        namespace,
        labels: {
          'kubernetes.io/service-name': name,
          'endpointslice.kubernetes.io/managed-by': managedBy,
          'k8s-app': 'kube-dns',
        },
        ...(options.nodeUid
          ? { ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: options.nodeName, uid: options.nodeUid }] }
          : {}),
      },
      addressType,
      endpoints: own.map(({ address }) => ({
        addresses: [address],
        conditions: { ready: true, serving: true, terminating: false },
        nodeName: options.nodeName,
        // Each node's DNS serves that node's pods first.
        hints: { forNodes: [{ name: options.nodeName }] },
      })),
      ports: [
        { name: 'dns', port: own[0]!.port, protocol: 'UDP' },
        { name: 'dns-tcp', port: own[0]!.port, protocol: 'TCP' },
      ],
    } satisfies Draft<EndpointSlice>;
    const known = await client.find(EndpointSlice, { namespace, name: sliceName });
    if (!known) await client.create(EndpointSlice, draft);
    else if (!deepEqual(known.endpoints, draft.endpoints) || !deepEqual(known.ports, draft.ports))
      await client.patch(
        EndpointSlice,
        { namespace, name: sliceName },
        { endpoints: draft.endpoints, ports: draft.ports, metadata: { labels: draft.metadata.labels } },
        { type: 'merge' },
      );
  }
}

function sliceOf(nodeName: string, addressType: string): string {
  return `${name}-${nodeName}-${addressType.toLowerCase()}`;
}
