/** Events that came while pods were being tried: a pod that did not fit may have missed one that would have helped it. */
import type { ClusterEvent } from './framework.ts';

/** Entries that nobody needs any more are dropped once there are so many. */
const trimAt = 1024;

/** One log for all the pods being tried: an event is written once, however many they are. */
export class EventLog {
  #events: ClusterEvent[] = [];
  /** Position of the first event kept. */
  #base = 0;

  /** Where the log ends now: what comes after is missed by who begins now. */
  get end(): number {
    return this.#base + this.#events.length;
  }

  add(event: ClusterEvent): void {
    this.#events.push(event);
  }

  /** The events since a position. */
  since(position: number): readonly ClusterEvent[] {
    return position >= this.end ? [] : this.#events.slice(Math.max(0, position - this.#base));
  }

  /** Forgets what is before a position (undefined: everything). */
  trim(oldestNeeded: number | undefined): void {
    const drop = oldestNeeded === undefined ? this.#events.length : oldestNeeded - this.#base;
    if (drop === 0 || (oldestNeeded !== undefined && drop < trimAt)) return;
    this.#base += drop;
    this.#events = drop === this.#events.length ? [] : this.#events.slice(drop);
  }
}
