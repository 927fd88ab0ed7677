import { join } from 'node:path';
import { openSqliteStore } from '../src/store/sqlite.ts';
import { hasEtcd } from '../test/store/etcd-cluster.ts';
import { type Bench, perSecond, quantile } from './bench.ts';
import {
  type Backend,
  fill,
  openCache,
  podKey,
  podPrefix,
  type Sample,
  sampleConfigMap,
  samplePod,
  withStore,
} from './store-fixtures.ts';

const backends: readonly Backend[] = hasEtcd ? ['memory', 'sqlite', 'etcd'] : ['memory', 'sqlite'];
const concurrency = 32;
const writesOf: Readonly<Record<Backend, number>> = { memory: 100_000, sqlite: 60_000, etcd: 8_000 };

function perBackend(backend: Backend): Bench[] {
  const count = writesOf[backend];
  // A store that is slower than this would keep the API from its own target.
  const target = backend === 'etcd' ? {} : { target: 12_000 };
  return [
    {
      name: `store.create.${backend}`,
      unit: '1/s',
      ...target,
      better: 'higher',
      run: () =>
        withStore(backend, async (store) => {
          const { cache, objects } = await openCache(store);
          return perSecond({ count, concurrency }, (i) =>
            cache.commit([{ resource: objects, key: podKey(i), object: sampleConfigMap(i), expectedRevision: 0 }]),
          );
        }),
    },
    {
      name: `store.update.${backend}`,
      unit: '1/s',
      ...target,
      better: 'higher',
      run: () =>
        withStore(backend, async (store) => {
          await fill(store, 2000, sampleConfigMap);
          const { cache, objects } = await openCache(store);
          return perSecond({ count, concurrency }, (i) => {
            const key = podKey(i % 2000);
            const { revision } = objects.get(key)!;
            return cache.commit([{ resource: objects, key, object: sampleConfigMap(i), expectedRevision: revision }]);
          });
        }),
    },
    {
      name: `store.get-consistent.${backend}`,
      unit: '1/s',
      better: 'higher',
      run: () =>
        withStore(backend, async (store) => {
          await fill(store, 2000, samplePod);
          const { cache, objects } = await openCache(store);
          return perSecond({ count: backend === 'etcd' ? 50_000 : 500_000, concurrency }, async (i) => {
            await cache.makeConsistent();
            if (objects.get(podKey(i % 2000))!.json.length === 0) throw new Error('nothing was read');
          });
        }),
    },
    {
      name: `store.load-10k-pods.${backend}`,
      unit: 'ms',
      better: 'lower',
      run: () =>
        withStore(backend, async (store) => {
          await fill(store, 10_000, samplePod);
          const start = performance.now();
          await openCache(store);
          return performance.now() - start;
        }),
    },
  ];
}

