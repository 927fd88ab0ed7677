import type { Pod } from '../api/core/pod.ts';
import type { KindRef, KubeObject, Shared } from '../api/kind.ts';
import { isConflict, isNotFound } from '../api/machinery/status.ts';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import type { MetricsRegistry } from '../base/metrics.ts';
import type { Random } from '../base/random.ts';
import type { Client } from '../client/client.ts';
import type { EventRecorder } from '../client/events.ts';
import type { InformerSet } from '../client/informer.ts';
import { SchedulerCache } from './cache.ts';
import { followCluster, whenSynced } from './cluster-events.ts';
import type { SchedulerConfig } from './config.ts';
import { watchDevices } from './devices/devices.ts';
import { Extenders } from './extenders/extenders.ts';
import { FilterMemo } from './filter-memo.ts';
import { type CycleState, createFramework, type Framework, type SchedulerProfile, type Verdict } from './framework.ts';
import { Nominator } from './nominator.ts';
import { holdEvents } from './patient-events.ts';
import { builtinSchedulerPlugins } from './plugins.gen.ts';
import { podReporter } from './pod-report.ts';
import { type QueuedPod, SchedulingQueue } from './queue.ts';
import { type Placement, type Refusal, scheduleExtended, scheduleOne } from './schedule-one.ts';
import { schedulerMetrics } from './scheduler-metrics.ts';

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
/** Starts scheduling; resolves once the informers are synced. */
export async function startScheduler(options: SchedulerOptions): Promise<Scheduler> {
  const { client, informers, clock, random, log, metrics, config } = options;
  const cache = new SchedulerCache();
  const nominator = new Nominator((nodeName) => cache.promisesChanged(nodeName));
  const memo = new FilterMemo();
  // Before the queue hears of changes, so that plugins that it asks know of them.
  const devices = watchDevices(informers);
  const extenders = config?.extenders?.length ? new Extenders(config.extenders, { clock, log }) : undefined;
  const events = holdEvents(options.events, () => binding > 0 || !queue.idle);
  const environment = {
    client,
    informers,
    lister: <T extends KubeObject>(kind: KindRef<T>) => informers.informer(kind),
    cache,
    nominator,
    devices,
    ...(extenders ? { extenders } : {}),
    events,
    clock,
    random,
    log,
    metrics,
  };
  const frameworks = new Map<string, Framework>();
  for (const profile of config?.profiles ?? [defaultProfile])
    frameworks.set(
      profile.schedulerName,
      createFramework(leavingToExtenders(profile, config?.extenders), builtinSchedulerPlugins, environment),
    );

  const { attempts, attemptSeconds, incoming, podAttempts, sliSeconds } = schedulerMetrics(metrics, {
    nodes: () => cache.nodeCount,
    pending: () => queue.counts(),
  });

  const report = podReporter({ client, events, clock, log });
  let stopped = false;
  let turnPlanned = false;
  let binding = 0;
  let asking = false;
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
    if (turnPlanned || stopped || asking) return;
    turnPlanned = true;
    setImmediate(turn);
  }

  function turn(): void {
    turnPlanned = false;
    const end = clock.monotonic() + turnMs;
    let tried = 0;
    // Under a virtual clock time stands still within a turn: the count ends it.
    while (!stopped && !asking && tried++ < 64) {
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
    const cycle = {
      cache,
      random,
      percentageOfNodesToScore: framework.percentageOfNodesToScore ?? config?.percentageOfNodesToScore ?? 0,
      cursor,
      nominator,
      memo,
    };
    if (extenders?.concern(pod)) {
      asking = true;
      track(askExtenders(queued, began, () => scheduleExtended(framework, pod, { ...cycle, extenders })));
      return;
    }
    try {
      follow(queued, scheduleOne(framework, pod, cycle), began);
    } catch (error) {
      track(failed(queued, error));
    }
  }

  /** Pods are placed one after the other also while extenders are asked: the next one waits. */
  async function askExtenders(
    queued: QueuedPod,
    began: number,
    ask: () => Promise<Placement | Refusal>,
  ): Promise<void> {
    try {
      const outcome = await ask();
      const gone = outcome.kind === 'placed' && !cache.node(outcome.nodeName);
      if (gone) throw new Error(`node ${outcome.nodeName} went away while extenders were asked`);
      if (!stopped && queued.where === 'inFlight') follow(queued, outcome, began);
    } catch (error) {
      await failed(queued, error);
    } finally {
      asking = false;
      planTurn();
    }
  }

  /** Does what a cycle has decided. */
  function follow(queued: QueuedPod, outcome: Placement | Refusal, began: number): void {
    const { pod, framework } = queued;
    attemptSeconds.observe((clock.monotonic() - began) / 1000, {
      result: outcome.kind === 'placed' ? 'scheduled' : 'unschedulable',
    });
    if (outcome.kind === 'refused') {
      attempts.inc({ result: 'unschedulable', profile: framework.schedulerName });
      track(refuse(queued, outcome));
      return;
    }
    cache.assume(pod, outcome.nodeName);
    const refused = reserve(framework, outcome.state, pod, outcome.nodeName);
    if (refused) giveBack(queued, outcome, refused);
    else track(bind(queued, outcome));
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
      if (!(await extenders?.bind(pod, nodeName)))
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
    const said = remedy.nominatedNode ? '' : remedy.messages.join(', ');
    await report(pod, {
      reason: 'Unschedulable',
      message: said ? `${refusal.message} ${said}` : refusal.message,
      nominatedNode: remedy.nominatedNode,
    });
  }

  interface Remedy {
    readonly nominatedNode?: string | null;
    readonly messages: readonly string[];
  }

  /** Asks the postFilter plugins in turn whether room can be made. */
  async function lookForRemedy({ pod, framework }: QueuedPod, { state, verdicts }: Refusal): Promise<Remedy> {
    const messages: string[] = [];
    let takesBack = false;
    for (const { running } of framework.postFilter) {
      const result = await running.postFilter!(state, pod, verdicts);
      if (result?.message) messages.push(result.message);
      if (result?.nominatedNode) {
        nominator.add(pod, result.nominatedNode);
        return { nominatedNode: result.nominatedNode, messages };
      }
      if (result?.nominatedNode === null) takesBack = true;
    }
    if (!takesBack) return { messages };
    nominator.remove(pod.metadata.uid);
    return { nominatedNode: null, messages };
  }

  /** A try that met an error: it is made again after a backoff, whatever happens in the cluster meanwhile. */
  async function failed(queued: QueuedPod, error: unknown): Promise<void> {
    const { pod, framework } = queued;
    log.error('scheduling failed', { pod: `${pod.metadata.namespace}/${pod.metadata.name}`, error });
    attempts.inc({ result: 'error', profile: framework.schedulerName });
    queue.refuse(queued, new Set());
    await report(pod, { reason: 'SchedulerError', message: (error as Error).message });
  }

  const stopFollowing = followCluster({ informers, cache, queue, nominator, frameworks });
  await whenSynced(informers);
  planTurn();
  return {
    cache,
    queue,
    idle: () => binding === 0 && queue.idle && events.idle,
    stop() {
      stopped = true;
      stopFollowing();
      devices.stop();
      extenders?.close();
      queue.stop();
    },
  };
}

/** A profile whose resource filter looks away from what extenders say they see to. */
function leavingToExtenders(profile: SchedulerProfile, extenders: SchedulerConfig['extenders'] = []): SchedulerProfile {
  const theirs = extenders.flatMap(({ managedResources = [] }) =>
    managedResources.filter(({ ignoredByScheduler }) => ignoredByScheduler).map(({ name }) => name),
  );
  if (theirs.length === 0) return profile;
  const fit = profile.pluginArgs?.['NodeResourcesFit'];
  const ignoredResources = [...((fit?.['ignoredResources'] as readonly string[] | undefined) ?? []), ...theirs];
  return { ...profile, pluginArgs: { ...profile.pluginArgs, NodeResourcesFit: { ...fit, ignoredResources } } };
}
