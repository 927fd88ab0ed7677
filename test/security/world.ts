/** An API server as a cluster has it, secured as by default, on HTTPS, with callers of every kind. */
import { request as httpsRequest } from 'node:https';
import type { Socket } from 'node:net';
import { expect } from 'vitest';
import { Namespace } from '../../src/api/core/namespace.ts';
import { ServiceAccount } from '../../src/api/core/service-account.ts';
import type { PodSpec } from '../../src/api/types/core-v1.ts';
import { createAuthentication } from '../../src/apiserver/authn/authenticators.ts';
import { createDeferredTransport } from '../../src/apiserver/authn/deferred-transport.ts';
import {
  createServiceAccountSigner,
  type ServiceAccountSigner,
} from '../../src/apiserver/authn/service-account-signer.ts';
import { createAuthorizer } from '../../src/apiserver/authz/authorizers.ts';
import { reconcileBootstrapPolicy } from '../../src/apiserver/authz/bootstrap-policy.ts';
import type { ApiServer, ApiServerOptions } from '../../src/apiserver/options.ts';
import { createApiServer } from '../../src/apiserver/server.ts';
import { loopbackUser, type UserInfo } from '../../src/apiserver/user.ts';
import { type Clock, realClock } from '../../src/base/clock.ts';
import type { DeepPartial } from '../../src/base/deep.ts';
import { createLogger, silentLogger } from '../../src/base/log.ts';
import { MetricsRegistry } from '../../src/base/metrics.ts';
import {
  type CertificateAndKey,
  certificateLifetimeMs,
  createAuthority,
  generateKeys,
  issueCertificate,
} from '../../src/base/pki.ts';
import { realRandom } from '../../src/base/random.ts';
import { type Client, createClient } from '../../src/client/client.ts';
import { createInformerSet } from '../../src/client/informer-set.ts';
import { createObjectCache } from '../../src/store/cache.ts';
import { openMemoryStore } from '../../src/store/memory.ts';

export const issuer = 'https://kubernetes.default.svc.cluster.local';

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look at whatever came back.
  readonly body: any;
}

export interface Call {
  readonly method?: string;
  readonly token?: string;
  readonly certificate?: CertificateAndKey;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: unknown;
}

export interface World {
  readonly server: ApiServer;
  readonly url: string;
  readonly port: number;
  readonly ca: CertificateAndKey;
  readonly frontProxyCa: CertificateAndKey;
  readonly signer: ServiceAccountSigner;
  readonly signingKey: string;
  readonly admin: Client;
  as(name: string, ...groups: string[]): Client;
  /** Makes a namespace with the service account that its pods have by default. */
  namespace(name: string, labels?: Record<string, string>, annotations?: Record<string, string>): Promise<void>;
  /** A client certificate of the cluster's authority. */
  certificate(
    name: string,
    groups?: readonly string[],
    options?: Partial<Parameters<typeof issueCertificate>[1]>,
  ): CertificateAndKey;
  call(path: string, call?: Call): Promise<Answer>;
  close(): Promise<void>;
}

/** A pod of one container, and what else it is to have. */
export const pod = (namespace: string, name: string, spec: DeepPartial<PodSpec> = {}, metadata: object = {}) => ({
  metadata: { namespace, name, ...metadata },
  spec: { containers: [{ name: 'c', image: 'i' }], ...spec },
});

/** A Forbidden error that says this. */
export const refused = (message: string): unknown =>
  expect.objectContaining({ reason: 'Forbidden', message: expect.stringContaining(message) });

