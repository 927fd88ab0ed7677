import type { ClientDuplexStream } from '@grpc/grpc-js';
import { realClock, type Timer } from '../base/clock.ts';
import type { EtcdClient } from './etcd-client.ts';
import { rangeEnd, toNumber, type WatchResponse, watchMethod } from './etcd-messages.ts';
import { StoreError, type StoreEvent, type StoreWatch, type StoreWatchHandler } from './store.ts';

export interface EtcdWatchTarget {
  /** Of etcd's keys; taken off the keys of events. */
  readonly root: string;
  readonly prefix: string;
  readonly afterRevision: number;
  /** Keys that are the store's own: their events only move the revision. */
  readonly isOwn: (key: string) => boolean;
}

/** How long a member may take to confirm a new watch. */
const confirmMs = 5_000;
const retryMs = 250;

/**
 * A watch that goes on after its stream broke: it begins again after the last revision that was delivered, with another
 * member, and lets nothing through that is not newer, whatever that member sends.
 */
export class EtcdWatch implements StoreWatch {
  readonly #client: EtcdClient;
  readonly #target: EtcdWatchTarget;
  readonly #handler: StoreWatchHandler;
  readonly #stopListening: () => void;
  #delivered: number;
  #stream: ClientDuplexStream<unknown, WatchResponse> | undefined;
  #timer: Timer | undefined;
  #closed = false;

  constructor(client: EtcdClient, target: EtcdWatchTarget, handler: StoreWatchHandler) {
    this.#client = client;
    this.#target = target;
    this.#handler = handler;
    this.#delivered = target.afterRevision;
    this.#stopListening = client.onMove(() => this.#restart(0));
    this.#connect();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#stopListening();
    this.#drop();
  }

  fail(error: StoreError): void {
    if (this.#closed) return;
    this.close();
    this.#handler.onError(error);
  }

  #connect(): void {
    if (this.#closed || this.#client.closed) return;
    const { member } = this.#client;
    const { root, prefix } = this.#target;
    const key = Buffer.from(root + prefix);
    const stream = this.#client.openStream(watchMethod);
    this.#stream = stream as ClientDuplexStream<unknown, WatchResponse>;
    let fragments: WatchResponse['events'][number][] = [];
    const broken = () => {
      if (this.#stream !== stream) return;
      this.#client.moveFrom(member);
      if (this.#stream === stream) this.#restart(retryMs);
    };
    this.#timer = realClock.after(confirmMs, broken);
    stream.on('data', (response: WatchResponse) => {
      if (this.#stream !== stream) return;
      if (response.canceled) {
        this.#onCancelled(response, broken);
        return;
      }
      if (response.created) this.#timer?.cancel();
      for (const event of response.events) fragments.push(event);
      if (response.fragment || fragments.length === 0) return;
      const whole = fragments;
      fragments = [];
      this.#deliver(whole);
    });
    stream.on('error', broken);
    stream.on('end', broken);
    const first = key.length > 0 ? key : Buffer.of(0);
    stream.write({
      createRequest: { key: first, rangeEnd: rangeEnd(key), startRevision: this.#delivered + 1, fragment: true },
    });
  }

  #onCancelled(response: WatchResponse, broken: () => void): void {
    const compacted = toNumber(response.compactRevision);
    if (compacted === 0) {
      broken();
      return;
    }
    this.fail(
      new StoreError('compacted', `revision ${this.#delivered} is no longer kept: history starts after ${compacted}`),
    );
  }

  #deliver(batch: WatchResponse['events']): void {
    const { root, isOwn } = this.#target;
    const events: StoreEvent[] = [];
    let last = 0;
    for (const { type, kv } of batch) {
      const revision = toNumber(kv.modRevision);
      if (revision <= this.#delivered) continue;
      last = Math.max(last, revision);
      const key = Buffer.from(kv.key).toString().slice(root.length);
      if (isOwn(key)) continue;
      events.push(
        type === 0
          ? { type: 'put', key, revision, createRevision: toNumber(kv.createRevision), value: own(kv.value) }
          : { type: 'delete', key, revision, createRevision: 0, value: undefined },
      );
    }
    if (last === 0) return;
    this.#delivered = last;
    if (events.length > 0) this.#handler.onEvents(events, last);
    else this.#handler.onProgress?.(last);
  }

  #restart(delayMs: number): void {
    this.#drop();
    if (this.#closed) return;
    this.#timer = realClock.after(delayMs, () => this.#connect(), { keepAlive: true });
  }

  #drop(): void {
    this.#timer?.cancel();
    const stream = this.#stream;
    this.#stream = undefined;
    stream?.cancel();
  }
}

/** Bytes of their own: a decoded field is a view that would keep the whole message. */
export function own(bytes: Uint8Array): Uint8Array {
  return Uint8Array.from(bytes);
}
