/** The node agent's process of `timonel up`: container runtime, pod network, kubelet, service proxy, policies, DNS. */
import { join } from 'node:path';
import { realClock } from '../base/clock.ts';
import { createLogger, type Logger } from '../base/log.ts';
import { MetricsRegistry } from '../base/metrics.ts';
import { realRandom } from '../base/random.ts';
import { type Client, createClient } from '../client/client.ts';
import { createEventRecorder } from '../client/event-recorder.ts';
import { createInformerSet } from '../client/informer-set.ts';
import { ContainerdError, superviseContainerd } from '../cri/containerd.ts';
import { type CriRuntime, connectCri } from '../cri/runtime.ts';
import { startDns } from '../dns/dns.ts';
import { publishDnsEndpoints } from '../dns/kube-dns.ts';
import { startAgent } from '../kubelet/agent.ts';
import { type PodNetwork, preparePodNetwork } from '../network/pod-network/pod-network.ts';
import { startNetworkPolicies } from '../network/policies/network-policies.ts';
import { type ServiceProxy, startServiceProxy } from '../network/services/service-proxy.ts';
import { startAgentCredentials } from './agent-credentials.ts';
import { type ClusterConfig, paths, readConfig, UserError } from './config.ts';
import { cniDirOf } from './external-runtime.ts';
import { kubeletSettings } from './kubelet-settings.ts';
import { firstNodeCidr, serviceAddress } from './networks.ts';
import { runRole } from './processes.ts';

interface Part {
  stop(): Promise<void> | void;
}

/** Runs until SIGTERM; containers, and the containerd that runs them, outlive it. */
export async function runAgentProcess(dataDir: string): Promise<void> {
  const log = createLogger().child({ role: 'agent' });
  await runRole('agent', dataDir, async () => {
    const config = readConfig(dataDir);
    if (!config) throw new UserError(`there is no cluster in ${dataDir}`);
    const parts = await startNode(config, log);
    log.info('agent is up', { node: config.nodeName });
    return {
      node: config.nodeName,
      async stop() {
        log.info('agent stops');
        for (const part of parts.toReversed()) await part.stop();
      },
    };
  });
}

async function startNode(config: ClusterConfig, log: Logger): Promise<Part[]> {
  const { agent: dataDir } = paths(config.dataDir);
  const ownCniDir = join(dataDir, 'cni');
  const credentials = startAgentCredentials(config, { clock: realClock, log });
  const clientAs = (identity: 'client' | 'network', fieldManager: string) =>
    createClient(credentials.transport(identity, fieldManager), { fieldManager });
  const client = clientAs('client', 'kubelet');
  const podCidr = firstNodeCidr(config.podCidr);
  const parts: Part[] = [{ stop: () => credentials.stop() }];

  // The runtime and the network take their time apart from each other, and from the server's start.
  const opening = openRuntime(config, { dataDir, cniConfDir: ownCniDir, log }, parts);
  const cniConfDir = config.criEndpoint ? await cniDirOf(await opening) : ownCniDir;
  const [runtime, network] = await Promise.all([
    opening,
    preparePodNetwork({
      dataDir,
      cniConfDir,
      clusterName: config.name,
      podCidr,
      clusterPodCidr: config.podCidr,
      serviceCidr: config.serviceCidr,
    }),
    whenServing(client),
  ]);
  const metrics = new MetricsRegistry();
  const networking = startNetwork(clientAs('network', 'timonel-network'), {
    config,
    network,
    podCidr,
    log,
    metrics,
  });
  const proxy = networking.then((started) => started.proxy);
  const [agent, { parts: networkParts }] = await Promise.all([
    startAgent({
      client,
      nodeName: config.nodeName,
      runtime,
      dataDir,
      clock: realClock,
      random: realRandom,
      log,
      metrics,
      nodeIps: [config.nodeIp],
      tls: credentials.tls(),
      whenDrained: async (podIp) => {
        await Promise.race([proxy.then((p) => p?.whenDrained(podIp)), realClock.sleep(maxDrainMs)]);
      },
      settings: {
        clusterDns: config.disable.includes('dns') ? [] : [serviceAddress(config.serviceCidr, 10)],
        clusterDomain: config.clusterDomain,
        cgroupRoot: `/timonel-${config.name}`,
        podCidr,
        ...kubeletSettings(config),
      },
    }),
    networking,
  ]);
  credentials.onRenewal(() => agent.setTls(credentials.tls()));
  parts.push({ stop: () => agent.close() }, ...networkParts);
  return parts;
}

