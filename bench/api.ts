/** What the API server does a second over HTTPS, with its clients on the other core. */
import { ConfigMap } from '../src/api/core/config-map.ts';
import { Pod } from '../src/api/core/pod.ts';
import { ServiceAccount } from '../src/api/core/service-account.ts';
import { realClock } from '../src/base/clock.ts';
import type { Store } from '../src/store/store.ts';
import { type Bench, quantile } from './bench.ts';
import { type Running, withServer } from './server-fixtures.ts';

const filler = 'x'.repeat(700);
const creates = {
  head: 'POST /api/v1/namespaces/default/configmaps HTTP/1.1\r\ncontent-type: application/json',
  body: JSON.stringify({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'load-%N' },
    data: { text: filler },
  }),
};

/** Puts config maps of 1 KB into a store before a server reads it; one in a thousand is labelled. */
async function fillConfigMaps(store: Store, count: number): Promise<void> {
  for (let from = 0; from < count; from += 100) {
    await store.commit(
      Array.from({ length: Math.min(100, count - from) }, (_, i) => {
        const name = `map-${from + i}`;
        const labels = { tier: (from + i) % 1000 === 0 ? 'rare' : 'common' };
        const metadata = { name, namespace: 'default', uid: name, creationTimestamp: '2026-01-01T00:00:00Z', labels };
        const object = { kind: 'ConfigMap', apiVersion: 'v1', metadata, data: { text: filler } };
        return { key: `/registry/core/configmaps/default/${name}`, value: Buffer.from(JSON.stringify(object)) };
      }),
    );
  }
}

/** Lists by label, a few a second; the p99 in milliseconds. */
async function selectiveLists(running: Running): Promise<number> {
  const took: number[] = [];
  for (let i = 0; i < 40; i++) {
    const from = realClock.monotonic();
    const { items } = await running.client.list(ConfigMap, { labelSelector: 'tier=rare' });
    took.push(realClock.monotonic() - from);
    if (items.length !== 300) throw new Error(`${items.length} objects were selected`);
    await realClock.sleep(250);
  }
  process.stderr.write(`the first list, which decodes all: ${took.shift()!.toFixed()} ms\n`);
  return quantile(took, 0.99);
}

/** What the process holds after garbage collection. */
async function usedBytes(): Promise<number> {
  if (!globalThis.gc) throw new Error('run node with --expose-gc, as `npm run bench` does');
  for (let i = 0; i < 3; i++) {
    globalThis.gc();
    await realClock.sleep(20);
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

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
      withServer(
        'sqlite',
        async (running) => (await running.load({ ...creates, connections: 32, seconds: 4 })).perSecond,
      ),
  },
  {
    name: 'api.create.p99',
    unit: 'ms',
    target: 50,
    better: 'lower',
    run: () =>
      withServer('sqlite', async (running) => (await running.load({ ...creates, connections: 32, seconds: 4 })).p99),
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
    name: 'api.list.p99',
    unit: 'ms',
    target: 500,
    better: 'lower',
    run: () =>
      withServer('memory', async (running) => {
        await addPods(running, 5000, 5000);
        return (await running.load({ connections: 4, seconds: 4, head: 'GET /api/v1/pods HTTP/1.1' })).p99;
      }),
  },
  {
    name: 'api.list.memory',
    unit: 'bytes/request',
    better: 'lower',
    run: () =>
      withServer('memory', async (running) => {
        await addPods(running, 5000, 5000);
        const lists = async () => {
          await running.load({ connections: 4, seconds: 4, head: 'GET /api/v1/pods HTTP/1.1' });
          return usedBytes();
        };
        const before = await lists();
        return ((await lists()) - before) / 100;
      }),
  },
  {
    name: 'api.list.selective',
    unit: 'ms',
    target: 300,
    better: 'lower',
    run: () => withServer('memory', selectiveLists, (store) => fillConfigMaps(store, 300_000)),
  },
  {
    name: 'api.watch.fanout',
    unit: 'ms',
    target: 100,
    better: 'lower',
    run: () => withServer('memory', (running) => watchFanout(running, 1000, 90)),
  },
];
