/**
 * The Store: revisioned key-value storage with atomic multi-key compare-and-set, the one thing that keeps data.
 * It knows nothing of Kubernetes; keys look like `/registry/apps/deployments/default/web`, values are bytes.
 *
 * Promises, for every implementation (store.suite.ts checks them):
 * - `commit` resolves only when the writes are durable; all of a commit or nothing of it.
 * - Revisions are positive integers that only grow, across restarts too; every commit has its own.
 * - A watch delivers every change after its start revision exactly once, in order of revision.
 */

export interface StoreEntry {
  readonly key: string;
  readonly value: Uint8Array;
  /** Revision of the last change of the key. */
  readonly revision: number;
  /** Revision at which the key was created. */
  readonly createRevision: number;
}

export interface StoreWrite {
  readonly key: string;
  /** null deletes the key. */
  readonly value: Uint8Array | null;
  /** The revision that the key must have: 0 when it must not exist; undefined when it does not matter. */
  readonly expectedRevision?: number;
}

/** A compare-and-set that failed is a value, not an exception. */
export type CommitResult =
  | { readonly ok: true; readonly revision: number }
  | {
      readonly ok: false /** The keys whose revision was another, with what they have now (undefined: absent). */;
      readonly conflicts: readonly { key: string; current: StoreEntry | undefined }[];
    };

export interface StoreEvent {
  readonly type: 'put' | 'delete';
  readonly key: string;
  readonly revision: number;
  /** Revision at which the key was created; on delete 0 where the backend does not tell. */
  readonly createRevision: number;
  /** The new value; on delete undefined. */
  readonly value: Uint8Array | undefined;
}

export interface StoreWatch {
  close(): void;
}

export interface StoreWatchHandler {
  /** Events of whole revisions, in order. */
  onEvents(events: readonly StoreEvent[], revision: number): void;
  /** Nothing has happened up to this revision (etcd's progress notification). */
  onProgress?(revision: number): void;
  /** The watch ended: `compacted` means that its start is no longer kept. It is not called after close(). */
  onError(error: StoreError): void;
}

export interface Store {
  readonly backend: 'memory' | 'sqlite' | 'etcd';
  /** Everything under a prefix as of one revision, in batches ordered by key. */
  load(prefix: string): Promise<{ readonly revision: number; readonly entries: AsyncIterable<readonly StoreEntry[]> }>;
  /** The value of one key, read from the store itself (linearizable). */
  get(key: string): Promise<StoreEntry | undefined>;
  /** A revision that is not older than any commit acknowledged, by any client, before the call (for consistent reads). */
  currentRevision(): Promise<number>;
  commit(writes: readonly StoreWrite[]): Promise<CommitResult>;
  /** Changes under a prefix with a revision greater than `afterRevision`. */
  watch(prefix: string, afterRevision: number, handler: StoreWatchHandler): StoreWatch;
  /** Forgets history up to and including a revision; current values stay. */
  compact(revision: number): Promise<void>;
  /**
   * Makes the next revision greater than `revision`, where the backend can: after a restore no revision that clients may
   * have seen comes again. History up to it counts as compacted.
   */
  skipRevisions?(revision: number): Promise<void>;
  /** Bytes on disk, for metrics; 0 for memory. */
  sizeBytes(): Promise<number>;
  close(): Promise<void>;
}

export type StoreErrorCode =
  | 'compacted'
  | 'closed'
  | 'corrupt'
  | 'unavailable'
  | 'disk-full'
  | 'read-only'
  | 'locked'
  | 'too-new'
  | 'wrong-cluster'
  | 'too-large'
  | 'unknown-outcome';

/** An error of the store. `unknown-outcome`: the write may or may not have happened. */
export class StoreError extends Error {
  readonly code: StoreErrorCode;
  readonly key: string | undefined;

  constructor(code: StoreErrorCode, message: string, options?: { key?: string; cause?: unknown }) {
    super(message, options?.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'StoreError';
    this.code = code;
    this.key = options?.key;
  }
}
