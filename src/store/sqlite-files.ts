/** Taking and examining the files of the embedded store, before and while its database is opened. */
import { accessSync, chmodSync, closeSync, constants, existsSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { readAcknowledged } from './acknowledged-mark.ts';
import { toStoreError } from './sqlite-errors.ts';
import { idsPerRevision } from './sqlite-protocol.ts';
import { applicationId, type Migration, migrate, migrations, newestSchema } from './sqlite-schema.ts';
import { StoreError } from './store.ts';
import { findWalDamage } from './wal-check.ts';

/** Which database, and what it must be. */
export interface DatabaseOptions {
  readonly path: string;
  /** The cluster that the data must belong to; a new store takes it (or makes one up). */
  readonly clusterId?: string | undefined;
  /** Named in the message about a damaged file. */
  readonly newestSnapshot?: string | undefined;
  readonly migrations?: readonly Migration[];
}

/** The revision of a row of the log. */
export const revisionOf = (id: number) => Math.floor(id / idsPerRevision);

/** Where the newest acknowledged revision is kept. */
export const markPath = (path: string) => `${path}-acknowledged`;

/** Makes a file its owner's alone before SQLite writes to it, which gives the same mode to what it puts beside it. */
function makePrivate(path: string): void {
  closeSync(openSync(path, 'a', ownerOnly));
  chmodSync(path, ownerOnly);
}

const ownerOnly = 0o600;

/**
 * The lock of a data directory: a SQLite file of its own, locked for as long as the server runs, so that the operating
 * system frees it when the process dies, however it dies.
 */
export function takeLock(path: string): DatabaseSync {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    accessSync(dirname(path), constants.W_OK);
    if (existsSync(path)) {
      accessSync(path, constants.W_OK);
      chmodSync(path, ownerOnly);
    }
    makePrivate(`${path}-lock`);
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
export function inspect({ path, clusterId, migrations: steps = migrations }: DatabaseOptions): void {
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

/** Opens the database for good, brings its schema forward and makes every commit flush. */
export function openForWriting(path: string, steps: readonly Migration[]): DatabaseSync {
  makePrivate(path);
  const db = new DatabaseSync(path, { timeout: 0 });
  try {
    db.exec(`PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
      PRAGMA wal_autocheckpoint = 4000; PRAGMA journal_size_limit = 67108864; PRAGMA cache_size = -16384;
      PRAGMA temp_store = MEMORY`);
    migrate(db, db.prepare('PRAGMA user_version').get()!['user_version'] as number, steps);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/** The newest revision that the database knows of. */
export function lastRevision(db: DatabaseSync): number {
  const newest = db.prepare('SELECT max(id) AS id FROM log').get()!['id'] as number | null;
  const compacted = db.prepare("SELECT value FROM meta WHERE name = 'compacted'").get()!['value'] as number;
  return Math.max(newest === null ? 1 : revisionOf(newest), compacted);
}

/** Says in the error of a damaged file what is left to do. */
export function withSnapshotHint(error: StoreError, { path, newestSnapshot }: DatabaseOptions): StoreError {
  if (error.code !== 'corrupt') return error;
  const advice = newestSnapshot
    ? `the newest snapshot is ${newestSnapshot}: move the damaged files away and restore it`
    : `there is no snapshot of it; keep ${path}* for repair`;
  return new StoreError('corrupt', `${error.message}. The files were left as they are; ${advice}`, { cause: error });
}
