/** Gives services of type LoadBalancer an address: the nodes' own, as small installations have no other, or one of a pool. */
import { Node } from '../../api/core/node.ts';
import { Service } from '../../api/core/service.ts';
import { EndpointSlice } from '../../api/discovery/endpoint-slice.ts';
import type { Shared } from '../../api/kind.ts';
import { deepEqual } from '../../base/deep.ts';
import { type ControllerContext, defineController, keyOf, splitKey, watches } from '../../client/reconcile.ts';
import { assignAddresses, assignedTo, wantsAddress } from './addresses.ts';

const defaultReservedPorts = [22, 6443, 10_250];

/** Keys of all services that have or want an address: what a node or a freed port may concern. */
function* candidates(context: ControllerContext): Iterable<string> {
  for (const service of context.lister(Service).list()) if (service.spec.type === 'LoadBalancer') yield keyOf(service);
}

/**
 * The controller. Settings: `loadBalancerPool`, a network to give addresses from; `loadBalancerReservedPorts`, ports of the
 * nodes that are never given away (22, 6443 and 10250 by default).
 */
export const loadBalancerController = defineController<Service>({
  name: 'service-lb-controller',
  for: Service,
  watches: [
    watches<Service>({
      kind: Service,
      keys: (_service, context) => candidates(context),
      changed: (now, old) => !deepEqual(now.spec, old.spec) || !deepEqual(now.status, old.status),
    }),
    watches<Node>({
      kind: Node,
      keys: (_node, context) => candidates(context),
      changed: (now, old) =>
        readiness(now) !== readiness(old) ||
        !deepEqual(now.status.addresses, old.status.addresses) ||
        !deepEqual(now.metadata.labels, old.metadata.labels),
    }),
    watches<EndpointSlice>({
      kind: EndpointSlice,
      keys: (slice) => {
        const service = slice.metadata.labels?.['kubernetes.io/service-name'];
        return service ? [`${slice.metadata.namespace}/${service}`] : [];
      },
    }),
  ],
  rbac: [
    { apiGroups: [''], resources: ['services', 'nodes'], verbs: ['get', 'list', 'watch'] },
    { apiGroups: [''], resources: ['services/status'], verbs: ['patch', 'update'] },
    { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: ['get', 'list', 'watch'] },
    { apiGroups: ['', 'events.k8s.io'], resources: ['events'], verbs: ['create', 'patch', 'update'] },
  ],
  async reconcile(key, context) {
    const { namespace, name } = splitKey(key);
    const service = context.lister(Service).get(namespace, name);
    if (!service) return undefined;
    if (!wantsAddress(service)) {
      if (service.spec.type !== 'LoadBalancer' && assignedTo(service).length > 0)
        await setAddresses(context, service, []);
      return undefined;
    }
    const { loadBalancerPool, loadBalancerReservedPorts } = context.settings;
    const assignment = assignAddresses({
      service,
      services: context.lister(Service).list(),
      nodes: context.lister(Node).list(),
      endpointNodes: endpointNodes(context, service),
      reservedPorts: (loadBalancerReservedPorts as readonly number[] | undefined) ?? defaultReservedPorts,
      ...(typeof loadBalancerPool === 'string' ? { pool: loadBalancerPool } : {}),
    });
    if ('problem' in assignment)
      context.events.event(
        service,
        'Warning',
        'SyncLoadBalancerFailed',
        `no address for the service: ${assignment.problem}`,
      );
    const addresses = 'problem' in assignment ? [] : assignment.addresses;
    if (deepEqual(addresses, assignedTo(service))) return undefined;
    await setAddresses(context, service, addresses);
    if (addresses.length > 0)
      context.events.event(service, 'Normal', 'EnsuredLoadBalancer', `Ensured load balancer: ${addresses.join(', ')}`);
    return undefined;
  },
});

async function setAddresses(
  { client }: ControllerContext,
  service: Shared<Service>,
  addresses: readonly string[],
): Promise<void> {
  await client.patch(
    Service,
    { namespace: service.metadata.namespace ?? '', name: service.metadata.name },
    {
      metadata: { resourceVersion: service.metadata.resourceVersion },
      status: {
        loadBalancer: { ingress: addresses.length > 0 ? addresses.map((ip) => ({ ip, ipMode: 'VIP' })) : null },
      },
    },
    { type: 'merge', subresource: 'status' },
  );
}

function endpointNodes(context: ControllerContext, service: Shared<Service>): Set<string> {
  const nodes = new Set<string>();
  if (service.spec.externalTrafficPolicy !== 'Local') return nodes;
  for (const slice of context.lister(EndpointSlice).list(service.metadata.namespace)) {
    if (slice.metadata.labels?.['kubernetes.io/service-name'] !== service.metadata.name) continue;
    for (const { conditions, nodeName } of slice.endpoints)
      if (conditions?.ready !== false && nodeName) nodes.add(nodeName);
  }
  return nodes;
}

function readiness(node: Shared<Node>): string | undefined {
  return node.status.conditions?.find(({ type }) => type === 'Ready')?.status;
}
