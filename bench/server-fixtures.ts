import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClientCertificateAuthenticator } from '../src/apiserver/authn/client-certificate.ts';
import { alwaysAllowAuthorizer } from '../src/apiserver/authz/chain.ts';
import { type ApiServer, createApiServer } from '../src/apiserver/server.ts';
import { loopbackUser } from '../src/apiserver/user.ts';
import { realClock } from '../src/base/clock.ts';
import { silentLogger } from '../src/base/log.ts';
import { MetricsRegistry } from '../src/base/metrics.ts';
import { createAuthority, issueCertificate } from '../src/base/pki.ts';
import { realRandom } from '../src/base/random.ts';
import { createClient } from '../src/client/client.ts';
import { createObjectCache } from '../src/store/cache.ts';
import { openMemoryStore } from '../src/store/memory.ts';
import { openSqliteStore } from '../src/store/sqlite.ts';
import type { Store } from '../src/store/store.ts';
import { type Load, type LoadResult, loadFromThread } from './http-load-fixtures.ts';

/** A server with its own store and keys, and a client in its process. */
export interface Running {
  readonly server: ApiServer;
  readonly client: ReturnType<typeof createClient>;
  load(options: Pick<Load, 'connections' | 'seconds' | 'head' | 'body'>): Promise<LoadResult>;
  close(): Promise<void>;
}

async function start(backend: 'memory' | 'sqlite', fill?: (store: Store) => Promise<void>): Promise<Running> {
  const folder = mkdtempSync(join(tmpdir(), 'timonel-bench-'));
  const store =
    backend === 'memory'
      ? openMemoryStore()
      : await openSqliteStore({ path: join(folder, 'state.db'), log: silentLogger });
  await fill?.(store);
  const cache = createObjectCache(store, { clock: realClock, log: silentLogger });
  const now = realClock.now();
  const ca = createAuthority('bench-ca', now);
  const times = { notBefore: now - 60_000, notAfter: now + 3_600_000 };
  const serving = issueCertificate(ca, {
    subject: { commonName: 'bench' },
    usages: ['serverAuth'],
    ipAddresses: ['127.0.0.1'],
    ...times,
  });
  const own = issueCertificate(ca, {
    subject: { commonName: 'bench', organizations: ['system:masters'] },
    usages: ['clientAuth'],
    ...times,
  });
  const server = await createApiServer({
    cache,
    clock: realClock,
    random: realRandom,
    log: silentLogger,
    metrics: new MetricsRegistry(),
    authenticators: [createClientCertificateAuthenticator({ clientCa: () => ca.cert, clock: realClock })],
    authorizer: alwaysAllowAuthorizer,
  });
  const { port } = await server.listen({
    host: '127.0.0.1',
    port: 0,
    tls: { cert: serving.cert, key: serving.key, clientCa: ca.cert },
  });
  return {
    server,
    client: createClient(server.direct(loopbackUser)),
    load: (options) => loadFromThread({ ...options, port, ca: ca.cert, cert: own.cert, key: own.key }),
    async close() {
      await server.close();
      await cache.close();
      await store.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Runs with a server on an empty store, or on what `fill` puts there, and leaves nothing behind. */
export async function withServer<R>(
  backend: 'memory' | 'sqlite',
  run: (running: Running) => Promise<R>,
  fill?: (store: Store) => Promise<void>,
): Promise<R> {
  const running = await start(backend, fill);
  try {
    return await run(running);
  } finally {
    await running.close();
  }
}
