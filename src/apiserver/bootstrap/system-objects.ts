/** Objects that every cluster has: system namespaces, the service range, and the kubernetes service. */

import { Namespace } from '../../api/core/namespace.ts';
import { Service } from '../../api/core/service.ts';
import { ServiceCIDR } from '../../api/networking/service-cidr.ts';
import { PriorityClass } from '../../api/scheduling/priority-class.ts';
import { formatTime } from '../../base/clock.ts';
import type { Client } from '../../client/client.ts';
import type { ApiContext } from '../context.ts';
import { type AddressRange, addressAt } from '../registry/services/address-range.ts';
import { ensure } from './ensure.ts';
import type { ServerAddress } from './kubernetes-endpoints.ts';

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

/** Makes what is missing; safe to run by several servers at once and again at any time. */
export async function ensureSystemObjects(
  api: ApiContext,
  options: {
    ranges: readonly AddressRange[];
    advertise: ServerAddress | undefined;
  },
): Promise<void> {
  const client = api.loopback();
  await Promise.all([
    ...systemNamespaces.map((name) => ensure(client, Namespace, { metadata: { name } })),
    ...systemPriorityClasses.map(({ name, ...rest }) => ensure(client, PriorityClass, { metadata: { name }, ...rest })),
  ]);
  await ensureServiceRange(api, client, options.ranges);
  const { ranges, advertise } = options;
  await ensureKubernetesService(api, client, ranges, advertise?.port ?? 6443);
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
  api: ApiContext,
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
  // Servers that share a store may have a port each, which the endpoints tell.
  if (!found || api.sharedStore || port?.targetPort === targetPort) return;
  await client.patch(Service, ref, { spec: { ports: [{ ...port, targetPort }] } }, { type: 'merge' });
}
