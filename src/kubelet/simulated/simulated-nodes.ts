/**
 * Nodes without containers: their pods pass through the life that real ones have, scripted by annotations. One informer
 * and one queue serve all nodes of a process, so thousands of them cost little.
 */
import { Lease } from '../../api/coordination/lease.ts';
import { Node } from '../../api/core/node.ts';
import { Pod } from '../../api/core/pod.ts';
import type { Shared } from '../../api/kind.ts';
import { isAlreadyExists, isConflict, isNotFound } from '../../api/machinery/status.ts';
import { kubernetesVersion } from '../../api/version.ts';
import { type Clock, formatMicroTime, formatTime, type Timer } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { Random } from '../../base/random.ts';
import type { Client } from '../../client/client.ts';
import type { InformerSet } from '../../client/informer.ts';
import { keyOf } from '../../client/reconcile.ts';
import { createWorkQueue, type WorkResult } from '../../client/workqueue.ts';
import type { KubeletServer, KubeletTls } from '../streaming/server.ts';
import { AddressPool } from './address-pool.ts';
import { isFinished, nextStep } from './pod-life.ts';

export interface SimulatedNodesOptions {
  readonly client: Client;
  readonly informers: InformerSet;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly count: number;
  /** The network that pods' addresses are taken from. */
  readonly podCidr: string;
  /** Names are `<prefix>1`, `<prefix>2`, …; `node-` by default. */
  readonly namePrefix?: string;
  /** What each node has; 32 CPUs, 256Gi and 110 pods by default. */
  readonly capacity?: Readonly<Record<string, string>>;
  /** Labels of each node besides the usual ones. */
  readonly labels?: (index: number) => Readonly<Record<string, string>>;
  /**
   * How long a node may be silent before it counts as lost: it renews its lease four times as often. 40 s by default, as
   * kubelets have it; longer makes long spans of virtual time cheaper.
   */
  readonly leaseDurationSeconds?: number;
  /**
   * Certificates (for 127.0.0.1) of one server for all nodes, which answers logs and exec; without it they are refused.
   * The nodes are then reached at 127.0.0.1.
   */
  readonly tls?: KubeletTls;
}

export interface SimulatedNodes {
  readonly names: readonly string[];
  /** Adds a node, and resolves when it is registered. */
  add(
    name: string,
    options?: { labels?: Readonly<Record<string, string>>; capacity?: Readonly<Record<string, string>> },
  ): Promise<void>;
  /** A node falls silent: no lease, no status of its pods, until it returns. */
  fail(name: string): void;
  /** A silent node is back; its pods go on where they were. */
  recover(name: string): Promise<void>;
  /** Sets a node's clock off from the others': what it stamps on pods, conditions and leases. 0 by default. */
  setClock(name: string, skewMs: number): void;
  /** Takes a renewed serving certificate into use. */
  setTls(tls: KubeletTls): void;
  /** Nothing is due now. */
  idle(): boolean;
  stop(): Promise<void>;
}

const leaseNamespace = 'kube-node-lease';
const kubeletLeaseSeconds = 40;
const defaultCapacity = { cpu: '32', memory: '256Gi', 'ephemeral-storage': '1Ti', pods: '110' };
const registrations = 64;
const podsAtOnce = 64;

/** Registers the nodes and brings their pods to life; resolves when all nodes are registered and Ready. */
export async function startSimulatedNodes(options: SimulatedNodesOptions): Promise<SimulatedNodes> {
  // Loaded only where it is used: a cluster in a test has no need of it.
  const server = options.tls
    ? await (await import('./simulated-server.ts')).startSimulatedServer({ ...options, tls: options.tls })
    : undefined;
  const nodes = new RunningNodes(options, server);
  const prefix = options.namePrefix ?? 'node-';
  const queue = Array.from({ length: options.count }, (_, i) => i + 1);
  await Promise.all(
    Array.from({ length: Math.min(registrations, options.count) }, async () => {
      for (let i = queue.shift(); i !== undefined; i = queue.shift()) {
        const labels = options.labels?.(i - 1);
        await nodes.add(`${prefix}${i}`, labels ? { labels } : {});
      }
    }),
  );
  await nodes.start();
  return nodes;
}

interface SimulatedNode {
  readonly hostIp: string;
  silent: boolean;
  skewMs: number;
}

class RunningNodes implements SimulatedNodes {
  readonly #options: SimulatedNodesOptions;
  readonly #addresses: AddressPool;
  readonly #nodes = new Map<string, SimulatedNode>();
  readonly #queue;
  readonly #leaseSeconds: number;
  #heartbeat: Timer | undefined;
  #removeHandler: (() => void) | undefined;
  #removeNodeHandler: (() => void) | undefined;
  #renewing = 0;
  readonly #server: KubeletServer | undefined;
  #nextHost = 1;

