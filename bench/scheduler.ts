/**
 * Scheduler throughput as upstream's scheduler_perf measures it: API server and scheduler, nodes that are only objects, and
 * the time from the first create of the measured pods until the last of them is bound.
 */
import { Namespace } from '../src/api/core/namespace.ts';
import { Node } from '../src/api/core/node.ts';
import { Pod } from '../src/api/core/pod.ts';
import { ServiceAccount } from '../src/api/core/service-account.ts';
import { PriorityClass } from '../src/api/scheduling/priority-class.ts';
import { realClock } from '../src/base/clock.ts';
import type { Client, Draft } from '../src/client/client.ts';
import { type Cluster, startCluster } from '../src/cluster/start.ts';
import { type Bench, perSecond } from './bench.ts';

type PodDraft = Draft<Pod>;

/** A workload: the nodes' labels, the pods that are there before, and the pods that are measured. */
interface Shape {
  readonly name: string;
  /** Pods per second that the design promises on 5,000 nodes. */
  readonly target: number;
  readonly nodeLabels?: (i: number) => Record<string, string>;
  readonly before?: (nodes: number) => { readonly count: number; readonly pod: (i: number) => PodDraft };
  /** Whether the pods that are there before get a node: waited for. */
  readonly beforeFits?: boolean;
  readonly measured: (nodes: number) => number;
  readonly pod: (i: number) => PodDraft;
}

const requests = (cpu: string, memory: string) => ({ requests: { cpu, memory } });

function pod(name: string, spec: PodDraft['spec'], labels: Record<string, string> = {}): PodDraft {
  return {
    metadata: { name, namespace: 'default', labels },
    spec: {
      containers: [{ name: 'pause', image: 'registry.k8s.io/pause:3.10', resources: requests('100m', '500Mi') }],
      ...spec,
    },
  };
}

const zone = 'topology.kubernetes.io/zone';

export const shapes: readonly Shape[] = [
  { name: 'plain', target: 3000, measured: (nodes) => nodes * 2, pod: (i) => pod(`plain-${i}`, {}) },
  {
    name: 'node-affinity',
    target: 660,
    nodeLabels: () => ({ [zone]: 'zone1' }),
    measured: (nodes) => nodes,
    pod: (i) =>
      pod(`affine-${i}`, {
        affinity: {
          nodeAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: {
              nodeSelectorTerms: [{ matchExpressions: [{ key: zone, operator: 'In', values: ['zone1', 'zone2'] }] }],
            },
          },
        },
      }),
  },
  {
    name: 'pod-affinity',
    target: 105,
    nodeLabels: () => ({ [zone]: 'zone1' }),
    before: (nodes) => ({ count: nodes, pod: (i) => withPodAffinity(`before-${i}`) }),
    beforeFits: true,
    measured: (nodes) => Math.min(nodes, 1000),
    pod: (i) => withPodAffinity(`near-${i}`),
  },
  {
    name: 'anti-affinity',
    target: 180,
    before: (nodes) => ({ count: nodes / 5, pod: (i) => withAntiAffinity(`before-${i}`) }),
    beforeFits: true,
    measured: (nodes) => Math.min(nodes / 2, 1000),
    pod: (i) => withAntiAffinity(`apart-${i}`),
  },
  {
    name: 'topology-spread',
    target: 1380,
    nodeLabels: (i) => ({ [zone]: `moon-${(i % 3) + 1}` }),
    before: (nodes) => ({ count: nodes, pod: (i) => pod(`before-${i}`, {}) }),
    beforeFits: true,
    measured: (nodes) => nodes,
    pod: (i) =>
      pod(
        `spread-${i}`,
        {
          topologySpreadConstraints: [
            {
              maxSkew: 5,
              topologyKey: zone,
              whenUnsatisfiable: 'DoNotSchedule',
              labelSelector: { matchLabels: { color: 'blue' } },
            },
          ],
        },
        { color: 'blue' },
      ),
  },
  {
    name: 'preemption',
    target: 1710,
    before: (nodes) => ({
      count: nodes * 4,
      pod: (i) =>
        pod(`low-${i}`, {
          terminationGracePeriodSeconds: 0,
          containers: [{ name: 'pause', image: 'pause', resources: requests('900m', '500Mi') }],
        }),
    }),
    beforeFits: true,
    measured: (nodes) => nodes,
    pod: (i) =>
      pod(`high-${i}`, {
        priorityClassName: 'high',
        containers: [{ name: 'pause', image: 'pause', resources: requests('3000m', '500Mi') }],
      }),
  },
  {
    name: 'unschedulable',
    target: 1800,
    before: (nodes) => ({
      count: nodes * 4,
      pod: (i) =>
        pod(`never-${i}`, {
          containers: [{ name: 'pause', image: 'pause', resources: requests('9', '500Mi') }],
        }),
    }),
    measured: (nodes) => nodes,
    pod: (i) => pod(`fits-${i}`, {}),
  },
];