/** How long a pod's end may wait for the endpoints and the rules to forget it. */
const maxDrainMs = 1000;

async function openRuntime(
  config: ClusterConfig,
  { dataDir, cniConfDir, log }: { dataDir: string; cniConfDir: string; log: Logger },
  parts: Part[],
): Promise<CriRuntime> {
  if (config.criEndpoint) {
    const runtime = connectCri(config.criEndpoint);
    parts.push({ stop: () => runtime.close() });
    return runtime;
  }
  try {
    const containerd = await superviseContainerd({ dataDir, cniConfDir, clock: realClock, log });
    parts.push({ stop: () => containerd.close() });
    return containerd.runtime;
  } catch (error) {
    if (error instanceof ContainerdError) throw new UserError(error.message);
    throw error;
  }
}

/** Services, policies and names: everything between pods that the agent looks after. */
async function startNetwork(
  client: Client,
  {
    config,
    network,
    podCidr,
    log,
    metrics,
  }: { config: ClusterConfig; network: PodNetwork; podCidr: string; log: Logger; metrics: MetricsRegistry },
): Promise<{ parts: Part[]; proxy: ServiceProxy | undefined }> {
  const informers = createInformerSet(client, { clock: realClock, log, random: realRandom });
  const parts: Part[] = [{ stop: () => informers.stop() }];
  const common = { informers, nodeName: config.nodeName, clusterName: config.name, clock: realClock, log };
  const enabled = (part: ClusterConfig['disable'][number]) => !config.disable.includes(part);
  const starts: Promise<Part>[] = [];
  let proxy: ServiceProxy | undefined;
  if (enabled('service-proxy')) {
    const events = createEventRecorder(client, {
      component: 'kube-proxy',
      host: config.nodeName,
      clock: realClock,
      random: realRandom,
      log,
    });
    starts.push(
      startServiceProxy({ ...common, podCidr: config.podCidr, serviceCidr: config.serviceCidr, events, metrics }).then(
        (started) => {
          proxy = started;
          return { stop: () => started.stop() };
        },
      ),
    );
  }
  if (enabled('network-policy')) starts.push(startNetworkPolicies({ ...common, dnsAddresses: network.gateways }));
  if (enabled('dns')) {
    starts.push(
      startDns({
        informers,
        clusterDomain: config.clusterDomain,
        listen: network.gateways.map((address) => ({ address, port: 53 })),
        clock: realClock,
        random: realRandom,
        log,
      }).then(async (dns) => {
        await publishDnsEndpoints(client, { nodeName: config.nodeName, addresses: dns.addresses });
        return { stop: () => dns.close() };
      }),
    );
  }
  log.debug('pod network is up', { podCidr, device: network.device });
  const running = await Promise.all(starts);
  return { parts: [...parts, ...running], proxy };
}

const serverWaitMs = 60_000;

/** The server is another process that starts at the same time. */
async function whenServing(client: Client): Promise<void> {
  const end = realClock.monotonic() + serverWaitMs;
  for (;;) {
    try {
      if ((await client.transport.raw('/readyz')).status === 200) return;
    } catch (error) {
      if (realClock.monotonic() > end)
        throw new UserError(`the API server does not answer: ${(error as Error).message}`);
    }
    await realClock.sleep(20);
  }
}
