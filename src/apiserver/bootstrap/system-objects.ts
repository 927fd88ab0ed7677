/** Objects that every cluster has: system namespaces, the service range, and the kubernetes service. */

import { Endpoints } from '../../api/core/endpoints.ts';
import { Namespace } from '../../api/core/namespace.ts';
import { Service } from '../../api/core/service.ts';
import { EndpointSlice } from '../../api/discovery/endpoint-slice.ts';
import type { KindRef, KubeObject } from '../../api/kind.ts';
import { isAlreadyExists } from '../../api/machinery/status.ts';
import { ServiceCIDR } from '../../api/networking/service-cidr.ts';
import { PriorityClass } from '../../api/scheduling/priority-class.ts';
import { formatTime } from '../../base/clock.ts';
import { deepEqual } from '../../base/deep.ts';
import type { Client, Draft } from '../../client/client.ts';
import type { ApiContext } from '../context.ts';
import { type AddressRange, addressAt } from '../registry/services/address-range.ts';

export const systemNamespaces: readonly string[] = ['default', 'kube-system', 'kube-public', 'kube-node-lease'];

/** The classes of pods that a cluster cannot do without. */
const systemPriorityClasses = [
  {
    name: 'system-cluster-critical',
    value: 2_000_000_000,
    description:
      'Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.',
  },
  {
    name: 'system-node-critical',
    value: 2_000_001_000,
    description: 'Used for system critical pods that must not be moved from their current node.',
  },
] as const;

async function ensure<T extends KubeObject>(client: Client, kind: KindRef<T>, draft: Draft<T>): Promise<void> {
  const { name, namespace } = (draft as { metadata: { name: string; namespace?: string } }).metadata;
  if (await client.find(kind, { name, ...(namespace ? { namespace } : {}) })) return;
  try {
    await client.create(kind, draft);
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
  }
}

/** Makes what is missing; safe to run by several servers at once and again at any time. */
export async function ensureSystemObjects(
  api: ApiContext,
  options: {
    ranges: readonly AddressRange[];
    advertise: { readonly address: string; readonly port: number } | undefined;
  },
): Promise<void> {
  const client = api.loopback();
  await Promise.all([
    ...systemNamespaces.map((name) => ensure(client, Namespace, { metadata: { name } })),
    ...systemPriorityClasses.map(({ name, ...rest }) => ensure(client, PriorityClass, { metadata: { name }, ...rest })),
  ]);
  await ensureServiceRange(api, client, options.ranges);
  const { ranges, advertise } = options;
  await ensureKubernetesService(client, ranges, advertise?.port ?? 6443);
  if (advertise) await ensureKubernetesEndpoints(client, advertise);
}

async function ensureServiceRange(api: ApiContext, client: Client, ranges: readonly AddressRange[]): Promise<void> {
  const cidrs = ranges.map((range) => range.cidr);
  await ensure(client, ServiceCIDR, { metadata: { name: 'kubernetes' }, spec: { cidrs } });
  const found = await client.find(ServiceCIDR, { name: 'kubernetes' });
  if (!found || found.status.conditions?.some((c) => c.type === 'Ready' && c.status === 'True')) return;
  const status = {
    conditions: [
      {
        type: 'Ready',
        status: 'True',
        reason: '',
        message: 'Kubernetes default Service CIDR is ready',
        lastTransitionTime: formatTime(api.clock.now()),
      },
    ],
  };
  // Without a precondition: servers that start at the same moment all write the same.
  await client.patch(ServiceCIDR, { name: 'kubernetes' }, { status }, { type: 'merge', subresource: 'status' });
}

async function ensureKubernetesService(
  client: Client,
  ranges: readonly AddressRange[],
  targetPort: number,
): Promise<void> {
  const ref = { namespace: 'default', name: 'kubernetes' };
  const clusterIP = addressAt(ranges[0]!, 1);
  await ensure(client, Service, {
    metadata: { ...ref, labels: { provider: 'kubernetes', component: 'apiserver' } },
    spec: {
      type: 'ClusterIP',
      clusterIP,
      clusterIPs: [clusterIP],
      ipFamilyPolicy: 'SingleStack',
      ipFamilies: [ranges[0]!.family],
      sessionAffinity: 'None',
      ports: [{ name: 'https', protocol: 'TCP', port: 443, targetPort }],
    },
  });
  const found = await client.find(Service, ref);
  const port = found?.spec.ports?.[0];
  if (!found || port?.targetPort === targetPort) return;
  await client.patch(Service, ref, { spec: { ports: [{ ...port, targetPort }] } }, { type: 'merge' });
}

/** Points the kubernetes service at this server. */
async function ensureKubernetesEndpoints(
  client: Client,
  { address, port }: { readonly address: string; readonly port: number },
): Promise<void> {
  const ref = { namespace: 'default', name: 'kubernetes' };
  const labels = { 'endpointslice.kubernetes.io/skip-mirror': 'true' };
  const subsets = [{ addresses: [{ ip: address }], ports: [{ name: 'https', port, protocol: 'TCP' }] }];
  await ensure(client, Endpoints, { metadata: { ...ref, labels }, subsets });
  const endpoints = await client.find(Endpoints, ref);
  if (endpoints && !deepEqual(endpoints.subsets, subsets))
    await client.patch(Endpoints, ref, { subsets }, { type: 'merge' });

  const slice = {
    addressType: address.includes(':') ? 'IPv6' : 'IPv4',
    endpoints: [{ addresses: [address], conditions: { ready: true } }],
    ports: [{ name: 'https', port, protocol: 'TCP' }],
  };
  await ensure(client, EndpointSlice, {
    metadata: { ...ref, labels: { 'kubernetes.io/service-name': 'kubernetes' } },
    ...slice,
  });
  const found = await client.find(EndpointSlice, ref);
  if (found && (found.endpoints?.[0]?.addresses[0] !== address || found.ports?.[0]?.port !== port))
    await client.patch(EndpointSlice, ref, { endpoints: slice.endpoints, ports: slice.ports }, { type: 'merge' });
}
