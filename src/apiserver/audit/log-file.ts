/** Audit events as lines of JSON in a file that is rotated (--audit-log-path, -maxsize, -maxbackup, -maxage). */
import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { AuditBackend } from './audit.ts';

export interface AuditLogOptions {
  readonly path: string;
  /** Bytes after which a new file is begun; 100 MiB by default. */
  readonly maxSizeBytes?: number;
  /** Old files that are kept; 10 by default. */
  readonly maxBackups?: number;
  /** Old files are removed after this many days; 30 by default. */
  readonly maxAgeDays?: number;
  readonly clock: Clock;
  readonly log: Logger;
}

const day = 24 * 60 * 60 * 1000;
/** Beyond this the disk cannot keep up: events are dropped and counted rather than kept in memory. */
const maxWaitingBytes = 64 * 1024 * 1024;

/** Opens the file (mode 0600) and appends to it, in order, in the background. */
export function createAuditLog(options: AuditLogOptions): AuditBackend {
  const { path, clock, log } = options;
  const maxSize = options.maxSizeBytes ?? 100 * 1024 * 1024;
  let waiting: string[] = [];
  let waitingBytes = 0;
  let dropped = 0;
  let file: FileHandle | undefined;
  let size = 0;
  let working: Promise<void> | undefined;

  async function openFile(): Promise<FileHandle> {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const handle = await open(path, constants.O_APPEND | constants.O_CREAT | constants.O_WRONLY, 0o600);
    size = (await handle.stat()).size;
    return handle;
  }

  async function rotate(): Promise<void> {
    await file?.close();
    file = undefined;
    const extension = extname(path);
    const stem = path.slice(0, path.length - extension.length);
    const stamp = new Date(clock.now()).toISOString().replaceAll(':', '-');
    let target = `${stem}-${stamp}${extension}`;
    for (let n = 1; await exists(target); n++) target = `${stem}-${stamp}.${n}${extension}`;
    await rename(path, target);
    await removeOld(stem, extension);
  }

  async function removeOld(stem: string, extension: string): Promise<void> {
    const folder = dirname(path);
    const prefix = `${basename(stem)}-`;
    const old = (await readdir(folder)).filter((name) => name.startsWith(prefix) && name.endsWith(extension)).sort();
    const surplus = old.length - (options.maxBackups ?? 10);
    const oldest = clock.now() - (options.maxAgeDays ?? 30) * day;
    for (const [i, name] of old.entries()) {
      const full = join(folder, name);
      if (i < surplus || (await stat(full)).mtimeMs < oldest) await rm(full, { force: true });
    }
  }

  async function work(): Promise<void> {
    while (waiting.length) {
      const lines = waiting;
      waiting = [];
      waitingBytes = 0;
      for (let text = '', i = 0; i < lines.length; i++) {
        text += lines[i];
        const last = i === lines.length - 1;
        if (!last && size + text.length < maxSize) continue;
        file ??= await openFile();
        await file.appendFile(text);
        size += Buffer.byteLength(text);
        text = '';
        if (size >= maxSize) await rotate();
      }
    }
  }

  function start(): void {
    working ??= work()
      .catch((error: unknown) => log.error('the audit log cannot be written', { path, error }))
      .finally(() => {
        working = undefined;
        if (waiting.length && !dropped) start();
      });
  }

  return {
    write(event) {
      const line = `${JSON.stringify(event)}\n`;
      if (waitingBytes + line.length > maxWaitingBytes) {
        if (dropped++ === 0) log.error('audit events are dropped because the disk cannot keep up', { path });
        return;
      }
      waiting.push(line);
      waitingBytes += line.length;
      start();
    },
    async close() {
      while (working) await working;
      await file?.close();
      file = undefined;
    },
  };
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
