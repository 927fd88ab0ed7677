/** The health check ports of LoadBalancer services with externalTrafficPolicy Local: has this node endpoints for them? */
import { createServer, type Server } from 'node:http';
import type { Logger } from '../../base/log.ts';

interface Check {
  readonly port: number;
  readonly server: Server;
  namespace: string;
  name: string;
  localEndpoints: number;
}

/** One HTTP server per health check node port. */
export class HealthCheckPorts {
  readonly #log: Logger;
  readonly #checks = new Map<string, Check>();

  constructor(log: Logger) {
    this.#log = log;
  }

  /** Starts, changes or (without a port) stops the check of a service. */
  set(service: { namespace: string; name: string }, port: number | undefined, localEndpoints: number): void {
    const key = `${service.namespace}/${service.name}`;
    const known = this.#checks.get(key);
    if (known && known.port === port) {
      known.localEndpoints = localEndpoints;
      return;
    }
    if (known) {
      known.server.close();
      known.server.closeAllConnections();
      this.#checks.delete(key);
    }
    if (!port) return;
    const server = createServer((_request, response) => {
      const check = this.#checks.get(key);
      const local = check?.localEndpoints ?? 0;
      response.writeHead(local > 0 ? 200 : 503, {
        'content-type': 'application/json',
        'x-content-type-options': 'nosniff',
        'x-load-balancing-endpoint-weight': String(local),
      });
      response.end(JSON.stringify({ service, localEndpoints: local, serviceProxyHealthy: true }));
    });
    server.on('error', (error) => {
      this.#log.warn('the health check port of a service cannot be served', { service: key, port, error });
    });
    server.listen(port);
    server.unref();
    this.#checks.set(key, { port, server, ...service, localEndpoints });
  }

  /** Stops all. */
  close(): void {
    for (const { server } of this.#checks.values()) {
      server.close();
      server.closeAllConnections();
    }
    this.#checks.clear();
  }
}
