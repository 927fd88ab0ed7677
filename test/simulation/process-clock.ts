/** The clock of one process: off from the server's, and standing still while its process does. */
import type { Clock, Timer } from '../../src/base/clock.ts';

export class ProcessClock implements Clock {
  readonly #base: Clock;
  readonly #skewMs: number;
  /** What came due while the process stood still; undefined while it runs. */
  #backlog: (() => void)[] | undefined;

  constructor(base: Clock, skewMs: number) {
    this.#base = base;
    this.#skewMs = skewMs;
  }

  now(): number {
    return this.#base.now() + this.#skewMs;
  }

  monotonic(): number {
    return this.#base.monotonic();
  }

  after(delayMs: number, fn: () => void): Timer {
    return this.#onceAwake(fn, (due) => this.#base.after(delayMs, due));
  }

  every(intervalMs: number, fn: () => void): Timer {
    return this.#onceAwake(fn, (due) => this.#base.every(intervalMs, due));
  }

  async sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    await this.#base.sleep(delayMs, signal);
    if (this.#backlog) await new Promise<void>((resolve) => this.whenAwake(resolve));
  }

  get stalled(): boolean {
    return this.#backlog !== undefined;
  }

  /** Runs `fn` now, or in its turn when the process goes on. */
  whenAwake(fn: () => void): void {
    if (this.#backlog) this.#backlog.push(fn);
    else fn();
  }

  stall(): void {
    this.#backlog ??= [];
  }

  resume(): void {
    const backlog = this.#backlog ?? [];
    this.#backlog = undefined;
    for (const fn of backlog) fn();
  }

  /** A timer whose function waits, while the process stands still, and is not called once the timer was cancelled. */
  #onceAwake(fn: () => void, start: (due: () => void) => Timer): Timer {
    let cancelled = false;
    const timer = start(() => {
      this.whenAwake(() => {
        if (!cancelled) fn();
      });
    });
    return {
      cancel() {
        cancelled = true;
        timer.cancel();
      },
    };
  }
}
