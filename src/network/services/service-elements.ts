/** What one Service puts into the maps of the table. Pure: the same service, endpoints and node give the same elements. */
import type { Shared } from '../../api/kind.ts';
import type { Service, ServicePort } from '../../api/types/core-v1.ts';
import type { EndpointSlice } from '../../api/types/discovery-v1.ts';
import type { ElementRef } from '../../nft/transaction.ts';
import { assignSlots, endpointsOf, type NodeTopology, type ServiceEndpoint, usableEndpoints } from './endpoints.ts';
import {
  chainName,
  endpointMap,
  type Family,
  familyOf,
  type LoadBalancing,
  learnChain,
  type Protocol,
  protocols,
  verdictMap,
} from './ruleset.ts';

/** Everything that has to be in the kernel for a service. */
export interface ServiceRules {
  readonly elements: readonly ElementRef[];
  /** The chains that the elements lead to. */
  readonly balancers: readonly LoadBalancing[];
  readonly learners: readonly { family: Family; protocol: Protocol; timeoutSeconds: number }[];
  /** Order of endpoints per list, for the next call. */
  readonly slots: ReadonlyMap<string, readonly string[]>;
  /** `protocol address:port`-like names of UDP frontends and the endpoints behind them, for cleaning up tracked flows. */
  readonly udp: ReadonlyMap<string, ReadonlySet<string>>;
  /** Endpoints of this node, for the health check port; distinct addresses. */
  readonly localEndpoints: number;
  /** Node ports it uses: `tcp . 30080`. */
  readonly nodePorts: readonly string[];
}

/** What the rules of a service depend on besides itself and its endpoint slices. */
export interface RulesContext {
  readonly families: readonly Family[];
  readonly topology: NodeTopology;
  readonly previousSlots: ReadonlyMap<string, readonly string[]>;
}

const nothing: ServiceRules = {
  elements: [],
  balancers: [],
  learners: [],
  slots: new Map(),
  udp: new Map(),
  localEndpoints: 0,
  nodePorts: [],
};

/** Whether this proxy has nothing to do with a service: headless, ExternalName, or given to another proxy by label. */
export function isProxied(service: Shared<Service>): boolean {
  const { clusterIP, type } = service.spec;
  return (
    type !== 'ExternalName' &&
    clusterIP !== undefined &&
    clusterIP !== '' &&
    clusterIP !== 'None' &&
    service.metadata.labels?.['service.kubernetes.io/service-proxy-name'] === undefined
  );
}

/** The rules of a service, none where it is not proxied. */
export function serviceRules(
  service: Shared<Service>,
  slices: readonly Shared<EndpointSlice>[],
  context: RulesContext,
): ServiceRules {
  if (!isProxied(service)) return nothing;
  const out = new RulesBuilder(context);
  for (const port of service.spec.ports ?? []) {
    for (const family of context.families) addPort(out, { service, slices, port, family });
  }
  return out.done();
}

interface PortInFamily {
  readonly service: Shared<Service>;
  readonly slices: readonly Shared<EndpointSlice>[];
  readonly port: Shared<ServicePort>;
  readonly family: Family;
}

