import type { CacheEvent } from './cache-api.ts';

/** How much of the past a resource keeps. Events are forgotten when they are over any bound, but never the newest `minEvents`. */
export interface EventWindowLimits {
  readonly minEvents: number;
  readonly maxEvents: number;
  readonly maxAgeMs: number;
  /** Bytes of encoded versions that the events hold. */
  readonly maxBytes: number;
}

/**
 * Five minutes, as long as upstream lets a continue token live and etcd keeps history; 100,000 events is upstream's
 * largest watch cache.
 */
export const defaultWindowLimits: EventWindowLimits = {
  minEvents: 100,
  maxEvents: 100_000,
  maxAgeMs: 300_000,
  maxBytes: 64 * 1024 * 1024,
};

/** The newest events of a resource, in order of revision. */
export class EventWindow<T> {
  readonly #limits: EventWindowLimits;
  readonly #sizeOf: (event: CacheEvent<unknown>) => number;
  #events: (CacheEvent<T> | undefined)[] = [];
  #times: number[] = [];
  #sizes: number[] = [];
  #start = 0;
  #bytes = 0;
  #floor: number;

  constructor(limits: EventWindowLimits, floor: number, sizeOf: (event: CacheEvent<unknown>) => number) {
    this.#limits = limits;
    this.#floor = floor;
    this.#sizeOf = sizeOf;
  }

  /** All events after this revision are in the window. */
  get floor(): number {
    return this.#floor;
  }

  get size(): number {
    return this.#events.length - this.#start;
  }

  push(event: CacheEvent<T>, nowMs: number): void {
    const size = this.#sizeOf(event);
    this.#events.push(event);
    this.#times.push(nowMs);
    this.#sizes.push(size);
    this.#bytes += size;
  }

  /** Forgets what is over the limits. */
  trim(nowMs: number): void {
    const { minEvents, maxEvents, maxAgeMs, maxBytes } = this.#limits;
    const oldest = nowMs - maxAgeMs;
    while (this.size > minEvents) {
      const at = this.#start;
      if (this.size <= maxEvents && this.#bytes <= maxBytes && this.#times[at]! >= oldest) break;
      this.#floor = this.#events[at]!.revision;
      this.#events[at] = undefined;
      this.#bytes -= this.#sizes[at]!;
      this.#start++;
    }
    if (this.#start > 64 && this.#start * 2 > this.#events.length) {
      this.#events = this.#events.slice(this.#start);
      this.#times = this.#times.slice(this.#start);
      this.#sizes = this.#sizes.slice(this.#start);
      this.#start = 0;
    }
  }

  /** Events after a revision, oldest first. */
  after(revision: number): CacheEvent<T>[] {
    return this.#events.slice(this.#firstAfter(revision)) as CacheEvent<T>[];
  }

  #firstAfter(revision: number): number {
    let low = this.#start;
    let high = this.#events.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#events[middle]!.revision <= revision) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
