/**
 * One informer: a list, then a watch from its revision, for as long as it runs. A watch that ends is resumed from the last
 * revision seen; when the server no longer keeps that (410), the list is made again and what vanished meanwhile is
 * reported as deleted, with its last known state.
 */
import type { KindRef, KubeObject, Shared } from '../api/kind.ts';
import { isExpired, StatusError } from '../api/machinery/status.ts';
import { type BackoffPolicy, backoffDelay } from '../base/backoff.ts';
import type { Clock, Timer } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import type { Random } from '../base/random.ts';
import type { Client } from './client.ts';
import type { Informer, InformerHandler } from './informer.ts';
import { ObjectIndex } from './object-index.ts';
import { keyOf } from './reconcile.ts';
import type { WatchEvent, WatchHandle } from './transport.ts';

export interface InformerSelection {
  readonly namespace?: string;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
}

export interface InformerEnvironment {
  readonly clock: Clock;
  readonly log: Logger;
  readonly random?: Random;
}

/** client-go's reflector backs off 0.8 s to 30 s; the first retries here are quicker because a server boots in less. */
const backoff: BackoffPolicy = { initialMs: 50, maxMs: 30_000, jitter: 1 };
/** A watch that lived this long proves that the server is well: the next failure starts at the first delay again. */
const healthyMs = 5_000;

/** The informer; `start` is idempotent, `stop` ends it for good. */
export class ListWatchInformer<T extends KubeObject> implements Informer<T> {
  readonly kind: KindRef<T>;
  readonly #client: Client;
  readonly #selection: InformerSelection;
  readonly #env: InformerEnvironment;
  readonly #objects = new ObjectIndex<T>();
  readonly #handlers = new Set<InformerHandler<T>>();
  readonly #synced = Promise.withResolvers<void>();
  #isSynced = false;
  #stopped = false;
  #started = false;
  #listing = false;
  #resourceVersion = '';
  #failures = 0;
  #watch: WatchHandle | undefined;
  #retry: Timer | undefined;
  readonly #abort = new AbortController();

  constructor(client: Client, kind: KindRef<T>, options: { selection: InformerSelection; env: InformerEnvironment }) {
    this.kind = kind;
    this.#client = client;
    this.#selection = options.selection;
    this.#env = options.env;
    this.#synced.promise.catch(() => {});
  }

  get synced(): boolean {
    return this.#isSynced;
  }

  get resourceVersion(): string {
    return this.#resourceVersion;
  }

  /** Nothing is under way but waiting for the server's events. */
  get idle(): boolean {
    return this.#isSynced && !this.#listing;
  }

  whenSynced(): Promise<void> {
    return this.#synced.promise;
  }

  get(namespace: string | undefined, name: string): Shared<T> | undefined {
    return this.#objects.byKey(namespace ? `${namespace}/${name}` : name);
  }

  byKey(key: string): Shared<T> | undefined {
    return this.#objects.byKey(key);
  }

  byUid(uid: string): Shared<T> | undefined {
    return this.#objects.byUid(uid);
  }

  list(namespace?: string): readonly Shared<T>[] {
    return this.#objects.list(namespace);
  }

  byIndex(index: string, value: string): readonly Shared<T>[] {
    return this.#objects.byIndex(index, value);
  }

  addIndex(name: string, values: (object: Shared<T>) => readonly string[]): void {
    this.#objects.addIndex(name, values);
  }

  addHandler(handler: InformerHandler<T>): () => void {
    this.#handlers.add(handler);
    for (const object of this.#objects.list()) this.#call(() => handler.onAdd?.(object));
    return () => {
      this.#handlers.delete(handler);
    };
  }

  start(): void {
    if (this.#started) return;
    this.#started = true;
    void this.#list('0');
  }

  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#abort.abort(new Error('the informer was stopped'));
    this.#retry?.cancel();
    this.#watch?.close();
    this.#handlers.clear();
    this.#synced.reject(new Error(`the informer of ${this.kind.plural} was stopped before its first list arrived`));
  }

  async #list(resourceVersion: string): Promise<void> {
    this.#listing = true;
    try {
      const { metadata, items } = await this.#client.list(this.kind, {
        ...this.#selection,
        ...(resourceVersion ? { resourceVersion } : {}),
        signal: this.#abort.signal,
      });
      if (this.#stopped) return;
      this.#listing = false;
      this.#replace(items, metadata.resourceVersion ?? '');
      this.#open();
    } catch (error) {
      this.#listing = false;
      if (this.#stopped) return;
      const again = isExpired(error) || isTooLarge(error) ? '' : resourceVersion;
      this.#failed('list', error, () => void this.#list(again));
    }
  }