function withPodAffinity(name: string): PodDraft {
  const term = { topologyKey: zone, labelSelector: { matchLabels: { color: 'blue' } }, namespaces: ['default'] };
  return pod(
    name,
    { affinity: { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] } } },
    { color: 'blue' },
  );
}

function withAntiAffinity(name: string): PodDraft {
  const term = { topologyKey: 'kubernetes.io/hostname', labelSelector: { matchLabels: { color: 'green' } } };
  return pod(
    name,
    { affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] } } },
    { color: 'green' },
  );
}

/** Pods that are created at once; enough to keep the server busy. */
const concurrency = 256;

/** A node that is only an object: Ready, of upstream's size for these workloads. */
export async function createBareNodes(
  client: Client,
  count: number,
  labels: (i: number) => Record<string, string> = () => ({}),
): Promise<void> {
  const capacity = { cpu: '4', memory: '32Gi', pods: '110' };
  const at = new Date(realClock.now()).toISOString();
  await perSecond({ count, concurrency }, async (i) => {
    const node = await client.create(Node, {
      metadata: { name: `node-${i}`, labels: { 'kubernetes.io/hostname': `node-${i}`, ...labels(i) } },
      status: {
        capacity,
        allocatable: capacity,
        conditions: [{ type: 'Ready', status: 'True', lastHeartbeatTime: at, lastTransitionTime: at }],
      },
    });
    // A new node is tainted as not ready; the node lifecycle controller, which is not here, would take that away.
    await client.update(Node, { ...node, spec: { ...node.spec, taints: [] } });
  });
}

/** Resolves once `count` more pods have a node (or have been refused). */
function watchPods(cluster: Cluster, prefix: string, count: number, counts: (pod: Pod) => boolean): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const seen = new Set<string>();
  const see = (object: unknown) => {
    const it = object as Pod;
    if (!it.metadata.name.startsWith(prefix) || !counts(it)) return;
    seen.add(it.metadata.name);
    if (seen.size === count) {
      remove();
      resolve();
    }
  };
  const remove = cluster.informers.informer(Pod).addHandler({ onAdd: see, onUpdate: see });
  return promise;
}

const isBound = (it: Pod) => it.spec.nodeName !== undefined;
const isRefused = (it: Pod) => it.status.conditions?.some((c) => c.type === 'PodScheduled') ?? false;

/** Pods of a shape that were bound per second. */
export async function measure(shape: Shape, nodes: number): Promise<number> {
  const cluster = await startCluster({ nodes: 0, disable: ['controllers'], freeze: false });
  const alive = setInterval(() => {}, 60_000);
  try {
    const { client } = cluster;
    if (!(await client.find(Namespace, { name: 'default' })))
      await client.create(Namespace, { metadata: { name: 'default' } });
    await client.create(ServiceAccount, { metadata: { name: 'default', namespace: 'default' } });
    await client.create(PriorityClass, { metadata: { name: 'high' }, value: 1000 });
    await createBareNodes(client, nodes, shape.nodeLabels);
    const before = shape.before?.(nodes);
    if (before) {
      const placed = watchPods(
        cluster,
        before.pod(0).metadata!.name!.split('-')[0]!,
        before.count,
        shape.beforeFits ? isBound : isRefused,
      );
      await perSecond({ count: before.count, concurrency }, (i) => client.create(Pod, before.pod(i)));
      await placed;
    }
    const count = shape.measured(nodes);
    const bound = watchPods(cluster, shape.pod(0).metadata!.name!.split('-')[0]!, count, isBound);
    const began = realClock.monotonic();
    await perSecond({ count, concurrency }, (i) => client.create(Pod, shape.pod(i)));
    await bound;
    return count / ((realClock.monotonic() - began) / 1000);
  } finally {
    clearInterval(alive);
    await cluster.stop();
  }
}

export const benches: readonly Bench[] = [500, 5000].flatMap((nodes) =>
  shapes.map(
    (shape): Bench => ({
      name: `scheduler.${shape.name}.${nodes}nodes`,
      unit: 'pods/s',
      target: shape.target,
      better: 'higher',
      run: () => measure(shape, nodes),
    }),
  ),
);
