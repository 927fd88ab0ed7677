import { createHash } from 'node:crypto';
import { type FileHandle, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Clock } from '../base/clock.ts';
import { formatTime } from '../base/clock.ts';
import { snapshotSuffix } from './snapshot-files.ts';
import { type Store, StoreError, type StoreWrite } from './store.ts';

/** What a snapshot says of itself. */
export interface SnapshotInfo {
  readonly path: string;
  /** The version of the file's format. */
  readonly format: number;
  /** The version of Timonel that wrote it. */
  readonly writtenBy: string;
  readonly clusterId: string;
  readonly revision: number;
  /** RFC 3339. */
  readonly createdAt: string;
  readonly sizeBytes: number;
}

export interface SaveOptions {
  /** Where to put it; the name is made of the time and the revision. */
  readonly directory: string;
  readonly clusterId: string;
  readonly writtenBy: string;
  readonly clock: Clock;
}

const format = 1;
const magic = 'timonel-snapshot ';
const recordHead = 24;
const digestBytes = 32;
const writesPerCommit = 100;
const bytesPerCommit = 1_000_000;
const chunkBytes = 4 * 1024 * 1024;

/**
 * Copies everything that a store holds, as of one revision, while it is in use. The file appears under its name only
 * when it is whole and flushed. Values are copied as they are stored: encrypted ones stay encrypted.
 */
export async function saveSnapshot(store: Store, options: SaveOptions): Promise<SnapshotInfo> {
  const { directory, clusterId, writtenBy, clock } = options;
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const { revision, entries } = await store.load('');
  const createdAt = formatTime(clock.now());
  const name = `${createdAt.replace(/[-:]/g, '')}-${revision}${snapshotSuffix}`;
  const path = join(directory, name);
  const partial = `${path}.partial`;
  const file = await open(partial, 'w', 0o600);
  const digest = createHash('sha256');
  let sizeBytes = 0;
  const write = async (bytes: Uint8Array) => {
    digest.update(bytes);
    sizeBytes += bytes.length;
    await file.writeFile(bytes);
  };
  try {
    const header = { format, writtenBy, clusterId, revision, createdAt };
    await write(Buffer.from(`${magic}${JSON.stringify(header)}\n`));
    for await (const batch of entries) {
      const parts: Uint8Array[] = [];
      for (const { key, value, revision: at, createRevision } of batch) {
        const keyBytes = Buffer.from(key);
        const head = Buffer.alloc(recordHead);
        head.writeUInt32BE(keyBytes.length, 0);
        head.writeUInt32BE(value.length, 4);
        head.writeBigUInt64BE(BigInt(at), 8);
        head.writeBigUInt64BE(BigInt(createRevision), 16);
        parts.push(head, keyBytes, value);
      }
      await write(Buffer.concat(parts));
    }
    // A record without a key ends the list.
    await write(Buffer.alloc(recordHead));
    await file.writeFile(digest.digest());
    await file.sync();
    await file.close();
    await rename(partial, path);
    await syncDirectory(directory);
    return { path, ...header, sizeBytes: sizeBytes + digestBytes };
  } catch (error) {
    await file.close().catch(() => {});
    await rm(partial, { force: true });
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    throw new StoreError('disk-full', `no space is left for the snapshot ${path}; nothing was kept of it`, {
      cause: error,
    });
  }
}

/** The snapshots of a directory, newest first; files that are none are left out. */
export async function listSnapshots(directory: string): Promise<SnapshotInfo[]> {
  const found: SnapshotInfo[] = [];
  const names = await readdir(directory).catch(() => []);
  for (const name of names) {
    if (!name.endsWith(snapshotSuffix)) continue;
    const info = await readSnapshotInfo(join(directory, name)).catch(() => undefined);
    if (info) found.push(info);
  }
  return found.sort((a, b) =>
    a.createdAt < b.createdAt || (a.createdAt === b.createdAt && a.revision < b.revision) ? 1 : -1,
  );
}

/**
 * What a snapshot says of itself, without reading all of it.
 *
 * @throws StoreError `corrupt` (no snapshot, or not all of one), `too-new`
 */
export async function readSnapshotInfo(path: string): Promise<SnapshotInfo> {
  const file = await open(path, 'r');
  try {
    return (await readHeader(file, path)).info;
  } finally {
    await file.close();
  }
}

/**
 * Fills an empty store from a snapshot, of whatever backend it was taken. The whole file is checked first: a damaged one
 * changes nothing. Objects get new revisions, all greater than any in the snapshot where the backend can skip some.
 *
 * @throws StoreError `corrupt`, `too-new`, or `wrong-cluster` when the store is not empty
 */
