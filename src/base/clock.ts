/**
 * Time as an input. Everything outside src/base reads the time and sets timers through a {@link Clock} that it is
 * given, so that a whole cluster can run under a virtual one.
 */

/** A timer that was set; `cancel` is idempotent and safe after it fired. */
export interface Timer {
  cancel(): void;
}

/** The source of time. All durations are milliseconds. */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number;
  /** Monotonic milliseconds from an arbitrary origin: for measuring durations, never shown to users. */
  monotonic(): number;
  /** Calls `fn` once after `delayMs`. A timer does not keep the process alive unless `keepAlive` is set. */
  after(delayMs: number, fn: () => void, options?: { keepAlive?: boolean }): Timer;
  /** Calls `fn` every `intervalMs`, first after one interval, until cancelled. */
  every(intervalMs: number, fn: () => void): Timer;
  /** Resolves after `delayMs`; rejects with the signal's reason when aborted first. */
  sleep(delayMs: number, signal?: AbortSignal): Promise<void>;
}

/** An RFC 3339 time in UTC with second resolution, as metav1.Time is written: `2026-01-02T03:04:05Z`. */
export function formatTime(ms: number): string {
  const second = Math.floor(ms / 1000);
  if (second !== formatted.second) formatted = { second, text: `${new Date(ms).toISOString().slice(0, 19)}Z` };
  return formatted.text;
}

/** Every write asks for the time a few times, and thousands of them in the same second. */
let formatted = { second: Number.NaN, text: '' };

/** An RFC 3339 time in UTC with microseconds, as metav1.MicroTime is written. */
export function formatMicroTime(ms: number): string {
  const micros = Math.round((ms - Math.floor(ms)) * 1000);
  return `${new Date(Math.floor(ms)).toISOString().slice(0, 23)}${String(micros).padStart(3, '0')}Z`;
}

/** Milliseconds since the epoch of an RFC 3339 time; NaN when it is not one. */
export function parseTime(text: string): number {
  return Date.parse(text);
}

/** A sleep on any clock's `after`: shared by the implementations. */
function sleepOn(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const onAbort = () => {
      timer.cancel();
      reject(signal?.reason);
    };
    // Somebody waits for it, so it keeps the process alive.
    const timer = clock.after(
      delayMs,
      () => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      },
      { keepAlive: true },
    );
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

const maxTimeoutMs = 2 ** 31 - 1;

/** The machine's clock. */
export const realClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(delayMs, fn, options) {
    // setTimeout fires at once above 2^31-1 ms, so a longer wait is made of several.
    let handle: NodeJS.Timeout;
    const arm = (leftMs: number) => {
      handle = setTimeout(
        () => (leftMs > maxTimeoutMs ? arm(leftMs - maxTimeoutMs) : fn()),
        Math.min(leftMs, maxTimeoutMs),
      );
      if (!options?.keepAlive) handle.unref();
    };
    arm(Math.max(0, delayMs));
    return { cancel: () => clearTimeout(handle) };
  },
  every(intervalMs, fn) {
    const handle = setInterval(fn, intervalMs);
    handle.unref();
    return { cancel: () => clearInterval(handle) };
  },
  sleep: (delayMs, signal) => sleepOn(realClock, delayMs, signal),
};

interface Due {
  readonly at: number;
  readonly sequence: number;
  readonly fn: () => void;
  cancelled: boolean;
}

/**
 * A clock that stands still until it is told to move. Timers fire in order of time, then of their setting; between two
 * timers the event loop is drained, so that everything that a timer set in motion (promises, immediates) happens at its
 * own virtual instant.
 */
export class VirtualClock implements Clock {
  #now: number;
  #sequence = 0;
  #heap: Due[] = [];

  constructor(startMs: number = Date.UTC(2026, 0, 1)) {
    this.#now = startMs;
  }

  now(): number {
    return this.#now;
  }

  monotonic(): number {
    return this.#now;
  }

  after(delayMs: number, fn: () => void): Timer {
    const due: Due = { at: this.#now + Math.max(0, delayMs), sequence: this.#sequence++, fn, cancelled: false };
    this.#push(due);
    return {
      cancel: () => {
        due.cancelled = true;
      },
    };
  }

  every(intervalMs: number, fn: () => void): Timer {
    let timer: Timer;
    let stopped = false;
    const arm = () => {
      timer = this.after(intervalMs, () => {
        fn();
        if (!stopped) arm();
      });
    };
    arm();
    return {
      cancel: () => {
        stopped = true;
        timer.cancel();
      },
    };
  }

  sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    return sleepOn(this, delayMs, signal);
  }

  /** The instant of the next timer, or undefined when none is set. */
  nextDue(): number | undefined {
    while (this.#heap[0]?.cancelled) this.#pop();
    return this.#heap[0]?.at;
  }

  /**
   * Moves the clock forward by `durationMs`, firing every timer on the way at its instant. Between two instants the event
   * loop runs until `idle` says that nothing is left to do.
   */
  async advance(durationMs: number, idle: () => boolean = alwaysIdle): Promise<void> {
    const end = this.#now + durationMs;
    await quiesce(idle);
    for (let next = this.nextDue(); next !== undefined && next <= end; next = this.nextDue()) {
      this.#now = Math.max(this.#now, next);
      this.#pop()?.fn();
      // Timers of the same instant fire together before the loop is drained: their order is fixed by the heap.
      while (this.nextDue() === this.#now) this.#pop()?.fn();
      await quiesce(idle);
    }
    this.#now = Math.max(this.#now, end);
  }

  #push(due: Due): void {
    const heap = this.#heap;
    let at = heap.push(due) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!before(due, heap[parent]!)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = due;
  }

  #pop(): Due | undefined {
    const heap = this.#heap;
    const top = heap[0];
    const last = heap.pop();
    if (!top || !last || heap.length === 0) return top;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++;
      if (!before(heap[child]!, last)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
    return top;
  }
}

function before(a: Due, b: Due): boolean {
  return a.at < b.at || (a.at === b.at && a.sequence < b.sequence);
}

const alwaysIdle = () => true;
/** Turns of the event loop for which `idle` must hold: a promise chain may hop through a few before it shows up as work. */
const quietTurns = 3;
const maxTurns = 1_000_000;

/** Lets the event loop run until `idle` holds for several turns; throws when that never comes. */
export async function quiesce(idle: () => boolean = alwaysIdle): Promise<void> {
  let quiet = 0;
  for (let turn = 0; turn < maxTurns; turn++) {
    await new Promise<void>((resolve) => setImmediate(resolve));
    quiet = idle() ? quiet + 1 : 0;
    if (quiet >= quietTurns) return;
  }
  throw new Error(`work without end: not idle after ${maxTurns} turns of the event loop`);
}
