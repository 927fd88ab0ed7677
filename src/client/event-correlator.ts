/** What becomes of an event before it is written: dropped as spam, joined with similar ones, or counted up. As client-go's EventCorrelator. */
import type { Clock } from '../base/clock.ts';

/** Distinct messages of one kind of event about one object that are kept apart; from then on they are combined. */
const maxSimilar = 10;
const similarWindowMs = 600_000;
/** Per source and object: 25 events at once, then one in five minutes. */
const spamBurst = 25;
const spamRefillMs = 300_000;
/** Entries of each table; the least recently used go first. */
const tableSize = 4096;

export interface CorrelationInput {
  /** Who reports about which object. */
  readonly sourceAndObject: string;
  /** The event without its message: type, reason, reporter. */
  readonly group: string;
  readonly message: string;
}

export interface WrittenEvent {
  readonly namespace: string;
  readonly name: string;
  count: number;
}

/** `known` gives the event that was written before for the same thing, if any: to be counted up instead of created. */
export type Correlation =
  | { readonly drop: true }
  | {
      readonly drop: false;
      readonly message: string;
      known(): WrittenEvent | undefined;
      remember(event: WrittenEvent): void;
      forget(): void;
    };

/** The memory of one recorder. */
export class EventCorrelator {
  readonly #clock: Clock;
  readonly #similar = new RecentTable<{ messages: Set<string>; lastAt: number }>();
  readonly #written = new RecentTable<WrittenEvent>();
  readonly #tokens = new RecentTable<{ left: number; at: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  correlate({ sourceAndObject, group, message }: CorrelationInput): Correlation {
    const now = this.#clock.now();
    const groupKey = `${sourceAndObject}\u0000${group}`;
    let similar = this.#similar.get(groupKey);
    if (!similar || now - similar.lastAt > similarWindowMs) similar = { messages: new Set(), lastAt: now };
    similar.messages.add(message);
    similar.lastAt = now;
    this.#similar.set(groupKey, similar);
    let text = message;
    let key = `${groupKey}\u0000${message}`;
    if (similar.messages.size >= maxSimilar) {
      // One message too many is forgotten again, so that the set does not grow while the flood lasts.
      for (const first of similar.messages) {
        similar.messages.delete(first);
        break;
      }
      text = `(combined from similar events): ${message}`;
      key = groupKey;
    }
    if (!this.#takeToken(sourceAndObject, now)) return { drop: true };
    return {
      drop: false,
      message: text,
      known: () => this.#written.get(key),
      remember: (event) => this.#written.set(key, event),
      forget: () => this.#written.delete(key),
    };
  }

  #takeToken(key: string, now: number): boolean {
    const bucket = this.#tokens.get(key) ?? { left: spamBurst, at: now };
    bucket.left = Math.min(spamBurst, bucket.left + (now - bucket.at) / spamRefillMs);
    bucket.at = now;
    this.#tokens.set(key, bucket);
    if (bucket.left < 1) return false;
    bucket.left -= 1;
    return true;
  }
}

/** A map that forgets its least recently used entry when it is full. */
class RecentTable<V> {
  readonly #entries = new Map<string, V>();

  get(key: string): V | undefined {
    return this.#entries.get(key);
  }

  set(key: string, value: V): void {
    this.#entries.delete(key);
    this.#entries.set(key, value);
    if (this.#entries.size <= tableSize) return;
    for (const oldest of this.#entries.keys()) {
      this.#entries.delete(oldest);
      return;
    }
  }

  delete(key: string): void {
    this.#entries.delete(key);
  }
}
