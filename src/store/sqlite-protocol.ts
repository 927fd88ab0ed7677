import type { StoreEntry, StoreErrorCode } from './store.ts';

/** Ids of the log in each revision: as many writes as a commit can have at most, and more. */
export const idsPerRevision = 1024;

/** What the main thread asks of the thread that has the database. Values of many writes travel in one transferred buffer. */
export type SqliteRequest =
  | ({ readonly op: 'commit' } & PackedCommits)
  | { readonly op: 'get'; readonly key: string }
  | { readonly op: 'loadStart' }
  | { readonly op: 'loadNext'; readonly load: number; readonly prefix: string; readonly after: string | undefined }
  | { readonly op: 'loadEnd'; readonly load: number }
  | { readonly op: 'history'; readonly prefix: string; readonly afterId: number; readonly upToRevision: number }
  | { readonly op: 'compact'; readonly revision: number }
  | { readonly op: 'skip'; readonly revision: number }
  | { readonly op: 'size' }
  | { readonly op: 'close' };

/** Several commits, flattened. */
export interface PackedCommits {
  /** Writes in each commit. */
  readonly counts: Int32Array;
  readonly keys: readonly string[];
  /** -1: any. */
  readonly expected: Float64Array;
  /** -1: delete. */
  readonly lengths: Int32Array;
  readonly values: Uint8Array;
}

export interface CommitReply {
  /** The revision of each commit; 0: it conflicted. */
  readonly revisions: Float64Array;
  /** For each write the revision at which its key was created; 0: nothing changed (a deletion of what is not there). */
  readonly created: Float64Array;
  readonly conflicts: readonly {
    readonly commit: number;
    readonly keys: readonly { key: string; current: StoreEntry | undefined }[];
  }[];
  /** The store's revision after all of them. */
  readonly revision: number;
}

/** Rows of the log, flattened. */
export interface PackedRows {
  readonly keys: readonly string[];
  readonly ids: Float64Array;
  readonly created: Float64Array;
  /** -1: deleted. */
  readonly lengths: Int32Array;
  readonly values: Uint8Array;
  readonly done: boolean;
  /** The last key read, also when its row is a deletion. */
  readonly last: string | undefined;
}

export interface Opened {
  readonly revision: number;
  readonly compacted: number;
  readonly clusterId: string;
}

export interface ErrorReply {
  readonly code: StoreErrorCode;
  readonly message: string;
  /** No request can succeed any more. */
  readonly fatal: boolean;
}

export type WorkerReply =
  | { readonly id: number; readonly ok: true; readonly result: unknown }
  | { readonly id: number; readonly ok: false; readonly error: ErrorReply };

/** What the worker is started with. */
export interface SqliteWorkerData {
  readonly path: string;
  readonly clusterId: string | undefined;
  readonly snapshotDir: string | undefined;
}
