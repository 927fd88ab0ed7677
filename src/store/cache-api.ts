/**
 * The watch cache in front of a Store, as its users see it: current objects in memory, encode-once bytes per version, an
 * event window per resource, immutable snapshots. The implementation is in cache.ts.
 */

/** How objects become the bytes that the store keeps, and back. The resourceVersion is not part of the stored bytes. */
export interface ObjectCodec<T> {
  /** Stored bytes; may transform them (encryption at rest). */
  encode(object: T, key: string): Uint8Array;
  /** The object with its resourceVersion set; frozen where freezing is on. */
  decode(bytes: Uint8Array, revision: number, key: string): T;
  /** The object as it will be read after a commit at `revision`: the same content with that resourceVersion. */
  withRevision(object: T, revision: number): T;
  /** Whether stored bytes are encrypted otherwise than they would be now; absent: never. */
  isStale?(stored: Uint8Array): boolean;
  /**
   * JSON as clients get it, made from stored bytes without decoding them (json-codec.ts has `spliceResourceVersion`);
   * undefined, or absent: it is made from the object with `JSON.stringify`.
   */
  splice?(stored: Uint8Array, revision: number): Uint8Array | undefined;
}

/** One version of one object. */
export interface CacheEntry<T> {
  readonly key: string;
  readonly revision: number;
  readonly object: T;
  /** A write that changes nothing would store it otherwise: under a newer key, or encrypted at all. */
  readonly stale?: boolean;
  /** JSON of the object as clients get it, encoded on first use and kept. */
  readonly json: Uint8Array;
  /** Other encodings of this version (protobuf, table rows), made on demand by their users. */
  readonly encodings: Map<string, unknown>;
}

export interface CacheEvent<T> {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly revision: number;
  /** The new version; on DELETED the last version, with the revision of the deletion as its resourceVersion. */
  readonly entry: CacheEntry<T>;
  /** The version before, for selectors that an update may enter or leave. */
  readonly previous: CacheEntry<T> | undefined;
}

/** An immutable view of a resource at one revision; making one is O(1). */
export interface Snapshot<T> {
  readonly revision: number;
  readonly size: number;
  /** Entries whose key starts with `prefix` and is greater than `after`, in key order. */
  range(prefix: string, after?: string): Iterable<CacheEntry<T>>;
  /** How many entries start with `prefix`. */
  count(prefix: string, after?: string): number;
}

export interface CacheSubscription {
  close(): void;
}

export interface CacheWatchHandler<T> {
  /** Called synchronously as changes are published, in order. Must not throw and must not block. */
  onEvents(events: readonly CacheEvent<T>[]): void;
  /**
   * The resource's revision moved without an event for it: what bookmarks report. Called every few seconds while other
   * resources change; a bookmark that is due may use {@link ResourceCache.revision} at once.
   */
  onProgress?(revision: number): void;
  /** The subscription ended from the cache's side (store lost, closed); the watcher must list again. */
  onClosed(reason: string): void;
}

/** The objects of one resource (one key prefix). */
export interface ResourceCache<T> {
  readonly prefix: string;
  /** All events up to here were delivered to every watcher (delivery is synchronous). */
  readonly revision: number;
  /** How many objects there are. */
  readonly size: number;
  get(key: string): CacheEntry<T> | undefined;
  snapshot(): Snapshot<T>;
  /** The view at an older revision, for continue tokens and exact lists; undefined when it is no longer kept (410). */
  snapshotAt(revision: number): Snapshot<T> | undefined;
  /**
   * Events after a revision (those in the window first, then live ones), or undefined when the revision is older than
   * the window (410). Without a revision: only live ones. The window's events are delivered before this returns.
   */
  watch(afterRevision: number | undefined, handler: CacheWatchHandler<T>): CacheSubscription | undefined;
}

export interface ObjectWrite<T> {
  readonly resource: ResourceCache<T>;
  readonly key: string;
  /** null deletes. */
  readonly object: T | null;
  /** As in StoreWrite. */
  readonly expectedRevision?: number;
}

export type ObjectCommit =
  | {
      readonly ok: true;
      readonly revision: number /** In the order of the writes; a deleted object's last version, at the new revision. */;
      readonly entries: readonly CacheEntry<unknown>[];
    }
  | { readonly ok: false; readonly conflicts: readonly { key: string; current: CacheEntry<unknown> | undefined }[] };

export interface ObjectCache {
  /** The newest revision that every resource of this cache has seen. */
  readonly revision: number;
  /** The cache of a prefix; loads it on first use. A prefix ends with `/`; prefixes do not nest. */
  resource<T>(prefix: string, codec: ObjectCodec<T>): Promise<ResourceCache<T>>;
  /** Forgets a resource (a CRD was deleted). */
  dropResource(prefix: string): void;
  /** Writes through to the store; when it resolves with ok the cache has published the change. */
  // biome-ignore lint/suspicious/noExplicitAny: writes of several resource types may share a commit.
  commit(writes: readonly ObjectWrite<any>[]): Promise<ObjectCommit>;
  /** Resolves when the cache is at least at `revision`; rejects on time-out (ms). */
  waitFor(revision: number, timeoutMs: number): Promise<void>;
  /** Brings the cache to a revision not older than any write acknowledged before the call: linearizable reads. */
  makeConsistent(): Promise<number>;
  close(): Promise<void>;
}
