/** The thread that has the database of the embedded store. One request is one message; so is its reply. */
import { parentPort, workerData } from 'node:worker_threads';
import { newestSnapshot } from './snapshot-files.ts';
import { Database } from './sqlite-database.ts';
import { toStoreError } from './sqlite-errors.ts';
import type { SqliteRequest, SqliteWorkerData, WorkerReply } from './sqlite-protocol.ts';

const { path, clusterId, snapshotDir } = workerData as SqliteWorkerData;
const port = parentPort!;
let database: Database | undefined;
let sweeping = false;

function handle(db: Database, request: SqliteRequest): unknown {
  switch (request.op) {
    case 'commit':
      return db.commit(request);
    case 'get':
      return db.get(request.key);
    case 'loadStart':
      return db.startLoad();
    case 'loadNext':
      return db.continueLoad(request.load, request.prefix, request.after);
    case 'loadEnd':
      return db.endLoad(request.load);
    case 'history':
      return db.history(request.prefix, request.afterId, request.upToRevision);
    case 'compact':
      db.compact(request.revision);
      return sweepLater(db);
    case 'skip':
      return db.skipRevisions(request.revision);
    case 'size':
      return db.sizeBytes();
    case 'close':
      database = undefined;
      return db.close();
  }
}

/** Frees space between requests, a little at a time, so that commits wait for no more than one step. */
function sweepLater(db: Database): void {
  if (sweeping) return;
  sweeping = true;
  setImmediate(() => {
    sweeping = false;
    try {
      if (database === db && db.sweep()) sweepLater(db);
    } catch {
      // What could not be swept now (no space, say) is found again after the next compaction.
    }
  });
}

function answer(id: number, work: () => unknown): void {
  let reply: WorkerReply;
  try {
    reply = { id, ok: true, result: work() };
  } catch (error) {
    const { code, message } = toStoreError(error, path);
    reply = { id, ok: false, error: { code, message, fatal: database?.failed !== undefined } };
  }
  port.postMessage(reply);
}

answer(0, () => {
  database = new Database({ path, clusterId, newestSnapshot: snapshotDir && newestSnapshot(snapshotDir) });
  return database.opened;
});

port.on('message', ({ id, request }: { id: number; request: SqliteRequest }) => {
  answer(id, () => {
    if (!database) throw new Error('the database is closed');
    return handle(database, request);
  });
});
