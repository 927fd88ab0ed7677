import { Node } from '../../api/core/node.ts';
import { Pod } from '../../api/core/pod.ts';
import { Service } from '../../api/core/service.ts';
import { EndpointSlice } from '../../api/discovery/endpoint-slice.ts';
import type { Shared } from '../../api/kind.ts';
import { isConflict, isNotFound } from '../../api/machinery/status.ts';
import type { Informer } from '../../client/informer.ts';
import { type ControllerContext, defineController, type ObjectKey, watches } from '../../client/reconcile.ts';
import { coalesceMs } from '../coalesce.ts';
import { Expectations } from '../expectations.ts';
import { isNamespaceTerminating } from '../pods/control.ts';
import { allow, recordEvents } from '../rbac-rules.ts';
import { indexByNode, podsOfServices, podsOnNode, selectedPods } from '../service-pods.ts';
import { managedBy, managedByLabel, type SliceChanges, serviceNameLabel, sliceChanges } from './slices.ts';

const recheckMs = 1_000;
const byService = 'endpoint-slices-of-service';
const pending = new WeakMap<ControllerContext, Expectations<EndpointSlice>>();

const serviceKeyOf = (slice: Shared<EndpointSlice>): ObjectKey | undefined => {
  const labels = slice.metadata.labels;
  const name = labels?.[managedByLabel] === managedBy ? labels[serviceNameLabel] : undefined;
  return name ? `${slice.metadata.namespace}/${name}` : undefined;
};

function indexSlices(slices: Informer<EndpointSlice>): Informer<EndpointSlice> {
  slices.addIndex(byService, (slice) => {
    const key = serviceKeyOf(slice);
    return key ? [key] : [];
  });
  return slices;
}

/** Publishes the addresses and ports of a service's pods in endpoint slices of at most a hundred. */
export const endpointSliceController = defineController<Service>({
  name: 'endpointslice-controller',
  for: Service,
  watches: [
    watches<Pod>(podsOfServices),
    watches<EndpointSlice>({
      kind: EndpointSlice,
      keys(slice, _context, old) {
        const keys = [serviceKeyOf(slice), old && serviceKeyOf(old)];
        return keys.filter((key) => key !== undefined);
      },
    }),
    // A pod may be seen before its node; and a node's zone may change.
    watches<Node>({
      kind: Node,
      changed: (node, old) => node.metadata.labels !== old.metadata.labels,
      keys: (node, context) =>
        podsOnNode(context, node.metadata.name).flatMap((pod) => [...podsOfServices.keys(pod, context, undefined)]),
    }),
  ],
  rbac: [
    allow('get list watch', '', 'services pods nodes'),
    allow('update', '', 'services/finalizers'),
    allow('get list watch create update delete', 'discovery.k8s.io', 'endpointslices'),
    recordEvents,
  ],
  start(context) {
    pending.set(context, new Expectations(context.clock));
    indexByNode(context.informers.informer(Pod));
    indexSlices(context.informers.informer(EndpointSlice));
    return undefined;
  },
  async reconcile(key, context) {
    const { informers, lister, events } = context;
    const expectations = pending.get(context)!;
    const service = lister(Service).byKey(key);
    if (!service) {
      // The slices go with their owner.
      expectations.forget(key);
      return undefined;
    }
    if (!service.spec.selector || service.spec.type === 'ExternalName' || service.metadata.deletionTimestamp) {
      return undefined;
    }
    const slices = indexSlices(informers.informer(EndpointSlice));
    if (!expectations.met(key, slices)) return { requeueAfterMs: recheckMs };
    const pods = selectedPods(service, lister(Pod));
    const changes = sliceChanges(service, pods, {
      existing: slices.byIndex(byService, key).filter((slice) => !slice.metadata.deletionTimestamp),
      nodeOf: (name) => lister(Node).get(undefined, name),
    });
    try {
      await apply(changes, { key, context, expectations });
    } catch (error) {
      if (isNamespaceTerminating(error)) return undefined;
      if (!isConflict(error)) {
        const message = `Error updating Endpoint Slices for Service ${key}: ${(error as Error).message}`;
        events.event(service, 'Warning', 'FailedToUpdateEndpointSlices', message);
      }
      throw error;
    }
    return { coalesceMs: coalesceMs(pods.length) };
  },
});

async function apply(
  changes: SliceChanges,
  to: { key: ObjectKey; context: ControllerContext; expectations: Expectations<EndpointSlice> },
): Promise<void> {
  const { client } = to.context;
  for (const draft of changes.create) {
    to.expectations.created(to.key, await client.create(EndpointSlice, draft));
  }
  for (const slice of changes.update) {
    to.expectations.created(to.key, await client.update(EndpointSlice, slice));
  }
  for (const slice of changes.remove) {
    try {
      await client.delete(EndpointSlice, slice.metadata, { preconditions: { uid: slice.metadata.uid } });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
    to.expectations.deleted(to.key, slice);
  }
}
