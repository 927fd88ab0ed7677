/** A real API server with the real controllers in virtual time, and a kubelet that only tells what pods do. */
import { Node } from '../../src/api/core/node.ts';
import { Pod } from '../../src/api/core/pod.ts';
import type { Shared } from '../../src/api/kind.ts';
import { isNotFound, serviceUnavailable } from '../../src/api/machinery/status.ts';
import { createApiServer } from '../../src/apiserver/server.ts';
import { loopbackUser } from '../../src/apiserver/user.ts';
import { formatTime, VirtualClock } from '../../src/base/clock.ts';
import { createLogger, type Logger, silentLogger } from '../../src/base/log.ts';
import { MetricsRegistry } from '../../src/base/metrics.ts';
import { seededRandom } from '../../src/base/random.ts';
import { type Client, createClient } from '../../src/client/client.ts';
import { startControllers } from '../../src/client/controller-runner.ts';
import { createInformerSet } from '../../src/client/informer-set.ts';
import type { ControllerDefinition, ControllerSettings } from '../../src/client/reconcile.ts';
import type { ResourceRequest } from '../../src/client/transport.ts';
import { createObjectCache } from '../../src/store/cache.ts';
import { openMemoryStore } from '../../src/store/memory.ts';

export interface Harness {
  readonly client: Client;
  readonly clock: VirtualClock;
  /** Lets everything happen that is due within a time. */
  advance(ms: number): Promise<void>;
  /** Until nothing happens any more without more than a moment passing. */
  settle(): Promise<void>;
  /** Requests that changed something since the start. */
  writes(): number;
  /** Pods that a kubelet should leave alone, by name. */
  readonly frozen: Set<string>;
  /** Decides what becomes of a pod; by default it runs and is ready at once. */
  lifeOf: (pod: Shared<Pod>) => 'ready' | 'running' | 'succeeded' | 'failed' | 'pending';
  /** Makes the kubelet look at all pods again, after `lifeOf` was changed. */
  relive(): Promise<void>;
  /** No more faults from here on. */
  calm(): void;
  /** The controllers lose their memory and their caches, as after a crash. */
  crash(): Promise<void>;
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface HarnessOptions {
  readonly controllers: readonly ControllerDefinition[];
  readonly settings?: Partial<ControllerSettings>;
  readonly nodes?: number;
  readonly log?: Logger;
  readonly admission?: boolean;
  /** Part of the controllers' requests that fail, half of them after they have taken effect. */
  readonly faultRate?: number;
  readonly seed?: number;
  /** Answers requests in place of the server; undefined leaves them to it. */
  readonly intercept?: (request: ResourceRequest) => unknown;
}

/** The name of the nth node. */
export const nodeName = (index: number): string => `node-${index}`;

const retryMs = 300;

export async function startHarness(options: HarnessOptions): Promise<Harness> {
  const clock = new VirtualClock();
  const random = seededRandom(42 + (options.seed ?? 0));
  const log = options.log ?? (process.env['TEST_LOG'] ? createLogger({ level: 'debug' }) : silentLogger);
  const metrics = new MetricsRegistry();
  const store = openMemoryStore();
  const cache = createObjectCache(store, { clock, log, freeze: true });
  const server = await createApiServer({
    cache,
    clock,
    random,
    log,
    metrics,
    authorizer: { name: 'all', authorize: () => ({ decision: 'Allow', reason: '' }) },
    admission: options.admission === true ? {} : false,
    flowControl: false,
    serviceCidr: '10.96.0.0/16',
  });
  const direct = server.direct(loopbackUser);
  let writes = 0;
  const client = createClient({
    ...direct,
    request(request) {
      if (request.verb !== 'get' && request.verb !== 'list' && request.kind.plural !== 'events') writes++;
      const answer = options.intercept?.(request);
      return answer === undefined ? direct.request(request) : Promise.resolve(answer);
    },
    watch: (request, handler) => direct.watch(request, handler),
    raw: (path) => direct.raw(path),
    close: () => direct.close(),
  });
  const chance = seededRandom((options.seed ?? 0) + 1);
  let faultRate = options.faultRate ?? 0;
  const faulty = createClient({
    ...direct,
    async request(request) {
      const fate = request.kind.plural === 'events' ? 1 : chance.next();
      if (fate < faultRate / 2) throw serviceUnavailable('a fault before the request');
      const answer = await client.transport.request(request);
      if (fate < faultRate) throw serviceUnavailable('a fault after the request');
      return answer;
    },
    watch: (request, handler) => direct.watch(request, handler),
    raw: (path) => direct.raw(path),
  });
  const informers = createInformerSet(client, { clock, log, random });
  const startAll = () => {
    const caches = createInformerSet(client, { clock, log, random });
    const controllers = startControllers(options.controllers, {
      client: faulty,
      informers: caches,
      clock,
      random,
      log,
      metrics: new MetricsRegistry(),
      settings: { clusterName: 'test', ...options.settings },
    });
    return { controllers, caches };
  };
  let running = startAll();
  for (let i = 0; i < (options.nodes ?? 0); i++) await client.create(Node, { metadata: { name: nodeName(i) } });

  const harness: Harness = {
    client,
    clock,
    frozen: new Set(),
    lifeOf: () => 'ready',
    writes: () => writes,
    async relive() {
      kubelet.again();
      await harness.settle();
    },
    async settle() {
      for (let quiet = 0; quiet < 3; ) {
        await clock.advance(0);
        const idle = running.controllers.idle() && running.caches.idle() && informers.idle() && kubelet.idle();
        quiet = idle ? quiet + 1 : 0;
        // Lost races are tried again within milliseconds.
        const due = clock.nextDue();
        if (due === undefined || due > clock.now() + retryMs) continue;
        await clock.advance(due - clock.now());
        quiet = 0;
      }
    },
    async advance(ms) {
      const end = clock.now() + ms;
      await harness.settle();
      for (let due = clock.nextDue(); due !== undefined && due <= end; due = clock.nextDue()) {
        await clock.advance(Math.max(0, due - clock.now()));
        await harness.settle();
      }
      await clock.advance(Math.max(0, end - clock.now()));
    },
    calm() {
      faultRate = 0;
    },
    async crash() {
      const before = running;
      running = startAll();
      before.caches.stop();
      await before.controllers.stop();
    },
    async close() {
      kubelet.stop();
      await running.controllers.stop();
      running.caches.stop();
      informers.stop();
      await server.close();
      await cache.close();
    },
    [Symbol.asyncDispose]: () => harness.close(),
  };
  const kubelet = startKubelet(harness, informers);
  await informers.whenSynced();
  await running.controllers.whenStarted();
  await harness.settle();
  return harness;
}

/** Binds pods to the first node that will do and reports what `lifeOf` says. */
function startKubelet(harness: Harness, informers: ReturnType<typeof createInformerSet>) {
  const { client, clock } = harness;
  let busy = 0;
  const pods = informers.informer(Pod);
  const allNodes = informers.informer(Node);
  const report = async (pod: Shared<Pod>) => {
    if (harness.frozen.has(pod.metadata.name)) return;
    if (pod.metadata.deletionTimestamp) {
      if ((pod.metadata.finalizers ?? []).length && (pod.status.phase === 'Succeeded' || pod.status.phase === 'Failed'))
        return;
      if ((pod.metadata.finalizers ?? []).length && pod.metadata.deletionGracePeriodSeconds === 0) return;
      await client.delete(Pod, pod.metadata, { gracePeriodSeconds: 0, preconditions: { uid: pod.metadata.uid } });
      return;
    }
    if (pod.status.phase === 'Succeeded' || pod.status.phase === 'Failed') return;
    const life = harness.lifeOf(pod);
    if (life === 'pending') return;
    if (!pod.spec.nodeName) {
      const pinned =
        pod.spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms[0]
          ?.matchFields?.[0]?.values?.[0];
      const nodes = allNodes.list();
      const target =
        pinned ?? nodes[Number.parseInt(pod.metadata.uid.slice(0, 4), 16) % Math.max(1, nodes.length)]?.metadata.name;
      if (!target) return;
      await client.subresource(
        'create',
        Pod,
        { ...pod.metadata, subresource: 'binding' },
        {
          apiVersion: 'v1',
          kind: 'Binding',
          metadata: { name: pod.metadata.name },
          target: { apiVersion: 'v1', kind: 'Node', name: target },
        },
      );
      return;
    }
    const phase = life === 'succeeded' ? 'Succeeded' : life === 'failed' ? 'Failed' : 'Running';
    const ready = life === 'ready' ? 'True' : 'False';
    const now = formatTime(clock.now());
    const known = pod.status.conditions?.find((condition) => condition.type === 'Ready');
    if (pod.status.phase === phase && known?.status === ready) return;
    const number = Number.parseInt(pod.metadata.uid.slice(0, 6), 16);
    const ip = pod.status.podIP ?? `10.${(number >> 16) & 255}.${(number >> 8) & 255}.${number & 255}`;
    await client.patch(
      Pod,
      pod.metadata,
      {
        metadata: { uid: pod.metadata.uid },
        status: {
          phase,
          podIP: ip,
          podIPs: [{ ip }],
          startTime: pod.status.startTime ?? now,
          conditions: [
            {
              type: 'Ready',
              status: ready,
              lastTransitionTime: known?.status === ready ? known.lastTransitionTime : now,
            },
          ],
          containerStatuses: pod.spec.containers.map(({ name, image }) => ({
            name,
            image: image ?? '',
            imageID: '',
            ready: ready === 'True',
            restartCount: 0,
            state:
              phase === 'Running'
                ? { running: { startedAt: now } }
                : {
                    terminated: {
                      exitCode: phase === 'Failed' ? 1 : 0,
                      finishedAt: now,
                      startedAt: now,
                      reason: phase === 'Failed' ? 'Error' : 'Completed',
                    },
                  },
          })),
        },
      },
      { type: 'strategic', subresource: 'status' },
    );
  };
  const look = (pod: Shared<Pod>) => {
    busy++;
    queueMicrotask(() =>
      report(pods.byKey(`${pod.metadata.namespace}/${pod.metadata.name}`) ?? pod)
        .catch((error) => {
          if (!isNotFound(error) && error.reason !== 'Conflict') throw error;
        })
        .finally(() => busy--),
    );
  };
  const remove = pods.addHandler({ onAdd: look, onUpdate: look });
  return {
    idle: () => busy === 0,
    /** Looks at all pods again, after `lifeOf` was changed. */
    again: () => pods.list().forEach(look),
    stop: remove,
  };
}

/** A pod template with one container. */
export const template = (labels: Record<string, string>, image = 'app:1') => ({
  metadata: { labels },
  spec: { containers: [{ name: 'app', image }] },
});
