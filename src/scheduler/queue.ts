/**
 * The scheduling queue: pods that can be tried now (by priority, then age), pods that wait out a backoff, and pods that
 * wait for an event that one of the plugins that refused them cares about.
 */
import type { Shared } from '../api/kind.ts';
import type { Pod } from '../api/types/core-v1.ts';
import type { Clock, Timer } from '../base/clock.ts';
import type { ClusterEvent, Framework, MaybeVerdict } from './framework.ts';

/** A pod and the history of its tries. */
export interface QueuedPod {
  pod: Shared<Pod>;
  readonly framework: Framework;
  attempts: number;
  /** Order of arrival, for pods of one priority. */
  readonly sequence: number;
  readonly addedAtMs: number;
  /** Names of the plugins that refused it last. */
  refusedBy: ReadonlySet<string>;
  /** Held by a preEnqueue plugin (scheduling gates). */
  gated: boolean;
  where: 'active' | 'backoff' | 'unschedulable' | 'inFlight' | 'gone';
  readyAtMs: number;
  /** Events that came while it was being tried: it may have missed them. */
  missed: ClusterEvent[];
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
}

const flushIntervalMs = 30_000;

export class SchedulingQueue {
  readonly #options: Required<QueueOptions>;
  readonly #pods = new Map<string, QueuedPod>();
  readonly #heap: QueuedPod[] = [];
  readonly #unschedulable = new Set<QueuedPod>();
  readonly #inFlight = new Set<QueuedPod>();
  readonly #backoff = new Set<QueuedPod>();
  #sequence = 0;
  #backoffTimer: Timer | undefined;
  #backoffTimerAt = Number.POSITIVE_INFINITY;
  #flushTimer: Timer | undefined;

  constructor(options: QueueOptions) {
    this.#options = { initialBackoffMs: 1000, maxBackoffMs: 10_000, maxUnschedulableMs: 300_000, ...options };
  }

