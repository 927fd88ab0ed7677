/** Finding the cluster that a command means. */
import { existsSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type ClusterConfig, dataRoot, defaultDataDir, readConfig, UserError } from './config.ts';

export interface ClusterSelection {
  readonly name?: string;
  readonly dataDir?: string;
}

/** Configurations of all clusters below the data root. */
export function listClusters(): ClusterConfig[] {
  const root = dataRoot();
  if (!existsSync(root)) return [];
  return readdirSync(root).flatMap((entry) => readConfig(join(root, entry)) ?? []);
}

/** The cluster that is meant: by data dir, by name, or the only one there is. */
export function findCluster(selection: ClusterSelection): ClusterConfig {
  const found = tryFindCluster(selection);
  if (found) return found;
  if (selection.dataDir)
    throw new UserError(
      `there is no cluster in ${selection.dataDir}; "timonel up --data-dir ${selection.dataDir}" makes one`,
    );
  const others = listClusters().map((c) => c.name);
  const known = others.length ? `; there are ${others.join(', ')}` : '';
  if (selection.name) throw new UserError(`there is no cluster "${selection.name}"${known}`);
  if (others.length > 1)
    throw new UserError(`there are several clusters (${others.join(', ')}); say which with --name`);
  throw new UserError('there is no cluster; "timonel up" makes one');
}

/** As {@link findCluster}, but undefined when there is none. */
export function tryFindCluster(selection: ClusterSelection): ClusterConfig | undefined {
  if (selection.dataDir) return readConfig(resolve(selection.dataDir));
  if (selection.name)
    return readConfig(defaultDataDir(selection.name)) ?? listClusters().find((c) => c.name === selection.name);
  const byDefault = readConfig(defaultDataDir('default'));
  if (byDefault) return byDefault;
  const all = listClusters();
  return all.length === 1 ? all[0] : undefined;
}
