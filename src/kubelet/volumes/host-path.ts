import { mkdirSync, type Stats, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Shared } from '../../api/kind.ts';
import type { HostPathVolumeSource } from '../../api/types/core-v1.ts';
import { VolumeError, type VolumeType } from './volume.ts';

const checks: Record<string, { readonly is: (stats: Stats) => boolean; readonly what: string }> = {
  Directory: { is: (stats) => stats.isDirectory(), what: 'a directory' },
  File: { is: (stats) => stats.isFile(), what: 'a file' },
  Socket: { is: (stats) => stats.isSocket(), what: 'a socket file' },
  CharDevice: { is: (stats) => stats.isCharacterDevice(), what: 'a character device' },
  BlockDevice: { is: (stats) => stats.isBlockDevice(), what: 'a block device' },
};

/** Checks, and for the …OrCreate types makes, a path of the node. */
export function prepareHostPath(source: Shared<HostPathVolumeSource>): string {
  const { path, type } = source;
  if (!type) return path;
  const stats = statSync(path, { throwIfNoEntry: false });
  if (type === 'DirectoryOrCreate' && !stats) mkdirSync(path, { recursive: true, mode: 0o755 });
  else if (type === 'FileOrCreate' && !stats) {
    if (!statSync(dirname(path), { throwIfNoEntry: false })) {
      throw new VolumeError(`hostPath type check failed: ${path} is not a file: its directory does not exist`);
    }
    writeFileSync(path, '', { mode: 0o644 });
  } else {
    const check = checks[type.replace(/OrCreate$/, '')];
    if (!check) throw new VolumeError(`hostPath type check failed: ${type} is an invalid volume type`);
    if (!stats || !check.is(stats)) throw new VolumeError(`hostPath type check failed: ${path} is not ${check.what}`);
  }
  return path;
}

/** A path of the node. */
export const hostPathVolume: VolumeType = {
  field: 'hostPath',
  setUp: async ({ volume }) => ({ path: prepareHostPath(volume.hostPath!) }),
};
