/** What the node agent proves itself with while it runs: read for each connection, and renewed before it ends. */
import { join } from 'node:path';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import { createHttpTransport } from '../client/http.ts';
import type { Transport } from '../client/transport.ts';
import type { KubeletTls } from '../kubelet/streaming/server.ts';
import { serverUrl } from './admin-client.ts';
import { type ClusterConfig, paths } from './config.ts';
import { type AgentPki, ensureAgentPki, readAuthority } from './pki.ts';
import { renewWhileRunning } from './renewal.ts';

export interface AgentCredentials {
  /** A way to the API server as the node, or as the node's network. */
  transport(identity: 'client' | 'network', userAgent: string): Transport;
  /** What the node's own server answers with, now. */
  tls(): KubeletTls;
  /** Called when {@link tls} has changed. */
  onRenewal(use: () => void): void;
  stop(): void;
}

/** Makes what is missing or near its end, and looks again every hour. */
export function startAgentCredentials(
  config: ClusterConfig,
  { clock, log }: { clock: Clock; log: Logger },
): AgentCredentials {
  const { agent, pki } = paths(config.dataDir);
  const ca = readAuthority(pki, 'ca');
  const { nodeName, nodeIp } = config;
  const read = (now: number) => ensureAgentPki(join(agent, 'pki'), { ca, nodeName, nodeIp, now });
  let current: AgentPki = read(clock.now());
  const users: (() => void)[] = [];
  const renewal = renewWhileRunning({
    clock,
    log,
    current,
    read,
    use(renewed) {
      current = renewed;
      for (const use of users) use();
    },
  });
  return {
    transport: (identity, userAgent) =>
      createHttpTransport({
        url: serverUrl(config),
        ca: ca.cert,
        userAgent,
        get cert() {
          return current[identity].cert;
        },
        get key() {
          return current[identity].key;
        },
      }),
    tls: () => ({ cert: current.server.cert, key: current.server.key, clientCa: ca.cert }),
    onRenewal: (use) => void users.push(use),
    stop: () => renewal.cancel(),
  };
}
