import { StoreError, type StoreErrorCode } from './store.ts';

interface SqliteError extends Error {
  readonly code: 'ERR_SQLITE_ERROR';
  /** SQLite's extended result code. */
  readonly errcode: number;
}

const sqliteCodes: Readonly<Record<number, StoreErrorCode>> = {
  5: 'locked',
  6: 'locked',
  8: 'read-only',
  11: 'corrupt',
  13: 'disk-full',
  26: 'corrupt',
};

const cantOpen = 14;
const ioError = 10;
/** The index of the write-ahead log could not be given its size (SQLITE_IOERR_SHMSIZE). */
const noSpaceForIndex = 4874;

export function isSqliteError(error: unknown): error is SqliteError {
  return error instanceof Error && (error as Partial<SqliteError>).code === 'ERR_SQLITE_ERROR';
}

/** An error of SQLite or the file system as a StoreError that names the file and what to do. */
export function toStoreError(error: unknown, path: string): StoreError {
  if (error instanceof StoreError) return error;
  const text = error instanceof Error ? error.message : String(error);
  if (isSqliteError(error)) {
    const code = error.errcode === noSpaceForIndex ? 'disk-full' : sqliteCodes[error.errcode & 0xff];
    if (code) return new StoreError(code, describe(code, path, text), { cause: error });
    if ((error.errcode & 0xff) === cantOpen) {
      return new StoreError('unavailable', `${path} cannot be opened: ${text}`, { cause: error });
    }
    if ((error.errcode & 0xff) === ioError) {
      return new StoreError(
        'unavailable',
        `reading or writing ${path} failed: ${text} (SQLite ${error.errcode}); check the disk`,
        {
          cause: error,
        },
      );
    }
  }
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  if (code === 'EROFS' || code === 'EACCES' || code === 'EPERM') {
    return new StoreError('read-only', describe('read-only', path, text), { cause: error });
  }
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new StoreError('disk-full', describe('disk-full', path, text), { cause: error });
  }
  return new StoreError('unavailable', `the store ${path} failed: ${text}`, { cause: error });
}

function describe(code: StoreErrorCode, path: string, text: string): string {
  switch (code) {
    case 'locked':
      return `${path} is in use by another server`;
    case 'read-only':
      return `${path} cannot be written (${text}); check the owner of the data directory and how its disk is mounted`;
    case 'disk-full':
      return `no space is left for ${path}; nothing was written, free some space`;
    default:
      return `${path} is damaged: ${text}`;
  }
}
