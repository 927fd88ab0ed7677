import { closeSync, mkdirSync, openSync, type Stats, statSync } from 'node:fs';
import type { Shared } from '../../api/kind.ts';
import type { HostPathVolumeSource } from '../../api/types/core-v1.ts';
import { VolumeError, type VolumeType } from './volume.ts';

const kinds: readonly (readonly [type: string, words: string, is: (stats: Stats) => boolean])[] = [
  ['Directory', 'directory', (stats) => stats.isDirectory()],
  ['File', 'file', (stats) => stats.isFile()],
  ['Socket', 'socket file', (stats) => stats.isSocket()],
  ['CharDevice', 'character device', (stats) => stats.isCharacterDevice()],
  ['BlockDevice', 'block device', (stats) => stats.isBlockDevice()],
];

/** Checks, and for the …OrCreate types makes, a path of the node. Links are followed, as upstream does. */
export function prepareHostPath(source: Shared<HostPathVolumeSource>): string {
  const { path, type } = source;
  if (path.split('/').includes('..')) throw new VolumeError(`invalid HostPath \`${path}\`: must not contain '..'`);
  if (!type) return path;
  const wanted = kinds.find(([name]) => name === type.replace(/^(File|Directory)OrCreate$/, '$1'));
  if (!wanted) throw new VolumeError(`${type} is an invalid volume type`);
  let stats = statSync(path, { throwIfNoEntry: false });
  if (!stats && type === 'DirectoryOrCreate') mkdirSync(path, { recursive: true, mode: 0o755 });
  // Opened to append: a file that appears meanwhile keeps what is in it.
  else if (!stats && type === 'FileOrCreate') closeSync(openSync(path, 'a', 0o644));
  stats ??= statSync(path, { throwIfNoEntry: false });
  if (!stats) throw new VolumeError(`hostPath ${path} doesn't exist`);
  if (!wanted[2](stats)) {
    const is = kinds.find(([, , matches]) => matches(stats))?.[0] ?? 'Unknown';
    throw new VolumeError(`hostPath type check failed: ${path} is not a ${wanted[1]}, it's a ${is}`);
  }
  return path;
}

/** A path of the node. */
export const hostPathVolume: VolumeType = {
  field: 'hostPath',
  setUp: async ({ volume }) => ({ path: prepareHostPath(volume.hostPath!) }),
};