  counts(): { active: number; backoff: number; unschedulable: number; gated: number } {
    let gated = 0;
    for (const q of this.#unschedulable) if (q.gated) gated++;
    let active = 0;
    for (const q of this.#pods.values()) if (q.where === 'active') active++;
    return { active, backoff: this.#backoff.size, unschedulable: this.#unschedulable.size - gated, gated };
  }

  /** Whether nothing can be popped now (pods may still wait for an event or a backoff). */
  get idle(): boolean {
    while (this.#heap.length && this.#heap[0]!.where !== 'active') this.#popHeap();
    return this.#heap.length === 0;
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
      missed: [],
    };
    this.#pods.set(pod.metadata.uid, queued);
    this.#activate(queued);
  }

  /** A new version of a pod: what it asks for may have changed, so it is tried again when it was refused. */
  update(pod: Shared<Pod>): void {
    const queued = this.#pods.get(pod.metadata.uid);
    if (!queued) return;
    const old = queued.pod;
    queued.pod = pod;
    if (queued.where !== 'unschedulable') return;
    const changed =
      old.metadata.labels !== pod.metadata.labels ||
      old.spec !== pod.spec ||
      old.metadata.annotations !== pod.metadata.annotations;
    if (!changed) return;
    const event: ClusterEvent = { kind: 'Pod', action: 'update', object: pod, old };
    if (queued.gated || this.#mayHelp(event, queued)) this.#requeue(queued);
  }

  remove(uid: string): void {
    const queued = this.#pods.get(uid);
    if (!queued) return;
    this.#pods.delete(uid);
    this.#leave(queued);
    queued.where = 'gone';
  }

  /** The next pod to try, or undefined. */
  pop(): QueuedPod | undefined {
    for (let next = this.#popHeap(); next; next = this.#popHeap()) {
      if (next.where !== 'active') continue;
      next.where = 'inFlight';
      next.attempts++;
      next.missed = [];
      this.#inFlight.add(next);
      return next;
    }
    return undefined;
  }

  /** The pod was placed: it is the cache's from now on. */
  done(queued: QueuedPod): void {
    this.#inFlight.delete(queued);
    if (this.#pods.get(queued.pod.metadata.uid) === queued) this.#pods.delete(queued.pod.metadata.uid);
    queued.where = 'gone';
  }

  /** The pod did not fit, or binding failed (no plugins given): it comes back after an event, or after its backoff. */
  refuse(queued: QueuedPod, refusedBy: ReadonlySet<string>): void {
    this.#inFlight.delete(queued);
    if (this.#pods.get(queued.pod.metadata.uid) !== queued) return;
    queued.refusedBy = refusedBy;
    queued.readyAtMs = this.#options.clock.now() + this.#backoffOf(queued.attempts);
    if (refusedBy.size === 0 || queued.missed.some((event) => this.#mayHelp(event, queued))) this.#requeue(queued);
    else this.#park(queued);
    queued.missed = [];
  }

  /** Something changed in the cluster: moves the pods that it may help. */
  onEvent(event: ClusterEvent): void {
    for (const queued of this.#inFlight) queued.missed.push(event);
    for (const queued of this.#unschedulable) if (!queued.gated && this.#mayHelp(event, queued)) this.#requeue(queued);
  }

  /** Tries every waiting pod again, without backoff: for a nominated pod whose victims are gone. */
  activate(uid: string): void {
    const queued = this.#pods.get(uid);
    if (queued && (queued.where === 'unschedulable' || queued.where === 'backoff') && !queued.gated)
      this.#activate(queued);
  }

  stop(): void {
    this.#backoffTimer?.cancel();
    this.#flushTimer?.cancel();
    this.#pods.clear();
    this.#unschedulable.clear();
    this.#backoff.clear();
    this.#heap.length = 0;
  }

  *waiting(): Iterable<QueuedPod> {
    yield* this.#unschedulable;
    yield* this.#backoff;
  }

  #mayHelp(event: ClusterEvent, queued: QueuedPod): boolean {
    for (const plugin of queued.framework.plugins) {
      if (!queued.refusedBy.has(plugin.definition.name)) continue;
      if (!plugin.definition.events.some((e) => e.kind === event.kind && e.actions.includes(event.action))) continue;
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

  #preEnqueue(queued: QueuedPod): MaybeVerdict {
    for (const plugin of queued.framework.preEnqueue) {
      const verdict = plugin.running.preEnqueue!(queued.pod);
      if (verdict) return verdict;
    }
    return undefined;
  }

  #requeue(queued: QueuedPod): void {
    if (queued.readyAtMs > this.#options.clock.now()) {
      this.#leave(queued);
      queued.where = 'backoff';
      this.#backoff.add(queued);
      this.#armBackoff(queued.readyAtMs);
    } else this.#activate(queued);
  }

  #activate(queued: QueuedPod): void {
    this.#leave(queued);
    const gate = this.#preEnqueue(queued);
    if (gate) {
      queued.gated = true;
      queued.refusedBy = new Set([gate.plugin]);
      this.#park(queued);
      return;
    }
    queued.gated = false;
    queued.where = 'active';
    this.#pushHeap(queued);
    this.#options.onReady();
  }

  #park(queued: QueuedPod): void {
    queued.where = 'unschedulable';
    this.#unschedulable.add(queued);
    this.#flushTimer ??= this.#options.clock.every(flushIntervalMs, () => this.#flushOld());
  }

  /** A hint that was wrong must not strand a pod for ever. */
  #flushOld(): void {
    const before = this.#options.clock.now() - this.#options.maxUnschedulableMs;
    for (const queued of this.#unschedulable) if (!queued.gated && queued.readyAtMs < before) this.#requeue(queued);
    if (this.#unschedulable.size === 0) {
      this.#flushTimer?.cancel();
      this.#flushTimer = undefined;
    }
  }

  #armBackoff(atMs: number): void {
    if (atMs >= this.#backoffTimerAt) return;
    this.#backoffTimer?.cancel();
    this.#backoffTimerAt = atMs;
    this.#backoffTimer = this.#options.clock.after(Math.max(0, atMs - this.#options.clock.now()), () => {
      this.#backoffTimerAt = Number.POSITIVE_INFINITY;
      const now = this.#options.clock.now();
      let next = Number.POSITIVE_INFINITY;
      for (const queued of this.#backoff) {
        if (queued.readyAtMs <= now) this.#activate(queued);
        else next = Math.min(next, queued.readyAtMs);
      }
      if (next !== Number.POSITIVE_INFINITY) this.#armBackoff(next);
    });
  }

  #leave(queued: QueuedPod): void {
    this.#unschedulable.delete(queued);
    this.#backoff.delete(queued);
    this.#inFlight.delete(queued);
  }

  #pushHeap(queued: QueuedPod): void {
    const heap = this.#heap;
    let i = heap.push(queued) - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!comesBefore(queued, heap[parent]!)) break;
      heap[i] = heap[parent]!;
      i = parent;
    }
    heap[i] = queued;
  }

  #popHeap(): QueuedPod | undefined {
    const heap = this.#heap;
    const top = heap[0];
    const last = heap.pop();
    if (!top || !last || heap.length === 0) return top;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && comesBefore(heap[child + 1]!, heap[child]!)) child++;
      if (!comesBefore(heap[child]!, last)) break;
      heap[i] = heap[child]!;
      i = child;
    }
    heap[i] = last;
    return top;
  }
}

function comesBefore(a: QueuedPod, b: QueuedPod): boolean {
  const left = a.pod.spec.priority ?? 0;
  const right = b.pod.spec.priority ?? 0;
  return left > right || (left === right && a.sequence < b.sequence);
}
