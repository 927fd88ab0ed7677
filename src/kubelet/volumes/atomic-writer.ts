/**
 * Files that change all at once. The directory holds `..data`, a link to a directory of the current files, and one link a
 * file through it: replacing that one link replaces them all, so that no reader sees old and new together.
 */
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';

/** One file of a payload; the path is relative and never leaves the directory. */
export interface PayloadFile {
  readonly data: Uint8Array;
  readonly mode: number;
  /** Owner, where it is not root. */
  readonly uid?: number;
}

export type Payload = ReadonlyMap<string, PayloadFile>;

const dataLink = '..data';

/**
 * Makes a directory hold exactly a payload. Returns whether anything changed.
 * @param fsGroup the group that gets to read the files
 */
export function writeAtomically(dir: string, payload: Payload, fsGroup?: number): boolean {
  mkdirSync(dir, { recursive: true, mode: 0o755 });
  chmodSync(dir, 0o755);
  const current = currentDir(dir);
  if (current && holds(current, payload)) {
    linkVisibleNames(dir, payload);
    return false;
  }
  // Not join(), which would take the two dots for the parent directory.
  const next = mkdtempSync(`${dir}/..`);
  chmodSync(next, 0o755);
  for (const [path, file] of payload) {
    const full = join(next, path);
    if (!full.startsWith(`${next}/`)) throw new Error(`the path ${path} leaves the volume`);
    mkdirSync(dirname(full), { recursive: true, mode: 0o755 });
    writeFileSync(full, file.data);
    // After writing, so that the process's umask has no say.
    chmodSync(full, fsGroup === undefined ? file.mode : file.mode | 0o440);
    if (fsGroup !== undefined || file.uid !== undefined) chownSync(full, file.uid ?? 0, fsGroup ?? 0);
  }
  const link = join(dir, '..data_tmp');
  rmSync(link, { force: true });
  symlinkSync(next.slice(dir.length + 1), link);
  renameSync(link, join(dir, dataLink));
  linkVisibleNames(dir, payload);
  if (current) rmSync(current, { recursive: true, force: true });
  return true;
}

function currentDir(dir: string): string | undefined {
  try {
    return join(dir, readlinkSync(join(dir, dataLink)));
  } catch {
    return undefined;
  }
}

/** A link a top-level name; names that the payload no longer has go. */
function linkVisibleNames(dir: string, payload: Payload): void {
  const names = new Set([...payload.keys()].map((path) => path.split('/')[0]!));
  for (const name of readdirSync(dir)) {
    if (!name.startsWith('..') && !names.has(name)) rmSync(join(dir, name), { recursive: true, force: true });
  }
  for (const name of names) {
    if (!lstatSync(join(dir, name), { throwIfNoEntry: false })) symlinkSync(join(dataLink, name), join(dir, name));
  }
}

function holds(dir: string, payload: Payload): boolean {
  if (!existsSync(dir)) return false;
  const there = filesOf(dir);
  if (there.length !== payload.size) return false;
  return there.every((path) => {
    const file = payload.get(path);
    return file !== undefined && readFileSync(join(dir, path)).equals(file.data);
  });
}

function filesOf(dir: string, prefix = ''): string[] {
  return readdirSync(join(dir, prefix)).flatMap((name) => {
    const path = prefix ? `${prefix}/${name}` : name;
    return statSync(join(dir, path)).isDirectory() ? filesOf(dir, path) : [path];
  });
}
