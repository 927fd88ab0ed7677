import { accessSync, chmodSync, constants, existsSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { crc32 } from 'node:zlib';
import { realRandom } from '../base/random.ts';
import { AcknowledgedMark, readAcknowledged } from './acknowledged-mark.ts';
import { compactedError } from './memory.ts';
import { toStoreError } from './sqlite-errors.ts';
import type { CommitReply, Opened, PackedCommits, PackedRows } from './sqlite-protocol.ts';
import { applicationId, type Migration, migrate, migrations, newestSchema } from './sqlite-schema.ts';
import { type StoreEntry, StoreError } from './store.ts';
import { findWalDamage } from './wal-check.ts';

export interface DatabaseOptions {
  readonly path: string;
  /** The cluster that the data must belong to; a new store takes it (or makes one up). */
  readonly clusterId?: string | undefined;
  /** Named in the message about a damaged file. */
  readonly newestSnapshot?: string | undefined;
  readonly migrations?: readonly Migration[];
}

const rowsPerBatch = 1000;
const bytesPerBatch = 8 * 1024 * 1024;
const rowsPerSweep = 500;
const idsPerRevision = 1024;

interface LogRow {
  readonly id: number;
  readonly key: string;
  readonly created: number;
  readonly sum: number;
  readonly value: Uint8Array | null;
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
        const end = write + counts[commit]!;
        const lost = this.#findConflicts(keys, expected, write, end);
        if (lost) conflicts.push({ commit, keys: lost });
        let changed = false;
        for (let position = 0; write < end; write++, position++) {
          const length = lengths[write]!;
          const value = length < 0 ? null : values.subarray(valueAt, valueAt + length);
          if (value) valueAt += length;
          if (lost) continue;
          const id = (revision + 1) * idsPerRevision + position;
          created[write] = this.#write(id, keys[write]!, value);
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
      const newest = this.#newest.get(key);
      if (!newest || newest['gone']) return undefined;
      return toEntry(this.#verified(newest['id'] as number, key));
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

  #findConflicts(keys: readonly string[], expected: Float64Array, from: number, to: number) {
    let lost: { key: string; current: StoreEntry | undefined }[] | undefined;
    for (let write = from; write < to; write++) {
      const wanted = expected[write]!;
      if (wanted < 0) continue;
      const newest = this.#newest.get(keys[write]!);
      const current = newest && !newest['gone'] ? revisionOf(newest['id'] as number) : 0;
      if (current === wanted) continue;
      lost ??= [];
      lost.push({ key: keys[write]!, current: this.get(keys[write]!) });
    }
    return lost;
  }

  /** The revision at which the key was created; 0 when a deletion found nothing. */
  #write(id: number, key: string, value: Uint8Array | null): number {
    const newest = this.#newest.get(key);
    const exists = newest !== undefined && !newest['gone'];
    if (value === null && !exists) return 0;
    const created = exists ? (newest['created'] as number) : revisionOf(id);
    const previous = newest ? (newest['id'] as number) : null;
    this.#insert.run(id, key, created, previous, checksum(id, key, value), value);
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
      this.#db.exec('BEGIN IMMEDIATE');
      try {
        work();
      } catch (error) {
        if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
        throw error;
      }
      try {
        this.#db.exec('COMMIT');
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

const markPath = (path: string) => `${path}-acknowledged`;

const revisionOf = (id: number) => Math.floor(id / idsPerRevision);

function upperBound(prefix: string): string {
  return prefix === '' ? '\u{10ffff}' : `${prefix}\u{10ffff}`;
}

function checksum(id: number, key: string, value: Uint8Array | null): number {
  const head = crc32(`${id} ${key} ${value === null ? 'deleted' : ''}`);
  return value === null ? head : crc32(value, head);
}

function verify(row: LogRow | undefined, key: string, path: string): LogRow {
  if (!row || row.key !== key || row.sum !== checksum(row.id, row.key, row.value)) {
    throw new StoreError('corrupt', `${path} is damaged: the record of ${key} does not match its checksum`, { key });
  }
  return row;
}

function toEntry({ id, key, created, value }: LogRow): StoreEntry {
  return { key, value: value!, revision: revisionOf(id), createRevision: created };
}

function pack(rows: readonly LogRow[], end: { done: boolean; last: string | undefined }): PackedRows {
  const keys: string[] = [];
  const ids = new Float64Array(rows.length);
  const created = new Float64Array(rows.length);
  const lengths = new Int32Array(rows.length);
  let size = 0;
  for (const row of rows) size += row.value?.length ?? 0;
  const values = new Uint8Array(size);
  let at = 0;
  for (const [i, row] of rows.entries()) {
    keys.push(row.key);
    ids[i] = row.id;
    created[i] = row.created;
    lengths[i] = row.value?.length ?? -1;
    if (!row.value) continue;
    values.set(row.value, at);
    at += row.value.length;
  }
  return { keys, ids, created, lengths, values, ...end };
}

/**
 * The lock of a data directory: a SQLite file of its own, locked for as long as the server runs, so that the operating
 * system frees it when the process dies, however it dies.
 */
function takeLock(path: string): DatabaseSync {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    accessSync(dirname(path), constants.W_OK);
    if (existsSync(path)) accessSync(path, constants.W_OK);
    const lock = new DatabaseSync(`${path}-lock`, { timeout: 0 });
    try {
      lock.exec('BEGIN EXCLUSIVE');
      return lock;
    } catch (error) {
      lock.close();
      throw error;
    }
  } catch (error) {
    const reason = toStoreError(error, path);
    if (reason.code !== 'locked') throw reason;
    const owner = readAcknowledged(markPath(path));
    throw new StoreError(
      'locked',
      `${path} is in use by another server${owner ? ` (process ${owner.pid})` : ''}; stop it or use another data directory`,
      { cause: error },
    );
  }
}

/**
 * Looks at the file before anything may change it, so that a damaged one is kept as it was found. A read-only
 * connection neither checkpoints nor truncates the write-ahead log.
 */
function inspect({ path, clusterId, migrations: steps = migrations }: DatabaseOptions): void {
  const acknowledged = readAcknowledged(markPath(path));
  const damage = findWalDamage(`${path}-wal`);
  if (damage) throw new StoreError('corrupt', `${path}-wal is damaged: ${damage}`);
  if (!existsSync(path)) {
    if (!acknowledged || acknowledged.revision <= 1) return;
    throw new StoreError('corrupt', `${path} is gone, but revision ${acknowledged.revision} was acknowledged in it`);
  }
  const db = new DatabaseSync(path, { readOnly: true, timeout: 0 });
  try {
    const schema = db.prepare('PRAGMA user_version').get()!['user_version'] as number;
    const id = db.prepare('PRAGMA application_id').get()!['application_id'] as number;
    const tables = db.prepare('SELECT count(*) AS count FROM sqlite_schema').get()!['count'] as number;
    if (id !== applicationId && tables > 0) {
      throw new StoreError('wrong-cluster', `${path} is a SQLite file of another program; use another data directory`);
    }
    if (schema > newestSchema(steps)) {
      throw new StoreError(
        'too-new',
        `${path} has schema version ${schema}, this version of Timonel knows ${newestSchema(steps)}: use the newer one that wrote it`,
      );
    }
    const problem = db.prepare('PRAGMA quick_check(1)').get()?.['quick_check'];
    if (problem !== 'ok') throw new StoreError('corrupt', `${path} is damaged: ${problem}`);
    const revision = schema === 0 ? 0 : lastRevision(db);
    if (acknowledged && acknowledged.revision > Math.max(1, revision)) {
      throw new StoreError(
        'corrupt',
        `${path} ends at revision ${revision}, but ${acknowledged.revision} was acknowledged: ${path}-wal was cut short or lost`,
      );
    }
    if (schema === 0) return;
    const owner = db.prepare("SELECT value FROM meta WHERE name = 'cluster'").get()?.['value'];
    if (clusterId !== undefined && owner !== undefined && owner !== clusterId) {
      throw new StoreError('wrong-cluster', `${path} belongs to cluster ${owner}, not ${clusterId}`);
    }
  } finally {
    db.close();
  }
}

function openForWriting(path: string, steps: readonly Migration[]): DatabaseSync {
  const db = new DatabaseSync(path, { timeout: 0 });
  try {
    db.exec(`PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
      PRAGMA wal_autocheckpoint = 4000; PRAGMA journal_size_limit = 67108864; PRAGMA cache_size = -16384;
      PRAGMA temp_store = MEMORY`);
    migrate(db, db.prepare('PRAGMA user_version').get()!['user_version'] as number, steps);
    chmodSync(path, 0o600);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

function lastRevision(db: DatabaseSync): number {
  const newest = db.prepare('SELECT max(id) AS id FROM log').get()!['id'] as number | null;
  const compacted = db.prepare("SELECT value FROM meta WHERE name = 'compacted'").get()!['value'] as number;
  return Math.max(newest === null ? 1 : revisionOf(newest), compacted);
}

function withSnapshotHint(error: StoreError, { path, newestSnapshot }: DatabaseOptions): StoreError {
  if (error.code !== 'corrupt') return error;
  const advice = newestSnapshot
    ? `the newest snapshot is ${newestSnapshot}: move the damaged files away and restore it`
    : `there is no snapshot of it; keep ${path}* for repair`;
  return new StoreError('corrupt', `${error.message}. The files were left as they are; ${advice}`, { cause: error });
}
