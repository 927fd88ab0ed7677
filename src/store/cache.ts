import type { Clock, Timer } from '../base/clock.ts';
import { type Logger, silentLogger } from '../base/log.ts';
import type { ObjectCache, ObjectCodec, ObjectCommit, ObjectWrite, ResourceCache } from './cache-api.ts';
import { Entry } from './entry.ts';
import { defaultWindowLimits, type EventWindowLimits } from './event-window.ts';
import { CachedResource, type ResourceHost } from './resource-cache.ts';
import { type Store, type StoreEntry, StoreError, type StoreEvent, type StoreWatch, type StoreWrite } from './store.ts';

export interface ObjectCacheOptions {
  readonly clock: Clock;
  readonly log?: Logger;
  /** How much of the past watches and continue tokens can reach back to. */
  readonly eventWindow?: Partial<EventWindowLimits>;
  /** Freezes objects at every depth, so that a write to a shared object throws: for tests and simulation. */
  readonly freeze?: boolean;
  /** How often the store's history is compacted, to what was current one interval before; 5 minutes when absent, 0 for never. */
  readonly compactEveryMs?: number;
}

/** How long a commit that the store took waits for its own event before it answers without it. */
const publishTimeoutMs = 10_000;
const progressEveryMs = 5_000;

/** A watch cache in front of a store; it reads nothing until the first `resource`. */
export function createObjectCache(store: Store, options: ObjectCacheOptions): ObjectCache {
  return new WatchCache(store, options);
}

interface Loading {
  readonly ready: Promise<CachedResource<unknown>>;
  /** Events that came while the load was under way. */
  readonly missed: StoreEvent[];
}

interface PendingWrite {
  readonly value: Uint8Array | null;
  readonly object: unknown;
  /** The entry that its event made. */
  entry: Entry<unknown> | undefined;
}

interface Waiter {
  readonly revision: number;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

class WatchCache implements ObjectCache {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #freeze: boolean;
  readonly #host: ResourceHost;
  readonly #resources = new Map<string, CachedResource<unknown>>();
  readonly #loading = new Map<string, Loading>();
  /** Writes of this process whose event has not come, so that the event can use the object that was written. */
  readonly #pending = new Map<string, PendingWrite[]>();
  readonly #waiters = new Set<Waiter>();
  #revision = 0;
  #watch: StoreWatch | undefined;
  #starting: Promise<void> | undefined;
  #consistentNext: Promise<number> | undefined;
  #consistentNow: Promise<unknown> = Promise.resolve();
  #progressTimer: Timer | undefined;
  #compactTimer: Timer | undefined;
  #compactTo = 0;
  #closed = false;

  constructor(store: Store, options: ObjectCacheOptions) {
    this.#store = store;
    this.#clock = options.clock;
    this.#log = options.log ?? silentLogger;
    this.#freeze = options.freeze ?? false;
    this.#host = {
      revision: () => this.#revision,
      now: () => this.#clock.monotonic(),
      log: this.#log,
      limits: { ...defaultWindowLimits, ...options.eventWindow },
      progressWatchers: 0,
    };
    const compactEveryMs = options.compactEveryMs ?? 300_000;
    if (compactEveryMs > 0) {
      this.#compactTimer = this.#clock.every(compactEveryMs, () => void this.#compact());
    }
  }

  get revision(): number {
    return this.#revision;
  }

