import type { Clock } from '../../base/clock.ts';

/** Answers that are good for a while; the oldest go first when there are too many. Failures are not kept. */
export class ExpiringCache<T> {
  readonly #clock: Clock;
  readonly #ttlMs: number | ((value: T) => number);
  readonly #max: number;
  readonly #entries = new Map<string, { readonly value: T; readonly until: number }>();
  readonly #pending = new Map<string, Promise<T>>();

  constructor(clock: Clock, options: { ttlMs: number | ((value: T) => number); max: number }) {
    this.#clock = clock;
    this.#ttlMs = options.ttlMs;
    this.#max = options.max;
  }

  /** The answer kept, or the one that `ask` gives; several who ask at once share one question. */
  async get(key: string, ask: () => Promise<T>): Promise<T> {
    const now = this.#clock.monotonic();
    const entry = this.#entries.get(key);
    if (entry && entry.until > now) return entry.value;
    this.#entries.delete(key);
    let pending = this.#pending.get(key);
    if (!pending) {
      pending = ask()
        .then((value) => {
          const ttl = typeof this.#ttlMs === 'number' ? this.#ttlMs : this.#ttlMs(value);
          if (this.#entries.size >= this.#max) this.#entries.delete(this.#entries.keys().next().value!);
          this.#entries.set(key, { value, until: this.#clock.monotonic() + ttl });
          return value;
        })
        .finally(() => this.#pending.delete(key));
      this.#pending.set(key, pending);
    }
    return pending;
  }
}
