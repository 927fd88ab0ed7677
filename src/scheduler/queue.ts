/**
 * The scheduling queue: pods that can be tried now (by priority, then age), pods that wait out a backoff, and pods that
 * wait for an event that one of the plugins that refused them cares about.
 */
import type { Shared } from '../api/kind.ts';
import type { Pod } from '../api/types/core-v1.ts';
import type { Clock, Timer } from '../base/clock.ts';
import { deepEqual } from '../base/deep.ts';
import { EventLog } from './event-log.ts';
import type { ActivePlugin, ClusterEvent, Framework, Verdict } from './framework.ts';
import { Heap } from './heap.ts';

/** A pod and the history of its tries. */
export interface QueuedPod {
  pod: Shared<Pod>;
  readonly framework: Framework;
  attempts: number;
  /** Order of arrival, for pods of one priority. */
  readonly sequence: number;
  readonly addedAtMs: number;
  /** Names of the plugins that refused it last; none after an error. */
  refusedBy: ReadonlySet<string>;
  /** Held by a preEnqueue plugin (scheduling gates). */
  gated: boolean;
  where: 'active' | 'backoff' | 'unschedulable' | 'inFlight' | 'gone';
  readyAtMs: number;
  /** Where the event log ended when it was last taken out: it may have missed what came since. */
  missedFrom: number;
}

export interface QueueOptions {
  readonly clock: Clock;
  /** Upstream's defaults: 1 s, doubled to at most 10 s. */
  readonly initialBackoffMs?: number;
  readonly maxBackoffMs?: number;
  /** How long an unschedulable pod waits at most before it is tried anyway; 5 min. */
  readonly maxUnschedulableMs?: number;
  /** Called when there is something to pop. */
  onReady(): void;
  /** Told why a pod came in, for metrics: upstream's event labels and queue names. */
  onIncoming?(queue: 'active' | 'backoff' | 'unschedulable' | 'gated', event: string): void;
}

const flushIntervalMs = 30_000;

