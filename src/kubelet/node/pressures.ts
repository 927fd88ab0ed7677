/** Which of a node's resources run short, or did a short while ago. */
import type { Clock } from '../../base/clock.ts';

export type Signal = 'memory' | 'disk' | 'inodes';
export type Pressure = 'MemoryPressure' | 'DiskPressure';

/** A pressure that has gone is reported for this long yet, so that it does not flap. */
const transitionMs = 300_000;

const pressureOf: Record<Signal, Pressure> = {
  memory: 'MemoryPressure',
  disk: 'DiskPressure',
  inodes: 'DiskPressure',
};

export class Pressures {
  readonly #lastSeen = new Map<Pressure, number>();
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  note(signal: Signal): void {
    this.#lastSeen.set(pressureOf[signal], this.#clock.now());
  }

  /** The conditions that hold now. */
  current(): Pressure[] {
    const now = this.#clock.now();
    return [...this.#lastSeen].flatMap(([pressure, seen]) => (now - seen < transitionMs ? [pressure] : []));
  }
}
