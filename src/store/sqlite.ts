import { type Logger, silentLogger } from '../base/log.ts';
import { assertDistinctKeys } from './memory.ts';
import {
  type CommitReply,
  idsPerRevision,
  type Opened,
  type PackedRows,
  type SqliteRequest,
} from './sqlite-protocol.ts';
import { SqliteThread } from './sqlite-thread.ts';
import {
  type CommitResult,
  type Store,
  type StoreEntry,
  StoreError,
  type StoreEvent,
  type StoreWatch,
  type StoreWatchHandler,
  type StoreWrite,
} from './store.ts';
import { type HubWatch, WatchHub } from './watch-hub.ts';

export interface SqliteStoreOptions {
  /** The database file; `-wal`, `-lock` and `-acknowledged` are put beside it. Its directory is made when absent. */
  readonly path: string;
  readonly log?: Logger;
  /** The cluster that the data must belong to; a new store takes it. */
  readonly clusterId?: string;
  /** Where snapshots are kept: the newest is named when the database is damaged. */
  readonly snapshotDir?: string;
}

/**
 * Opens the embedded store and takes the lock of its directory.
 *
 * @throws StoreError `locked` (another server has it), `corrupt`, `too-new`, `wrong-cluster`, `read-only`, `disk-full`
 */
export async function openSqliteStore(options: SqliteStoreOptions): Promise<Store & { readonly clusterId: string }> {
  const { path, clusterId, snapshotDir, log = silentLogger } = options;
  const thread = new SqliteThread({ path, clusterId, snapshotDir }, log);
  try {
    const opened = (await thread.opened) as Opened;
    return new SqliteStore(thread, opened);
  } catch (error) {
    await thread.terminate();
    throw error;
  }
}

interface QueuedCommit {
  readonly writes: readonly StoreWrite[];
  readonly resolve: (result: CommitResult) => void;
  readonly reject: (error: unknown) => void;
}

/** So many bytes of waiting commits share a transaction at most. */
const groupBytes = 16 * 1024 * 1024;

class SqliteStore implements Store {
  readonly backend = 'sqlite';
  readonly clusterId: string;
  readonly #thread: SqliteThread;
  readonly #hub = new WatchHub();
  #queue: QueuedCommit[] = [];
  #committing = false;
  #revision: number;
  #closing: Promise<void> | undefined;
  #failed: StoreError | undefined;

