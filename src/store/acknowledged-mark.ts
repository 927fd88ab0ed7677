import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import { crc32 } from 'node:zlib';

/**
 * A small file beside the database with the newest revision that was acknowledged and the process that did. It is
 * written after each flush without a flush of its own: it survives a killed process, and after a power failure it is at
 * most too old. So a database that ends before it has lost acknowledged writes.
 */
export class AcknowledgedMark {
  readonly #file: number;
  readonly #pid: number;

  constructor(path: string, pid: number) {
    this.#file = openSync(path, 'a+', 0o600);
    closeSync(this.#file);
    this.#file = openSync(path, 'r+');
    this.#pid = pid;
  }

  write(revision: number): void {
    const line = format(revision, this.#pid);
    writeSync(this.#file, line, 0, 'latin1');
  }

  close(): void {
    closeSync(this.#file);
  }
}

export interface Acknowledged {
  readonly revision: number;
  readonly pid: number;
}

/** What a mark says; undefined when there is none or it is unreadable, which proves nothing. */
export function readAcknowledged(path: string): Acknowledged | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'latin1');
  } catch {
    return undefined;
  }
  const match = /^acknowledged (\d{16}) by (\d{10}) /.exec(text);
  if (!match) return undefined;
  const [revision, pid] = [Number(match[1]), Number(match[2])];
  return text.startsWith(format(revision, pid)) ? { revision, pid } : undefined;
}

function format(revision: number, pid: number): string {
  const body = `acknowledged ${String(revision).padStart(16, '0')} by ${String(pid).padStart(10, '0')} `;
  return `${body}${crc32(body).toString(16).padStart(8, '0')}\n`;
}
