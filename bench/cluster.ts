/** Whole clusters: how long until one is usable, and until a pod runs. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Pod } from '../src/api/core/pod.ts';
import { realClock } from '../src/base/clock.ts';
import { adminClient } from '../src/cluster/admin-client.ts';
import { readConfig } from '../src/cluster/config.ts';
import { startCluster } from '../src/cluster/start.ts';
import { run } from '../test/clients/stock-clients.ts';
import { packWebImage } from '../test/images/web-image.ts';
import type { Bench } from './bench.ts';

const checkout = join(import.meta.dirname, '..');

const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[values.length >> 1]!;

async function timed(work: () => Promise<void>): Promise<number> {
  const began = realClock.monotonic();
  await work();
  return realClock.monotonic() - began;
}

/** A cluster on real containers in a scratch data root, taken down at the end. */
async function withRealCluster<T>(
  use: (timonel: (...args: string[]) => Promise<void>, dataDir: string) => Promise<T>,
): Promise<T> {
  const home = mkdtempSync(join(tmpdir(), 'timonel-bench-'));
  const timonel = async (...args: string[]) => {
    const result = await run(join(checkout, 'timonel'), args, {
      env: { ...process.env, HOME: home, TIMONEL_DATA_ROOT: home, TIMONEL_NAME: 'bench' },
      timeoutMs: 300_000,
    });
    if (result.code !== 0) throw new Error(`timonel ${args.join(' ')}: ${result.stderr}`);
  };
  try {
    return await use(timonel, join(home, 'bench'));
  } finally {
    await timonel('down', '--purge').catch(() => {});
    rmSync(home, { recursive: true, force: true });
  }
}

async function podStarts(): Promise<number> {
  return withRealCluster(async (timonel, dataDir) => {
    await timonel('up');
    const archive = join(dataDir, '../web.tar');
    writeFileSync(archive, await packWebImage('1'));
    await timonel('image', 'import', archive);
    const client = adminClient(readConfig(dataDir)!);
    const times: number[] = [];
    for (let i = 0; i < 15; i++) {
      const name = `bench-${i}`;
      times.push(
        await timed(async () => {
          const running = Promise.withResolvers<void>();
          const watch = client.watch(
            Pod,
            { namespace: 'default', fieldSelector: `metadata.name=${name}` },
            {
              onEvents: (events) => {
                if (events.some((e) => e.object.status.phase === 'Running')) running.resolve();
              },
              onEnd: (error) => running.reject(error ?? new Error('the watch ended')),
            },
          );
          await client.create(Pod, {
            metadata: { name, namespace: 'default' },
            spec: { containers: [{ name: 'web', image: 'web:1', imagePullPolicy: 'Never' }] },
          });
          await running.promise;
          watch.close();
        }),
      );
      await client.delete(Pod, { namespace: 'default', name }, { gracePeriodSeconds: 0 });
    }
    await client.transport.close();
    return median(times.slice(2));
  });
}

export const benches: readonly Bench[] = [
  {
    name: 'cluster.start.library',
    unit: 'ms',
    target: 150,
    better: 'lower',
    async run() {
      const times: number[] = [];
      for (let i = 0; i < 7; i++) {
        let stop: (() => Promise<void>) | undefined;
        times.push(
          await timed(async () => {
            const cluster = await startCluster();
            stop = cluster.stop;
          }),
        );
        await stop?.();
      }
      return median(times.slice(1));
    },
  },
  {
    name: 'cluster.up.containerd',
    unit: 'ms',
    target: 2000,
    better: 'lower',
    async run() {
      const times: number[] = [];
      for (let i = 0; i < 3; i++) times.push(await withRealCluster((timonel) => timed(() => timonel('up'))));
      return median(times);
    },
  },
  { name: 'cluster.pod.start', unit: 'ms', target: 250, better: 'lower', run: podStarts },
];