  constructor(thread: SqliteThread, opened: Opened) {
    this.#thread = thread;
    this.clusterId = opened.clusterId;
    this.#revision = opened.revision;
    thread.onFailed = (error) => {
      this.#failed ??= error;
      if (!this.#closing) this.#hub.fail(error);
    };
  }

  async load(prefix: string) {
    this.#assertOpen();
    const { load, revision } = await this.#thread.ask<{ load: number; revision: number }>({ op: 'loadStart' });
    return { revision, entries: this.#readLoad(load, prefix) };
  }

  async get(key: string): Promise<StoreEntry | undefined> {
    this.#assertOpen();
    return this.#thread.ask({ op: 'get', key });
  }

  async currentRevision(): Promise<number> {
    this.#assertOpen();
    return this.#revision;
  }

  commit(writes: readonly StoreWrite[]): Promise<CommitResult> {
    return new Promise((resolve, reject) => {
      this.#assertOpen();
      assertDistinctKeys(writes);
      this.#queue.push({ writes, resolve, reject });
      // All commits of this turn share a transaction, and so do all that come while one is being flushed.
      if (!this.#committing) {
        this.#committing = true;
        queueMicrotask(() => this.#flush());
      }
    });
  }

  watch(prefix: string, afterRevision: number, handler: StoreWatchHandler): StoreWatch {
    this.#assertOpen();
    const watch = this.#hub.add(prefix, afterRevision, handler);
    if (afterRevision >= this.#revision) watch.goLive();
    else {
      this.#replay(prefix, { afterRevision, upTo: this.#revision }, watch).then(
        () => watch.goLive(),
        (error: StoreError) => watch.fail(error),
      );
    }
    return watch;
  }

  async compact(revision: number): Promise<void> {
    this.#assertOpen();
    await this.#thread.ask({ op: 'compact', revision });
  }

  async skipRevisions(revision: number): Promise<void> {
    this.#assertOpen();
    await this.#thread.ask({ op: 'skip', revision });
    this.#revision = Math.max(this.#revision, revision);
  }

  async sizeBytes(): Promise<number> {
    this.#assertOpen();
    return this.#thread.ask({ op: 'size' });
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    // What was accepted before the close is written before it.
    while (this.#committing) await new Promise<void>((resolve) => setImmediate(resolve));
    try {
      if (!this.#failed) await this.#thread.ask({ op: 'close' });
    } finally {
      await this.#thread.terminate();
      this.#hub.fail(new StoreError('closed', 'the store was closed'));
    }
  }

  #flush(): void {
    const group: QueuedCommit[] = [];
    let size = 0;
    let taken = 0;
    for (; taken < this.#queue.length && size < groupBytes; taken++) {
      const commit = this.#queue[taken]!;
      group.push(commit);
      for (const { value } of commit.writes) size += value?.length ?? 0;
    }
    this.#queue = taken === this.#queue.length ? [] : this.#queue.slice(taken);
    if (group.length === 0) {
      this.#committing = false;
      return;
    }
    const request = packCommits(group, size);
    this.#thread.post(
      request,
      {
        resolve: (reply) => {
          this.#settle(group, reply as CommitReply);
          this.#flush();
        },
        reject: (error) => {
          for (const { reject } of group) reject(error);
          this.#flush();
        },
      },
      [request.values.buffer as ArrayBuffer],
    );
  }

  /** Publishes what was committed, then answers the writers: an acknowledged write has been seen by every watch. */
  #settle(group: readonly QueuedCommit[], reply: CommitReply): void {
    const events: StoreEvent[] = [];
    let write = 0;
    for (const [i, { writes }] of group.entries()) {
      const revision = reply.revisions[i]!;
      for (const { key, value } of writes) {
        const createRevision = reply.created[write++]!;
        if (revision === 0 || createRevision === 0) continue;
        events.push(
          value === null
            ? { type: 'delete', key, revision, createRevision, value: undefined }
            : { type: 'put', key, revision, createRevision, value },
        );
      }
    }
    this.#revision = reply.revision;
    if (events.length > 0) this.#hub.publish(events, reply.revision);
    const conflicts = new Map(reply.conflicts.map(({ commit, keys }) => [commit, keys]));
    for (const [i, { resolve }] of group.entries()) {
      const revision = reply.revisions[i]!;
      resolve(revision > 0 ? { ok: true, revision } : { ok: false, conflicts: conflicts.get(i) ?? [] });
    }
  }

  async *#readLoad(load: number, prefix: string): AsyncGenerator<readonly StoreEntry[]> {
    try {
      const next = (after: string | undefined) => this.#thread.ask<PackedRows>({ op: 'loadNext', load, prefix, after });
      for (let rows = await next(undefined); ; ) {
        // The worker reads the next rows while this thread works on these.
        const following = rows.done ? undefined : next(rows.last);
        following?.catch(() => {});
        const entries = toEntries(rows);
        if (entries.length > 0) yield entries;
        if (!following) return;
        rows = await following;
      }
    } finally {
      if (!this.#closing) await this.#thread.ask({ op: 'loadEnd', load });
    }
  }

  async #replay(prefix: string, range: { afterRevision: number; upTo: number }, watch: HubWatch): Promise<void> {
    let afterId = range.afterRevision * idsPerRevision + idsPerRevision - 1;
    let held: StoreEvent[] = [];
    for (;;) {
      const request: SqliteRequest = { op: 'history', prefix, afterId, upToRevision: range.upTo };
      const rows = await this.#thread.ask<PackedRows>(request);
      const events = [...held, ...toEvents(rows)];
      if (rows.done) return watch.past(events, range.upTo);
      // The batch may end within a revision, whose events belong together.
      const last = events.at(-1)!.revision;
      const cut = events.findIndex((event) => event.revision === last);
      held = events.splice(cut);
      watch.past(events, last - 1);
      afterId = rows.ids.at(-1)!;
    }
  }

  #assertOpen(): void {
    if (this.#closing) throw new StoreError('closed', 'the store is closed');
    if (this.#failed) throw this.#failed;
  }
}

function packCommits(group: readonly QueuedCommit[], size: number): SqliteRequest & { op: 'commit' } {
  let total = 0;
  for (const { writes } of group) total += writes.length;
  const counts = new Int32Array(group.length);
  const keys: string[] = [];
  const expected = new Float64Array(total);
  const lengths = new Int32Array(total);
  const values = new Uint8Array(new ArrayBuffer(size));
  let valueAt = 0;
  let write = 0;
  for (const [i, { writes }] of group.entries()) {
    counts[i] = writes.length;
    for (const { key, value, expectedRevision } of writes) {
      keys.push(key);
      expected[write] = expectedRevision ?? -1;
      lengths[write++] = value?.length ?? -1;
      if (!value) continue;
      values.set(value, valueAt);
      valueAt += value.length;
    }
  }
  return { op: 'commit', counts, keys, expected, lengths, values };
}

/** Values are copied out of the batch's buffer, so that one that stays does not keep all of them. */
function* unpack({ keys, ids, created, lengths, values }: PackedRows) {
  let at = 0;
  for (const [i, key] of keys.entries()) {
    const length = lengths[i]!;
    const value = length < 0 ? undefined : values.slice(at, at + length);
    if (value) at += length;
    yield { key, revision: Math.floor(ids[i]! / idsPerRevision), createRevision: created[i]!, value };
  }
}

function toEntries(rows: PackedRows): StoreEntry[] {
  const entries: StoreEntry[] = [];
  for (const { value, ...row } of unpack(rows)) if (value) entries.push({ ...row, value });
  return entries;
}

function toEvents(rows: PackedRows): StoreEvent[] {
  const events: StoreEvent[] = [];
  for (const row of unpack(rows)) events.push({ type: row.value ? 'put' : 'delete', ...row });
  return events;
}
