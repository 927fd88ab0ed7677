/** One server that answers for all simulated nodes of a process. */
import { Pod } from '../../api/core/pod.ts';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { Client } from '../../client/client.ts';
import type { InformerSet } from '../../client/informer.ts';
import { RequestAuthorizer } from '../streaming/authorization.ts';
import { type KubeletServer, type KubeletTls, startKubeletServer } from '../streaming/server.ts';
import { simulatedBackend } from './simulated-backend.ts';

/** Starts it on a free port of the loopback interface. */
export function startSimulatedServer(options: {
  readonly client: Client;
  readonly informers: InformerSet;
  readonly clock: Clock;
  readonly log: Logger;
  readonly tls: KubeletTls;
}): Promise<KubeletServer> {
  const { client, informers, clock, log, tls } = options;
  return startKubeletServer({
    backend: simulatedBackend(informers.informer(Pod), clock),
    clock,
    log,
    tls,
    port: 0,
    host: '127.0.0.1',
    authorizer: new RequestAuthorizer({ client, clock, nodeName: 'simulated' }),
  });
}