function addPort(out: RulesBuilder, { service, slices, port, family }: PortInFamily): void {
  const { spec } = service;
  const ofFamily = (addresses: readonly string[] | undefined) =>
    (addresses ?? []).filter((address) => familyOf(address) === family);
  const clusterIPs = ofFamily(spec.clusterIPs?.length ? spec.clusterIPs : [spec.clusterIP!]);
  if (clusterIPs.length === 0) return;
  const protocol = (port.protocol ?? 'TCP').toLowerCase() as Protocol;
  if (!protocols.includes(protocol)) return;
  const endpoints = endpointsOf(slices, port, {
    nodeName: out.context.topology.nodeName,
    addressType: family === 4 ? 'IPv4' : 'IPv6',
  });
  const { cluster, local } = usableEndpoints(endpoints, out.context.topology);
  const none = cluster.length === 0;
  const name = `${port.name ?? ''}/${protocol}/${port.port}/${family}`;
  const clusterTargets = out.order(`${name}/cluster`, cluster);
  const localTargets = out.order(`${name}/local`, local);
  const affinitySeconds =
    spec.sessionAffinity === 'ClientIP' ? (spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? 10_800) : undefined;
  const externalLocal = spec.externalTrafficPolicy === 'Local' && spec.type !== 'ClusterIP';
  out.countLocal(local);
  for (const endpoint of endpoints) {
    if (endpoint.local) out.add(`hairpin${family}`, `${endpoint.address} . ${endpoint.address}`);
  }

  const serve = (frontend: LoadBalancing['frontend'], key: string, external: boolean, targets: readonly string[]) => {
    if (targets.length === 0) return;
    const lb = {
      family,
      protocol,
      frontend,
      external,
      affinity: affinitySeconds !== undefined,
      endpoints: targets.length,
    };
    out.balance(lb, key, targets);
    if (affinitySeconds !== undefined) out.learn(frontend, key, { family, protocol, timeoutSeconds: affinitySeconds });
    if (protocol === 'udp') out.udpFrontend(`${frontend} ${key}`, targets);
  };

  for (const address of clusterIPs) {
    const key = `${address} . ${protocol} . ${port.port}`;
    const targets = spec.internalTrafficPolicy === 'Local' ? localTargets : clusterTargets;
    out.add(`cluster_ips${family}`, address);
    serve('address', key, false, targets);
    if (targets.length === 0) out.add(`nosvc${family}`, key, none ? 'goto refuse' : 'drop');
  }

  const external = (frontend: LoadBalancing['frontend'], key: string) => {
    const suffix = frontend === 'nodePort' ? `_np${family}` : `${family}`;
    out.add(`${externalLocal ? 'xmasq' : 'masq'}${suffix}`, key);
    serve(frontend, key, false, clusterTargets);
    if (externalLocal) serve(frontend, key, true, localTargets);
    const refuseMap = frontend === 'nodePort' ? `nonp${family}` : `nosvc${family}`;
    if (none) out.add(refuseMap, key, 'goto refuse');
    if (!externalLocal || localTargets.length > 0) return;
    // Clients outside the cluster must not fall through to the endpoints of other nodes.
    out.add(verdictMap({ family, frontend, external: true }), key, 'return');
    if (!none) out.add(refuseMap, key, 'drop');
  };

  for (const address of ofFamily(spec.externalIPs)) external('address', `${address} . ${protocol} . ${port.port}`);
  if (spec.type === 'LoadBalancer') {
    for (const ingress of service.status.loadBalancer?.ingress ?? []) {
      if (!ingress.ip || familyOf(ingress.ip) !== family || ingress.ipMode === 'Proxy') continue;
      const key = `${ingress.ip} . ${protocol} . ${port.port}`;
      external('address', key);
      const ranges = ofFamily(spec.loadBalancerSourceRanges);
      if (spec.loadBalancerSourceRanges?.length) out.add(`fw${family}`, key);
      for (const range of ranges) out.add(`fw_allowed${family}`, `${key} . ${range.trim()}`);
    }
  }
  if (port.nodePort) {
    const key = `${protocol} . ${port.nodePort}`;
    out.nodePorts.add(key);
    external('nodePort', key);
  }
}

class RulesBuilder {
  readonly context: RulesContext;
  readonly nodePorts = new Set<string>();
  readonly #elements: ElementRef[] = [];
  readonly #balancers = new Map<string, LoadBalancing>();
  readonly #learners = new Map<string, { family: Family; protocol: Protocol; timeoutSeconds: number }>();
  readonly #slots = new Map<string, readonly string[]>();
  readonly #udp = new Map<string, ReadonlySet<string>>();
  readonly #local = new Set<string>();

  constructor(context: RulesContext) {
    this.context = context;
  }

  add(set: string, key: string, data?: string): void {
    this.#elements.push(data === undefined ? { set, key } : { set, key, data });
  }

  order(list: string, endpoints: readonly ServiceEndpoint[]): readonly string[] {
    const targets = endpoints.map((endpoint) => `${endpoint.address} . ${endpoint.port}`).sort();
    const slots = assignSlots(this.context.previousSlots.get(list) ?? [], targets);
    this.#slots.set(list, slots);
    return slots;
  }

  countLocal(endpoints: readonly ServiceEndpoint[]): void {
    for (const endpoint of endpoints) this.#local.add(endpoint.address);
  }

  balance(lb: LoadBalancing, key: string, targets: readonly string[]): void {
    const chain = chainName(lb);
    this.#balancers.set(chain, lb);
    this.add(verdictMap(lb), key, `goto ${chain}`);
    // The endpoint maps are per protocol, so that it is not in their keys.
    const place = key.replace(`${lb.protocol} . `, '');
    for (const [at, target] of targets.entries()) this.add(endpointMap(lb), `${place} . ${at}`, target);
  }

  learn(
    frontend: LoadBalancing['frontend'],
    key: string,
    learner: { family: Family; protocol: Protocol; timeoutSeconds: number },
  ): void {
    const chain = learnChain(learner.family, learner.protocol, learner.timeoutSeconds);
    this.#learners.set(chain, learner);
    this.add(`learn${frontend === 'nodePort' ? '_np' : ''}${learner.family}`, key, `goto ${chain}`);
  }

  udpFrontend(frontend: string, targets: readonly string[]): void {
    this.#udp.set(frontend, new Set(targets));
  }

  done(): ServiceRules {
    return {
      elements: this.#elements,
      balancers: [...this.#balancers.values()],
      learners: [...this.#learners.values()],
      slots: this.#slots,
      udp: this.#udp,
      localEndpoints: this.#local.size,
      nodePorts: [...this.nodePorts],
    };
  }
}
