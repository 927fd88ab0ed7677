/** A scheduler's inside for tests: framework, cache and one cycle, without an API. */
import type { KindRef, KubeObject, Shared } from '../api/kind.ts';
import type { Node, Pod } from '../api/types/core-v1.ts';
import { VirtualClock } from '../base/clock.ts';
import type { DeepPartial } from '../base/deep.ts';
import { silentLogger } from '../base/log.ts';
import { MetricsRegistry } from '../base/metrics.ts';
import { seededRandom } from '../base/random.ts';
import type { Client } from '../client/client.ts';
import type { Informer, InformerHandler, InformerSet } from '../client/informer.ts';
import { SchedulerCache } from './cache.ts';
import { watchDevices } from './devices/devices.ts';
import { FilterMemo } from './filter-memo.ts';
import { createFramework, type Framework } from './framework.ts';
import { Nominator } from './nominator.ts';
import { builtinSchedulerPlugins } from './plugins.gen.ts';
import { type Placement, type Refusal, scheduleOne } from './schedule-one.ts';

let serial = 0;

/** A pod with a spec, as the API would have it. */
export function pod(
  name: string,
  spec: DeepPartial<Pod['spec']> = {},
  more: { labels?: Record<string, string>; namespace?: string; uid?: string } = {},
): Shared<Pod> {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace: more.namespace ?? 'default',
      uid: more.uid ?? `uid-${serial++}`,
      resourceVersion: '1',
      creationTimestamp: '2026-01-01T00:00:00Z',
      labels: more.labels ?? {},
    },
    spec: { containers: [{ name: 'c', resources: {} }], ...spec },
    status: {},
  } as unknown as Shared<Pod>;
}

/** One container with requests. */
export const requests = (cpu: string, memory = '64Mi') =>
  ({ containers: [{ name: 'c', resources: { requests: { cpu, memory } } }] }) as DeepPartial<Pod['spec']>;

/** A node of 4 CPUs and 8Gi. */
export function node(
  name: string,
  more: {
    labels?: Record<string, string>;
    cpu?: string;
    pods?: string;
    spec?: DeepPartial<Node['spec']>;
    images?: { names: string[]; sizeBytes: number }[];
  } = {},
): Shared<Node> {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name,
      uid: name,
      resourceVersion: '1',
      creationTimestamp: '2026-01-01T00:00:00Z',
      labels: { 'kubernetes.io/hostname': name, ...more.labels },
    },
    spec: more.spec ?? {},
    status: {
      allocatable: { cpu: more.cpu ?? '4', memory: '8Gi', pods: more.pods ?? '110' },
      images: more.images ?? [],
    },
  } as unknown as Shared<Node>;
}

/** A scheduler's inside without an API: nodes and placed pods are put into the cache by hand. */
export function world(nodes: readonly Shared<Node>[], others: readonly Shared<KubeObject>[] = []) {
  const cache = new SchedulerCache();
  for (const n of nodes) cache.setNode(n);
  const listed = (kind: KindRef) => others.filter((o) => o.kind === kind.kind);
  const informers = {
    informer: (kind: KindRef) =>
      ({
        get: (namespace: string | undefined, name: string) =>
          listed(kind).find(
            (o) => o.metadata.name === name && (o.metadata as { namespace?: string }).namespace === namespace,
          ),
        list: (namespace?: string) =>
          listed(kind).filter(
            (o) => namespace === undefined || (o.metadata as { namespace?: string }).namespace === namespace,
          ),
        addHandler(handler: InformerHandler<KubeObject>) {
          for (const o of listed(kind)) handler.onAdd?.(o);
          return () => {};
        },
        addIndex: () => {},
      }) as unknown as Informer<KubeObject>,
  } as unknown as InformerSet;
  const random = seededRandom(1);
  const nominator = new Nominator((nodeName) => cache.promisesChanged(nodeName));
  const memo = new FilterMemo();
  const environment = {
    client: {} as Client,
    informers,
    lister: ((kind: KindRef) => informers.informer(kind)) as never,
    cache,
    nominator,
    devices: watchDevices(informers),
    events: { event() {} },
    clock: new VirtualClock(),
    random,
    log: silentLogger,
    metrics: new MetricsRegistry(),
  };
  const framework: Framework = createFramework(
    { schedulerName: 'default-scheduler' },
    builtinSchedulerPlugins,
    environment,
  );
  const cursor = { next: 0 };
  return {
    cache,
    environment,
    framework,
    schedule: (p: Shared<Pod>): Placement | Refusal =>
      scheduleOne(framework, p, { cache, random, percentageOfNodesToScore: 0, cursor, nominator, memo }),
    place: (p: Shared<Pod>, nodeName: string) => cache.assume(p, nodeName),
    placed(p: Shared<Pod>): string {
      const outcome = this.schedule(p);
      if (outcome.kind === 'refused') throw new Error(outcome.message);
      this.place(p, outcome.nodeName);
      return outcome.nodeName;
    },
    refusal(p: Shared<Pod>): string {
      const outcome = this.schedule(p);
      if (outcome.kind === 'placed') throw new Error(`placed on ${outcome.nodeName}`);
      return outcome.message;
    },
  };
}
