/** Snapshots of clusters: saved while they run or when they are down, restored into new ones. */
import { existsSync, renameSync } from 'node:fs';
import { resolve } from 'node:path';
import { formatTime, realClock } from '../base/clock.ts';
import { silentLogger } from '../base/log.ts';
import { listSnapshots, restoreSnapshot, type SnapshotInfo, saveSnapshot, snapshotName } from '../store/snapshot.ts';
import { type Store, StoreError } from '../store/store.ts';
import { type ClusterConfig, paths, UserError } from './config.ts';
import { askServer } from './control-socket.ts';
import { findRole } from './processes.ts';
import { openStore, type StoreSettings } from './stores.ts';
import { timonelVersion } from './version.ts';

/** Saves from an open store, as the server does. */
export function saveFrom(store: Store, config: Pick<ClusterConfig, 'id'>, directory: string): Promise<SnapshotInfo> {
  return saveSnapshot(store, { directory, clusterId: config.id, writtenBy: timonelVersion, clock: realClock });
}

/** Saves a snapshot of a cluster, running or not; gives its path. */
export async function saveClusterSnapshot(
  config: ClusterConfig,
  directory = paths(config.dataDir).snapshots,
): Promise<string> {
  if (findRole(config.dataDir, 'server'))
    return (await askServer(config.dataDir, 'snapshot', { directory: resolve(directory) })).path;
  const store = await openStore(config, silentLogger);
  try {
    return (await saveFrom(store, config, resolve(directory))).path;
  } finally {
    await store.close();
  }
}

/** Fills the store of a new cluster. */
export async function fillFromSnapshot(file: string, settings: StoreSettings): Promise<SnapshotInfo> {
  // An etcd says itself whose it is; what is common is settled after this.
  const store = await openStore(settings.store === 'etcd' ? { ...settings, id: undefined } : settings, silentLogger);
  try {
    return await restoreSnapshot(file, store);
  } catch (error) {
    throw error instanceof StoreError || (error as NodeJS.ErrnoException).code
      ? new UserError(`${file} cannot be restored: ${(error as Error).message}`)
      : error;
  } finally {
    await store.close();
  }
}

/** Puts a stopped cluster back to a snapshot. What it holds now is moved aside, and named in the answer. */
export async function restoreCluster(
  config: ClusterConfig,
  file: string,
): Promise<{ info: SnapshotInfo; kept: string | undefined }> {
  if (findRole(config.dataDir, 'server'))
    throw new UserError(`cluster "${config.name}" is running; stop it first with "timonel down --name ${config.name}"`);
  if (config.store !== 'sqlite') {
    throw new UserError(
      `cluster "${config.name}" keeps its objects in ${config.store}: restore into a new one with "timonel up --from-snapshot ${file} --name NEW"`,
    );
  }
  const { database } = paths(config.dataDir);
  const parts = ['', '-wal', '-shm', '-acknowledged']
    .map((suffix) => `${database}${suffix}`)
    .filter((path) => existsSync(path));
  const kept = parts.length ? `${database}.before-${formatTime(realClock.now()).replaceAll(/[-:]/g, '')}` : undefined;
  const aside = (path: string) => `${kept}${path.slice(database.length)}`;
  for (const part of parts) renameSync(part, aside(part));
  try {
    return { info: await fillFromSnapshot(file, config), kept };
  } catch (error) {
    for (const part of parts) renameSync(aside(part), part);
    throw error;
  }
}

/** The snapshot that a user means: a file, a name that `ls` shows, or the newest. */
export async function findSnapshot(config: ClusterConfig, wanted: string | undefined): Promise<string> {
  if (wanted && existsSync(wanted)) return resolve(wanted);
  const all = await listSnapshots(paths(config.dataDir).snapshots);
  const found = wanted ? all.find((info) => snapshotName(info) === wanted) : all[0];
  if (found) return found.path;
  throw new UserError(
    wanted
      ? `there is no snapshot ${wanted}; "timonel snapshot ls --name ${config.name}" lists them`
      : `cluster "${config.name}" has no snapshot; "timonel snapshot save --name ${config.name}" makes one`,
  );
}
