/** What the API server does a second over HTTPS, with its clients on the other core. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type TLSSocket } from 'node:tls';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { ConfigMap } from '../src/api/core/config-map.ts';
import { Pod } from '../src/api/core/pod.ts';
import { ServiceAccount } from '../src/api/core/service-account.ts';
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
import type { Bench } from './bench.ts';

interface Load {
  readonly port: number;
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  readonly connections: number;
  readonly seconds: number;
  /** `%N` in it becomes a number of its own. */
  readonly head: string;
  readonly body?: string;
}

interface LoadResult {
  readonly perSecond: number;
  readonly bytes: number;
  readonly failed: number;
}

/** One keep-alive connection that asks again as soon as it is answered. */
function drive(
  socket: TLSSocket,
  load: Load,
  state: { next: number; done: number; bytes: number; failed: number; stop: boolean },
): void {
  let pending: Buffer = Buffer.alloc(0);
  let missing = 0;
  const send = () => {
    if (state.stop) {
      socket.destroy();
      return;
    }
    const number = String(state.next++).padStart(9, '0');
    const body = load.body?.replaceAll('%N', number) ?? '';
    const length = load.body ? `content-length: ${Buffer.byteLength(body)}\r\n` : '';
    socket.write(`${load.head.replaceAll('%N', number)}\r\nhost: bench\r\n${length}\r\n${body}`);
  };
  const finish = () => {
    state.done++;
    send();
  };
  socket.on('data', (chunk: Buffer) => {
    state.bytes += chunk.length;
    if (missing > 0) {
      missing -= chunk.length;
      if (missing <= 0) finish();
      return;
    }
    pending = pending.length ? Buffer.concat([pending, chunk]) : chunk;
    const end = pending.indexOf('\r\n\r\n');
    if (end < 0) return;
    const head = pending.toString('latin1', 0, end);
    if (!head.startsWith('HTTP/1.1 20')) state.failed++;
    const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0);
    missing = length - (pending.length - end - 4);
    pending = Buffer.alloc(0);
    if (missing <= 0) finish();
  });
  socket.on('error', () => {
    if (!state.stop) state.failed++;
  });
  send();
}

async function runLoad(load: Load): Promise<LoadResult> {
  const state = { next: 0, done: 0, bytes: 0, failed: 0, stop: false };
  const sockets = await Promise.all(
    Array.from(
      { length: load.connections },
      () =>
        new Promise<TLSSocket>((resolve, reject) => {
          const { port, ca, cert, key } = load;
          const socket = connect({ port, host: '127.0.0.1', ca, cert, key, ALPNProtocols: ['http/1.1'] }, () =>
            resolve(socket),
          );
          socket.once('error', reject);
          socket.setNoDelay(true);
        }),
    ),
  );
  for (const socket of sockets) drive(socket, load, state);
  await realClock.sleep(500);
  const from = { done: state.done, at: realClock.monotonic() };
  await new Promise((resolve) => setTimeout(resolve, load.seconds * 1000));
  const perSecond = ((state.done - from.done) * 1000) / (realClock.monotonic() - from.at);
  state.stop = true;
  for (const socket of sockets) socket.destroy();
  return { perSecond, bytes: state.bytes, failed: state.failed };
}

if (!isMainThread && (workerData as { apiLoad?: Load }).apiLoad) {
  const timer = setInterval(() => {}, 1000);
  const result = await runLoad((workerData as { apiLoad: Load }).apiLoad);
  parentPort!.postMessage(result);
  clearInterval(timer);
}

interface Running {
  readonly server: ApiServer;
  readonly client: ReturnType<typeof createClient>;
  load(options: Pick<Load, 'connections' | 'seconds' | 'head' | 'body'>): Promise<LoadResult>;
  close(): Promise<void>;
}

