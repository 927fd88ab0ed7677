/** The service proxy of a node: kube-proxy's semantics on nftables maps, kept current from Services and EndpointSlices. */

import { Node } from '../../api/core/node.ts';
import { Pod } from '../../api/core/pod.ts';
import { Service } from '../../api/core/service.ts';
import { EndpointSlice } from '../../api/discovery/endpoint-slice.ts';
import type { Shared } from '../../api/kind.ts';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { MetricsRegistry } from '../../base/metrics.ts';
import type { EventRecorder } from '../../client/events.ts';
import type { Informer, InformerSet } from '../../client/informer.ts';
import { keyOf, splitKey } from '../../client/reconcile.ts';
import { createNftRunner, type NftRunner, programRunner, type RunProgram } from '../../nft/nft-runner.ts';
import { clusterTable, type Transaction } from '../../nft/transaction.ts';
import { TableSync } from '../table-sync.ts';
import { forgetClients } from './affinity.ts';
import { createFlowCleaner, staleFlows } from './conntrack.ts';
import { HealthCheckPorts } from './health-check.ts';
import { hostPortElements } from './host-ports.ts';
import { foreignNodePorts } from './port-conflicts.ts';
import { chainName, chainRules, type Family, familyOf, learnChain, learnRules, writeServiceTable } from './ruleset.ts';
import { type ServiceRules, serviceRules } from './service-elements.ts';

export interface ServiceProxyOptions {
  readonly informers: InformerSet;
  readonly nodeName: string;
  readonly clusterName: string;
  /** The pod network of the whole cluster, one CIDR per family; the second turns on the other family. */
  readonly podCidr: string | readonly string[];
  /** The network of service addresses, likewise. */
  readonly serviceCidr: string | readonly string[];
  readonly clock: Clock;
  readonly log: Logger;
  readonly events?: EventRecorder;
  readonly metrics?: MetricsRegistry;
  /** How nft is run; the machine's by default. */
  readonly nft?: NftRunner;
  /** How conntrack is run; on the machine by default. */
  readonly run?: RunProgram;
}

/** A running service proxy. */
export interface ServiceProxy {
  /** Resolves when all changes seen so far are in the kernel. */
  whenApplied(): Promise<void>;
  /**
   * Resolves when no new connection to a service can reach the address: wait for it (with a bound) between marking a
   * pod as terminating and stopping its containers, and a rolling update refuses no connection.
   */
  whenDrained(address: string): Promise<void>;
  /** Stops following the API. The rules stay, so that connections go on, unless `remove` is set. */
  stop(options?: { remove?: boolean }): Promise<void>;
}

const serviceOf = (slice: Shared<EndpointSlice>): readonly string[] => {
  const service = slice.metadata.labels?.['kubernetes.io/service-name'];
  return service ? [`${slice.metadata.namespace}/${service}`] : [];
};

/** Starts the proxy; resolves when every service that exists is in the kernel. Rejects with NftError where nft is missing or denied. */
export async function startServiceProxy(options: ServiceProxyOptions): Promise<ServiceProxy> {
  const proxy = new RunningServiceProxy(options);
  await proxy.start();
  return proxy;
}

class RunningServiceProxy implements ServiceProxy {
  readonly #options: ServiceProxyOptions;
  readonly #families: readonly Family[];
  readonly #nft: NftRunner;
  readonly #sync: TableSync;
  readonly #services: Informer<Service>;
  readonly #slices: Informer<EndpointSlice>;
  readonly #pods: Informer<Pod>;
  readonly #node: Informer<Node>;
  readonly #health: HealthCheckPorts;
  readonly #cleanFlows: (calls: readonly string[][]) => Promise<void>;
  readonly #rules = new Map<string, ServiceRules>();
  /** How many lists of endpoints have an address in them. */
  readonly #targets = new Map<string, number>();
  readonly #dirtyServices = new Set<string>();
  readonly #dirtyPods = new Set<string>();
  readonly #drains: { address: string; resolve(): void }[] = [];
  readonly #removeHandlers: (() => void)[] = [];
  #staleFlows: string[][] = [];
  /** Endpoints that services with session affinity no longer have. */
  #goneAffine = new Set<string>();
  #newNodePorts = new Set<string>();
  #settled = false;
  #zone = '';

