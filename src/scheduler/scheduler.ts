/** The scheduler: takes pods from the queue, finds each a node, and binds it while the next one is already looked at. */
import { Namespace } from '../api/core/namespace.ts';
import { Node } from '../api/core/node.ts';
import { PersistentVolume } from '../api/core/persistent-volume.ts';
import { PersistentVolumeClaim } from '../api/core/persistent-volume-claim.ts';
import { Pod } from '../api/core/pod.ts';
import { Service } from '../api/core/service.ts';
import type { KindRef, KubeObject, Shared } from '../api/kind.ts';
import { isConflict, isNotFound } from '../api/machinery/status.ts';
import { DeviceClass } from '../api/resource/device-class.ts';
import { ResourceClaim } from '../api/resource/resource-claim.ts';
import { ResourceSlice } from '../api/resource/resource-slice.ts';
import { CSIDriver } from '../api/storage/csi-driver.ts';
import { CSINode } from '../api/storage/csi-node.ts';
import { CSIStorageCapacity } from '../api/storage/csi-storage-capacity.ts';
import { StorageClass } from '../api/storage/storage-class.ts';
import { VolumeAttachment } from '../api/storage/volume-attachment.ts';
import { type Clock, formatTime } from '../base/clock.ts';
import { deepEqual } from '../base/deep.ts';
import type { Logger } from '../base/log.ts';
import type { MetricsRegistry } from '../base/metrics.ts';
import type { Random } from '../base/random.ts';
import type { Client } from '../client/client.ts';
import type { EventRecorder } from '../client/events.ts';
import type { InformerSet } from '../client/informer.ts';
import { SchedulerCache } from './cache.ts';
import type { SchedulerConfig } from './config.ts';
import { watchDevices } from './devices/devices.ts';
import { FilterMemo } from './filter-memo.ts';
import {
  type ClusterEvent,
  type CycleState,
  createFramework,
  type Framework,
  type SchedulerProfile,
  type Verdict,
} from './framework.ts';
import { Nominator } from './nominator.ts';
import { holdEvents } from './patient-events.ts';
import { builtinSchedulerPlugins } from './plugins.gen.ts';
import { type QueuedPod, SchedulingQueue } from './queue.ts';
import { type Placement, type Refusal, scheduleOne } from './schedule-one.ts';

export interface SchedulerOptions {
  readonly client: Client;
  readonly informers: InformerSet;
  readonly events: EventRecorder;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: MetricsRegistry;
  readonly config?: SchedulerConfig;
}

export interface Scheduler {
  stop(): void;
  /** Nothing to try and no binding under way; pods may still wait for an event or a time. */
  idle(): boolean;
  readonly cache: SchedulerCache;
  readonly queue: SchedulingQueue;
}

/** How long one turn of the loop may hold the event loop before others get theirs. */
const turnMs = 5;
const defaultProfile: SchedulerProfile = { schedulerName: 'default-scheduler' };
/** Kinds besides pods and nodes whose events may help a pod. */
const otherKinds: readonly KindRef[] = [
  PersistentVolume,
  PersistentVolumeClaim,
  StorageClass,
  CSINode,
  CSIDriver,
  CSIStorageCapacity,
  VolumeAttachment,
  Service,
  Namespace,
  ResourceClaim,
  DeviceClass,
  ResourceSlice,
];

const isTerminal = (pod: Shared<Pod>) => pod.status.phase === 'Succeeded' || pod.status.phase === 'Failed';

