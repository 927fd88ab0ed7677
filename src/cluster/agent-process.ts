/** The node agent's process of `timonel up`: container runtime, pod network, kubelet, service proxy, DNS. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { realClock } from '../base/clock.ts';
import { createLogger, type Logger } from '../base/log.ts';
import { MetricsRegistry } from '../base/metrics.ts';
import { realRandom } from '../base/random.ts';
import { type Client, createClient } from '../client/client.ts';
import { createEventRecorder } from '../client/event-recorder.ts';
import { createHttpTransport } from '../client/http.ts';
import { createInformerSet } from '../client/informer-set.ts';
import { superviseContainerd } from '../cri/containerd.ts';
import { connectCri, type CriRuntime } from '../cri/runtime.ts';
import { startDns } from '../dns/dns.ts';
import { startAgent } from '../kubelet/agent.ts';
import { preparePodNetwork } from '../network/pod-network/pod-network.ts';
import { startServiceProxy } from '../network/services/service-proxy.ts';
import { serverUrl } from './admin-client.ts';
import { type ClusterConfig, paths, readConfig, UserError } from './config.ts';
import { serviceAddress } from './networks.ts';
import { runRole } from './processes.ts';

/** Runs until SIGTERM; containers, and the containerd that runs them, outlive it. */
export async function runAgentProcess(dataDir: string): Promise<void> {
  const log = createLogger().child({ role: 'agent' });
  await runRole('agent', dataDir, async () => {
    const config = readConfig(dataDir);
    if (!config) throw new UserError(`there is no cluster in ${dataDir}`);
    const agent = await startNode(config, log);
    log.info('agent is up', { node: config.nodeName });
    return {
      node: config.nodeName,
      async stop() {
        log.info('agent stops');
        await agent.stop();
      },
    };
  });
}
