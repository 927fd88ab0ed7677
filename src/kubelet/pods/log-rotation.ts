/** Keeping containers' logs small: rotated by size, older ones compressed, only so many kept. Names are upstream's. */
import { createReadStream, createWriteStream } from 'node:fs';
import { readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import type { Timer } from '../../base/clock.ts';
import type { KubeletContext } from '../context.ts';

/** What the rotator is told of containers. */
export interface RunningLog {
  readonly containerId: string;
  readonly path: string;
}

export class LogRotation {
  readonly #context: KubeletContext;
  readonly #running: () => readonly RunningLog[];
  #timer: Timer | undefined;
  #busy = false;

  constructor(context: KubeletContext, running: () => readonly RunningLog[]) {
    this.#context = context;
    this.#running = running;
  }

  start(): void {
    const { clock, settings } = this.#context;
    this.#timer = clock.every(settings.containerLogMonitorIntervalMs, () => void this.rotate());
  }

  close(): void {
    this.#timer?.cancel();
  }

  /** Looks at all logs once. */
  async rotate(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    try {
      for (const log of this.#running()) {
        const size = (await stat(log.path).catch(() => undefined))?.size ?? 0;
        if (size > this.#context.settings.containerLogMaxSizeBytes) await this.#rotateOne(log);
      }
    } finally {
      this.#busy = false;
    }
  }

  async #rotateOne(log: RunningLog): Promise<void> {
    const { runtime, clock, settings } = this.#context;
    try {
      const older = await rotatedLogs(log.path);
      // The current log and the newest rotated one stay as they are: followers may still read them.
      for (const path of older.filter((name) => !name.endsWith('.gz'))) await compress(path);
      const all = await rotatedLogs(log.path);
      const excess = all.length - Math.max(0, settings.containerLogMaxFiles - 2);
      for (const path of all.slice(0, Math.max(0, excess))) await rm(path, { force: true });
      const rotated = `${log.path}.${timeSuffix(clock.now())}`;
      await rename(log.path, rotated);
      try {
        await runtime.runtime.reopenContainerLog({ container_id: log.containerId });
      } catch (error) {
        await rename(rotated, log.path);
        throw error;
      }
    } catch (error) {
      this.#context.log.warn('a container log could not be rotated', { path: log.path, error });
    }
  }
}

/** The logs that were rotated away from a path, the oldest first. */
export async function rotatedLogs(path: string): Promise<string[]> {
  const name = `${basename(path)}.`;
  const files = await readdir(dirname(path));
  return files
    .filter((file) => file.startsWith(name) && !file.endsWith('.tmp'))
    .sort()
    .map((file) => join(dirname(path), file));
}

async function compress(path: string): Promise<void> {
  const temporary = `${path}.tmp`;
  await pipeline(createReadStream(path), createGzip(), createWriteStream(temporary));
  await rename(temporary, `${path}.gz`);
  await rm(path);
}

/** `20260102-150405`. */
function timeSuffix(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19).replaceAll('-', '').replaceAll(':', '').replace('T', '-');
}
