/** Whole clusters inside a process: for tests of operators, for simulation, for programs that need an API server. */
import { Node } from '../api/core/node.ts';
import { ServiceAccount } from '../api/core/service-account.ts';
import { loopbackUser, type UserInfo } from '../apiserver/user.ts';
import { type Clock, quiesce, realClock, VirtualClock } from '../base/clock.ts';
import { parseDuration } from '../base/duration.ts';
import { createLogger, type Logger, type LogLevel, silentLogger } from '../base/log.ts';
import { type Random, realRandom, seededRandom } from '../base/random.ts';
import type { Client } from '../client/client.ts';
import type { InformerSet } from '../client/informer.ts';
import { type SimulatedNodes, startSimulatedNodes } from '../kubelet/simulated/simulated-nodes.ts';
import { openMemoryStore } from '../store/memory.ts';
import { openSqliteStore } from '../store/sqlite.ts';
import type { Store } from '../store/store.ts';
import type { OptionalPart } from './config.ts';
import { type ControlPlane, type ControlPlaneOptions, startControlPlane } from './control-plane.ts';
import { renderKubeconfig } from './kubeconfig.ts';
import { machineAddress } from './networks.ts';
import { createPki, servingNames } from './pki.ts';
import { isUsableNode } from './usable.ts';

export interface StartClusterOptions {
  /** `real` (default) follows the machine; `virtual` stands still until {@link Cluster.advance}. */
  readonly clock?: 'real' | 'virtual' | Clock;
  /** Simulated nodes; 1 by default. */
  readonly nodes?: number;
  /** Makes names, UIDs and every choice reproducible. */
  readonly seed?: number;
  /** In memory by default; a file path keeps the objects in SQLite; or a store of your own. */
  readonly store?: 'memory' | { readonly sqlite: string } | Store;
  /** Parts to leave out, such as `scheduler` and `controllers` for an API server alone. */
  readonly disable?: readonly OptionalPart[];
  readonly logLevel?: LogLevel;
  /** Freezes shared objects, so that a mistaken write to one throws; true by default. */
  readonly freeze?: boolean;
  /**
   * How long a simulated node's lease lasts, in seconds; it renews it four times as often. 40 as kubelets have it, or six
   * hours under a virtual clock, so that long spans are cheap. A node that fails is missed within a minute all the same.
   */
  readonly nodeLeaseSeconds?: number;
  /** What each simulated node has; 32 CPUs, 256Gi and 110 pods by default. */
  readonly nodeCapacity?: Readonly<Record<string, string>>;
  /** Group-versions to serve besides those that are served by default: `storagemigration.k8s.io/v1beta1`. */
  readonly runtimeConfig?: readonly string[];
  /** Puts something between every client in this process and the API server: for fault injection. */
  readonly intercept?: ControlPlaneOptions['intercept'];
  /** Profiles and settings of the scheduler: what `parseSchedulerConfig` makes of a KubeSchedulerConfiguration. */
  readonly schedulerConfig?: ControlPlaneOptions['schedulerConfig'];
  /** Changes which controllers run: for trying out one of one's own, or a broken one. */
  readonly controllers?: ControlPlaneOptions['controllers'];
}

/** A running cluster. `await using` takes it down at the end of the block. */
export interface Cluster extends AsyncDisposable {
  /** As the administrator. */
  readonly client: Client;
  /** Informers as the administrator, shared with the cluster's own roles. */
  readonly informers: InformerSet;
  readonly clock: Clock;
  /** A client as another user. */
  clientAs(user: UserInfo): Client;
  /** Opens the HTTPS port on first use (127.0.0.1, a free port); gives a kubeconfig for any stock client. */
  kubeconfig(): Promise<string>;
  /** Runs until nothing is left to do but wait for time to pass. */
  settle(): Promise<void>;
  /** Lets virtual time pass: milliseconds, or a duration such as `90s`, `24h`, `365d`. Only with a virtual clock. */
  advance(duration: number | string): Promise<void>;
  readonly plane: ControlPlane;
  /** The simulated nodes, to add some, or to let one fall silent; undefined without any. */
  readonly nodes: SimulatedNodes | undefined;
  stop(): Promise<void>;
}

const virtualLeaseSeconds = 6 * 60 * 60;

