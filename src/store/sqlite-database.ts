import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { realRandom } from '../base/random.ts';
import { AcknowledgedMark } from './acknowledged-mark.ts';
import { compactedError } from './memory.ts';
import { toStoreError } from './sqlite-errors.ts';
import {
  type DatabaseOptions,
  inspect,
  lastRevision,
  markPath,
  openForWriting,
  revisionOf,
  takeLock,
  withSnapshotHint,
} from './sqlite-files.ts';
import {
  type CommitReply,
  idsPerRevision,
  type Opened,
  type PackedCommits,
  type PackedRows,
} from './sqlite-protocol.ts';
import { checksum, type LogRow, pack, toEntry, verify } from './sqlite-rows.ts';
import { migrations } from './sqlite-schema.ts';
import { type StoreEntry, StoreError } from './store.ts';

const rowsPerBatch = 1000;
const bytesPerBatch = 8 * 1024 * 1024;
const rowsPerSweep = 500;

/** The newest row of a key; `gone`: it is a deletion. */
interface Newest {
  readonly id: number;
  readonly created: number;
  readonly gone: number;
}

/**
 * The database file of the embedded store, used synchronously from the worker thread. It holds the lock of the data
 * directory from construction to {@link close}.
 */
export class Database {
  readonly clusterId: string;
  readonly #path: string;
  readonly #lock: DatabaseSync;
  readonly #db: DatabaseSync;
  readonly #mark: AcknowledgedMark;
  readonly #begin: StatementSync;
  readonly #commit: StatementSync;
  readonly #newest: StatementSync;
  readonly #insert: StatementSync;
  readonly #row: StatementSync;
  readonly #rowsAsOf: StatementSync;
  readonly #rowsBetween: StatementSync;
  readonly #loads = new Map<number, number>();
  #nextLoad = 1;
  #revision: number;
  #compacted: number;
  #swept: number;
  #failed: StoreError | undefined;