  #replace(items: readonly Shared<T>[], resourceVersion: string): void {
    const present = new Set(items.map(keyOf));
    for (const key of [...this.#objects.keys()]) if (!present.has(key)) this.#removed(key);
    for (const object of items) this.#put(object);
    this.#resourceVersion = resourceVersion;
    if (!this.#isSynced) {
      this.#isSynced = true;
      this.#synced.resolve();
    }
  }

  #open(): void {
    const openedAt = this.#env.clock.monotonic();
    let ended = false;
    const handle = this.#client.watch(
      this.kind,
      { ...this.#selection, resourceVersion: this.#resourceVersion, allowWatchBookmarks: true },
      {
        onEvents: (events) => {
          if (!ended && !this.#stopped) for (const event of events) this.#take(event);
        },
        onEnd: (error) => {
          if (ended || this.#stopped) return;
          ended = true;
          this.#watch = undefined;
          const lived = this.#env.clock.monotonic() - openedAt;
          if (lived >= healthyMs) this.#failures = 0;
          if (error && (isExpired(error) || isTooLarge(error))) {
            this.#env.log.debug('watch expired, listing again', { resource: this.kind.plural });
            this.#failed('watch', error, () => void this.#list(''));
          } else if (!error && lived >= healthyMs) this.#open();
          else this.#failed('watch', error, () => this.#open());
        },
      },
    );
    if (ended) handle.close();
    else this.#watch = handle;
  }

  #take(event: WatchEvent<T>): void {
    const revision = event.object.metadata.resourceVersion;
    if (event.type === 'BOOKMARK') {
      if (revision) this.#resourceVersion = revision;
      return;
    }
    // A watch delivers in order of revision, so anything not newer than the last is a repetition.
    if (!isNewer(revision, this.#resourceVersion)) return;
    if (event.type === 'DELETED') this.#removed(keyOf(event.object), event.object);
    else this.#put(event.object);
    this.#resourceVersion = revision;
  }

  #put(object: Shared<T>): void {
    const known = this.#objects.byKey(keyOf(object));
    if (known?.metadata.resourceVersion === object.metadata.resourceVersion) return;
    if (known && known.metadata.uid !== object.metadata.uid) this.#removed(keyOf(object));
    const old = this.#objects.put(object);
    for (const handler of this.#handlers) {
      this.#call(() => (old ? handler.onUpdate?.(object, old) : handler.onAdd?.(object)));
    }
  }

  #removed(key: string, last?: Shared<T>): void {
    const old = this.#objects.remove(key);
    if (!old) return;
    // The tombstone is the state at deletion where it is known, else the last one seen.
    const tombstone = last && last.metadata.uid === old.metadata.uid ? last : old;
    for (const handler of this.#handlers) this.#call(() => handler.onDelete?.(tombstone));
  }

  #failed(what: 'list' | 'watch', error: unknown, again: () => void): void {
    const delay = backoffDelay(backoff, this.#failures++, this.#env.random);
    if (error && !isExpired(error)) {
      const log = this.#failures > 3 ? this.#env.log.warn : this.#env.log.debug;
      log(`cannot ${what} ${this.kind.plural}, trying again`, { error, retryMs: Math.round(delay) });
    }
    this.#retry = this.#env.clock.after(delay, again);
  }

  #call(notify: () => void): void {
    try {
      notify();
    } catch (error) {
      this.#env.log.error('an event handler failed', { resource: this.kind.plural, error });
    }
  }
}

/** A revision from the future of this server (another server's cache is behind): only a fresh list helps. */
function isTooLarge(error: unknown): boolean {
  return (
    error instanceof StatusError &&
    (error.details?.causes?.some((cause) => cause.reason === 'ResourceVersionTooLarge') ?? false)
  );
}

/** Whether a revision is after another; where either is not a number (foreign API servers) it counts as newer. */
export function isNewer(revision: string, than: string): boolean {
  const a = Number(revision);
  const b = Number(than);
  return Number.isNaN(a) || Number.isNaN(b) || than === '' || a > b;
}
