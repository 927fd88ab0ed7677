/** The files of a data dir that only their owner may read. */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type ClusterConfig, paths } from '../config.ts';

export interface FileFacts {
  readonly path: string;
  /** Permission bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/** Facts of a file or folder; undefined when there is none. */
export function factsOf(path: string): FileFacts | undefined {
  const found = statSync(path, { throwIfNoEntry: false });
  return found && { path, mode: found.mode & 0o7777, uid: found.uid, gid: found.gid };
}

/** Facts of the files in a folder, not below; none when it does not exist. */
export function filesIn(folder: string): FileFacts[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isFile())
      .flatMap((entry) => factsOf(join(folder, entry.name)) ?? []);
  } catch {
    return [];
  }
}

/** The data dir, keys, certificates, kubeconfig, settings and database. */
export function privateFiles(config: ClusterConfig): FileFacts[] {
  const { pki, agent, adminKubeconfig, config: settings, database } = paths(config.dataDir);
  const single = [config.dataDir, pki, adminKubeconfig, settings, database].flatMap((path) => factsOf(path) ?? []);
  return [...single, ...filesIn(pki), ...filesIn(join(agent, 'pki'))];
}