/** Starts scheduling; resolves once the informers are synced. */
export async function startScheduler(options: SchedulerOptions): Promise<Scheduler> {
  const { client, informers, clock, random, log, metrics, config } = options;
  const cache = new SchedulerCache();
  const nominator = new Nominator((nodeName) => cache.promisesChanged(nodeName));
  const memo = new FilterMemo();
  // Before the queue hears of changes, so that plugins that it asks know of them.
  const devices = watchDevices(informers);
  const events = holdEvents(options.events, () => binding > 0 || !queue.idle);
  const environment = {
    client,
    informers,
    lister: <T extends KubeObject>(kind: KindRef<T>) => informers.informer(kind),
    cache,
    nominator,
    devices,
    events,
    clock,
    random,
    log,
    metrics,
  };
  const frameworks = new Map<string, Framework>();
  for (const profile of config?.profiles ?? [defaultProfile])
    frameworks.set(profile.schedulerName, createFramework(profile, builtinSchedulerPlugins, environment));

  const attempts = metrics.counter(
    'scheduler_schedule_attempts_total',
    'Number of attempts to schedule pods, by the result.',
  );
  const attemptSeconds = metrics.histogram(
    'scheduler_scheduling_attempt_duration_seconds',
    'Scheduling attempt latency in seconds.',
  );
  const incoming = metrics.counter(
    'scheduler_queue_incoming_pods_total',
    'Number of pods added to scheduling queues by event and queue type.',
  );
  const podAttempts = metrics.histogram(
    'scheduler_pod_scheduling_attempts',
    'Number of attempts to successfully schedule a pod.',
    [1, 2, 4, 8, 16],
  );
  const sliSeconds = metrics.histogram(
    'scheduler_pod_scheduling_sli_duration_seconds',
    'E2e latency for a pod being scheduled, from the time the pod enters the scheduling queue.',
  );
  metrics.gauge('scheduler_cache_size', 'Number of nodes and pods in the scheduler cache.', (gauge) =>
    gauge.set(cache.nodeCount, { type: 'nodes' }),
  );
  const pending = metrics.gauge('scheduler_pending_pods', 'Number of pending pods, by the queue type.', (gauge) => {
    for (const [queueName, count] of Object.entries(queue.counts())) gauge.set(count, { queue: queueName });
  });

  let stopped = false;
  let turnPlanned = false;
  let binding = 0;
  const cursor = { next: 0 };
  const queue = new SchedulingQueue({
    clock,
    ...(config?.podInitialBackoffSeconds === undefined
      ? {}
      : { initialBackoffMs: config.podInitialBackoffSeconds * 1000 }),
    ...(config?.podMaxBackoffSeconds === undefined ? {} : { maxBackoffMs: config.podMaxBackoffSeconds * 1000 }),
    onReady: planTurn,
    onIncoming: (queueName, event) => incoming.inc({ queue: queueName, event }),
  });

  devices.claims.onReleased = (object, old) => queue.onEvent({ kind: 'ResourceClaim', action: 'update', object, old });

  function planTurn(): void {
    if (turnPlanned || stopped) return;
    turnPlanned = true;
    setImmediate(turn);
  }

  function turn(): void {
    turnPlanned = false;
    const end = clock.monotonic() + turnMs;
    let tried = 0;
    // Under a virtual clock time stands still within a turn: the count ends it.
    while (!stopped && tried++ < 64) {
      const queued = queue.pop();
      if (!queued) break;
      tryPod(queued);
      if (clock.monotonic() > end) break;
    }
    if (queue.idle) events.tell();
    else planTurn();
  }

  function tryPod(queued: QueuedPod): void {
    const { pod, framework } = queued;
    if (pod.metadata.deletionTimestamp || cache.has(pod.metadata.uid)) {
      queue.done(queued);
      return;
    }
    const began = clock.monotonic();
    let outcome: Placement | Refusal;
    try {
      outcome = scheduleOne(framework, pod, {
        cache,
        random,
        percentageOfNodesToScore: framework.percentageOfNodesToScore ?? config?.percentageOfNodesToScore ?? 0,
        cursor,
        nominator,
        memo,
      });
    } catch (error) {
      track(failed(queued, error));
      return;
    }
    attemptSeconds.observe((clock.monotonic() - began) / 1000, {
      result: outcome.kind === 'placed' ? 'scheduled' : 'unschedulable',
    });
    if (outcome.kind === 'refused') {
      attempts.inc({ result: 'unschedulable', profile: framework.schedulerName });
      track(refuse(queued, outcome));
      return;
    }
    const placement = outcome;
    cache.assume(pod, placement.nodeName);
    const refused = reserve(framework, placement.state, pod, placement.nodeName);
    if (refused) {
      giveBack(queued, placement, refused);
      return;
    }
    track(bind(queued, placement));
  }

  /** Counts work that goes on after the cycle, for idle(); its errors are handled within. */
  function track(work: Promise<void>): void {
    binding++;
    work
      .catch((error: unknown) => log.error('scheduling failed', { error }))
      .finally(() => {
        if (--binding === 0) events.tell();
      });
  }

  /** Waiting for time to pass is not being busy: under a virtual clock nothing else makes it pass. */
  async function waitForTime(ms: number): Promise<void> {
    if (--binding === 0) events.tell();
    try {
      await clock.sleep(ms);
    } finally {
      binding++;
    }
  }

  function reserve(framework: Framework, state: CycleState, pod: Shared<Pod>, nodeName: string): Verdict | undefined {
    for (const { running } of framework.reserve) {
      const verdict = running.reserve!(state, pod, nodeName);
      if (verdict) return verdict;
    }
    return undefined;
  }

  function giveBack(queued: QueuedPod, { state, nodeName }: Placement, why: Verdict | undefined): void {
    for (const { running } of queued.framework.reserve.toReversed()) {
      const undone = running.unreserve?.(state, queued.pod, nodeName);
      if (undone) track(undone);
    }
    cache.forget(queued.pod.metadata.uid);
    queue.refuse(queued, why ? new Set([why.plugin]) : new Set());
    // What was held is free again, which may help others.
    queue.onEvent({ kind: 'Pod', action: 'delete', object: queued.pod });
  }

  async function permit(queued: QueuedPod, { state, nodeName }: Placement): Promise<Verdict | undefined> {
    for (const { running } of queued.framework.permit) {
      const verdict = running.permit!(state, queued.pod, nodeName);
      if (verdict && verdict.code !== 'Wait') return verdict;
      for (let waited = verdict; waited; waited = running.permit!(state, queued.pod, nodeName)) {
        if (waited.code !== 'Wait') return waited;
        await waitForTime(waited.timeoutMs ?? 100);
      }
    }
    return undefined;
  }

  async function bind(queued: QueuedPod, placement: Placement): Promise<void> {
    const { pod, framework } = queued;
    const { state, nodeName } = placement;
    try {
      let refused = await permit(queued, placement);
      for (const { running } of framework.preBind) {
        refused ??= await running.preBind!(state, pod, nodeName);
        while (refused?.code === 'Wait') {
          await waitForTime(refused.timeoutMs ?? 100);
          refused = stopped ? undefined : await running.preBind!(state, pod, nodeName);
        }
      }
      if (stopped) return;
      if (refused) {
        attempts.inc({ result: 'unschedulable', profile: framework.schedulerName });
        giveBack(queued, placement, refused);
        await report(pod, { reason: 'Unschedulable', message: refused.reasons.join(', ') });
        return;
      }
      for (const { running } of framework.bind) if (await running.bind!(state, pod, nodeName)) break;
    } catch (error) {
      giveBack(queued, placement, undefined);
      if (isNotFound(error) || isConflict(error)) {
        log.debug('pod went away or was bound by another while binding', { pod: pod.metadata.name, error });
        return;
      }
      attempts.inc({ result: 'error', profile: framework.schedulerName });
      log.warn('binding failed', { pod: `${pod.metadata.namespace}/${pod.metadata.name}`, node: nodeName, error });
      events.event(pod, 'Warning', 'FailedScheduling', `binding rejected: ${(error as Error).message}`);
      return;
    }
    queue.done(queued);
    nominator.remove(pod.metadata.uid);
    attempts.inc({ result: 'scheduled', profile: framework.schedulerName });
    podAttempts.observe(queued.attempts);
    sliSeconds.observe(Math.max(0, clock.now() - queued.addedAtMs) / 1000, { attempts: String(queued.attempts) });
    for (const { running } of framework.postBind) running.postBind!(state, pod, nodeName);
    events.event(
      pod,
      'Normal',
      'Scheduled',
      `Successfully assigned ${pod.metadata.namespace}/${pod.metadata.name} to ${nodeName}`,
    );
  }

  async function refuse(queued: QueuedPod, refusal: Refusal): Promise<void> {
    const { pod } = queued;
    let remedy: Remedy;
    try {
      remedy = await lookForRemedy(queued, refusal);
    } catch (error) {
      await failed(queued, error);
      return;
    }
    queue.refuse(queued, refusal.refusedBy);
    const said = remedy.nominatedNode === undefined ? remedy.messages.join(', ') : '';
    await report(pod, {
      reason: 'Unschedulable',
      message: said ? `${refusal.message} ${said}` : refusal.message,
      nominatedNode: remedy.nominatedNode,
    });
  }

  interface Remedy {
    readonly nominatedNode?: string;
    readonly messages: readonly string[];
  }

  /** Asks the postFilter plugins in turn whether room can be made. */
  async function lookForRemedy({ pod, framework }: QueuedPod, { state, verdicts }: Refusal): Promise<Remedy> {
    const messages: string[] = [];
    for (const { running } of framework.postFilter) {
      const result = await running.postFilter!(state, pod, verdicts);
      if (result?.message) messages.push(result.message);
      if (result?.nominatedNode) {
        nominator.add(pod, result.nominatedNode);
        return { nominatedNode: result.nominatedNode, messages };
      }
    }
    return { messages };
  }

  /** A try that met an error: it is made again after a backoff, whatever happens in the cluster meanwhile. */
  async function failed(queued: QueuedPod, error: unknown): Promise<void> {
    const { pod, framework } = queued;
    log.error('scheduling failed', { pod: `${pod.metadata.namespace}/${pod.metadata.name}`, error });
    attempts.inc({ result: 'error', profile: framework.schedulerName });
    queue.refuse(queued, new Set());
    await report(pod, { reason: 'SchedulerError', message: (error as Error).message });
  }

  /** Says on the pod why it waits; written only when the words change. */
  async function report(
    pod: Shared<Pod>,
    { reason, message, nominatedNode }: { reason: string; message: string; nominatedNode?: string | undefined },
  ): Promise<void> {
    events.event(pod, 'Warning', 'FailedScheduling', message);
    const known = pod.status.conditions?.find((c) => c.type === 'PodScheduled');
    if (
      known?.status === 'False' &&
      known.reason === reason &&
      known.message === message &&
      (nominatedNode === undefined || pod.status.nominatedNodeName === nominatedNode)
    )
      return;
    const condition = {
      type: 'PodScheduled',
      status: 'False',
      reason,
      message,
      lastProbeTime: null,
      lastTransitionTime:
        known?.status === 'False' && known.lastTransitionTime ? known.lastTransitionTime : formatTime(clock.now()),
    };
    try {
      await client.patch(
        Pod,
        pod.metadata,
        { status: { conditions: [condition], ...(nominatedNode ? { nominatedNodeName: nominatedNode } : {}) } },
        { type: 'strategic', subresource: 'status' },
      );
    } catch (error) {
      if (!isNotFound(error))
        log.warn('the reason why a pod waits could not be written', { pod: pod.metadata.name, error });
    }
  }

  const removeHandlers = [
    informers.informer(Node).addHandler({
      onAdd: (node) => {
        cache.setNode(node);
        queue.onEvent({ kind: 'Node', action: 'add', object: node });
      },
      onUpdate: (node, old) => {
        if (sameForScheduling(node, old)) return;
        cache.setNode(node);
        queue.onEvent({ kind: 'Node', action: 'update', object: node, old });
      },
      onDelete: (node) => {
        cache.removeNode(node.metadata.name);
        queue.onEvent({ kind: 'Node', action: 'delete', object: node });
      },
    }),
    informers.informer(Pod).addHandler({
      onAdd: (pod) => podChanged(pod, undefined),
      onUpdate: podChanged,
      onDelete: (pod) => {
        queue.remove(pod.metadata.uid);
        nominator.remove(pod.metadata.uid);
        if (!cache.has(pod.metadata.uid)) return;
        cache.removePod(pod.metadata.uid);
        queue.onEvent({ kind: 'Pod', action: 'delete', object: pod });
      },
    }),
    ...otherKinds.map((kind) => {
      const tell = (action: ClusterEvent['action'], object: Shared<KubeObject>, old?: Shared<KubeObject>) =>
        queue.onEvent({ kind: kind.kind, action, object, ...(old ? { old } : {}) });
      return informers.informer(kind).addHandler({
        onAdd: (object) => tell('add', object),
        onUpdate: (object, old) => tell('update', object, old),
        onDelete: (object) => tell('delete', object),
      });
    }),
  ];

  function podChanged(pod: Shared<Pod>, old: Shared<Pod> | undefined): void {
    const uid = pod.metadata.uid;
    if (isTerminal(pod)) {
      queue.remove(uid);
      if (cache.has(uid)) {
        cache.removePod(uid);
        queue.onEvent({ kind: 'Pod', action: 'delete', object: pod });
      }
      return;
    }
    if (pod.spec.nodeName) {
      const wasKnown = cache.has(uid) && !cache.isAssumed(uid);
      cache.setPod(pod);
      queue.remove(uid);
      nominator.remove(uid);
      queue.onEvent({ kind: 'Pod', action: wasKnown ? 'update' : 'add', object: pod, ...(old ? { old } : {}) });
      return;
    }
    const framework = frameworks.get(pod.spec.schedulerName ?? 'default-scheduler');
    if (!framework || pod.metadata.deletionTimestamp) {
      queue.remove(uid);
      return;
    }
    if (pod.status.nominatedNodeName) nominator.add(pod, pod.status.nominatedNodeName);
    if (!cache.has(uid)) queue.add(pod, framework);
  }

  // Only those of its own: another role's kind that cannot be read must not stop pods from being placed.
  await Promise.all([Node, Pod, ...otherKinds].map((kind) => informers.informer(kind as KindRef).whenSynced()));
  pending.set(0, { queue: 'active' });
  planTurn();
  return {
    cache,
    queue,
    idle: () => binding === 0 && queue.idle && events.idle,
    stop() {
      stopped = true;
      for (const remove of removeHandlers) remove();
      devices.stop();
      queue.stop();
    },
  };
}

/** Node updates are mostly heartbeats: only these parts matter for placing pods. */
function sameForScheduling(a: Shared<Node>, b: Shared<Node>): boolean {
  return (
    a.spec.unschedulable === b.spec.unschedulable &&
    deepEqual(a.spec.taints, b.spec.taints) &&
    deepEqual(a.metadata.labels, b.metadata.labels) &&
    deepEqual(a.metadata.annotations, b.metadata.annotations) &&
    deepEqual(a.status.allocatable, b.status.allocatable) &&
    deepEqual(a.status.images, b.status.images) &&
    deepEqual(a.status.declaredFeatures, b.status.declaredFeatures)
  );
}
