/** The node agent: makes this machine a node of a cluster and runs its pods. */
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ConfigMap } from '../api/core/config-map.ts';
import { Pod } from '../api/core/pod.ts';
import { Secret } from '../api/core/secret.ts';
import { Service } from '../api/core/service.ts';
import type { NodeAddress } from '../api/types/core-v1.ts';
import type { Clock } from '../base/clock.ts';
import { type Logger, silentLogger } from '../base/log.ts';
import { MetricsRegistry } from '../base/metrics.ts';
import type { Random } from '../base/random.ts';
import type { Client } from '../client/client.ts';
import { createEventRecorder } from '../client/event-recorder.ts';
import type { EventRecorder } from '../client/events.ts';
import type { InformerSet } from '../client/informer.ts';
import { createInformerSet } from '../client/informer-set.ts';
import { detectCgroupDriver } from '../cri/cgroup-driver.ts';
import { Cgroups } from '../cri/cgroups.ts';
import type { CriRuntime } from '../cri/runtime.ts';
import type { KubeletContext, NodeSettings } from './context.ts';
import { ImageGc } from './images/image-gc.ts';
import { ImagePuller } from './images/image-puller.ts';
import { nodeAllocatable, nodeCapacity, podsShare } from './node/capacity.ts';
import { Evictions } from './node/eviction.ts';
import { defaultSettings } from './node/kubelet-configuration.ts';
import { fileSystem, firstAddress, readMachineFacts } from './node/machine-facts.ts';
import { NodeKeeper } from './node/node-keeper.ts';
import { type NodeDescription, type NodeHealth, nodeLabels, runtimeHandlers } from './node/node-object.ts';
import { type Pressure, Pressures } from './node/pressures.ts';
import { parseResolvConf } from './pods/dns.ts';
import { LogRotation } from './pods/log-rotation.ts';
import type { PodKit } from './pods/pod-kit.ts';
import { PodWorkers } from './pods/pod-workers.ts';
import { cpuShares } from './pods/resources.ts';
import { RestartBackoff } from './pods/restart-backoff.ts';
import { StatusWriter } from './pods/status-writer.ts';
import { Prober } from './probes/prober.ts';
import { ServiceAccountTokens } from './service-account-tokens.ts';
import { registerAgentMetrics } from './stats/agent-metrics.ts';
import { RequestAuthorizer } from './streaming/authorization.ts';
import { podBackend } from './streaming/pod-backend.ts';
import { type KubeletTls, startKubeletServer } from './streaming/server.ts';
import { prepareMemoryDir } from './volumes/pod-volumes.ts';
import { WatchedObjects } from './watched-objects.ts';

export interface AgentOptions {
  /** As `system:node:<name>` of the group `system:nodes`. */
  readonly client: Client;
  /** Shared with others in the process (the service proxy); of the agent's own when absent. */
  readonly informers?: InformerSet;
  readonly nodeName: string;
  readonly runtime: CriRuntime;
  /** Everything that the agent keeps is below it, in `kubelet/` and `pod-logs/`. */
  readonly dataDir: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log?: Logger;
  readonly metrics?: MetricsRegistry;
  readonly events?: EventRecorder;
  /** Labels beyond the usual ones. */
  readonly labels?: Readonly<Record<string, string>>;
  readonly taints?: readonly { key: string; value?: string; effect: string }[];
  /** The node's addresses; the machine's first when absent. */
  readonly nodeIps?: readonly string[];
  /** Serving certificate and the CA of clients. Without it the server speaks plain HTTP on the loopback interface. */
  readonly tls?: KubeletTls;
  /** Port of the server; 0 or absent picks one. */
  readonly port?: number;
  readonly settings?: Partial<NodeSettings>;
  /** Awaited with a pod's address before its containers are asked to stop; the service proxy's drain. */
  readonly whenDrained?: (podIp: string) => Promise<void>;
  /** More reasons why the node may not be ready yet (its network). */
  readonly problems?: () => readonly string[];
}

export interface Agent {
  readonly port: number;
  /** True once the node was reported Ready. */
  readonly ready: boolean;
  /** Takes a renewed serving certificate into use. */
  setTls(tls: KubeletTls): void;
  /** Stops the agent; pods keep running and are adopted by the next one. */
  close(): Promise<void>;
}

