/** Which endpoints a service port uses on this node: readiness, traffic policies, topology hints, terminating fallback. */
import type { Shared } from '../../api/kind.ts';
import type { ServicePort } from '../../api/types/core-v1.ts';
import type { EndpointSlice } from '../../api/types/discovery-v1.ts';

/** One address and port behind a service port. */
export interface ServiceEndpoint {
  readonly address: string;
  readonly port: number;
  readonly ready: boolean;
  readonly serving: boolean;
  readonly terminating: boolean;
  /** On this node. */
  readonly local: boolean;
  readonly zoneHints: readonly string[];
  readonly nodeHints: readonly string[];
}

/** Where the proxy runs. */
export interface NodeTopology {
  readonly nodeName: string;
  readonly zone: string;
}

/** The endpoints that the two traffic policies lead to, in a stable order. */
export interface UsableEndpoints {
  readonly cluster: readonly ServiceEndpoint[];
  readonly local: readonly ServiceEndpoint[];
}

/** The endpoints of a service port in one address family, without duplicates. Later slices do not override earlier ones, except that a ready endpoint wins. */
export function endpointsOf(
  slices: readonly Shared<EndpointSlice>[],
  port: Pick<Shared<ServicePort>, 'name' | 'protocol'>,
  { nodeName, addressType }: { nodeName: string; addressType: 'IPv4' | 'IPv6' },
): ServiceEndpoint[] {
  const found = new Map<string, ServiceEndpoint>();
  for (const slice of slices) {
    if (slice.addressType !== addressType) continue;
    for (const slicePort of slice.ports ?? []) {
      if ((slicePort.name ?? '') !== (port.name ?? '') || slicePort.port === undefined) continue;
      if ((slicePort.protocol ?? 'TCP') !== (port.protocol ?? 'TCP')) continue;
      for (const endpoint of slice.endpoints ?? []) {
        const address = endpoint.addresses[0];
        if (address === undefined) continue;
        const { ready = true, serving = ready, terminating = false } = endpoint.conditions ?? {};
        const key = `${address} ${slicePort.port}`;
        const known = found.get(key);
        // Two slices may hold an endpoint while it moves from one to the other.
        if (known && (known.ready || !ready)) continue;
        found.set(key, {
          address,
          port: slicePort.port,
          ready,
          serving,
          terminating,
          local: endpoint.nodeName === nodeName,
          zoneHints: (endpoint.hints?.forZones ?? []).map((zone) => zone.name),
          nodeHints: (endpoint.hints?.forNodes ?? []).map((node) => node.name),
        });
      }
    }
  }
  return [...found.values()];
}

/**
 * The endpoints to use (upstream's CategorizeEndpoints): the ready ones; where there is none, those that are terminating
 * and still serve. Hints narrow the cluster-wide list only while every ready endpoint has one and one of them fits.
 */
export function usableEndpoints(endpoints: readonly ServiceEndpoint[], topology: NodeTopology): UsableEndpoints {
  const ready = endpoints.filter((endpoint) => endpoint.ready);
  const draining = endpoints.filter((endpoint) => !endpoint.ready && endpoint.serving && endpoint.terminating);
  const localReady = ready.filter((endpoint) => endpoint.local);
  return {
    cluster: ready.length > 0 ? nearest(ready, topology) : draining,
    local: localReady.length > 0 ? localReady : draining.filter((endpoint) => endpoint.local),
  };
}

function nearest(ready: readonly ServiceEndpoint[], { nodeName, zone }: NodeTopology): readonly ServiceEndpoint[] {
  if (ready.every((endpoint) => endpoint.nodeHints.length > 0)) {
    const here = ready.filter((endpoint) => endpoint.nodeHints.includes(nodeName));
    if (here.length > 0) return here;
  }
  if (ready.every((endpoint) => endpoint.zoneHints.length > 0)) {
    const inZone = ready.filter((endpoint) => endpoint.zoneHints.includes(zone));
    if (inZone.length > 0) return inZone;
  }
  return ready;
}

/**
 * The order of endpoints in a load-balancing map: those that stay keep their place, so that one change of an endpoint
 * changes one element, two at most.
 */
export function assignSlots(previous: readonly string[], next: readonly string[]): string[] {
  const wanted = new Set(next);
  const slots: (string | undefined)[] = new Array(wanted.size).fill(undefined);
  const placed = new Set<string>();
  for (let at = 0; at < slots.length && at < previous.length; at++) {
    const target = previous[at]!;
    if (!wanted.has(target) || placed.has(target)) continue;
    slots[at] = target;
    placed.add(target);
  }
  const waiting = [...wanted].filter((target) => !placed.has(target));
  for (let at = 0; at < slots.length; at++) slots[at] ??= waiting.shift();
  return slots as string[];
}