/** Starts a cluster in this process; resolves when it is usable: nodes Ready, default service account there. */
export async function startCluster(options: StartClusterOptions = {}): Promise<Cluster> {
  const clock =
    options.clock === 'virtual' ? new VirtualClock() : typeof options.clock === 'object' ? options.clock : realClock;
  const random: Random = options.seed === undefined ? realRandom : seededRandom(options.seed);
  const log: Logger =
    options.logLevel && options.logLevel !== 'silent' ? createLogger({ level: options.logLevel }) : silentLogger;
  const networks = { podCidr: '10.128.0.0/9', serviceCidr: '10.96.0.0/12', clusterDomain: 'cluster.local' };
  const pki = createPki(servingNames({ ...networks, nodeIp: machineAddress() }), clock.now());
  const plane = await startControlPlane({
    ...networks,
    store: await openStore(options.store ?? 'memory', log),
    clock,
    random,
    log,
    pki,
    clusterName: 'in-process',
    nodePortRange: [30000, 32767],
    disable: options.disable ?? [],
    freeze: options.freeze ?? true,
    ...(options.intercept ? { intercept: options.intercept } : {}),
    ...(options.runtimeConfig ? { runtimeConfig: options.runtimeConfig } : {}),
    ...(options.schedulerConfig ? { schedulerConfig: options.schedulerConfig } : {}),
    ...(options.controllers ? { controllers: options.controllers } : {}),
  });
  const client = plane.clientAs(loopbackUser);
  const count = options.nodes ?? 1;
  const nodes =
    count > 0
      ? await startSimulatedNodes({
          client,
          informers: plane.informers,
          clock,
          random,
          log,
          count,
          podCidr: networks.podCidr,
          leaseDurationSeconds: options.nodeLeaseSeconds ?? (clock instanceof VirtualClock ? virtualLeaseSeconds : 40),
          ...(options.nodeCapacity ? { capacity: options.nodeCapacity } : {}),
        })
      : undefined;
  const idle = () => plane.idle() && (nodes?.idle() ?? true);

  let listening: Promise<string> | undefined;
  const stop = async () => {
    await nodes?.stop();
    await plane.stop();
  };
  const cluster: Cluster = {
    client,
    informers: plane.informers,
    clock,
    plane,
    nodes,
    clientAs: (user) => plane.clientAs(user),
    kubeconfig() {
      listening ??= plane
        .listen({ host: '127.0.0.1', port: 0 })
        .then(({ url }) => renderKubeconfig({ name: 'timonel', server: url, ca: pki.ca.cert, ...pki.admin }));
      return listening;
    },
    settle: () => quiesce(idle),
    async advance(duration) {
      if (!(clock instanceof VirtualClock)) throw new Error("advance() needs startCluster({ clock: 'virtual' })");
      const ms = typeof duration === 'number' ? duration : parseDuration(duration);
      if (ms === undefined) throw new Error(`"${duration}" is not a duration; write it as 90s, 24h or 365d`);
      await clock.advance(ms, idle);
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
  if (clock instanceof VirtualClock) await cluster.settle();
  else await whenUsable(plane, { clock, nodes: count, controllers: !options.disable?.includes('controllers') });
  return cluster;
}

const pollMs = 2;
const startTimeoutMs = 30_000;

/** Nodes are Ready, and pods can be made: the default service account is there. */
async function whenUsable(
  plane: ControlPlane,
  wanted: { clock: Clock; nodes: number; controllers: boolean },
): Promise<void> {
  const nodes = plane.informers.informer(Node);
  const accounts = plane.informers.informer(ServiceAccount);
  const end = wanted.clock.monotonic() + startTimeoutMs;
  const usable = () =>
    nodes.list().filter(isUsableNode).length >= wanted.nodes &&
    (!wanted.controllers || accounts.get('default', 'default') !== undefined);
  while (!usable()) {
    if (wanted.clock.monotonic() > end)
      throw new Error(
        `the cluster is not usable after ${startTimeoutMs / 1000}s: ${nodes.list().length} nodes are registered`,
      );
    await wanted.clock.sleep(pollMs);
  }
}

async function openStore(choice: NonNullable<StartClusterOptions['store']>, log: Logger): Promise<Store> {
  if (choice === 'memory') return openMemoryStore();
  if ('sqlite' in choice) return openSqliteStore({ path: choice.sqlite, log });
  return choice;
}