  constructor(options: ServiceProxyOptions) {
    this.#options = options;
    const list = (cidrs: string | readonly string[]) => (typeof cidrs === 'string' ? cidrs.split(',') : cidrs);
    const networks = { podCidrs: list(options.podCidr), serviceCidrs: list(options.serviceCidr) };
    this.#families = ([4, 6] as const).filter((family) =>
      [networks.podCidrs, networks.serviceCidrs].every((cidrs) => cidrs.some((cidr) => familyOf(cidr) === family)),
    );
    this.#nft = options.nft ?? createNftRunner();
    this.#health = new HealthCheckPorts(options.log);
    this.#cleanFlows = createFlowCleaner(options.run ?? programRunner(), options.log);
    const { informers, nodeName } = options;
    this.#services = informers.informer(Service);
    this.#slices = informers.informer(EndpointSlice);
    this.#slices.addIndex('service', serviceOf);
    this.#pods = informers.informer(Pod, { fieldSelector: `spec.nodeName=${nodeName}` });
    this.#node = informers.informer(Node, { fieldSelector: `metadata.name=${nodeName}` });
    this.#sync = new TableSync({
      table: clusterTable(options.clusterName),
      nft: this.#nft,
      clock: options.clock,
      log: options.log,
      canaryChain: 'nat_prerouting',
      writeBase: (transaction: Transaction) => writeServiceTable(transaction, this.#families, networks),
      collect: () => this.#collect(),
    });
  }

  async start(): Promise<void> {
    await Promise.all([
      this.#services.whenSynced(),
      this.#slices.whenSynced(),
      this.#pods.whenSynced(),
      this.#node.whenSynced(),
    ]);
    this.#zone = this.#zoneOf();
    const service = (object: Shared<Service>) => this.#touchService(keyOf(object));
    const slice = (object: Shared<EndpointSlice>) => {
      for (const key of serviceOf(object)) this.#touchService(key);
    };
    const pod = (object: Shared<Pod>) => {
      this.#dirtyPods.add(keyOf(object));
      this.#sync.schedule();
    };
    this.#removeHandlers.push(
      this.#services.addHandler({ onAdd: service, onUpdate: service, onDelete: service }),
      this.#slices.addHandler({
        onAdd: slice,
        onUpdate: (now, old) => {
          slice(old);
          slice(now);
        },
        onDelete: slice,
      }),
      this.#pods.addHandler({ onAdd: pod, onUpdate: pod, onDelete: pod }),
      this.#node.addHandler({ onAdd: () => this.#checkZone(), onUpdate: () => this.#checkZone() }),
    );
    await this.#sync.start();
    this.#settled = true;
    await this.#afterSync();
  }

  async whenApplied(): Promise<void> {
    await this.#sync.whenApplied();
  }

  whenDrained(address: string): Promise<void> {
    return new Promise((resolve) => {
      this.#drains.push({ address, resolve });
      void this.#sync.whenApplied().then(() => this.#afterSync());
    });
  }

  async stop(options: { remove?: boolean } = {}): Promise<void> {
    for (const remove of this.#removeHandlers.splice(0)) remove();
    this.#health.close();
    await this.#sync.stop(options);
    for (const drain of this.#drains.splice(0)) drain.resolve();
  }

  #touchService(key: string): void {
    this.#dirtyServices.add(key);
    this.#sync.schedule();
  }

  #zoneOf(): string {
    const node = this.#node.get(undefined, this.#options.nodeName);
    return node?.metadata.labels?.['topology.kubernetes.io/zone'] ?? '';
  }

  #checkZone(): void {
    const zone = this.#zoneOf();
    if (zone === this.#zone) return;
    this.#zone = zone;
    for (const key of this.#rules.keys()) this.#dirtyServices.add(key);
    this.#sync.schedule();
  }

  #collect(): void {
    if (this.#dirtyServices.size === 0 && this.#dirtyPods.size === 0) return;
    for (const key of this.#dirtyServices) this.#updateService(key);
    this.#dirtyServices.clear();
    for (const key of this.#dirtyPods) {
      const pod = this.#pods.byKey(key);
      this.#sync.ledger.assign(`pod ${key}`, pod ? hostPortElements(pod, this.#families) : []);
    }
    this.#dirtyPods.clear();
    if (this.#settled) void this.#sync.whenApplied().then(() => this.#afterSync());
  }

  #updateService(key: string): void {
    const service = this.#services.byKey(key);
    const before = this.#rules.get(key);
    const rules = service
      ? serviceRules(service, this.#slices.byIndex('service', key), {
          families: this.#families,
          topology: { nodeName: this.#options.nodeName, zone: this.#zone },
          previousSlots: before?.slots ?? new Map(),
        })
      : undefined;
    for (const lb of rules?.balancers ?? []) this.#sync.requireChain(chainName(lb), () => chainRules(lb));
    for (const { family, protocol, timeoutSeconds } of rules?.learners ?? [])
      this.#sync.requireChain(learnChain(family, protocol, timeoutSeconds), () =>
        learnRules(family, protocol, timeoutSeconds),
      );
    const conflicts = this.#sync.ledger.assign(`service ${key}`, rules?.elements ?? []);
    for (const { element, holder } of conflicts) {
      if (!service || !/^(x?svc|x?np)/.test(element.set)) continue;
      this.#options.events?.event(
        service,
        'Warning',
        'FrontendConflict',
        `${element.key} is already served for ${holder}; free it there, or choose another address or port`,
      );
    }
    for (const port of rules?.nodePorts ?? []) if (!before?.nodePorts.includes(port)) this.#newNodePorts.add(port);
    if (before?.learners.length) {
      for (const target of targetsOf(before)) this.#goneAffine.add(target);
      for (const target of rules ? targetsOf(rules) : []) this.#goneAffine.delete(target);
    }
    if (this.#settled) this.#staleFlows.push(...staleFlows(before?.udp ?? new Map(), rules?.udp ?? new Map()));
    this.#health.set(
      splitKey(key) as { namespace: string; name: string },
      service?.spec.type === 'LoadBalancer' && service.spec.externalTrafficPolicy === 'Local'
        ? service.spec.healthCheckNodePort
        : undefined,
      rules?.localEndpoints ?? 0,
    );
    this.#count(before, -1);
    this.#count(rules, 1);
    if (rules) this.#rules.set(key, rules);
    else this.#rules.delete(key);
  }

  #count(rules: ServiceRules | undefined, by: 1 | -1): void {
    for (const target of rules ? targetsOf(rules) : []) {
      const address = target.slice(0, target.indexOf(' '));
      const count = (this.#targets.get(address) ?? 0) + by;
      if (count === 0) this.#targets.delete(address);
      else this.#targets.set(address, count);
    }
  }

  async #afterSync(): Promise<void> {
    if (this.#goneAffine.size > 0) {
      const gone = this.#goneAffine;
      this.#goneAffine = new Set();
      await forgetClients(this.#nft, clusterTable(this.#options.clusterName), gone).catch((error) => {
        this.#options.log.warn('clients of endpoints that are gone could not be forgotten', { error });
      });
    }
    this.#settleDrains();
    const flows = this.#staleFlows;
    this.#staleFlows = [];
    await this.#cleanFlows(flows);
    if (this.#newNodePorts.size > 0) {
      const ports = this.#newNodePorts;
      this.#newNodePorts = new Set();
      await this.#reportForeignPorts(ports).catch((error) => {
        this.#options.log.warn('node ports of other clusters could not be read', { error });
      });
    }
  }

  #settleDrains(): void {
    for (let at = this.#drains.length - 1; at >= 0; at--) {
      const drain = this.#drains[at]!;
      if (this.#targets.has(drain.address)) continue;
      this.#drains.splice(at, 1);
      drain.resolve();
    }
  }

  async #reportForeignPorts(ports: ReadonlySet<string>): Promise<void> {
    const taken = await foreignNodePorts(this.#nft, clusterTable(this.#options.clusterName));
    if (taken.size === 0) return;
    for (const [key, rules] of this.#rules) {
      const service = this.#services.byKey(key);
      for (const port of rules.nodePorts) {
        const cluster = ports.has(port) ? taken.get(port) : undefined;
        if (!cluster || !service) continue;
        this.#options.log.warn('a node port is used by two clusters', { service: key, port, cluster });
        this.#options.events?.event(
          service,
          'Warning',
          'NodePortConflict',
          `node port ${port.split(' . ')[1]} is also used by the cluster ${cluster} on this machine: set another nodePort in one of them`,
        );
      }
    }
  }
}

function* targetsOf(rules: ServiceRules): Iterable<string> {
  for (const list of rules.slots.values()) yield* list;
}
