/** How long a failing container waits before its next start: upstream's crash loop backoff. */

interface Entry {
  delayMs: number;
  lastUpdate: number;
}

export interface RestartBackoffPolicy {
  readonly initialMs: number;
  readonly maxMs: number;
}

/** 10 s, doubled at each restart up to 5 minutes, forgotten after twice that without one. */
export const crashLoopPolicy: RestartBackoffPolicy = { initialMs: 10_000, maxMs: 300_000 };

/** Image pulls wait in the same steps. */
export const imagePullPolicy: RestartBackoffPolicy = { initialMs: 10_000, maxMs: 300_000 };

/** Delays by key (pod, container and its definition). */
export class RestartBackoff {
  readonly #entries = new Map<string, Entry>();
  readonly #policy: RestartBackoffPolicy;

  constructor(policy: RestartBackoffPolicy = crashLoopPolicy) {
    this.#policy = policy;
  }

  /** Milliseconds from `now` until the next start may be, after a failure at `failedAt`; 0 when it may be at once. */
  waitMs(key: string, failedAt: number, now: number): number {
    const entry = this.#entries.get(key);
    if (!entry || this.#expired(entry, failedAt)) return 0;
    return Math.max(0, failedAt + entry.delayMs - now);
  }

  /** The delay that is in force, for messages. */
  delayMs(key: string): number {
    return this.#entries.get(key)?.delayMs ?? 0;
  }

  /** Counts a start: the next failure waits twice as long. */
  next(key: string, failedAt: number, now: number): void {
    const entry = this.#entries.get(key);
    if (!entry || this.#expired(entry, failedAt)) {
      this.#entries.set(key, { delayMs: this.#policy.initialMs, lastUpdate: now });
      return;
    }
    entry.delayMs = Math.min(entry.delayMs * 2, this.#policy.maxMs);
    entry.lastUpdate = now;
  }

  reset(key: string): void {
    this.#entries.delete(key);
  }

  /** Forgets the keys that begin with a prefix. */
  forget(prefix: string): void {
    for (const key of this.#entries.keys()) if (key.startsWith(prefix)) this.#entries.delete(key);
  }

  #expired(entry: Entry, failedAt: number): boolean {
    return failedAt - entry.lastUpdate > 2 * this.#policy.maxMs;
  }
}

/** A duration as Go prints it, to the millisecond: `250ms`, `1.5s`, `1m20s`, `5m0s`. */
export function goDuration(ms: number): string {
  if (ms > 0 && ms < 1000) return `${Math.round(ms)}ms`;
  const seconds = Math.round(ms) / 1000;
  const minutes = Math.floor(seconds / 60);
  const rest = `${Math.round((seconds % 60) * 1000) / 1000}s`;
  if (minutes === 0) return rest;
  const hours = Math.floor(minutes / 60);
  return hours === 0 ? `${minutes}m${rest}` : `${hours}h${minutes % 60}m${rest}`;
}
