import type { Clock } from '../base/clock.ts';

/** Sleeps without letting the process end meanwhile: for waits that someone waits for. */
export function pause(clock: Clock, delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    clock.after(delayMs, resolve, { keepAlive: true });
  });
}
