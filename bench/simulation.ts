/** Whole clusters of simulated nodes: how fast they fill, what they weigh, and how fast virtual time passes. */
import { Deployment } from '../src/api/apps/deployment.ts';
import { CronJob } from '../src/api/batch/cron-job.ts';
import { Pod } from '../src/api/core/pod.ts';
import { realClock } from '../src/base/clock.ts';
import { type Cluster, startCluster } from '../src/cluster/start.ts';
import type { Bench } from './bench.ts';

/** Something that keeps the process alive while a cluster is waited for. */
async function alive<T>(work: () => Promise<T>): Promise<T> {
  const timer = setInterval(() => {}, 60_000);
  try {
    return await work();
  } finally {
    clearInterval(timer);
  }
}

/** Resolves when so many pods of a namespace run. */
function running(cluster: Cluster, count: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const names = new Set<string>();
  const remove = cluster.informers.informer(Pod).addHandler({
    onUpdate: (pod) => {
      if (pod.status.phase !== 'Running') return;
      names.add(pod.metadata.name);
      if (names.size === count) {
        remove();
        resolve();
      }
    },
  });
  return promise;
}

const deployment = (name: string, replicas: number) => ({
  metadata: { name, namespace: 'default' },
  spec: {
    replicas,
    selector: { matchLabels: { app: name } },
    template: {
      metadata: { labels: { app: name } },
      spec: {
        containers: [{ name: 'main', image: 'web:1', resources: { requests: { cpu: '100m', memory: '100Mi' } } }],
      },
    },
  },
});

/** Seconds until so many pods of deployments run on so many nodes; the nodes' registration counts where `withNodes`. */
async function fill(
  nodes: number,
  pods: number,
  { withNodes, deployments }: { withNodes: boolean; deployments: number },
) {
  return alive(async () => {
    const began = realClock.monotonic();
    const cluster = await startCluster({ nodes, freeze: false });
    const ready = realClock.monotonic();
    try {
      const all = running(cluster, pods);
      for (let i = 0; i < deployments; i++)
        await cluster.client.create(Deployment, deployment(`web-${i}`, pods / deployments));
      await all;
      const seconds = (realClock.monotonic() - (withNodes ? began : ready)) / 1000;
      globalThis.gc?.();
      const { rss, heapUsed, arrayBuffers } = process.memoryUsage();
      return { seconds, gib: rss / 2 ** 30, usedBytes: heapUsed + arrayBuffers };
    } finally {
      await cluster.stop();
    }
  });
}

/** Seconds that a span of virtual time takes with a cron job on three nodes. */
async function pass(span: string, options: { schedule: string; nodeLeaseSeconds?: number }): Promise<number> {
  const cluster = await startCluster({
    clock: 'virtual',
    nodes: 3,
    seed: 1,
    ...(options.nodeLeaseSeconds ? { nodeLeaseSeconds: options.nodeLeaseSeconds } : {}),
  });
  try {
    await cluster.client.create(CronJob, {
      metadata: { name: 'tick', namespace: 'default' },
      spec: {
        schedule: options.schedule,
        jobTemplate: {
          spec: { template: { spec: { restartPolicy: 'Never', containers: [{ name: 'main', image: 'tick:1' }] } } },
        },
      },
    });
    const began = realClock.monotonic();
    await cluster.advance(span);
    return (realClock.monotonic() - began) / 1000;
  } finally {
    await cluster.stop();
  }
}

const bench = (name: string, target: number | undefined, run: () => Promise<number>, unit = 's'): Bench => ({
  name: `simulation.${name}`,
  unit,
  ...(target === undefined ? {} : { target }),
  better: 'lower',
  run,
});

export const benches: readonly Bench[] = [
  bench(
    'fill.5000nodes.10000pods',
    15,
    async () => (await fill(5000, 10_000, { withNodes: true, deployments: 20 })).seconds,
  ),
  bench(
    'deployment.10000pods',
    undefined,
    async () => (await fill(500, 10_000, { withNodes: false, deployments: 1 })).seconds,
  ),
  bench(
    'memory.5000nodes.100000pods',
    4,
    async () => (await fill(5000, 100_000, { withNodes: false, deployments: 100 })).gib,
    'GiB',
  ),
  bench(
    'memory.pod',
    undefined,
    async () => {
      const pods = 10_000;
      const few = await fill(500, 500, { withNodes: false, deployments: 1 });
      const many = await fill(500, pods + 500, { withNodes: false, deployments: 21 });
      return (many.usedBytes - few.usedBytes) / pods;
    },
    'bytes/pod',
  ),
  bench('advance.24h', undefined, () => pass('24h', { schedule: '0 * * * *' })),
  bench('advance.365d', undefined, () => pass('365d', { schedule: '0 3 * * *', nodeLeaseSeconds: 604_800 })),
];
