/**
 * The work queue of a controller, as client-go's: a key is worked on by at most one worker at a time, a key added while it
 * waits is not added twice, and one added while it is worked on is worked on again. First come, first served.
 */
import { backoffDelay } from '../base/backoff.ts';
import type { Clock, Timer } from '../base/clock.ts';
import type { MetricsRegistry } from '../base/metrics.ts';
import type { Random } from '../base/random.ts';
import { workQueueMetrics } from './workqueue-metrics.ts';

/** What a step asks of the queue. Throwing asks for a retry with backoff. */
export type WorkResult =
  | undefined
  | {
      /** Work on the key again after this long, whatever happens. */
      readonly requeueAfterMs?: number;
      /** Not before this long: what is added meanwhile is answered by one step. For steps that cost much. */
      readonly coalesceMs?: number;
    };

export interface WorkQueueOptions<K> {
  readonly clock: Clock;
  /** Works on one key. */
  process(key: K): Promise<WorkResult>;
  /** Keys worked on at the same time; 1 by default. */
  readonly concurrency?: number;
  /** Called with what `process` threw; returns false to give the key up. Without it every failure is retried. */
  onError?(key: K, error: unknown, retries: number): boolean;
  /** Adds up to a tenth to retry delays, so that keys that failed together do not come back together. */
  readonly random?: Random;
  /** With both, upstream's workqueue_* metrics are kept under this name. */
  readonly name?: string;
  readonly metrics?: MetricsRegistry;
  /** Retry delays: 5 ms doubling to 1,000 s as client-go. */
  readonly baseDelayMs?: number;
  readonly maxDelayMs?: number;
  /** Holds all keys back until start() is called. */
  readonly paused?: boolean;
}

export interface WorkQueue<K> {
  add(key: K): void;
  /** Adds the key after a time. Of several waits of one key the shortest counts. */
  addAfter(key: K, delayMs: number): void;
  /** Adds the key after the delay that its number of failures asks for, and counts one more. */
  addRateLimited(key: K): void;
  /** Forgets the failures of a key. */
  forget(key: K): void;
  /** Lets a queue made with `paused` begin. */
  start(): void;
  /** Keys that are ready and not being worked on. */
  readonly length: number;
  /** No key is ready or being worked on. Keys that wait for their time do not count. */
  idle(): boolean;
  /** Takes no more keys, drops the waiting ones, and resolves when the steps under way have ended. */
  stop(): Promise<void>;
}

/** After so many steps in a row the event loop gets a turn, so that a storm of keys does not starve everything else. */
const burstLimit = 32;

/** A queue that works on its keys by itself. */
export function createWorkQueue<K>(options: WorkQueueOptions<K>): WorkQueue<K> {
  return new KeyedQueue(options);
}

class KeyedQueue<K> implements WorkQueue<K> {
  readonly #options: WorkQueueOptions<K>;
  readonly #metrics: ReturnType<typeof workQueueMetrics> | undefined;
  /** Ready keys in order, with the time they were added. */
  readonly #ready = new Map<K, number>();
  readonly #working = new Map<K, number>();
  /** Keys added while being worked on. */
  readonly #again = new Set<K>();
  readonly #waiting = new Map<K, { readonly timer: Timer; readonly at: number }>();
  readonly #failures = new Map<K, number>();
  /** Until when a key is held back, by the monotonic clock. */
  readonly #held = new Map<K, number>();
  readonly #drained = Promise.withResolvers<void>();
  #paused: boolean;
  #stopped = false;
  #scheduled = false;
  #burst = 0;

