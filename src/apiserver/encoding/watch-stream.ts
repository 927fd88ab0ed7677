/** Writes a watch as an HTTP response: one frame an event, encoded once for all watchers that want the same form. */
import type { Writable } from 'node:stream';
import type { AnyKind } from '../../api/kind.ts';
import type { StatusError } from '../../api/machinery/status.ts';
import { type Exchange, isGone } from '../filters/exchange.ts';
import type { WatchItem, WatchSink } from '../verbs/watch.ts';
import { contentTypes, type Representation } from './negotiate.ts';
import { protobufError, protobufFrame } from './protobuf.ts';
import { setHeaders } from './respond.ts';
import { metadataOf, tableOf } from './transforms.ts';

/** A watcher that has this much unread is dropped: it must list again. */
const maxUnreadBytes = 16 * 1024 * 1024;

export interface StreamShape {
  readonly kind: AnyKind;
  readonly representation: Representation;
  readonly includeObject: string | undefined;
  now(): number;
}

const frames = new WeakMap<object, Uint8Array>();
const protobufFrames = new WeakMap<object, Uint8Array>();
const prefixes = {
  ADDED: Buffer.from('{"type":"ADDED","object":'),
  MODIFIED: Buffer.from('{"type":"MODIFIED","object":'),
  DELETED: Buffer.from('{"type":"DELETED","object":'),
  BOOKMARK: Buffer.from('{"type":"BOOKMARK","object":'),
} as const;
const suffix = Buffer.from('}\n');

function jsonFrame(item: WatchItem, shareable: boolean): Uint8Array {
  const known = shareable && item.source ? frames.get(item.source) : undefined;
  if (known) return known;
  const { json } = item.entry;
  const prefix = prefixes[item.type];
  const frame = Buffer.allocUnsafeSlow(prefix.length + json.length + suffix.length);
  prefix.copy(frame);
  frame.set(json, prefix.length);
  suffix.copy(frame, prefix.length + json.length);
  if (shareable && item.source) frames.set(item.source, frame);
  return frame;
}

/** Streams watch events into a response. */
export class WatchStream implements WatchSink {
  readonly #exchange: Exchange;
  readonly #shape: StreamShape;
  /** Frames of the stored form are the same for every watcher; converted ones are not. */
  readonly #shareable: boolean;
  readonly #onDropped: () => void;
  #columnsSent = false;

  constructor(exchange: Exchange, shape: StreamShape, options: { shareable: boolean; onDropped: () => void }) {
    this.#exchange = exchange;
    this.#shape = shape;
    this.#shareable = options.shareable;
    this.#onDropped = options.onDropped;
  }

  /** Sends the headers. */
  open(): void {
    const { res } = this.#exchange;
    const { format } = this.#shape.representation;
    setHeaders(this.#exchange, format === 'json' ? contentTypes.json : `${contentTypes.protobuf};stream=watch`);
    this.#exchange.answered = true;
    this.#exchange.becomeStream();
    this.#exchange.responseCode = 200;
    res.statusCode = 200;
    res.flushHeaders();
  }

  /** Calls back once the client has taken what was written so far, or at least as much as to want more. */
  whenRead(callback: () => void): void {
    const { res } = this.#exchange;
    const writable = (res as { stream?: Writable }).stream ?? res;
    if (writable.writableNeedDrain) writable.once('drain', callback);
    else callback();
  }

  onItems(items: readonly WatchItem[]): void {
    const { res } = this.#exchange;
    if (isGone(res)) return;
    if (res.writableLength > maxUnreadBytes) {
      this.#onDropped();
      res.destroy();
      return;
    }
    if (items.length === 1) {
      this.#write(this.#frame(items[0]!));
      return;
    }
    this.#write(Buffer.concat(items.map((item) => this.#frame(item))));
  }

  onEnd(error: StatusError | undefined): void {
    const { res } = this.#exchange;
    if (isGone(res)) return;
    if (error) {
      const status = error.toStatus();
      this.#write(
        this.#shape.representation.format === 'protobuf'
          ? protobufError(status)
          : Buffer.from(`${JSON.stringify({ type: 'ERROR', object: status })}\n`),
      );
    }
    res.end();
  }

  #write(frame: Uint8Array): void {
    this.#exchange.res.write(frame);
  }

  #frame(item: WatchItem): Uint8Array {
    const { representation, kind } = this.#shape;
    if (representation.as === 'Table') return this.#tableFrame(item);
    if (representation.as) {
      return representation.format === 'protobuf'
        ? protobufFrame(item.type, undefined, item.entry)
        : Buffer.from(`${JSON.stringify({ type: item.type, object: metadataOf(item.entry.object) })}\n`);
    }
    if (representation.format === 'json') return jsonFrame(item, this.#shareable);
    const known = this.#shareable && item.source ? protobufFrames.get(item.source) : undefined;
    if (known) return known;
    const frame = protobufFrame(item.type, kind, item.entry);
    if (this.#shareable && item.source) protobufFrames.set(item.source, frame);
    return frame;
  }

  #tableFrame(item: WatchItem): Uint8Array {
    const object =
      item.type === 'BOOKMARK'
        ? {
            kind: 'Table',
            apiVersion: 'meta.k8s.io/v1',
            metadata: item.entry.object.metadata,
            columnDefinitions: [],
            rows: [],
          }
        : tableOf(
            this.#shape.kind,
            { code: 200, entry: item.entry },
            { now: this.#shape.now(), includeObject: this.#shape.includeObject },
          );
    // Only the first event describes the columns.
    if (this.#columnsSent) object['columnDefinitions'] = [];
    this.#columnsSent = true;
    return Buffer.from(`${JSON.stringify({ type: item.type, object })}\n`);
  }
}
