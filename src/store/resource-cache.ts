import type { Logger } from '../base/log.ts';
import type { CacheEvent, CacheSubscription, CacheWatchHandler, ResourceCache, Snapshot } from './cache-api.ts';
import { Entry, type EntryContext } from './entry.ts';
import { EventWindow, type EventWindowLimits } from './event-window.ts';
import { SortedMap, type SortedView } from './sorted-map.ts';
import type { StoreEntry, StoreEvent } from './store.ts';

const rememberedViews = 8;

/** What a resource needs to know of the cache that it is part of. */
export interface ResourceHost {
  /** The revision that everything of the cache has reached. */
  revision(): number;
  now(): number;
  readonly log: Logger;
  readonly limits: EventWindowLimits;
  /** How many watchers want to know of revisions without events. */
  progressWatchers: number;
}

interface Subscription<T> {
  readonly handler: CacheWatchHandler<T>;
  after: number;
  closed: boolean;
}

/** A resource's objects, its event window and its watchers. Changed only by the cache that owns it. */
export class CachedResource<T> implements ResourceCache<T> {
  readonly prefix: string;
  readonly context: EntryContext<T>;
  readonly #host: ResourceHost;
  #map = new SortedMap<Entry<T>>();
  #window: EventWindow<T>;
  #batch: CacheEvent<T>[] = [];
  /** Changes up to here are part of what was loaded. */
  #loadedAt = 0;
  #lastEvent = 0;
  readonly #subscriptions = new Set<Subscription<T>>();
  readonly #oldViews = new Map<number, SortedView<Entry<T>>>();

  constructor(prefix: string, context: EntryContext<T>, host: ResourceHost) {
    this.prefix = prefix;
    this.context = context;
    this.#host = host;
    this.#window = new EventWindow(host.limits, 0, heldBytes);
  }

  get revision(): number {
    return this.#host.revision();
  }

  get size(): number {
    return this.#map.size;
  }

  get(key: string): Entry<T> | undefined {
    return this.#map.get(key);
  }

