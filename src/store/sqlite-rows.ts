import { crc32 } from 'node:zlib';
import { revisionOf } from './sqlite-files.ts';
import type { PackedRows } from './sqlite-protocol.ts';
import { type StoreEntry, StoreError } from './store.ts';

/** A row of the log, as SQLite gives it. */
export interface LogRow {
  readonly id: number;
  readonly key: string;
  readonly created: number;
  readonly sum: number;
  readonly value: Uint8Array | null;
}

/** Over a row's id, key and value. */
export function checksum(id: number, key: string, value: Uint8Array | null): number {
  const head = crc32(`${id} ${key} ${value === null ? 'deleted' : ''}`);
  return value === null ? head : crc32(value, head);
}

/** The row, when it is the one of the key and as it was written. Throws StoreError `corrupt`. */
export function verify(row: LogRow | undefined, key: string, path: string): LogRow {
  if (!row || row.key !== key || row.sum !== checksum(row.id, row.key, row.value)) {
    throw new StoreError('corrupt', `${path} is damaged: the record of ${key} does not match its checksum`, { key });
  }
  return row;
}

/** The entry of a row that is no deletion. */
export function toEntry({ id, key, created, value }: LogRow): StoreEntry {
  return { key, value: value!, revision: revisionOf(id), createRevision: created };
}

/** Rows as they travel to the main thread. */
export function pack(rows: readonly LogRow[], end: { done: boolean; last: string | undefined }): PackedRows {
  const keys: string[] = [];
  const ids = new Float64Array(rows.length);
  const created = new Float64Array(rows.length);
  const lengths = new Int32Array(rows.length);
  let size = 0;
  for (const row of rows) size += row.value?.length ?? 0;
  const values = new Uint8Array(size);
  let at = 0;
  for (const [i, row] of rows.entries()) {
    keys.push(row.key);
    ids[i] = row.id;
    created[i] = row.created;
    lengths[i] = row.value?.length ?? -1;
    if (!row.value) continue;
    values.set(row.value, at);
    at += row.value.length;
  }
  return { keys, ids, created, lengths, values, ...end };
}