  constructor(options: DatabaseOptions) {
    const { path } = options;
    this.#path = path;
    this.#lock = takeLock(path);
    try {
      inspect(options);
      this.#db = openForWriting(path, options.migrations ?? migrations);
      try {
        const db = this.#db;
        this.#begin = db.prepare('BEGIN IMMEDIATE');
        this.#commit = db.prepare('COMMIT');
        this.#newest = db.prepare(
          'SELECT id, created, value IS NULL AS gone FROM log WHERE key = ? ORDER BY id DESC LIMIT 1',
        );
        this.#insert = db.prepare('INSERT INTO log (id, key, created, previous, sum, value) VALUES (?, ?, ?, ?, ?, ?)');
        this.#row = db.prepare('SELECT id, key, created, sum, value FROM log WHERE id = ?');
        this.#rowsAsOf = db.prepare(
          `SELECT key, max(id) AS id FROM log WHERE key > ? AND key < ? AND id < ? GROUP BY key ORDER BY key LIMIT ${rowsPerBatch}`,
        );
        this.#rowsBetween = db.prepare(
          `SELECT id, key, created, sum, value FROM log WHERE id > ? AND id < ? AND key >= ? AND key < ? ORDER BY id LIMIT ${rowsPerBatch}`,
        );
        this.clusterId = this.#takeClusterId(options.clusterId);
        this.#compacted = this.#meta('compacted') as number;
        this.#swept = this.#meta('swept') as number;
        this.#revision = lastRevision(db);
        this.#mark = new AcknowledgedMark(markPath(path), process.pid);
        this.#mark.write(this.#revision);
      } catch (error) {
        this.#db.close();
        throw error;
      }
    } catch (error) {
      this.#lock.close();
      throw withSnapshotHint(toStoreError(error, path), options);
    }
  }

  get opened(): Opened {
    return { revision: this.#revision, compacted: this.#compacted, clusterId: this.clusterId };
  }

  /** Set once nothing can be trusted or written any more. */
  get failed(): StoreError | undefined {
    return this.#failed;
  }

  /** Decides and writes several commits in one transaction, with one flush: all of them are durable, or none is written. */
  commit({ counts, keys, expected, lengths, values }: PackedCommits): CommitReply {
    const revisions = new Float64Array(counts.length);
    const created = new Float64Array(keys.length);
    const conflicts: CommitReply['conflicts'][number][] = [];
    let revision = this.#revision;
    this.#transaction(() => {
      let write = 0;
      let valueAt = 0;
      for (let commit = 0; commit < counts.length; commit++) {
        const count = counts[commit]!;
        const newest: (Newest | undefined)[] = [];
        for (let i = 0; i < count; i++) newest.push(this.#newestOf(keys[write + i]!));
        const lost = this.#findConflicts(keys, expected, { from: write, newest });
        if (lost) conflicts.push({ commit, keys: lost });
        let changed = false;
        for (let position = 0; position < count; position++, write++) {
          const length = lengths[write]!;
          const value = length < 0 ? null : values.subarray(valueAt, valueAt + length);
          if (value) valueAt += length;
          if (lost) continue;
          const id = (revision + 1) * idsPerRevision + position;
          created[write] = this.#write(id, { key: keys[write]!, value }, newest[position]);
          changed ||= created[write] !== 0;
        }
        if (changed) revision++;
        revisions[commit] = lost ? 0 : revision;
      }
    });
    if (revision !== this.#revision) {
      this.#revision = revision;
      this.#mark.write(revision);
    }
    return { revisions, created, conflicts, revision };
  }

  get(key: string): StoreEntry | undefined {
    return this.#guard(() => {
      const newest = this.#newestOf(key);
      return newest && !newest.gone ? toEntry(this.#verified(newest.id, key)) : undefined;
    });
  }

  /** Begins a load as of the newest revision; compaction leaves what it needs until {@link endLoad}. */
  startLoad(): { load: number; revision: number } {
    const load = this.#nextLoad++;
    this.#loads.set(load, this.#revision);
    return { load, revision: this.#revision };
  }

  endLoad(load: number): void {
    this.#loads.delete(load);
  }

  /** The next rows of a load after a key, in order of key, as of the load's revision. */
  continueLoad(load: number, prefix: string, after: string | undefined): PackedRows {
    const revision = this.#loads.get(load);
    if (revision === undefined) throw new StoreError('closed', `there is no load ${load}`);
    return this.#guard(() => {
      // Without a key to go on after: the greatest string that is less than the prefix does not exist, so the prefix's
      // own key is read separately.
      const rows: LogRow[] = [];
      const first = after === undefined ? this.#asOf(prefix, revision) : undefined;
      if (first) rows.push(first);
      let size = first?.value?.length ?? 0;
      let last = after ?? prefix;
      const found = this.#rowsAsOf.all(last, upperBound(prefix), (revision + 1) * idsPerRevision);
      let taken = 0;
      for (const { key, id } of found) {
        const row = this.#verified(id as number, key as string);
        rows.push(row);
        size += row.value?.length ?? 0;
        last = row.key;
        taken++;
        if (size > bytesPerBatch) break;
      }
      const done = taken === found.length && found.length < rowsPerBatch;
      return pack(rows, { done, last });
    });
  }

  /** Rows of the log after an id, up to and including a revision. */
  history(prefix: string, afterId: number, upToRevision: number): PackedRows {
    const after = Math.floor(afterId / idsPerRevision);
    if (after < this.#compacted && this.#revision > after) throw compactedError(after, this.#compacted);
    return this.#guard(() => {
      const rows: LogRow[] = [];
      let size = 0;
      let cut = false;
      const end = (upToRevision + 1) * idsPerRevision;
      for (const found of this.#rowsBetween.iterate(afterId, end, prefix, upperBound(prefix))) {
        const row = found as unknown as LogRow;
        verify(row, row.key, this.#path);
        rows.push(row);
        size += row.value?.length ?? 0;
        cut = size > bytesPerBatch;
        if (cut) break;
      }
      return pack(rows, { done: !cut && rows.length < rowsPerBatch, last: rows.at(-1)?.key });
    });
  }

  /** Forgets history up to a revision; {@link sweep} then frees its space bit by bit. */
  compact(revision: number): void {
    const to = Math.min(revision, this.#revision, ...this.#loads.values());
    if (to <= this.#compacted) return;
    this.#transaction(() => {
      this.#db.prepare("UPDATE meta SET value = ? WHERE name = 'compacted'").run(to);
    });
    this.#compacted = to;
  }

  /** Deletes some rows that compaction made superfluous; false when there are no more. */
  sweep(): boolean {
    if (this.#swept >= this.#compacted) return false;
    const from = (this.#swept + 1) * idsPerRevision;
    const end = (this.#compacted + 1) * idsPerRevision;
    let next = this.#compacted;
    this.#transaction(() => {
      const rows = this.#db
        .prepare('SELECT id, previous, value IS NULL AS gone FROM log WHERE id >= ? AND id < ? ORDER BY id LIMIT ?')
        .all(from, end, rowsPerSweep);
      const remove = this.#db.prepare('DELETE FROM log WHERE id = ?');
      // A revision is swept whole: the rows of one that the limit cut in two are found again by the next sweep.
      if (rows.length === rowsPerSweep) next = Math.floor((rows.at(-1)!['id'] as number) / idsPerRevision) - 1;
      for (const { id, previous, gone } of rows) {
        if (Math.floor((id as number) / idsPerRevision) > next) break;
        if (previous !== null) remove.run(previous as number);
        if (gone) remove.run(id as number);
      }
      this.#db.prepare("UPDATE meta SET value = ? WHERE name = 'swept'").run(next);
    });
    this.#swept = next;
    return this.#swept < this.#compacted;
  }

  /** Makes the next revision greater than `revision`; history up to it counts as compacted. */
  skipRevisions(revision: number): void {
    if (revision <= this.#revision) return;
    this.#transaction(() => {
      this.#db.prepare("UPDATE meta SET value = ? WHERE name = 'compacted'").run(revision);
    });
    this.#compacted = revision;
    this.#revision = revision;
    this.#mark.write(revision);
  }

  sizeBytes(): number {
    return this.#guard(() => {
      const row = this.#db
        .prepare('SELECT page_count * page_size AS size FROM pragma_page_count(), pragma_page_size()')
        .get();
      return row!['size'] as number;
    });
  }

  close(): void {
    try {
      this.#mark.close();
      this.#db.close();
    } finally {
      this.#lock.close();
    }
  }

  #takeClusterId(wanted: string | undefined): string {
    const known = this.#meta('cluster') as string | undefined;
    if (known !== undefined) return known;
    const id = wanted ?? realRandom.uuid();
    this.#db.prepare("INSERT INTO meta VALUES ('cluster', ?)").run(id);
    return id;
  }

  #meta(name: string): unknown {
    return this.#db.prepare('SELECT value FROM meta WHERE name = ?').get(name)?.['value'];
  }

  #newestOf(key: string): Newest | undefined {
    return this.#newest.get(key) as unknown as Newest | undefined;
  }

  /** The writes of a commit that expected another revision than the newest of their key. */
  #findConflicts(
    keys: readonly string[],
    expected: Float64Array,
    { from, newest }: { from: number; newest: readonly (Newest | undefined)[] },
  ) {
    let lost: { key: string; current: StoreEntry | undefined }[] | undefined;
    for (const [i, found] of newest.entries()) {
      const wanted = expected[from + i]!;
      if (wanted < 0 || wanted === (found && !found.gone ? revisionOf(found.id) : 0)) continue;
      const key = keys[from + i]!;
      lost ??= [];
      lost.push({ key, current: this.get(key) });
    }
    return lost;
  }

  /** The revision at which the key was created; 0 when a deletion found nothing. */
  #write(id: number, { key, value }: { key: string; value: Uint8Array | null }, newest: Newest | undefined): number {
    const existing = newest?.gone ? undefined : newest;
    if (value === null && !existing) return 0;
    const created = existing?.created ?? revisionOf(id);
    this.#insert.run(id, key, created, newest?.id ?? null, checksum(id, key, value), value);
    return created;
  }

  #asOf(key: string, revision: number): LogRow | undefined {
    const found = this.#db
      .prepare('SELECT max(id) AS id FROM log WHERE key = ? AND id < ?')
      .get(key, (revision + 1) * idsPerRevision);
    return found?.['id'] ? this.#verified(found['id'] as number, key) : undefined;
  }

  #verified(id: number, key: string): LogRow {
    const row = this.#row.get(id) as unknown as LogRow | undefined;
    return verify(row, key, this.#path);
  }

  #transaction(work: () => void): void {
    this.#guard(() => {
      this.#begin.run();
      try {
        work();
      } catch (error) {
        if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
        throw error;
      }
      try {
        this.#commit.run();
      } catch (error) {
        // After a flush that failed nobody knows what is on the disk: only opening the file again can tell.
        // (A full disk is found before the flush, and what was written then is not part of the log.)
        const reason = toStoreError(error, this.#path);
        if (reason.code !== 'disk-full') this.#fail(reason);
        if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
        throw error;
      }
    });
  }

  #guard<R>(work: () => R): R {
    if (this.#failed) throw this.#failed;
    try {
      return work();
    } catch (error) {
      const reason = toStoreError(error, this.#path);
      if (reason.code === 'corrupt') this.#fail(reason);
      throw reason;
    }
  }

  #fail(reason: StoreError): void {
    this.#failed ??= new StoreError(reason.code, `${reason.message}; the store takes no more requests`, {
      cause: reason,
    });
  }
}

function upperBound(prefix: string): string {
  return prefix === '' ? '\u{10ffff}' : `${prefix}\u{10ffff}`;
}
