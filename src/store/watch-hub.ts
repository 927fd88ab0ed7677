import type { StoreError, StoreEvent, StoreWatch, StoreWatchHandler } from './store.ts';

/** A watch of this process on a store whose commits this process decides. */
export interface HubWatch extends StoreWatch {
  /** Delivers past events, whole revisions up to `upToRevision`; live ones wait until {@link goLive}. */
  past(events: readonly StoreEvent[], upToRevision: number): void;
  /** All of the past was given: what came meanwhile follows, without a gap and without a repetition. */
  goLive(): void;
  /** Ends the watch. */
  fail(error: StoreError): void;
}

interface Member {
  readonly prefix: string;
  readonly handler: StoreWatchHandler;
  /** Everything up to here was delivered, or is not wanted. */
  delivered: number;
  /** Live events that came before {@link HubWatch.goLive}. */
  waiting: { events: readonly StoreEvent[]; revision: number }[] | undefined;
  closed: boolean;
}

/** Hands the events of commits to the watches, in order of revision, also when a handler commits or watches meanwhile. */
export class WatchHub {
  readonly #members = new Set<Member>();
  readonly #queue: { events: readonly StoreEvent[]; revision: number }[] = [];
  #publishing = false;

  add(prefix: string, afterRevision: number, handler: StoreWatchHandler): HubWatch {
    const member: Member = { prefix, handler, delivered: afterRevision, waiting: [], closed: false };
    this.#members.add(member);
    const close = () => {
      member.closed = true;
      this.#members.delete(member);
    };
    return {
      past: (events, upToRevision) => {
        if (events.length > 0) deliver(member, events, upToRevision);
      },
      goLive: () => {
        for (let next = member.waiting?.shift(); next; next = member.waiting?.shift()) {
          deliver(member, next.events, next.revision);
        }
        member.waiting = undefined;
      },
      fail: (error) => {
        if (member.closed) return;
        close();
        handler.onError(error);
      },
      close,
    };
  }

  /** Events of whole revisions, the last of which is `revision`. */
  publish(events: readonly StoreEvent[], revision: number): void {
    this.#queue.push({ events, revision });
    if (this.#publishing) return;
    this.#publishing = true;
    try {
      for (let next = this.#queue.shift(); next; next = this.#queue.shift()) {
        for (const member of this.#members) {
          if (member.waiting) member.waiting.push(next);
          else deliver(member, next.events, next.revision);
        }
      }
    } finally {
      this.#publishing = false;
    }
  }

  /** Ends every watch. */
  fail(error: StoreError): void {
    const members = [...this.#members];
    this.#members.clear();
    for (const member of members) {
      if (member.closed) continue;
      member.closed = true;
      member.handler.onError(error);
    }
  }
}

function deliver(member: Member, events: readonly StoreEvent[], revision: number): void {
  if (member.closed || revision <= member.delivered) return;
  const { prefix, delivered } = member;
  const wanted =
    prefix === '' && (events[0]?.revision ?? 0) > delivered
      ? events
      : events.filter((event) => event.revision > delivered && event.key.startsWith(prefix));
  member.delivered = revision;
  if (wanted.length > 0) member.handler.onEvents(wanted, revision);
  else member.handler.onProgress?.(revision);
}