export async function restoreSnapshot(path: string, store: Store): Promise<SnapshotInfo> {
  const file = await open(path, 'r');
  try {
    const { info, start } = await readHeader(file, path);
    await checkDigest(file, path);
    const { entries } = await store.load('');
    for await (const batch of entries) {
      if (batch.length === 0) continue;
      throw new StoreError(
        'wrong-cluster',
        `the store is not empty (${batch[0]!.key} is there): restore into a new data directory or etcd prefix`,
      );
    }
    await store.skipRevisions?.(info.revision + 1000);
    let writes: StoreWrite[] = [];
    let bytes = 0;
    const flush = async () => {
      if (writes.length === 0) return;
      const result = await store.commit(writes);
      if (!result.ok) throw new StoreError('wrong-cluster', 'somebody else writes to the store during the restore');
      writes = [];
      bytes = 0;
    };
    for await (const { key, value } of readRecords(file, start)) {
      if (writes.length >= writesPerCommit || bytes + value.length > bytesPerCommit) await flush();
      writes.push({ key, value, expectedRevision: 0 });
      bytes += value.length;
    }
    await flush();
    return info;
  } finally {
    await file.close();
  }
}

async function readHeader(file: FileHandle, path: string): Promise<{ info: SnapshotInfo; start: number }> {
  const bytes = Buffer.alloc(4096);
  const { bytesRead } = await file.read(bytes, 0, bytes.length, 0);
  const text = bytes.toString('utf8', 0, bytesRead);
  const end = text.indexOf('\n');
  if (!text.startsWith(magic) || end < 0) throw new StoreError('corrupt', `${path} is no snapshot of Timonel`);
  let header: Omit<SnapshotInfo, 'path' | 'sizeBytes'>;
  try {
    header = JSON.parse(text.slice(magic.length, end));
  } catch (error) {
    throw new StoreError('corrupt', `${path} is damaged: its first line is unreadable`, { cause: error });
  }
  if (header.format > format) {
    throw new StoreError(
      'too-new',
      `${path} has format ${header.format} (written by Timonel ${header.writtenBy}), this version knows ${format}: use the newer one`,
    );
  }
  const sizeBytes = (await stat(path)).size;
  return { info: { path, ...header, sizeBytes }, start: Buffer.byteLength(text.slice(0, end + 1)) };
}

async function checkDigest(file: FileHandle, path: string): Promise<void> {
  const { size } = await file.stat();
  const digest = createHash('sha256');
  const chunk = Buffer.allocUnsafe(chunkBytes);
  for (let at = 0; at < size - digestBytes; ) {
    const { bytesRead } = await file.read(chunk, 0, Math.min(chunk.length, size - digestBytes - at), at);
    if (bytesRead === 0) break;
    digest.update(chunk.subarray(0, bytesRead));
    at += bytesRead;
  }
  const wanted = Buffer.alloc(digestBytes);
  await file.read(wanted, 0, digestBytes, Math.max(0, size - digestBytes));
  if (!digest.digest().equals(wanted)) {
    throw new StoreError(
      'corrupt',
      `${path} is damaged or cut short: its checksum does not match; nothing was restored`,
    );
  }
}

async function* readRecords(file: FileHandle, start: number): AsyncGenerator<{ key: string; value: Uint8Array }> {
  let buffered: Buffer = Buffer.alloc(0);
  let at = start;
  const need = async (count: number) => {
    while (buffered.length < count) {
      const chunk = Buffer.allocUnsafe(Math.max(chunkBytes, count));
      const { bytesRead } = await file.read(chunk, 0, chunk.length, at);
      if (bytesRead === 0) throw new StoreError('corrupt', 'the snapshot ends within a record');
      at += bytesRead;
      buffered = Buffer.concat([buffered, chunk.subarray(0, bytesRead)]);
    }
  };
  for (;;) {
    await need(recordHead);
    const keyLength = buffered.readUInt32BE(0);
    const valueLength = buffered.readUInt32BE(4);
    if (keyLength === 0) return;
    const size = recordHead + keyLength + valueLength;
    await need(size);
    const key = buffered.toString('utf8', recordHead, recordHead + keyLength);
    yield { key, value: Uint8Array.from(buffered.subarray(recordHead + keyLength, size)) };
    buffered = buffered.subarray(size);
  }
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/** The name of a snapshot without its directory and ending, as lists show it. */
export function snapshotName({ path }: SnapshotInfo): string {
  return basename(path).slice(0, -snapshotSuffix.length);
}