async function start(backend: 'memory' | 'sqlite'): Promise<Running> {
  const folder = mkdtempSync(join(tmpdir(), 'timonel-bench-'));
  const store =
    backend === 'memory'
      ? openMemoryStore()
      : await openSqliteStore({ path: join(folder, 'state.db'), log: silentLogger });
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
    async load(options) {
      const apiLoad: Load = { ...options, port, ca: ca.cert, cert: own.cert, key: own.key };
      const worker = new Worker(new URL(import.meta.url), { workerData: { apiLoad } });
      const result = await new Promise<LoadResult>((resolve, reject) => {
        worker.once('message', resolve);
        worker.once('error', reject);
      });
      await worker.terminate();
      if (result.failed) throw new Error(`${result.failed} requests failed`);
      return result;
    },
    async close() {
      await server.close();
      await cache.close();
      await store.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function withServer<R>(backend: 'memory' | 'sqlite', run: (running: Running) => Promise<R>): Promise<R> {
  const running = await start(backend);
  try {
    return await run(running);
  } finally {
    await running.close();
  }
}

const filler = 'x'.repeat(700);
const configMapBody = JSON.stringify({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'load-%N' },
  data: { text: filler },
});

async function addPods(running: Running, count: number, sizeBytes: number): Promise<void> {
  await running.client.create(ServiceAccount, { metadata: { name: 'default', namespace: 'default' } });
  const annotations = { filler: 'x'.repeat(Math.max(0, sizeBytes - 1600)) };
  for (let from = 0; from < count; from += 500) {
    await Promise.all(
      Array.from({ length: Math.min(500, count - from) }, (_, i) =>
        running.client.create(Pod, {
          metadata: { name: `pod-${String(from + i).padStart(6, '0')}`, namespace: 'default', annotations },
          spec: { containers: [{ name: 'c', image: 'busybox' }] },
        }),
      ),
    );
  }
}

/** Time from a write to the last of many watchers, p99 in milliseconds. */
async function watchFanout(running: Running, watchers: number, writes: number): Promise<number> {
  const seen = new Map<string, number>();
  const sentAt = new Map<string, number>();
  const took: number[] = [];
  const handles = Array.from({ length: watchers }, () =>
    running.client.watch(
      ConfigMap,
      { namespace: 'default' },
      {
        onEvents(events) {
          for (const { object } of events) {
            const { name } = object.metadata;
            const count = (seen.get(name) ?? 0) + 1;
            seen.set(name, count);
            const sent = sentAt.get(name);
            if (count === watchers && sent !== undefined) took.push(realClock.monotonic() - sent);
          }
        },
        onEnd() {},
      },
    ),
  );
  await realClock.sleep(200);
  for (let i = 0; i < writes; i++) {
    const name = `fanout-${i}`;
    sentAt.set(name, realClock.monotonic());
    await running.client.create(ConfigMap, { metadata: { name, namespace: 'default' }, data: { text: filler } });
    await realClock.sleep(33);
  }
  await realClock.sleep(200);
  for (const handle of handles) handle.close();
  took.sort((a, b) => a - b);
  if (took.length !== writes) throw new Error(`${writes - took.length} events did not reach all watchers`);
  return took[Math.floor(took.length * 0.99)]!;
}

export const benches: readonly Bench[] = [
  {
    name: 'api.get',
    unit: '1/s',
    target: 35_000,
    better: 'higher',
    run: () =>
      withServer('memory', async (running) => {
        await running.client.create(ConfigMap, {
          metadata: { name: 'one', namespace: 'default' },
          data: { text: filler },
        });
        const head = 'GET /api/v1/namespaces/default/configmaps/one HTTP/1.1';
        return (await running.load({ connections: 32, seconds: 4, head })).perSecond;
      }),
  },
  {
    name: 'api.create.durable',
    unit: '1/s',
    target: 12_000,
    better: 'higher',
    run: () =>
      withServer('sqlite', async (running) => {
        const head = 'POST /api/v1/namespaces/default/configmaps HTTP/1.1\r\ncontent-type: application/json';
        return (await running.load({ connections: 32, seconds: 4, head, body: configMapBody })).perSecond;
      }),
  },
  {
    name: 'api.list.5000pods',
    unit: '1/s',
    target: 30,
    better: 'higher',
    run: () =>
      withServer('memory', async (running) => {
        await addPods(running, 5000, 5000);
        const head = 'GET /api/v1/pods HTTP/1.1';
        return (await running.load({ connections: 4, seconds: 4, head })).perSecond;
      }),
  },
  {
    name: 'api.list.selective',
    unit: 'ms',
    target: 300,
    better: 'lower',
    run: () =>
      withServer('memory', async (running) => {
        await addPods(running, 50_000, 1000);
        const took: number[] = [];
        for (let i = 0; i < 10; i++) {
          const from = realClock.monotonic();
          await running.client.list(Pod, { labelSelector: 'app=none' });
          // The pods are a sixth of what the target is stated for.
          took.push((realClock.monotonic() - from) * 6);
        }
        return Math.max(...took);
      }),
  },
  {
    name: 'api.watch.fanout',
    unit: 'ms',
    target: 100,
    better: 'lower',
    run: () => withServer('memory', (running) => watchFanout(running, 1000, 90)),
  },
];
