/** One pod's worker: looks at the pod and at the runtime, does the next step, says how it is; never two steps at once. */
import type { Pod } from '../../api/core/pod.ts';
import type { Shared } from '../../api/kind.ts';
import type { PodStatus } from '../../api/types/core-v1.ts';
import { backoffDelay } from '../../base/backoff.ts';
import { parseTime, type Timer } from '../../base/clock.ts';
import { deepEqual } from '../../base/deep.ts';
import { hasChangingVolumes, setUpVolumes } from '../volumes/pod-volumes.ts';
import { VolumeError } from '../volumes/volume.ts';
import { computeActions } from './actions.ts';
import { collectGarbage } from './container-gc.ts';
import { stopContainer } from './container-stopper.ts';
import { deleteFromApi, forgetPod, PodStopper, podGraceSeconds, probeGraceSeconds, releasePod } from './pod-ending.ts';
import { type PodKit, podSources } from './pod-kit.ts';
import { PodResizer } from './pod-resizer.ts';
import { emptyRuntimePod, type RuntimeContainer, type RuntimePod, readRuntimePod } from './pod-runtime.ts';
import { PodStarter } from './pod-starter.ts';
import { makePodStatus, type PodFailure, type WaitingReason } from './pod-status.ts';
import { endForRestart, removeForRestart, restartTrigger } from './restart-all.ts';
import { terminationMessage } from './termination-message.ts';

const retryPolicy = { initialMs: 200, maxMs: 10_000 };
const volumeRefreshMs = 60_000;
/** After the runtime said that something ended, its own status may lag behind by this much. */
const settleMs = [5, 20, 50, 100, 200, 400];

export class PodWorker {
  readonly uid: string;
  readonly #kit: PodKit;
  readonly #starter: PodStarter;
  readonly #resizer: PodResizer;
  readonly #otherPods: () => readonly Shared<Pod>[];
  readonly #onDone: () => void;
  #pod: Shared<Pod>;
  /** What a container waits for, by its name. */
  readonly #waiting = new Map<string, WaitingReason>();
  #runtimePod: RuntimePod;
  #running = false;
  #again = false;
  #closed = false;
  #timer: Timer | undefined;
  #failures = 0;
  #settling: number[] = [];
  /** The pod is no longer in the API. */
  #gone = false;
  /** The agent ends it for a reason of its own. */
  #failure: PodFailure | undefined;
  /** Aborted when the pod is to end: nothing is started any more. */
  readonly #starting = new AbortController();
  readonly #stopper: PodStopper;
  #cleaned = false;
  #lastRefresh: number;
  /** Something that its volumes are made of has changed. */
  #volumesStale = false;
  #workDone: Promise<void> = Promise.resolve();

  /** @param node `otherPods` run here, too; `onDone` is called when nothing of the pod is left on the node and in the API */
  constructor(kit: PodKit, pod: Shared<Pod>, node: { otherPods(): readonly Shared<Pod>[]; onDone(): void }) {
    this.uid = pod.metadata.uid!;
    this.#kit = kit;
    this.#pod = pod;
    this.#resizer = new PodResizer(kit);
    this.#stopper = new PodStopper(kit);
    this.#otherPods = node.otherPods;
    this.#onDone = node.onDone;
    this.#runtimePod = emptyRuntimePod(this.uid);
    this.#starter = new PodStarter(kit, this.#waiting);
    this.#lastRefresh = kit.context.clock.monotonic();
  }

  get pod(): Shared<Pod> {
    return this.#pod;
  }

  /** What was last seen of it in the runtime. */
  get runtimePod(): RuntimePod {
    return this.#runtimePod;
  }

  /** Whether the pod holds resources of the node. */
  get active(): boolean {
    return !this.#cleaned && !isTerminal(this.#pod);
  }

  /** Whether it is to grow as soon as another pod leaves. */
  get waitsForRoom(): boolean {
    return this.#resizer.condition?.reason === 'Deferred';
  }