export class SchedulingQueue {
  readonly #options: Required<Omit<QueueOptions, 'onIncoming'>> & Pick<QueueOptions, 'onIncoming'>;
  readonly #pods = new Map<string, QueuedPod>();
  /** Both heaps may hold pods that have moved on: what counts is where the pod says it is. */
  readonly #active = new Heap<QueuedPod>(comesBefore);
  readonly #backoff = new Heap<BackedOff>(
    (a, b) => a.atMs < b.atMs || (a.atMs === b.atMs && comesBefore(a.queued, b.queued)),
  );
  readonly #unschedulable = new Set<QueuedPod>();
  /** The unschedulable by each plugin whose word keeps them there. */
  readonly #heldBy = new Map<ActivePlugin, Set<QueuedPod>>();
  readonly #inFlight = new Set<QueuedPod>();
  readonly #log = new EventLog();
  #sequence = 0;
  #backoffTimer: Timer | undefined;
  #backoffTimerAt = Number.POSITIVE_INFINITY;
  #flushTimer: Timer | undefined;

  constructor(options: QueueOptions) {
    this.#options = { initialBackoffMs: 1000, maxBackoffMs: 10_000, maxUnschedulableMs: 300_000, ...options };
  }

  counts(): { active: number; backoff: number; unschedulable: number; gated: number } {
    const counts = { active: 0, backoff: 0, unschedulable: 0, gated: 0 };
    for (const { where, gated } of this.#pods.values()) {
      if (where === 'active' || where === 'backoff') counts[where]++;
      else if (where === 'unschedulable') counts[gated ? 'gated' : 'unschedulable']++;
    }
    return counts;
  }

  /** Whether nothing can be popped now (pods may still wait for an event, or after an error for their backoff). */
  get idle(): boolean {
    return !this.#peekActive() && !this.#peekBackoff();
  }

  get(uid: string): QueuedPod | undefined {
    return this.#pods.get(uid);
  }

  add(pod: Shared<Pod>, framework: Framework): void {
    const known = this.#pods.get(pod.metadata.uid);
    if (known) {
      this.update(pod);
      return;
    }
    const queued: QueuedPod = {
      pod,
      framework,
      attempts: 0,
      sequence: this.#sequence++,
      addedAtMs: this.#options.clock.now(),
      refusedBy: new Set(),
      gated: false,
      where: 'gone',
      readyAtMs: 0,
      missedFrom: 0,
    };
    this.#pods.set(pod.metadata.uid, queued);
    this.#activate(queued, 'PodAdd');
  }

  /** A new version of a pod: what it asks for may have changed, so it is tried again when it was refused. */
  update(pod: Shared<Pod>): void {
    const queued = this.#pods.get(pod.metadata.uid);
    if (!queued) return;
    const old = queued.pod;
    queued.pod = pod;
    if (!asksOtherwise(pod, old)) return;
    const event: ClusterEvent = { kind: 'Pod', action: 'update', object: pod, old };
    if (queued.where === 'inFlight') this.#log.add(event);
    if (queued.where !== 'unschedulable') return;
    if (queued.gated) this.#activate(queued, 'PodUpdate');
    else if (this.#mayHelp(event, queued)) this.#requeue(queued, 'PodUpdate');
  }

  remove(uid: string): void {
    const queued = this.#pods.get(uid);
    if (!queued) return;
    this.#pods.delete(uid);
    this.#leave(queued);
    queued.where = 'gone';
  }

  /** The next pod to try, or undefined. With nothing active, one that may fit by now need not sit out its backoff. */
  pop(): QueuedPod | undefined {
    const next = this.#peekActive()
      ? this.#active.pop()
      : this.#peekBackoff()
        ? this.#backoff.pop()?.queued
        : undefined;
    if (!next) return undefined;
    next.where = 'inFlight';
    next.attempts++;
    next.missedFrom = this.#log.end;
    this.#inFlight.add(next);
    return next;
  }

  /** The pod was placed: it is the cache's from now on. */
  done(queued: QueuedPod): void {
    this.#landed(queued);
    if (this.#pods.get(queued.pod.metadata.uid) === queued) this.#pods.delete(queued.pod.metadata.uid);
    queued.where = 'gone';
  }

  /** The pod did not fit, or there was an error (no plugins given): it comes back after an event, or after its backoff. */
  refuse(queued: QueuedPod, refusedBy: ReadonlySet<string>): void {
    const missed = this.#log.since(queued.missedFrom);
    this.#landed(queued);
    if (this.#pods.get(queued.pod.metadata.uid) !== queued) return;
    queued.refusedBy = refusedBy;
    queued.readyAtMs = this.#options.clock.now() + this.#backoffOf(queued.attempts);
    if (refusedBy.size === 0) this.#requeue(queued, 'ScheduleAttemptFailure');
    else if (missed.some((event) => this.#mayHelp(event, queued))) this.#requeue(queued, 'ScheduleAttemptFailure');
    else this.#park(queued, 'ScheduleAttemptFailure');
  }

  /** Something changed in the cluster: moves the pods that it may help. */
  onEvent(event: ClusterEvent): void {
    if (this.#inFlight.size) this.#log.add(event);
    if (this.#unschedulable.size === 0) return;
    for (const [plugin, held] of this.#heldBy) {
      if (held.size === 0 || !isOf(event, plugin)) continue;
      const helps = plugin.running.helps?.bind(plugin.running);
      const helped: QueuedPod[] = [];
      for (const queued of held) if (!helps || helps(event, queued.pod)) helped.push(queued);
      for (const queued of helped) this.#requeue(queued, `${event.kind}${event.action}`);
    }
  }

  /** Tries a waiting pod again at once, without backoff. */
  activate(uid: string): void {
    const queued = this.#pods.get(uid);
    if (queued && (queued.where === 'unschedulable' || queued.where === 'backoff') && !queued.gated)
      this.#activate(queued, 'ForceActivate');
  }

  stop(): void {
    this.#backoffTimer?.cancel();
    this.#flushTimer?.cancel();
    this.#pods.clear();
    this.#unschedulable.clear();
    this.#heldBy.clear();
    this.#backoff.clear();
    this.#active.clear();
  }

  *waiting(): Iterable<QueuedPod> {
    for (const queued of this.#pods.values())
      if (queued.where === 'unschedulable' || queued.where === 'backoff') yield queued;
  }

  #mayHelp(event: ClusterEvent, queued: QueuedPod): boolean {
    for (const plugin of queued.framework.plugins) {
      if (!queued.refusedBy.has(plugin.definition.name) || !isOf(event, plugin)) continue;
      if (!plugin.running.helps || plugin.running.helps(event, queued.pod)) return true;
    }
    return false;
  }

  #backoffOf(attempts: number): number {
    return Math.min(
      this.#options.maxBackoffMs,
      this.#options.initialBackoffMs * 2 ** Math.max(0, Math.min(attempts - 1, 30)),
    );
  }

  #preEnqueue(queued: QueuedPod): Verdict | undefined {
    for (const plugin of queued.framework.preEnqueue) {
      const verdict = plugin.running.preEnqueue!(queued.pod);
      if (verdict) return verdict;
    }
    return undefined;
  }

  #requeue(queued: QueuedPod, why: string): void {
    if (queued.gated || queued.readyAtMs <= this.#options.clock.now()) {
      this.#activate(queued, why);
      return;
    }
    this.#leave(queued);
    queued.where = 'backoff';
    this.#backoff.push({ queued, atMs: queued.readyAtMs });
    this.#options.onIncoming?.('backoff', why);
    this.#armBackoff(queued.readyAtMs);
    if (queued.refusedBy.size) this.#options.onReady();
  }

  #activate(queued: QueuedPod, why: string): void {
    this.#leave(queued);
    const gate = this.#preEnqueue(queued);
    if (gate) {
      queued.gated = true;
      queued.refusedBy = new Set([gate.plugin]);
      this.#park(queued, why);
      return;
    }
    queued.gated = false;
    queued.where = 'active';
    this.#active.push(queued);
    this.#options.onIncoming?.('active', why);
    this.#options.onReady();
  }

  #park(queued: QueuedPod, why: string): void {
    queued.where = 'unschedulable';
    this.#unschedulable.add(queued);
    for (const plugin of queued.framework.plugins) {
      if (!queued.refusedBy.has(plugin.definition.name)) continue;
      const held = this.#heldBy.get(plugin);
      if (held) held.add(queued);
      else this.#heldBy.set(plugin, new Set([queued]));
    }
    this.#options.onIncoming?.(queued.gated ? 'gated' : 'unschedulable', why);
    if (!queued.gated) this.#flushTimer ??= this.#options.clock.every(flushIntervalMs, () => this.#flushOld());
  }

  /** A hint that was wrong must not strand a pod for ever. */
  #flushOld(): void {
    const before = this.#options.clock.now() - this.#options.maxUnschedulableMs;
    let waiting = 0;
    for (const queued of [...this.#unschedulable]) {
      if (queued.gated) continue;
      if (queued.readyAtMs < before) this.#requeue(queued, 'UnschedulableTimeout');
      else waiting++;
    }
    if (waiting > 0) return;
    this.#flushTimer?.cancel();
    this.#flushTimer = undefined;
  }

  #armBackoff(atMs: number): void {
    if (atMs >= this.#backoffTimerAt) return;
    this.#backoffTimer?.cancel();
    this.#backoffTimerAt = atMs;
    this.#backoffTimer = this.#options.clock.after(Math.max(0, atMs - this.#options.clock.now()), () => {
      this.#backoffTimerAt = Number.POSITIVE_INFINITY;
      const now = this.#options.clock.now();
      for (let next = this.#backoff.peek(); next; next = this.#backoff.peek()) {
        if (isCurrent(next) && next.atMs > now) {
          this.#armBackoff(next.atMs);
          return;
        }
        this.#backoff.pop();
        if (isCurrent(next)) this.#activate(next.queued, 'BackoffComplete');
      }
    });
  }

  #leave(queued: QueuedPod): void {
    if (this.#unschedulable.delete(queued))
      for (const plugin of queued.framework.plugins)
        if (queued.refusedBy.has(plugin.definition.name)) this.#heldBy.get(plugin)?.delete(queued);
    this.#landed(queued);
  }

  #landed(queued: QueuedPod): void {
    if (!this.#inFlight.delete(queued)) return;
    const [oldest] = this.#inFlight;
    this.#log.trim(oldest?.missedFrom);
  }

  #peekActive(): QueuedPod | undefined {
    while (this.#active.size && this.#active.peek()!.where !== 'active') this.#active.pop();
    return this.#active.peek();
  }

  /** The pod that has least to wait of those that may be tried before their time: not those that met an error. */
  #peekBackoff(): QueuedPod | undefined {
    while (this.#backoff.size && !isCurrent(this.#backoff.peek()!)) this.#backoff.pop();
    const next = this.#backoff.peek()?.queued;
    return next && next.refusedBy.size > 0 ? next : undefined;
  }
}

