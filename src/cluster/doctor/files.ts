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

/** The files of the embedded store: the database and what SQLite and the server put beside it. */
export const storeFiles = ({ dataDir }: Pick<ClusterConfig, 'dataDir'>): FileFacts[] =>
  filesIn(dataDir).filter(({ path }) => path.startsWith(paths(dataDir).database));

/** The data dir, keys, certificates, kubeconfig, settings, database and logs. */
export function privateFiles(config: ClusterConfig): FileFacts[] {
  const { pki, agent, adminKubeconfig, config: settings, logs } = paths(config.dataDir);
  const agentPki = join(agent, 'pki');
  const single = [config.dataDir, pki, adminKubeconfig, settings, logs, agentPki].flatMap(
    (path) => factsOf(path) ?? [],
  );
  return [...single, ...storeFiles(config), ...filesIn(pki), ...filesIn(agentPki), ...filesIn(logs)];
}