/** Starts it; `server` options override what is given to the API server. */
export async function startWorld(
  options: {
    clock?: Clock;
    admission?: ApiServerOptions['admission'];
    tokenFile?: string;
    audit?: ApiServerOptions['audit'];
  } = {},
): Promise<World> {
  const clock = options.clock ?? realClock;
  const log = process.env['TEST_LOG'] ? createLogger({ level: 'debug' }) : silentLogger;
  const now = clock.now();
  const ca = createAuthority('kubernetes', now);
  const frontProxyCa = createAuthority('front-proxy', now);
  const serving = issueCertificate(ca, {
    subject: { commonName: 'kube-apiserver' },
    usages: ['serverAuth'],
    dnsNames: ['localhost'],
    ipAddresses: ['127.0.0.1'],
    notBefore: now - 60_000,
    notAfter: now + certificateLifetimeMs,
  });
  const keys = generateKeys();
  const signer = createServiceAccountSigner({ issuers: [issuer], key: keys.key, clock });
  const loopback = createDeferredTransport();
  const client = createClient(loopback);
  const informers = createInformerSet(client, { clock, log, random: realRandom });
  const { authenticator, tokens } = createAuthentication({
    client,
    clock,
    log,
    clientCa: () => ca.cert,
    frontProxy: { ca: () => frontProxyCa.cert, allowedNames: ['front-proxy-client'] },
    serviceAccounts: signer,
    apiAudiences: [issuer],
    ...(options.tokenFile ? { tokenFile: options.tokenFile } : {}),
  });
  const store = openMemoryStore();
  const cache = createObjectCache(store, { clock, log, freeze: true });
  const server = await createApiServer({
    cache,
    clock,
    random: realRandom,
    log,
    metrics: new MetricsRegistry(),
    authenticators: [authenticator],
    tokens,
    authorizer: createAuthorizer({ informers }),
    serviceAccountSigner: signer,
    apiAudiences: [issuer],
    ...(options.admission === undefined ? {} : { admission: options.admission }),
    ...(options.audit ? { audit: options.audit } : {}),
  });
  loopback.resolve(server.direct(loopbackUser));
  const admin = createClient(server.direct(loopbackUser));
  await reconcileBootstrapPolicy(admin, { log });
  const { url, port } = await server.listen({
    host: '127.0.0.1',
    port: 0,
    tls: { ...serving, clientCa: ca.cert, proxyCa: frontProxyCa.cert },
  });
  const sockets = new Set<Socket>();

  return {
    server,
    url,
    port,
    ca,
    frontProxyCa,
    signer,
    signingKey: keys.key,
    admin,
    as: (name, ...groups) => {
      const user: UserInfo = { name, groups: [...groups, 'system:authenticated'] };
      return createClient(server.direct(user));
    },
    async namespace(name, labels = {}, annotations = {}) {
      await admin.create(Namespace, { metadata: { name, labels, annotations } });
      await admin.create(ServiceAccount, { metadata: { namespace: name, name: 'default' } });
    },
    certificate: (name, groups = [], more = {}) =>
      issueCertificate(ca, {
        subject: { commonName: name, organizations: groups },
        usages: ['clientAuth'],
        notBefore: now - 60_000,
        notAfter: now + certificateLifetimeMs,
        ...more,
      }),
    call: (path, call = {}) => send({ port, ca: ca.cert, path, call, sockets }),
    async close() {
      for (const socket of sockets) socket.destroy();
      informers.stop();
      await server.close();
      await cache.close();
      await store.close();
    },
  };
}

function send({
  port,
  ca,
  path,
  call,
  sockets,
}: {
  port: number;
  ca: string;
  path: string;
  call: Call;
  sockets: Set<Socket>;
}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const payload =
      call.body === undefined ? undefined : typeof call.body === 'string' ? call.body : JSON.stringify(call.body);
    const request = httpsRequest(
      {
        host: '127.0.0.1',
        servername: 'localhost',
        port,
        path,
        ca,
        agent: false,
        method: call.method ?? (payload === undefined ? 'GET' : 'POST'),
        ...(call.certificate ? { cert: call.certificate.cert, key: call.certificate.key } : {}),
        headers: {
          ...(call.token ? { authorization: `Bearer ${call.token}` } : {}),
          ...(payload === undefined
            ? {}
            : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(payload) }),
          ...(call.headers as Record<string, string | string[]> | undefined),
        },
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString();
          let body: unknown;
          try {
            body = JSON.parse(text);
          } catch {
            body = undefined;
          }
          resolve({ status: response.statusCode ?? 0, headers: response.headers, text, body });
        });
        response.on('error', reject);
      },
    );
    request.on('socket', (socket) => {
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
    });
    request.on('error', reject);
    request.end(payload);
  });
}