  constructor(options: WorkQueueOptions<K>) {
    this.#options = options;
    this.#paused = options.paused ?? false;
    if (options.metrics && options.name) {
      this.#metrics = workQueueMetrics(options.metrics, options.name, {
        depth: () => this.#ready.size,
        runningSeconds: () => {
          const now = options.clock.monotonic();
          return [...this.#working.values()].map((since) => (now - since) / 1000);
        },
      });
    }
  }

  get length(): number {
    return this.#ready.size;
  }

  add(key: K): void {
    if (this.#stopped) return;
    if (this.#working.has(key)) {
      if (!this.#again.has(key)) this.#metrics?.added();
      this.#again.add(key);
      return;
    }
    if (this.#ready.has(key)) return;
    const heldMs = (this.#held.get(key) ?? 0) - this.#options.clock.monotonic();
    if (heldMs > 0) {
      this.addAfter(key, heldMs);
      return;
    }
    this.#ready.set(key, this.#options.clock.monotonic());
    this.#metrics?.added();
    this.#schedule();
  }

  addAfter(key: K, delayMs: number): void {
    if (this.#stopped) return;
    if (!(delayMs > 0)) {
      this.add(key);
      return;
    }
    const at = this.#options.clock.monotonic() + delayMs;
    const waiting = this.#waiting.get(key);
    if (waiting) {
      if (waiting.at <= at) return;
      waiting.timer.cancel();
    }
    const timer = this.#options.clock.after(delayMs, () => {
      this.#waiting.delete(key);
      this.add(key);
    });
    this.#waiting.set(key, { timer, at });
  }

  addRateLimited(key: K): void {
    const failures = this.#failures.get(key) ?? 0;
    this.#failures.set(key, failures + 1);
    this.#metrics?.retried();
    const policy = {
      initialMs: this.#options.baseDelayMs ?? 5,
      maxMs: this.#options.maxDelayMs ?? 1_000_000,
      jitter: 0.1,
    };
    this.addAfter(key, backoffDelay(policy, failures, this.#options.random));
  }

  forget(key: K): void {
    this.#failures.delete(key);
  }

  start(): void {
    this.#paused = false;
    this.#schedule();
  }

  idle(): boolean {
    return this.#ready.size === 0 && this.#working.size === 0;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#ready.clear();
    this.#again.clear();
    for (const { timer } of this.#waiting.values()) timer.cancel();
    this.#waiting.clear();
    if (this.#working.size === 0) this.#drained.resolve();
    await this.#drained.promise;
  }

  #schedule(): void {
    if (this.#scheduled || this.#paused || this.#stopped || this.#ready.size === 0) return;
    if (this.#working.size >= (this.#options.concurrency ?? 1)) return;
    this.#scheduled = true;
    const turn = () => {
      this.#scheduled = false;
      this.#fill();
    };
    if (this.#burst < burstLimit) queueMicrotask(turn);
    else {
      setImmediate(() => {
        this.#burst = 0;
        turn();
      });
    }
  }

  #fill(): void {
    const limit = this.#options.concurrency ?? 1;
    for (const [key, addedAt] of this.#ready) {
      if (this.#working.size >= limit || this.#burst >= burstLimit) break;
      this.#ready.delete(key);
      const now = this.#options.clock.monotonic();
      this.#working.set(key, now);
      this.#metrics?.waited((now - addedAt) / 1000);
      this.#burst++;
      void this.#work(key, now);
    }
    this.#schedule();
  }

  async #work(key: K, startedAt: number): Promise<void> {
    try {
      const result = await this.#options.process(key);
      this.#failures.delete(key);
      if (result?.coalesceMs) this.#held.set(key, this.#options.clock.monotonic() + result.coalesceMs);
      else this.#held.delete(key);
      if (result?.requeueAfterMs !== undefined) this.addAfter(key, result.requeueAfterMs);
    } catch (error) {
      const retry = this.#options.onError?.(key, error, this.#failures.get(key) ?? 0) ?? true;
      if (retry && !this.#stopped) this.addRateLimited(key);
      else this.#failures.delete(key);
    }
    this.#working.delete(key);
    this.#metrics?.worked((this.#options.clock.monotonic() - startedAt) / 1000);
    if (this.#stopped) {
      if (this.#working.size === 0) this.#drained.resolve();
      return;
    }
    if (this.#again.delete(key)) this.add(key);
    this.#schedule();
  }
}
