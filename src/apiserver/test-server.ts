/** A server for tests: memory store, frozen objects, real HTTPS on an ephemeral port when it is asked for. */

import type { IncomingHttpHeaders } from 'node:http';
import { Agent, request } from 'node:https';
import { ServiceAccount } from '../api/core/service-account.ts';
import { type Clock, realClock } from '../base/clock.ts';
import { silentLogger } from '../base/log.ts';
import { MetricsRegistry } from '../base/metrics.ts';
import { createAuthority, issueCertificate } from '../base/pki.ts';
import { seededRandom } from '../base/random.ts';
import { type Client, createClient } from '../client/client.ts';
import { createObjectCache } from '../store/cache.ts';
import type { EventWindowLimits } from '../store/event-window.ts';
import { openMemoryStore } from '../store/memory.ts';
import { createClientCertificateAuthenticator } from './authn/client-certificate.ts';
import type { Authorizer } from './authz/authorizer.ts';
import { alwaysAllowAuthorizer } from './authz/chain.ts';
import { type ApiServer, type ApiServerOptions, createApiServer } from './server.ts';
import { loopbackUser } from './user.ts';

export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every kind.
  readonly json: any;
}

export interface TestServer extends AsyncDisposable {
  readonly server: ApiServer;
  /** As a member of system:masters. */
  readonly client: Client;
  /** An HTTPS request with an administrator's certificate. */
  http(
    method: string,
    path: string,
    options?: { body?: unknown; headers?: Record<string, string>; type?: string },
  ): Promise<HttpAnswer>;
  /** PEMs and the URL, for other clients. */
  readonly access: { readonly url: string; readonly ca: string; readonly cert: string; readonly key: string };
}

export interface TestServerOptions extends Partial<Omit<ApiServerOptions, 'cache' | 'authorizer'>> {
  readonly authorizer?: Authorizer;
  readonly clock?: Clock;
  /** Makes the default service account of the default namespace, which no controller does here. */
  readonly defaultServiceAccount?: boolean;
  /** How much of the past watches can go back to. */
  readonly eventWindow?: Partial<EventWindowLimits>;
}

export async function startTestServer(options: TestServerOptions = {}): Promise<TestServer> {
  const clock = options.clock ?? realClock;
  const store = openMemoryStore();
  const cache = createObjectCache(store, {
    clock,
    log: silentLogger,
    freeze: true,
    ...(options.eventWindow ? { eventWindow: options.eventWindow } : {}),
  });
  const now = realClock.now();
  const ca = createAuthority('test-ca', now);
  const times = { notBefore: now - 60_000, notAfter: now + 3_600_000 };
  const serving = issueCertificate(ca, {
    subject: { commonName: 'server' },
    usages: ['serverAuth'],
    ipAddresses: ['127.0.0.1'],
    ...times,
  });
  const admin = issueCertificate(ca, {
    subject: { commonName: 'admin', organizations: ['system:masters'] },
    usages: ['clientAuth'],
    ...times,
  });
  const server = await createApiServer({
    random: seededRandom(1),
    log: silentLogger,
    metrics: new MetricsRegistry(),
    authenticators: [createClientCertificateAuthenticator({ clientCa: () => ca.cert, clock: realClock })],
    authorizer: alwaysAllowAuthorizer,
    ...options,
    clock,
    cache,
  });
  const client = createClient(server.direct(loopbackUser));
  if (options.defaultServiceAccount !== false)
    await client.create(ServiceAccount, { metadata: { name: 'default', namespace: 'default' } });
  const { url, port } = await server.listen({
    host: '127.0.0.1',
    port: 0,
    tls: { cert: serving.cert, key: serving.key, clientCa: ca.cert },
  });
  const agent = new Agent({ keepAlive: true });
  const access = { url, ca: ca.cert, cert: admin.cert, key: admin.key };

  return {
    server,
    client,
    access,
    http: (method, path, { body, headers, type } = {}) =>
      new Promise((resolve, reject) => {
        const text =
          body === undefined || typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body);
        const outgoing = request(
          {
            host: '127.0.0.1',
            port,
            method,
            path,
            agent,
            ca: access.ca,
            cert: access.cert,
            key: access.key,
            headers: {
              ...(text === undefined
                ? {}
                : { 'content-type': type ?? 'application/json', 'content-length': Buffer.byteLength(text as string) }),
              ...headers,
            },
          },
          (incoming) => {
            const chunks: Buffer[] = [];
            incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
            incoming.on('end', () => {
              const answered = Buffer.concat(chunks).toString('utf8');
              let json: unknown;
              try {
                json = JSON.parse(answered);
              } catch {
                json = undefined;
              }
              resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, text: answered, json });
            });
            incoming.on('error', reject);
          },
        );
        outgoing.on('error', reject);
        outgoing.end(text as string | undefined);
      }),
    async [Symbol.asyncDispose]() {
      agent.destroy();
      await client.transport.close();
      await server.close();
      await cache.close();
      await store.close();
    },
  };
}