/** Memory that `make` adds for each of `count` things, after garbage collection. */
async function memoryPer(count: number, make: () => Promise<unknown>): Promise<number> {
  if (!globalThis.gc) throw new Error('run node with --expose-gc, as `npm run bench` does');
  const used = async () => {
    // Buffers are freed a turn after what refers to them was collected.
    for (let i = 0; i < 3; i++) {
      globalThis.gc!();
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    return heapUsed + arrayBuffers;
  };
  const before = await used();
  const kept = await make();
  const after = await used();
  if (!kept) throw new Error('nothing was made');
  return (after - before) / count;
}

function memoryBench(
  name: string,
  make: (i: number) => Sample,
  touch: (entry: { object: Sample; json: Uint8Array }) => void,
): Bench {
  const count = 30_000;
  return {
    name: `store.memory.${name}`,
    unit: 'bytes/object',
    better: 'lower',
    run: () =>
      withStore('sqlite', async (store) => {
        await fill(store, count, make);
        return memoryPer(count, async () => {
          const { objects } = await openCache(store);
          for (const entry of objects.snapshot().range(podPrefix)) touch(entry);
          return objects;
        });
      }),
  };
}

/** From a write to the last of 1,000 watchers, at 30 writes a second. */
async function watchFanOut(backend: Backend): Promise<number> {
  return withStore(backend, async (store) => {
    const { cache, objects } = await openCache(store);
    const watchers = 1000;
    let bytes = 0;
    let reached = 0;
    let all = Promise.withResolvers<number>();
    for (let i = 0; i < watchers; i++) {
      objects.watch(undefined, {
        onEvents(events) {
          for (const { entry } of events) bytes += entry.json.length;
          if (++reached === watchers) all.resolve(performance.now());
        },
        onClosed() {},
      });
    }
    const delays: number[] = [];
    for (let i = 0; i < 90; i++) {
      reached = 0;
      all = Promise.withResolvers<number>();
      const start = performance.now();
      await cache.commit([{ resource: objects, key: podKey(i % 10), object: samplePod(i) }]);
      delays.push((await all.promise) - start);
      await new Promise((resolve) => setTimeout(resolve, 1000 / 30));
    }
    if (bytes === 0) throw new Error('no watcher saw anything');
    return quantile(delays, 0.99);
  });
}

export const benches: readonly Bench[] = [
  ...backends.flatMap(perBackend),
  {
    name: 'store.get',
    unit: '1/s',
    target: 35_000,
    better: 'higher',
    run: () =>
      withStore('memory', async (store) => {
        await fill(store, 5000, samplePod);
        const { objects } = await openCache(store);
        let bytes = 0;
        const count = 3_000_000;
        const start = performance.now();
        for (let i = 0; i < count; i++) bytes += objects.get(podKey(i % 5000))!.json.length;
        if (bytes === 0) throw new Error('nothing was read');
        return count / ((performance.now() - start) / 1000);
      }),
  },
  {
    name: 'store.list.5000-pods',
    unit: '1/s',
    target: 30,
    better: 'higher',
    run: () =>
      withStore('memory', async (store) => {
        await fill(store, 5000, samplePod);
        const { objects } = await openCache(store);
        const list = () => Buffer.concat([...objects.snapshot().range(podPrefix)].map((entry) => entry.json)).length;
        list();
        const rounds = 100;
        const start = performance.now();
        for (let i = 0; i < rounds; i++) list();
        return rounds / ((performance.now() - start) / 1000);
      }),
  },
  {
    name: 'store.list.selective-300k',
    unit: 'ms p99',
    target: 300,
    better: 'lower',
    run: () =>
      withStore('memory', async (store) => {
        await fill(store, 300_000, sampleConfigMap);
        const { objects } = await openCache(store);
        const durations: number[] = [];
        const list = () => {
          const start = performance.now();
          const found: Uint8Array[] = [];
          for (const entry of objects.snapshot().range(podPrefix)) {
            if (entry.object.metadata.labels['tier'] === 'rare') found.push(entry.json);
          }
          Buffer.concat(found);
          durations.push(performance.now() - start);
        };
        list();
        durations.length = 0;
        for (let i = 0; i < 30; i++) list();
        return quantile(durations, 0.99);
      }),
  },
  ...backends.map(
    (backend): Bench => ({
      name: `store.watch.1000-watchers.${backend}`,
      unit: 'ms p99',
      target: 100,
      better: 'lower',
      run: () => watchFanOut(backend),
    }),
  ),
  memoryBench('pod-5k.stored', samplePod, () => {}),
  memoryBench('pod-5k.object', samplePod, (entry) => void entry.object),
  memoryBench('pod-5k.object-and-json', samplePod, (entry) => void (entry.object && entry.json)),
  memoryBench('config-map-1k.object-and-json', sampleConfigMap, (entry) => void (entry.object && entry.json)),
  {
    name: 'store.restart.100k-pods',
    unit: 's',
    target: 10,
    better: 'lower',
    run: () =>
      withStore('sqlite', async (first, directory) => {
        await fill(first, 100_000, samplePod);
        await first.close();
        const start = performance.now();
        const store = await openSqliteStore({ path: join(directory, 'store.db') });
        const opened = performance.now();
        const { objects } = await openCache(store);
        const loaded = performance.now();
        for (const entry of objects.snapshot().range(podPrefix)) void entry.object;
        const seconds = (performance.now() - start) / 1000;
        process.stderr.write(
          `opened in ${(opened - start).toFixed()} ms, loaded in ${(loaded - opened).toFixed()} ms, the rest is decoding\n`,
        );
        if (objects.size !== 100_000) throw new Error(`only ${objects.size} pods came back`);
        await store.close();
        return seconds;
      }),
  },
];
