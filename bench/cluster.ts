/** Whole clusters: how long until one is usable, and until a pod runs. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Pod } from '../src/api/core/pod.ts';
import { realClock } from '../src/base/clock.ts';
import { adminClient } from '../src/cluster/admin-client.ts';
import { readConfig } from '../src/cluster/config.ts';
import { startCluster } from '../src/cluster/start.ts';
import { run } from '../test/clients/stock-clients.ts';
import { packWebImage } from '../test/images/web-image.ts';
import { type Bench, median } from './bench.ts';

const checkout = join(import.meta.dirname, '..');

async function timed(work: () => Promise<void>): Promise<number> {
  const began = realClock.monotonic();
  await work();
  return realClock.monotonic() - began;
}

/** A cluster on real containers in a scratch data root, taken down at the end. */
async function withRealCluster<T>(
  use: (timonel: (...args: string[]) => Promise<string>, dataDir: string) => Promise<T>,
): Promise<T> {
  const home = mkdtempSync(join(tmpdir(), 'timonel-bench-'));
  const timonel = async (...args: string[]) => {
    const result = await run(join(checkout, 'timonel'), args, {
      env: { ...process.env, HOME: home, TIMONEL_DATA_ROOT: home, TIMONEL_NAME: 'bench' },
      timeoutMs: 300_000,
    });
    if (result.code !== 0) throw new Error(`timonel ${args.join(' ')}: ${result.stderr}`);
    return result.stdout;
  };
  try {
    return await use(timonel, join(home, 'bench'));
  } finally {
    await timonel('down', '--purge').catch(() => '');
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

const settleMs = 20_000;
const watchedMs = 60_000;

/** What server and agent of a cluster without pods use together, once it has come to rest. */
async function idle<T>(read: (pids: readonly number[]) => Promise<T>): Promise<T> {
  return withRealCluster(async (timonel) => {
    await timonel('up');
    const { server, agents } = JSON.parse(await timonel('status', '-o', 'json')) as {
      server: { pid: number };
      agents: { pid: number }[];
    };
    await realClock.sleep(settleMs);
    return read([server.pid, ...agents.map(({ pid }) => pid)]);
  });
}

/** Memory of a process in MiB; what two processes share, such as Node itself, counts half for each. */
function memoryMib(pid: number): number {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
  process.stderr.write(`${pid}: ${rollup.match(/^(Rss|Pss|Pss_Anon): .*$/gm)?.join(', ')}\n`);
  return Number(/^Pss:\s+(\d+) kB$/m.exec(rollup)![1]) / 1024;
}

/** Processor time that a process has used, in milliseconds. */
function usedMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticksPerSecond = Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));
  return ((Number(fields[11]) + Number(fields[12])) * 1000) / ticksPerSecond;
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);

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
      for (let i = 0; i < 3; i++)
        times.push(await withRealCluster((timonel) => timed(async () => void (await timonel('up')))));
      return median(times);
    },
  },
  {
    name: 'cluster.idle.memory',
    unit: 'MiB',
    target: 250,
    better: 'lower',
    run: () => idle(async (pids) => sum(pids.map(memoryMib))),
  },
  {
    name: 'cluster.idle.cpu',
    unit: '% of a core',
    target: 1,
    better: 'lower',
    run: () =>
      idle(async (pids) => {
        const before = sum(pids.map(usedMs));
        await realClock.sleep(watchedMs);
        return ((sum(pids.map(usedMs)) - before) * 100) / watchedMs;
      }),
  },
  { name: 'cluster.pod.start', unit: 'ms', target: 250, better: 'lower', run: podStarts },
];