  async resource<T>(prefix: string, codec: ObjectCodec<T>): Promise<ResourceCache<T>> {
    if (!prefix.endsWith('/')) throw new RangeError(`the prefix ${prefix} of a resource must end with "/"`);
    this.#assertOpen();
    const known = this.#resources.get(prefix);
    if (known) return known as CachedResource<unknown> as CachedResource<T>;
    let loading = this.#loading.get(prefix);
    if (!loading) {
      const missed: StoreEvent[] = [];
      const resource = new CachedResource(prefix, { codec, freeze: this.#freeze }, this.#host);
      loading = { missed, ready: this.#load(resource as CachedResource<unknown>, missed) };
      this.#loading.set(prefix, loading);
    }
    try {
      return (await loading.ready) as CachedResource<unknown> as CachedResource<T>;
    } finally {
      if (this.#loading.get(prefix) === loading) this.#loading.delete(prefix);
    }
  }

  dropResource(prefix: string): void {
    const resource = this.#resources.get(prefix);
    this.#resources.delete(prefix);
    resource?.closeWatchers('the resource is no longer served');
  }

  // biome-ignore lint/suspicious/noExplicitAny: writes of several resource types may share a commit.
  async commit(writes: readonly ObjectWrite<any>[]): Promise<ObjectCommit> {
    this.#assertOpen();
    const stored: StoreWrite[] = [];
    const pending: PendingWrite[] = [];
    for (const { resource, key, object, expectedRevision } of writes) {
      const { codec } = (resource as CachedResource<unknown>).context;
      const value = object === null ? null : codec.encode(object, key);
      stored.push({ key, value, ...(expectedRevision === undefined ? {} : { expectedRevision }) });
      const write: PendingWrite = { value, object, entry: undefined };
      pending.push(write);
      const same = this.#pending.get(key);
      if (same) same.push(write);
      else this.#pending.set(key, [write]);
    }
    try {
      const result = await this.#store.commit(stored);
      if (!result.ok) {
        const conflicts = result.conflicts.map(({ key, current }) => {
          const write = writes.find((each) => each.key === key)!;
          return { key, current: current && this.#entryOf(write.resource as CachedResource<unknown>, current) };
        });
        return { ok: false, conflicts };
      }
      const { revision } = result;
      if (revision > this.#revision) await this.#awaitOwnEvent(revision);
      const entries = writes.map((write, i) => pending[i]!.entry ?? this.#entryWithoutEvent(write, revision));
      return { ok: true, revision, entries };
    } finally {
      for (const [i, { key }] of writes.entries()) this.#forgetPending(key, pending[i]!);
    }
  }

  waitFor(revision: number, timeoutMs: number): Promise<void> {
    if (this.#revision >= revision) return Promise.resolve();
    if (this.#closed) return Promise.reject(closedError());
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        revision,
        resolve: () => {
          timer.cancel();
          resolve();
        },
        reject: (error) => {
          timer.cancel();
          reject(error);
        },
      };
      const timer = this.#clock.after(timeoutMs, () => {
        this.#waiters.delete(waiter);
        reject(
          new StoreError('unavailable', `the cache is at revision ${this.#revision}, ${revision} did not come in time`),
        );
      });
      this.#waiters.add(waiter);
    });
  }

  makeConsistent(): Promise<number> {
    // In an embedded store every acknowledged commit was published by this very process before it was acknowledged.
    if (this.#store.backend !== 'etcd') return Promise.resolve(this.#revision);
    // A read may share the answer of a question that is asked after the read began, not of one that is under way.
    this.#consistentNext ??= this.#consistentNow.then(async () => {
      const asked = this.#askRevision();
      this.#consistentNow = asked.catch(() => {});
      this.#consistentNext = undefined;
      return asked;
    });
    return this.#consistentNext;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#watch?.close();
    this.#compactTimer?.cancel();
    this.#progressTimer?.cancel();
    for (const waiter of this.#waiters) waiter.reject(closedError());
    this.#waiters.clear();
    for (const resource of this.#resources.values()) resource.closeWatchers('the server is closing');
    await this.#store.close();
  }

  async #askRevision(): Promise<number> {
    const revision = await this.#store.currentRevision();
    await this.waitFor(revision, publishTimeoutMs);
    return revision;
  }

  async #load(resource: CachedResource<unknown>, missed: StoreEvent[]): Promise<CachedResource<unknown>> {
    // The watch begins before the first load, so that no change falls between a load and the watch.
    this.#starting ??= this.#start();
    await this.#starting;
    const { revision, entries } = await this.#readAll(resource.prefix);
    await this.waitFor(revision, publishTimeoutMs);
    this.#assertOpen();
    resource.reset(entries, revision);
    for (const event of missed) resource.apply(event, undefined);
    resource.publish();
    this.#resources.set(resource.prefix, resource);
    return resource;
  }

  async #readAll(prefix: string): Promise<{ revision: number; entries: StoreEntry[] }> {
    const { revision, entries } = await this.#store.load(prefix);
    const all: StoreEntry[] = [];
    for await (const batch of entries) for (const entry of batch) all.push(entry);
    return { revision, entries: all };
  }

  async #start(): Promise<void> {
    try {
      const revision = await this.#store.currentRevision();
      this.#advance(revision);
      this.#compactTo = revision;
      this.#watch = this.#store.watch('', revision, {
        onEvents: (events, upTo) => this.#onEvents(events, upTo),
        onProgress: (upTo) => this.#advance(upTo),
        onError: (error) => void this.#onWatchError(error),
      });
    } catch (error) {
      this.#starting = undefined;
      throw error;
    }
  }

  #onEvents(events: readonly StoreEvent[], revision: number): void {
    const touched = new Set<CachedResource<unknown>>();
    for (const event of events) {
      if (event.revision <= this.#revision) continue;
      const resource = this.#resourceOf(event);
      if (!resource) continue;
      const write = this.#matchPending(event);
      const object =
        write?.object == null ? undefined : resource.context.codec.withRevision(write.object, event.revision);
      const entry = resource.apply(event, object);
      if (write) write.entry = entry;
      touched.add(resource);
    }
    if (revision > this.#revision) this.#revision = revision;
    for (const resource of touched) resource.publish();
    this.#advance(revision);
  }

  /** The loaded resource of an event; remembers the event for one that is being loaded. */
  #resourceOf(event: StoreEvent): CachedResource<unknown> | undefined {
    const { key } = event;
    for (let at = key.indexOf('/', 1); at > 0; at = key.indexOf('/', at + 1)) {
      const prefix = key.slice(0, at + 1);
      const resource = this.#resources.get(prefix);
      if (resource) return resource;
      this.#loading.get(prefix)?.missed.push(event);
    }
    return undefined;
  }

  /** The write of this process that an event shows: the one with the same bytes, whoever's write it was. */
  #matchPending(event: StoreEvent): PendingWrite | undefined {
    const same = this.#pending.get(event.key);
    if (!same) return undefined;
    for (const write of same) {
      if (write.entry) continue;
      if (write.value === null ? event.value === undefined : event.value && sameBytes(write.value, event.value)) {
        return write;
      }
    }
    return undefined;
  }

  #forgetPending(key: string, write: PendingWrite): void {
    const same = this.#pending.get(key);
    if (!same) return;
    if (same.length === 1) this.#pending.delete(key);
    else same.splice(same.indexOf(write), 1);
  }

  #entryOf(resource: CachedResource<unknown>, { key, revision, value }: StoreEntry): Entry<unknown> {
    const cached = resource.get(key);
    if (cached?.revision === revision) return cached;
    return new Entry(resource.context, { key, revision }, { stored: value });
  }

  #entryWithoutEvent(write: ObjectWrite<unknown>, revision: number): Entry<unknown> {
    const resource = write.resource as CachedResource<unknown>;
    const cached = resource.get(write.key);
    if (cached?.revision === revision) return cached;
    const object = write.object ?? cached?.object ?? {};
    return new Entry(
      resource.context,
      { key: write.key, revision },
      { object: resource.context.codec.withRevision(object, revision) },
    );
  }

  async #awaitOwnEvent(revision: number): Promise<void> {
    try {
      await this.waitFor(revision, publishTimeoutMs);
    } catch (error) {
      // The write is durable: saying so late is right, saying that it failed would be wrong.
      this.#log.warn('a commit was acknowledged before the cache saw it', { revision, seen: this.#revision, error });
    }
  }

  /** Moves the revision, answers who waits for it and arranges for watchers to hear of it. */
  #advance(revision: number): void {
    if (revision > this.#revision) this.#revision = revision;
    for (const waiter of this.#waiters) {
      if (waiter.revision > this.#revision) continue;
      this.#waiters.delete(waiter);
      waiter.resolve();
    }
    if (this.#progressTimer || this.#host.progressWatchers === 0 || this.#closed) return;
    this.#progressTimer = this.#clock.after(progressEveryMs, () => {
      this.#progressTimer = undefined;
      for (const resource of this.#resources.values()) resource.progress(this.#revision);
    });
  }

  async #onWatchError(error: StoreError): Promise<void> {
    if (this.#closed) return;
    this.#log.warn('the watch on the store ended', { code: error.code, error });
    if (error.code !== 'compacted') {
      for (const resource of this.#resources.values()) resource.closeWatchers(error.message);
      return;
    }
    while (!this.#closed) {
      try {
        await this.#reload();
        return;
      } catch (reason) {
        this.#log.error('reading the store again failed', { error: reason });
        await this.#clock.sleep(1000);
      }
    }
  }

  /**
   * Reads every resource again after history was lost. The loads are of different revisions: the new state is shown once
   * the watch has brought all of them to that of the last.
   */
  async #reload(): Promise<void> {
    const loaded: { resource: CachedResource<unknown>; revision: number; entries: StoreEntry[] }[] = [];
    const first = await this.#store.currentRevision();
    if (first < this.#revision) {
      throw new StoreError(
        'wrong-cluster',
        `the store is at revision ${first}, before ${this.#revision} which was seen: it was restored or replaced; restart the server`,
      );
    }
    let last = first;
    for (const resource of this.#resources.values()) {
      const { revision, entries } = await this.#readAll(resource.prefix);
      loaded.push({ resource, revision, entries });
      last = Math.max(last, revision);
    }
    const buffered: StoreEvent[] = [];
    const show = (revision: number) => {
      // Only now: a watcher that came back before would go on across the gap.
      for (const { resource } of loaded) resource.closeWatchers('the history that it had not seen is no longer kept');
      for (const { resource, revision: at, entries } of loaded) resource.reset(entries, at);
      for (const event of buffered) this.#resourceOf(event)?.apply(event, undefined);
      for (const { resource } of loaded) resource.publish();
      this.#advance(revision);
    };
    await new Promise<void>((resolve, reject) => {
      let shown = false;
      const reached = (revision: number) => {
        if (revision < last) return;
        shown = true;
        show(revision);
        resolve();
      };
      this.#watch = this.#store.watch('', first, {
        onEvents: (events, revision) => {
          if (shown) return this.#onEvents(events, revision);
          buffered.push(...events);
          reached(revision);
        },
        onProgress: (revision) => (shown ? this.#advance(revision) : reached(revision)),
        onError: (error) => (shown ? void this.#onWatchError(error) : reject(error)),
      });
      if (!shown) reached(first);
    });
  }

  async #compact(): Promise<void> {
    const to = this.#compactTo;
    this.#compactTo = this.#revision;
    for (const resource of this.#resources.values()) resource.trim();
    if (to === 0) return;
    try {
      await this.#store.compact(to);
    } catch (error) {
      if (!this.#closed) this.#log.warn('compaction failed; it is tried again later', { revision: to, error });
    }
  }

  #assertOpen(): void {
    if (this.#closed) throw closedError();
  }
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a === b || (a.length === b.length && Buffer.compare(a, b) === 0);
}

function closedError(): StoreError {
  return new StoreError('closed', 'the cache is closed');
}
