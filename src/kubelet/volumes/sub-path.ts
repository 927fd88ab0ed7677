/**
 * A directory or file of a volume, mounted by itself. What a container writes into the volume must not choose a path of
 * the node, also not while the agent looks: every part of the path is opened without following links, and what was
 * opened is what gets mounted, whatever its name leads to by then.
 */
import {
  type BigIntStats,
  chmodSync,
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readlinkSync,
  realpathSync,
  rmdirSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { mountsUnder } from '../../cri/mounts.ts';
import { runMount } from './mount.ts';
import { VolumeError } from './volume.ts';

/** O_PATH, which Node does not name: a handle on what is there, a link included, without opening it for reading. */
const pathOnly = 0o10000000;
const maxLinks = 40;

export interface SubPathWish {
  readonly volumePath: string;
  /** Relative, without `..`. */
  readonly subPath: string;
  /** Where it is mounted: a path that only the agent may write to. */
  readonly target: string;
}

/**
 * Mounts a sub path of a volume, made when it is missing, and returns the target. Links are followed, but never out of
 * the volume. Mounted again where the target shows something else by now. Rejects with {@link VolumeError}.
 */
export async function bindSubPath({ volumePath, subPath, target }: SubPathWish): Promise<string> {
  const file = openSubPath(volumePath, subPath);
  try {
    const source = fstatSync(file, { bigint: true });
    if (mountsUnder(target).includes(target)) {
      const mounted = statSync(target, { bigint: true, throwIfNoEntry: false });
      if (mounted && isSame(mounted, source)) return target;
      await runMount([target], 'umount');
    }
    removeEmpty(target);
    mkdirSync(dirname(target), { recursive: true, mode: 0o750 });
    if (source.isDirectory()) mkdirSync(target, { mode: 0o750 });
    else writeFileSync(target, '', { mode: 0o640 });
    // Not canonicalized: the link in /proc leads to the very file that was opened, its text is only a name for it.
    await runMount(['--no-canonicalize', '--bind', `/proc/${process.pid}/fd/${file}`, target]);
    return target;
  } finally {
    closeSync(file);
  }
}

/** Removes what a target was mounted on; never more than that, were it still mounted. */
function removeEmpty(target: string): void {
  const stats = lstatSync(target, { throwIfNoEntry: false });
  if (stats?.isDirectory()) rmdirSync(target);
  else if (stats) unlinkSync(target);
}

const isSame = (a: BigIntStats, b: BigIntStats) => a.dev === b.dev && a.ino === b.ino;

/** Opens a sub path part by part and returns the descriptor, to be closed by the caller. */
function openSubPath(volumePath: string, subPath: string): number {
  if (subPath.startsWith('/')) throw new VolumeError(`subPath "${subPath}" must not be an absolute path`);
  if (subPath.split('/').includes('..')) throw new VolumeError(`subPath "${subPath}" must not contain ".."`);
  const root = realpathSync(volumePath);
  // The directories from the volume's own to the one looked at.
  const opened = [openSync(root, pathOnly | constants.O_NOFOLLOW)];
  try {
    const mode = fstatSync(opened[0]!).mode & 0o7777;
    const parts = partsOf(subPath);
    let links = 0;
    for (let part = parts.shift(); part !== undefined; part = parts.shift()) {
      if (part === '..') {
        if (opened.length === 1) throw new VolumeError(`subPath "${subPath}" leaves the volume`);
        closeSync(opened.pop()!);
        continue;
      }
      const path = at(opened.at(-1)!, part);
      const next = openOrMake(path, mode);
      if (!fstatSync(next).isSymbolicLink()) {
        opened.push(next);
        continue;
      }
      closeSync(next);
      // Perhaps another link's by now: whatever it says is walked as carefully.
      const to = readlinkSync(path);
      if (++links > maxLinks) throw new VolumeError(`subPath "${subPath}" has too many links`);
      if (to.startsWith('/')) {
        if (!to.startsWith(`${root}/`)) throw new VolumeError(`subPath "${subPath}" leaves the volume`);
        for (const file of opened.splice(1)) closeSync(file);
        parts.unshift(...partsOf(to.slice(root.length)));
      } else parts.unshift(...partsOf(to));
    }
    return opened.pop()!;
  } finally {
    for (const file of opened) closeSync(file);
  }
}

const partsOf = (path: string) => path.split('/').filter((part) => part !== '' && part !== '.');

/** A name in an open directory, wherever that was moved to since. */
const at = (directory: number, name: string) => `/proc/self/fd/${directory}/${name}`;

function openOrMake(path: string, mode: number): number {
  try {
    return openSync(path, pathOnly | constants.O_NOFOLLOW);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  mkdirSync(path, { mode: 0o700 });
  const made = openSync(path, pathOnly | constants.O_NOFOLLOW);
  // Someone may have put a link in its place: that is not given the mode, nor what it leads to.
  if (fstatSync(made).isDirectory()) chmodSync(`/proc/self/fd/${made}`, mode);
  return made;
}

/** The target for a container's mount, by its place in the list: where upstream has it. */
export const subPathTarget = (
  podDir: string,
  mount: { readonly volume: string; readonly container: string; readonly index: number },
): string => join(podDir, 'volume-subpaths', mount.volume, mount.container, String(mount.index));