  get podIps(): readonly string[] {
    return this.#podIps(this.#runtimePod);
  }

  update(pod: Shared<Pod>): void {
    const old = this.#pod;
    this.#pod = pod;
    this.#kit.statuses.observe(pod);
    if (pod.metadata.deletionTimestamp) this.#endSoon();
    // What only the worker itself has changed is no news.
    const isOwnStatus =
      old.metadata.generation === pod.metadata.generation &&
      old.metadata.deletionTimestamp === pod.metadata.deletionTimestamp &&
      deepEqual(old.metadata.labels, pod.metadata.labels) &&
      deepEqual(old.metadata.annotations, pod.metadata.annotations) &&
      !pod.spec.readinessGates?.length;
    if (!isOwnStatus) this.#volumesStale = true;
    if (!isOwnStatus || pod.metadata.deletionTimestamp) this.wake();
  }

  /** The pod was removed from the API: what is left of it on the node goes. */
  removed(pod: Shared<Pod>): void {
    this.#pod = pod;
    this.#gone = true;
    this.#endSoon();
    this.wake();
  }

  /** Ends the pod as failed: evicted, over its deadline, rejected. */
  fail(failure: PodFailure): void {
    if (this.#failure || isTerminal(this.#pod)) return;
    this.#failure = failure;
    this.#endSoon();
    this.wake();
  }

  /** The runtime said that a container or sandbox changed. */
  runtimeChanged(): void {
    this.#settling = [...settleMs];
    this.wake();
  }

  /** An object that its volumes are made of changed. */
  sourcesChanged(): void {
    this.#volumesStale = true;
    this.wake();
  }

  wake(): void {
    if (this.#closed) return;
    this.#again = true;
    if (!this.#running) this.#workDone = this.#run();
  }

  /** Stops working; containers stay as they are. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    this.#starting.abort(new Error('the agent stops'));
    this.#stopper.close();
    await this.#workDone;
  }

  async #run(): Promise<void> {
    this.#running = true;
    const { clock, log } = this.#kit.context;
    while (this.#again && !this.#closed) {
      this.#again = false;
      this.#timer?.cancel();
      let nextMs: number | undefined;
      try {
        nextMs = await this.#step();
        this.#failures = 0;
      } catch (error) {
        if (this.#closed) break;
        nextMs = backoffDelay(retryPolicy, this.#failures++);
        if (!this.#starting.signal.aborted || this.#failures > 1) {
          log.warn('a step of a pod failed', {
            pod: `${this.#pod.metadata.namespace}/${this.#pod.metadata.name}`,
            error,
          });
        }
      }
      const settle = this.#settling.shift();
      if (settle !== undefined) nextMs = Math.min(nextMs ?? settle, settle);
      if (nextMs !== undefined && !this.#again) this.#timer = clock.after(nextMs, () => this.wake());
    }
    this.#running = false;
  }

  /** One step; returns after how long to look again, or undefined to wait for news. */
  async #step(): Promise<number | undefined> {
    const { context, statuses } = this.#kit;
    const pod = this.#pod;
    if (this.#cleaned) return this.#afterCleaning();
    this.#runtimePod = await readRuntimePod(context.runtime, this.uid);
    if (this.#mustEnd()) return this.#end();

    const deadline = this.#deadlineMs();
    if (deadline !== undefined && deadline <= 0) {
      this.#failure = {
        reason: 'DeadlineExceeded',
        message: 'Pod was active on the node longer than the specified deadline',
      };
      context.events.event(pod as never, 'Normal', 'DeadlineExceeded', this.#failure.message);
      return this.#end();
    }
    const { probes } = this.#kit;
    probes.sync(pod, this.#runtimePod);
    // Before the status is made, so that it never shows resources that the node has refused.
    const resized = await this.#resizer.sync(pod, { current: this.#runtimePod, others: this.#otherPods() });
    if (resized.changed) this.#again = true;
    const trigger = restartTrigger(pod, this.#runtimePod);
    const status = this.#makeStatus({ restartingAll: trigger !== undefined });
    statuses.write(pod, status);
    if (status.phase === 'Succeeded' || status.phase === 'Failed') return this.#end();
    if (trigger) return this.#restartAll(trigger);

    const actions = computeActions(pod, this.#runtimePod, probes);
    if (actions.killPod) {
      if (actions.createSandbox && actions.attempt > 0) {
        const message = 'Pod sandbox changed, it will be killed and re-created.';
        context.events.event(pod as never, 'Normal', 'SandboxChanged', message);
      }
      await this.#stopEverything(this.#runtimePod);
      if (!actions.createSandbox) {
        this.#again = true;
        return undefined;
      }
    }
    for (const { container, message, reason } of actions.containersToKill) {
      await stopContainer(context, {
        pod,
        container,
        message,
        graceSeconds: probeGraceSeconds(pod, container.name, reason),
        podIp: this.podIps[0] ?? '127.0.0.1',
      });
    }
    const hasWork =
      actions.createSandbox ||
      actions.initContainersToStart.length +
        actions.containersToStart.length +
        actions.ephemeralContainersToStart.length >
        0;
    let waitMs: number | undefined;
    if (hasWork) {
      const result = await this.#starter.run(pod, {
        actions,
        current: this.#runtimePod,
        signal: this.#starting.signal,
      });
      waitMs = result.retryAfterMs;
      if (result.changed || actions.containersToKill.length > 0) {
        this.#again = true;
        return waitMs;
      }
      // Reasons to wait came up: the status says them.
      statuses.write(pod, this.#makeStatus());
    } else if (actions.containersToKill.length > 0) this.#again = true;
    await this.#refreshVolumes();
    await collectGarbage(context, this.#runtimePod);
    return least(waitMs, deadline, hasChangingVolumes(pod) ? volumeRefreshMs : undefined);
  }

  /** Starts the pod over in its sandbox, the next time after the container's backoff. */
  async #restartAll(trigger: RuntimeContainer): Promise<number | undefined> {
    const { context, restarts, statuses } = this.#kit;
    const key = `${this.uid}_${trigger.name}_all`;
    const now = context.clock.now();
    const waitMs = restarts.waitMs(key, trigger.finishedAt, now);
    if (waitMs > 0) return waitMs;
    const pod = this.#pod;
    await endForRestart(context, pod, { current: this.#runtimePod, trigger });
    this.#runtimePod = await readRuntimePod(context.runtime, this.uid);
    // How each of them ended is told before the runtime forgets it.
    statuses.write(pod, this.#makeStatus({ restartingAll: true }));
    await removeForRestart(context, pod, { current: this.#runtimePod, trigger });
    restarts.next(key, trigger.finishedAt, now);
    this.#again = true;
    return undefined;
  }

  #mustEnd(): boolean {
    return (
      this.#gone ||
      this.#failure !== undefined ||
      Boolean(this.#pod.metadata.deletionTimestamp) ||
      isTerminal(this.#pod)
    );
  }

  /** Stops what runs, writes the last status, gives back what the node lent. */
  async #end(): Promise<number | undefined> {
    const { context, probes, statuses } = this.#kit;
    const pod = this.#pod;
    this.#endSoon();
    probes.sync(pod, this.#runtimePod);
    probes.stopLiveness(this.uid);
    if (!this.#gone && !isTerminal(pod)) statuses.write(pod, this.#makeStatus());
    const running = this.#runtimePod.containers.some(({ state }) => state === 'running' || state === 'unknown');
    if (running || this.#runtimePod.sandboxes.some((sandbox) => sandbox.ready)) {
      await this.#stopEverything(this.#runtimePod);
      this.#runtimePod = await readRuntimePod(context.runtime, this.uid);
      if (this.#runtimePod.containers.some(({ state }) => state === 'running')) return 50;
    }
    probes.remove(this.uid);
    // The status of a pod that ended before this agent knew it is complete, and its last words are no longer here.
    if (!this.#gone && !isSettled(pod)) {
      statuses.write(pod, this.#makeStatus({ finished: true }));
      await statuses.flush(this.uid);
    }
    releasePod(this.#kit, pod);
    this.#cleaned = true;
    return this.#afterCleaning();
  }

  async #afterCleaning(): Promise<undefined> {
    if (!this.#gone && this.#pod.metadata.deletionTimestamp) this.#gone = await deleteFromApi(this.#kit, this.#pod);
    if (!this.#gone) return;
    await forgetPod(this.#kit, this.#pod);
    this.#closed = true;
    this.#onDone();
  }

  #stopEverything(current: RuntimePod): Promise<void> {
    return this.#stopper.stop(this.#pod, {
      current,
      graceSeconds: () => this.#graceSeconds(),
      podIps: this.podIps,
      ending: this.#mustEnd(),
    });
  }

  #endSoon(): void {
    if (!this.#starting.signal.aborted) this.#starting.abort(new Error('the pod ends'));
    this.#stopper.within(this.#graceSeconds());
  }

  #graceSeconds(): number {
    return Math.min(podGraceSeconds(this.#pod, this.#gone), this.#failure?.graceSeconds ?? Number.POSITIVE_INFINITY);
  }

  /** Milliseconds until activeDeadlineSeconds is over. */
  #deadlineMs(): number | undefined {
    const limit = this.#pod.spec.activeDeadlineSeconds;
    const start = this.#kit.statuses.latest(this.#pod).startTime;
    if (limit === undefined || !start) return undefined;
    return parseTime(start) + limit * 1000 - this.#kit.context.clock.now();
  }

  #podIps(current: RuntimePod): readonly string[] {
    if (this.#pod.spec.hostNetwork) return this.#kit.context.settings.nodeIps;
    const sandbox = current.sandboxes[0];
    if (sandbox?.ready) return sandbox.ips;
    // The address of a pod that has ended is still of interest.
    return (this.#kit.statuses.latest(this.#pod).podIPs ?? []).map(({ ip }) => ip!);
  }

  #makeStatus(options: { finished?: boolean; restartingAll?: boolean } = {}): PodStatus {
    const { context, probes, runtimeName, statuses } = this.#kit;
    const pod = { ...this.#pod, status: { ...this.#pod.status, ...statuses.latest(this.#pod) } };
    return makePodStatus({
      pod,
      runtime: this.#runtimePod,
      now: context.clock.now(),
      hostIps: context.settings.nodeIps,
      podIps: this.#podIps(this.#runtimePod),
      waiting: this.#waiting,
      isReady: (container) => probes.isReady(pod, container),
      isStarted: (container) => probes.isStarted(pod, container),
      terminationMessage: (container) => terminationMessage(context, pod, container),
      runtimeName,
      failure: this.#failure,
      resize: this.#resizer.condition,
      keepResources: !this.#resizer.isInForce(this.#pod),
      ...options,
    });
  }

  async #refreshVolumes(): Promise<void> {
    const { clock, events } = this.#kit.context;
    const due = this.#volumesStale || clock.monotonic() - this.#lastRefresh >= volumeRefreshMs;
    if (!due || !hasChangingVolumes(this.#pod)) return;
    this.#volumesStale = false;
    this.#lastRefresh = clock.monotonic();
    try {
      const sources = podSources(this.#kit, this.#pod, this.podIps);
      await setUpVolumes(this.#kit.context, this.#pod, { sources, onlyRefresh: true });
    } catch (error) {
      if (!(error instanceof VolumeError)) throw error;
      events.event(this.#pod as never, 'Warning', 'FailedMount', error.message);
    }
  }
}

const isTerminal = (pod: Shared<Pod>) => pod.status.phase === 'Failed' || pod.status.phase === 'Succeeded';

const isSettled = (pod: Shared<Pod>) =>
  isTerminal(pod) && (pod.status.containerStatuses ?? []).every((status) => status.state?.terminated !== undefined);

function least(...values: (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined);
  return known.length > 0 ? Math.min(...known) : undefined;
}