/** A place in the backoff heap; it counts only while the pod waits for this very time. */
interface BackedOff {
  readonly queued: QueuedPod;
  readonly atMs: number;
}

const isCurrent = ({ queued, atMs }: BackedOff) => queued.where === 'backoff' && queued.readyAtMs === atMs;

function comesBefore(a: QueuedPod, b: QueuedPod): boolean {
  const left = a.pod.spec.priority ?? 0;
  const right = b.pod.spec.priority ?? 0;
  return left > right || (left === right && a.sequence < b.sequence);
}

/** Whether a plugin asked for events like this one, and this one can matter to it at all. */
function isOf(event: ClusterEvent, { definition, running }: ActivePlugin): boolean {
  return (
    definition.events.some((e) => e.kind === event.kind && e.actions.includes(event.action)) &&
    (!running.concerns || running.concerns(event))
  );
}

/** Whether a pod's wishes have changed: of its status, which the scheduler writes itself, only the claims made for it are new. */
function asksOtherwise(pod: Shared<Pod>, old: Shared<Pod>): boolean {
  return (
    // The generation grows with every change of the spec.
    ((pod.metadata.generation === undefined || pod.metadata.generation !== old.metadata.generation) &&
      !deepEqual(pod.spec, old.spec)) ||
    !deepEqual(pod.metadata.labels, old.metadata.labels) ||
    !deepEqual(pod.metadata.annotations, old.metadata.annotations) ||
    !deepEqual(pod.status.resourceClaimStatuses, old.status.resourceClaimStatuses)
  );
}