  constructor(options: SimulatedNodesOptions, server: KubeletServer | undefined) {
    this.#server = server;
    this.#options = options;
    this.#addresses = new AddressPool(options.podCidr);
    this.#leaseSeconds = options.leaseDurationSeconds ?? kubeletLeaseSeconds;
    this.#queue = createWorkQueue<string>({
      clock: options.clock,
      random: options.random,
      concurrency: podsAtOnce,
      process: (key) => this.#advance(key),
      onError: (key, error) => {
        if (!isConflict(error)) options.log.warn('a simulated pod could not go on', { pod: key, error });
        return true;
      },
    });
  }

  get names(): string[] {
    return [...this.#nodes.keys()];
  }

  async start(): Promise<void> {
    const pods = this.#options.informers.informer(Pod);
    this.#removeHandler = pods.addHandler({
      onAdd: (pod) => {
        // A finished pod's address may be another's by now.
        if (pod.status.podIP && !isFinished(pod)) this.#addresses.take(pod.metadata.uid, pod.status.podIP);
        this.#see(pod);
      },
      onUpdate: (pod) => this.#see(pod),
      onDelete: (pod) => this.#addresses.release(pod.metadata.uid),
    });
    this.#removeNodeHandler = this.#options.informers.informer(Node).addHandler({
      onUpdate: (node) => this.#contradict(node),
    });
    await pods.whenSynced();
    this.#heartbeat = this.#options.clock.every((this.#leaseSeconds * 1000) / 4, () => void this.#renewAll());
  }

  async add(
    name: string,
    {
      labels = {},
      capacity = this.#options.capacity ?? defaultCapacity,
    }: { labels?: Readonly<Record<string, string>>; capacity?: Readonly<Record<string, string>> } = {},
  ): Promise<void> {
    const { client, clock } = this.#options;
    const hostIp = hostAddress(this.#nextHost++);
    const status = {
      ...nodeStatus(name, { hostIp: this.#server ? '127.0.0.1' : hostIp, capacity, now: clock.now() }),
      ...(this.#server ? { daemonEndpoints: { kubeletEndpoint: { Port: this.#server.port } } } : {}),
    };
    try {
      await client.create(Node, {
        metadata: {
          name,
          labels: {
            'kubernetes.io/hostname': name,
            'kubernetes.io/os': 'linux',
            'kubernetes.io/arch': 'amd64',
            ...labels,
          },
          annotations: { 'sim.timonel.dev/simulated': 'true' },
        },
        status,
      });
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
      const known = await client.get(Node, { name });
      await client.updateStatus(Node, { ...known, status: { ...known.status, ...status } } as Shared<Node>);
    }
    this.#nodes.set(name, { hostIp, silent: false, skewMs: 0 });
    await this.#renew(name);
  }

  fail(name: string): void {
    this.#node(name).silent = true;
    if (this.#leaseSeconds <= kubeletLeaseSeconds) return;
    // The long lease only makes quiet spans cheap: a node that falls silent is missed as soon as a real one.
    this.#renewing++;
    void this.#renew(name, kubeletLeaseSeconds)
      .catch((error: unknown) =>
        this.#options.log.warn('the last lease of a simulated node was not written', { error }),
      )
      .finally(() => {
        this.#renewing--;
      });
  }

  setClock(name: string, skewMs: number): void {
    this.#node(name).skewMs = skewMs;
  }

  async recover(name: string): Promise<void> {
    const node = this.#node(name);
    node.silent = false;
    await this.#reportWell(name, node);
    await this.#renew(name);
    for (const pod of this.#options.informers.informer(Pod).list())
      if (pod.spec.nodeName === name) this.#queue.add(keyOf(pod));
  }

  setTls(tls: KubeletTls): void {
    this.#server?.setTls(tls);
  }

  idle(): boolean {
    return this.#queue.idle() && this.#renewing === 0;
  }

  async stop(): Promise<void> {
    this.#heartbeat?.cancel();
    this.#removeHandler?.();
    this.#removeNodeHandler?.();
    await this.#queue.stop();
    await this.#server?.close();
  }

  #node(name: string): SimulatedNode {
    const node = this.#nodes.get(name);
    if (!node) throw new Error(`there is no simulated node ${name}`);
    return node;
  }

  async #reportWell(name: string, { hostIp, skewMs }: SimulatedNode): Promise<void> {
    const { client, clock } = this.#options;
    const { conditions } = nodeStatus(name, { hostIp, capacity: {}, now: clock.now() + skewMs });
    await client.patch(Node, { name }, { status: { conditions } }, { type: 'strategic', subresource: 'status' });
  }

  /** A node that was given up by mistake says that it is well, as a kubelet does when it next reports. */
  #contradict({ metadata: { name }, status }: Shared<Node>): void {
    const node = this.#nodes.get(name);
    const ready = status.conditions?.find(({ type }) => type === 'Ready');
    if (!node || node.silent || ready?.status !== 'Unknown') return;
    this.#renewing++;
    void this.#reportWell(name, node)
      .catch((error: unknown) => this.#options.log.warn('a simulated node could not report', { node: name, error }))
      .finally(() => {
        this.#renewing--;
      });
  }

  #see(pod: Shared<Pod>): void {
    if (isFinished(pod)) this.#addresses.release(pod.metadata.uid);
    const node = this.#nodes.get(pod.spec.nodeName ?? '');
    if (node && !node.silent) this.#queue.add(keyOf(pod));
  }

  async #advance(key: string): Promise<WorkResult> {
    const { client, clock, informers } = this.#options;
    const pod = informers.informer(Pod).byKey(key);
    const node = pod && this.#nodes.get(pod.spec.nodeName ?? '');
    if (!pod || !node || node.silent) return undefined;
    const step = nextStep(pod, {
      now: clock.now() + node.skewMs,
      skewMs: node.skewMs,
      podIp: pod.status.podIP ?? this.#addresses.assign(pod.metadata.uid),
      hostIp: node.hostIp,
    });
    try {
      switch (step.kind) {
        case 'wait':
          return step.dueInMs === undefined ? undefined : { requeueAfterMs: step.dueInMs };
        case 'status':
          await client.updateStatus(Pod, { ...pod, status: step.status } as Shared<Pod>);
          return undefined;
        case 'remove':
          await client.delete(Pod, pod.metadata, { gracePeriodSeconds: 0, preconditions: { uid: pod.metadata.uid } });
          return undefined;
      }
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  }

  async #renewAll(): Promise<void> {
    this.#renewing++;
    try {
      for (const [name, node] of this.#nodes) if (!node.silent) await this.#renew(name);
    } catch (error) {
      this.#options.log.warn('leases of simulated nodes could not be renewed', { error });
    } finally {
      this.#renewing--;
    }
  }

  async #renew(name: string, seconds = this.#leaseSeconds): Promise<void> {
    const { client, clock } = this.#options;
    const spec = {
      holderIdentity: name,
      leaseDurationSeconds: seconds,
      renewTime: formatMicroTime(clock.now() + this.#node(name).skewMs),
    };
    try {
      await client.patch(Lease, { namespace: leaseNamespace, name }, { spec }, { type: 'merge' });
    } catch (error) {
      if (!isNotFound(error)) throw error;
      await client.create(Lease, { metadata: { namespace: leaseNamespace, name }, spec }).catch((raced: unknown) => {
        if (!isAlreadyExists(raced)) throw raced;
      });
    }
  }
}

/** Addresses of the nodes themselves, from the range for carriers. */
function hostAddress(n: number): string {
  return `100.${64 + ((n >> 16) & 63)}.${(n >> 8) & 255}.${n & 255}`;
}

function nodeStatus(
  name: string,
  { hostIp, capacity, now }: { hostIp: string; capacity: Readonly<Record<string, string>>; now: number },
) {
  const at = formatTime(now);
  const condition = (type: string, status: string, reason: string, message: string) => ({
    type,
    status,
    reason,
    message,
    lastHeartbeatTime: at,
    lastTransitionTime: at,
  });
  return {
    ...(Object.keys(capacity).length ? { capacity: { ...capacity }, allocatable: { ...capacity } } : {}),
    conditions: [
      condition('MemoryPressure', 'False', 'KubeletHasSufficientMemory', 'kubelet has sufficient memory available'),
      condition('DiskPressure', 'False', 'KubeletHasNoDiskPressure', 'kubelet has no disk pressure'),
      condition('PIDPressure', 'False', 'KubeletHasSufficientPID', 'kubelet has sufficient PID available'),
      condition('Ready', 'True', 'KubeletReady', 'kubelet is posting ready status'),
    ],
    addresses: [
      { type: 'InternalIP', address: hostIp },
      { type: 'Hostname', address: name },
    ],
    nodeInfo: {
      architecture: 'amd64',
      bootID: '',
      containerRuntimeVersion: 'sim://1',
      kernelVersion: '',
      kubeProxyVersion: '',
      kubeletVersion: kubernetesVersion,
      machineID: name,
      operatingSystem: 'linux',
      osImage: 'simulated',
      systemUUID: '',
    },
    declaredFeatures: ['RestartAllContainersOnContainerExits'],
  };
}