  snapshot(): Snapshot<T> {
    return new ResourceSnapshot(this.revision, this.#map.view());
  }

  snapshotAt(revision: number): Snapshot<T> | undefined {
    if (revision > this.revision || revision < this.#window.floor) return undefined;
    if (revision >= this.#lastEvent) return new ResourceSnapshot(revision, this.#map.view());
    let view = this.#oldViews.get(revision);
    if (!view) {
      view = this.#rewind(revision);
      if (this.#oldViews.size >= rememberedViews) this.#oldViews.delete(this.#oldViews.keys().next().value!);
    } else this.#oldViews.delete(revision);
    this.#oldViews.set(revision, view);
    return new ResourceSnapshot(revision, view);
  }

  watch(afterRevision: number | undefined, handler: CacheWatchHandler<T>): CacheSubscription | undefined {
    const current = this.revision;
    const after = afterRevision ?? current;
    if (after < this.#window.floor) return undefined;
    const subscription: Subscription<T> = { handler, after: Math.max(after, current), closed: false };
    this.#subscriptions.add(subscription);
    if (handler.onProgress) this.#host.progressWatchers++;
    if (after < current) {
      const past = this.#window.after(after);
      if (past.length > 0) this.#hand(subscription, past);
    }
    return {
      close: () => this.#end(subscription),
    };
  }

  /** Replaces everything by what the store has at `revision`; history before that is not kept. */
  reset(entries: readonly StoreEntry[], revision: number): void {
    this.#map = new SortedMap();
    for (const { key, value, revision: at } of entries) {
      this.#map.set(new Entry(this.context, { key, revision: at }, { stored: value }));
    }
    this.#window = new EventWindow(this.#host.limits, revision, heldBytes);
    this.#oldViews.clear();
    this.#loadedAt = revision;
    this.#lastEvent = revision;
  }

  /** Applies one change; watchers see it at the next {@link publish}. Returns the entry, or undefined when nothing changed. */
  apply(event: StoreEvent, object: T | undefined): Entry<T> | undefined {
    const { key, revision } = event;
    if (revision <= this.#loadedAt) return undefined;
    let next: CacheEvent<T>;
    let entry: Entry<T>;
    if (event.type === 'delete') {
      const previous = this.#map.delete(key);
      if (!previous) return undefined;
      entry = previous.deletedAt(revision);
      next = { type: 'DELETED', revision, entry, previous };
    } else {
      entry = new Entry(this.context, { key, revision }, { object, stored: event.value });
      const previous = this.#map.set(entry);
      next = { type: previous ? 'MODIFIED' : 'ADDED', revision, entry, previous };
    }
    this.#lastEvent = revision;
    this.#batch.push(next);
    this.#window.push(next, this.#host.now());
    return entry;
  }

  /** Hands what was applied to the watchers. */
  publish(): void {
    const batch = this.#batch;
    if (batch.length === 0) return;
    this.#batch = [];
    const last = batch.at(-1)!.revision;
    for (const subscription of this.#subscriptions) {
      if (subscription.after >= last) continue;
      const fresh = subscription.after < batch[0]!.revision;
      const events = fresh ? batch : batch.filter((event) => event.revision > subscription.after);
      subscription.after = last;
      this.#hand(subscription, events);
    }
    this.#window.trim(this.#host.now());
  }

  /** Forgets history that is too old, also when nothing happens. */
  trim(): void {
    this.#window.trim(this.#host.now());
  }

  progress(revision: number): void {
    for (const subscription of this.#subscriptions) {
      if (subscription.closed || subscription.after > revision) continue;
      try {
        subscription.handler.onProgress?.(revision);
      } catch (error) {
        this.#host.log.error('a watcher failed on progress', { prefix: this.prefix, error });
      }
    }
  }

  /** Ends every watch. */
  closeWatchers(reason: string): void {
    for (const subscription of [...this.#subscriptions]) {
      if (subscription.closed) continue;
      this.#end(subscription);
      try {
        subscription.handler.onClosed(reason);
      } catch (error) {
        this.#host.log.error('a watcher failed on close', { prefix: this.prefix, error });
      }
    }
  }

  #end(subscription: Subscription<T>): void {
    if (subscription.closed) return;
    subscription.closed = true;
    this.#subscriptions.delete(subscription);
    if (subscription.handler.onProgress) this.#host.progressWatchers--;
  }

  #hand(subscription: Subscription<T>, events: readonly CacheEvent<T>[]): void {
    if (subscription.closed) return;
    try {
      subscription.handler.onEvents(events);
    } catch (error) {
      this.#host.log.error('a watcher failed on events', { prefix: this.prefix, error });
    }
  }

  /** The objects as they were after `revision`: the newest state with later events taken back. */
  #rewind(revision: number): SortedView<Entry<T>> {
    const map = this.#map.view().toMap();
    const later = this.#window.after(revision);
    for (let at = later.length - 1; at >= 0; at--) {
      const { entry, previous } = later[at]!;
      if (previous) map.set(previous as Entry<T>);
      else map.delete(entry.key);
    }
    return map.view();
  }
}

function heldBytes(event: CacheEvent<unknown>): number {
  return (event.entry as Entry<unknown>).heldBytes;
}

class ResourceSnapshot<T> implements Snapshot<T> {
  readonly revision: number;
  readonly #view: SortedView<Entry<T>>;

  constructor(revision: number, view: SortedView<Entry<T>>) {
    this.revision = revision;
    this.#view = view;
  }

  get size(): number {
    return this.#view.size;
  }

  get(key: string): Entry<T> | undefined {
    return this.#view.get(key);
  }

  range(prefix: string, after?: string): Iterable<Entry<T>> {
    return this.#view.range(prefix, after);
  }

  count(prefix: string, after?: string): number {
    return this.#view.count(prefix, after);
  }
}