/** Starts the agent. Resolves when the node is registered and its pods are being looked after. */
export async function startAgent(options: AgentOptions): Promise<Agent> {
  const { client, clock, nodeName, runtime } = options;
  const log = options.log ?? silentLogger;
  const facts = readMachineFacts();
  const rootDir = join(options.dataDir, 'kubelet');
  const logDir = join(options.dataDir, 'pod-logs');
  for (const dir of [rootDir, join(rootDir, 'pods'), logDir]) mkdirSync(dir, { recursive: true, mode: 0o755 });
  const ownInformers = options.informers
    ? undefined
    : createInformerSet(client, { clock, log, random: options.random });
  const informers = options.informers ?? ownInformers!;
  const settings = withDefaults(options, {
    hostname: facts.hostname,
    cgroupDriver: options.settings?.cgroupDriver ?? (await detectCgroupDriver(runtime)),
  });
  const context: KubeletContext = {
    nodeName,
    client,
    informers,
    events:
      options.events ??
      createEventRecorder(client, { component: 'kubelet', host: nodeName, clock, random: options.random, log }),
    clock,
    random: options.random,
    log,
    metrics: options.metrics ?? new MetricsRegistry(),
    runtime,
    settings,
    rootDir,
    logDir,
    ...(options.whenDrained ? { whenDrained: options.whenDrained } : {}),
  };
  const pods = informers.informer(Pod, { fieldSelector: `spec.nodeName=${nodeName}` });
  const services = informers.informer(Service);
  await prepareMemoryDir(rootDir);
  const [version, abilities] = await Promise.all([runtime.runtime.version({}), runtime.runtime.status({})]);
  const disk = await fileSystem(rootDir);
  const capacity = nodeCapacity({ ...facts, diskBytes: disk.total }, settings.maxPods);
  const allocatable = nodeAllocatable(capacity, settings);

  let workers: PodWorkers | undefined;
  const sourcesChanged = (uids: Iterable<string>) => {
    for (const uid of uids) workers?.byUid(uid)?.sourcesChanged();
  };
  const cgroups = new Cgroups();
  const kit: PodKit = {
    context,
    images: new ImagePuller(context),
    probes: new Prober(context, (uid) => workers?.wake(uid)),
    statuses: new StatusWriter(context),
    restarts: new RestartBackoff(),
    tokens: new ServiceAccountTokens(context),
    configMaps: new WatchedObjects(ConfigMap as never, context, sourcesChanged),
    secrets: new WatchedObjects(Secret as never, context, sourcesChanged),
    cgroups,
    pressures: new Pressures(clock),
    hostDns: parseResolvConf(existsSync(settings.resolvConf) ? readFileSync(settings.resolvConf, 'utf8') : ''),
    nodeMemoryBytes: facts.memoryBytes,
    runtimeName: version.runtime_name,
    allocatable,
    startedAt: clock.now(),
  };
  if (settings.cgroupDriver === 'cgroupfs') {
    const share = podsShare(capacity, settings);
    const kubepods = `${settings.cgroupRoot}/kubepods`;
    cgroups.ensure(kubepods);
    // Pods that run already may have more than a new reservation leaves them: eviction sees to that.
    cgroups.applyUnlessBusy(kubepods, { cpuShares: cpuShares(share.milliCpu), memory: share.memoryBytes });
    cgroups.ensure(`${kubepods}/burstable`);
    cgroups.ensure(`${kubepods}/besteffort`, { cpuShares: cpuShares(0) });
  }
  workers = new PodWorkers(kit, pods);
  const podWorkers = workers;
  const imageGc = new ImageGc(context);
  const evictions = new Evictions(kit, workers, imageGc);
  const logRotation = new LogRotation(context, () =>
    podWorkers
      .all()
      .flatMap((worker) =>
        worker.runtimePod.containers
          .filter(({ state, logPath }) => state === 'running' && logPath !== '')
          .map(({ id, logPath }) => ({ containerId: id, path: logPath })),
      ),
  );
  const server = await startKubeletServer({
    backend: podBackend(kit, workers),
    clock,
    log,
    port: options.port ?? 0,
    authorizer: new RequestAuthorizer(context),
    ...(options.tls ? { tls: options.tls } : {}),
  });

  const addresses: NodeAddress[] = [
    ...settings.nodeIps.map((address): NodeAddress => ({ type: 'InternalIP', address })),
    { type: 'Hostname', address: nodeName },
  ];
  const describe = (): NodeDescription => ({
    name: nodeName,
    labels: { ...nodeLabels(nodeName, facts), ...options.labels },
    taints: options.taints ?? [],
    addresses,
    capacity,
    allocatable,
    facts,
    runtimeVersion: `${version.runtime_name}://${version.runtime_version}`,
    runtimeHandlers: runtimeHandlers(abilities.runtime_handlers),
    supplementalGroupsPolicy: abilities.features?.supplemental_groups_policy ?? false,
    kubeletPort: server.port,
  });
  const keeper = new NodeKeeper(context, describe, () =>
    nodeHealth(context, kit.pressures.current(), options.problems),
  );
  const known = Promise.all([pods.whenSynced(), services.whenSynced()]);
  await keeper.start();
  await known;
  await workers.start();
  for (const part of [imageGc, evictions, logRotation]) part.start();
  registerAgentMetrics(context.metrics, { nodeName, workers });
  log.info('the node agent runs', { node: nodeName, port: server.port, runtime: version.runtime_version });
  return {
    port: server.port,
    get ready() {
      return keeper.ready;
    },
    setTls: (tls) => server.setTls(tls),
    async close() {
      keeper.close();
      for (const part of [imageGc, evictions, logRotation]) part.close();
      // Workers may wait for a status to be written that cannot be.
      kit.statuses.close();
      await workers.close();
      kit.probes.close();
      kit.configMaps.close();
      kit.secrets.close();
      await server.close();
      ownInformers?.stop();
    },
  };
}

function withDefaults(options: AgentOptions, found: Pick<NodeSettings, 'hostname' | 'cgroupDriver'>): NodeSettings {
  return { ...defaultSettings, ...found, nodeIps: options.nodeIps ?? [firstAddress()], ...options.settings };
}

async function nodeHealth(
  context: KubeletContext,
  pressures: readonly Pressure[],
  more: (() => readonly string[]) | undefined,
): Promise<NodeHealth> {
  const problems: string[] = [...(more?.() ?? [])];
  try {
    const { status } = await context.runtime.runtime.status({}, { timeoutMs: 5000 });
    for (const { type, status: isTrue, reason, message } of status?.conditions ?? []) {
      if (!isTrue)
        problems.push(
          `container runtime ${type === 'NetworkReady' ? 'network ' : ''}not ready: ${type}=false reason:${reason} message:${message}`,
        );
    }
  } catch (error) {
    problems.push(`container runtime is down: ${(error as Error).message}`);
  }
  return {
    problems,
    memoryPressure: pressures.includes('MemoryPressure'),
    diskPressure: pressures.includes('DiskPressure'),
    pidPressure: false,
  };
}
