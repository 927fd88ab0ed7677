/** Reading a container's log: the end of it, since a time, and following it while the container runs. */
import { constants, watch } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type Clock, parseTime } from '../../base/clock.ts';
import { type LogRecord, parseLogLine } from './cri-log.ts';

export interface LogQuery {
  readonly follow: boolean;
  readonly timestamps: boolean;
  readonly tailLines?: number;
  readonly limitBytes?: number;
  /** Milliseconds since the epoch. */
  readonly since?: number;
  readonly stream?: 'All' | 'Stdout' | 'Stderr';
}

export interface LogSource {
  readonly path: string;
  /** Whether more may come: the container still runs. */
  running(): Promise<boolean>;
}

const blockBytes = 64 * 1024;
const newline = 0x0a;
/** How often the container is asked about while following; changes of the file wake earlier. */
const pollMs = 500;

/** The log's bytes as clients get them, piece by piece. Ends at the end, or when following after the container ended. */
export async function* readLog(
  source: LogSource,
  query: LogQuery,
  env: { readonly clock: Clock; readonly signal: AbortSignal },
): AsyncGenerator<Buffer> {
  let left = query.limitBytes ?? Number.POSITIVE_INFINITY;
  let file = await openWhenThere(source.path);
  if (!file) return;
  const waker = query.follow ? new Waker(source.path, env) : undefined;
  try {
    let at = query.tailLines === undefined ? 0 : await tailOffset(file, query.tailLines);
    let rest: Buffer = Buffer.alloc(0);
    const place: Place = { midLine: false };
    for (;;) {
      const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(blockBytes), 0, blockBytes, at);
      if (bytesRead > 0) {
        at += bytesRead;
        const data =
          rest.length > 0 ? Buffer.concat([rest, buffer.subarray(0, bytesRead)]) : buffer.subarray(0, bytesRead);
        const end = data.lastIndexOf(newline);
        rest = Buffer.from(data.subarray(end + 1));
        const out = formatLines(data.subarray(0, end + 1), query, place);
        if (out.length === 0) continue;
        yield out.length > left ? out.subarray(0, left) : out;
        left -= out.length;
        if (left <= 0) return;
        continue;
      }
      if (!waker || env.signal.aborted) return;
      const rotated = await openIfReplaced(source.path, file);
      if (rotated) {
        await file.close();
        file = rotated;
        at = 0;
        rest = Buffer.alloc(0);
        continue;
      }
      const size = (await file.stat()).size;
      if (size > at) continue;
      if (!(await source.running())) {
        // What was written before the container ended may have come after the last look.
        if ((await file.stat()).size > at) continue;
        return;
      }
      await waker.wait();
    }
  } finally {
    waker?.close();
    await file.close();
  }
}

/** Opens a regular file: a pod that may write where logs are must not have others read to it, or the reader wait. */
async function openWhenThere(path: string): Promise<FileHandle | undefined> {
  let file: FileHandle;
  try {
    file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    throw code === 'ELOOP' ? notAFile(path) : error;
  }
  if ((await file.stat()).isFile()) return file;
  await file.close();
  throw notAFile(path);
}

const notAFile = (path: string) => new Error(`the log ${JSON.stringify(path)} is not a file: it is not read`);

async function openIfReplaced(path: string, file: FileHandle): Promise<FileHandle | undefined> {
  const [now, then] = await Promise.all([stat(path).catch(() => undefined), file.stat()]);
  return now && now.ino !== then.ino ? openWhenThere(path) : undefined;
}

/** Where the last `lines` lines begin. Pieces of a long line count as one. */
async function tailOffset(file: FileHandle, lines: number): Promise<number> {
  const { size } = await file.stat();
  if (lines <= 0) return size;
  let at = size;
  let tail: Buffer = Buffer.alloc(0);
  while (at > 0) {
    const length = Math.min(blockBytes, at);
    at -= length;
    const { buffer } = await file.read(Buffer.alloc(length), 0, length, at);
    tail = Buffer.concat([buffer, tail]);
    const offset = startOfTail(tail, lines, at === 0);
    if (offset !== undefined) return at + offset;
  }
  return 0;
}

/** The offset in a buffer at which its last `lines` whole records begin; undefined when it holds fewer. */
function startOfTail(buffer: Buffer, lines: number, complete: boolean): number | undefined {
  let found = 0;
  let end = buffer.length;
  if (buffer[end - 1] === newline) end--;
  let start = end;
  while (start > 0) {
    const previous = buffer.lastIndexOf(newline, start - 1);
    if (previous < 0 && !complete) return undefined;
    const record = parseLogLine(buffer.subarray(previous + 1, end));
    // A partial record belongs to the line that its successor ends.
    if (!record?.partial) {
      found++;
      if (found > lines) return end + 1;
    }
    start = Math.max(0, previous);
    end = previous;
    if (previous < 0) break;
  }
  return complete ? 0 : undefined;
}

/** Whether what was written last has no end of line yet: what follows gets no time of its own. */
interface Place {
  midLine: boolean;
}

function formatLines(data: Buffer, query: LogQuery, place: Place): Buffer {
  const out: Buffer[] = [];
  let start = 0;
  while (start < data.length) {
    const end = data.indexOf(newline, start);
    const record = parseLogLine(data.subarray(start, end));
    start = end + 1;
    if (record && wanted(record, query)) {
      if (query.timestamps && !place.midLine) out.push(Buffer.from(`${record.time} `));
      out.push(record.content);
      if (!record.partial) out.push(lineEnd);
      place.midLine = record.partial;
    }
  }
  return Buffer.concat(out);
}

function wanted(record: LogRecord, query: LogQuery): boolean {
  if (query.stream && query.stream !== 'All' && record.stream !== query.stream.toLowerCase()) return false;
  return query.since === undefined || parseTime(record.time) >= query.since;
}

const lineEnd = Buffer.from('\n');

/** Wakes a follower when the log's directory changes, and every now and then in any case. */
class Waker {
  #wake: (() => void) | undefined;
  #pending = false;
  readonly #clock: Clock;
  readonly #watcher: ReturnType<typeof watch> | undefined;

  constructor(path: string, { clock, signal }: { clock: Clock; signal: AbortSignal }) {
    this.#clock = clock;
    try {
      this.#watcher = watch(dirname(path), () => this.#fire());
      this.#watcher.on('error', () => {});
    } catch {
      // Too many watches on this machine: the timer is enough.
    }
    signal.addEventListener('abort', () => this.#fire(), { once: true });
  }

  wait(): Promise<void> {
    if (this.#pending) {
      this.#pending = false;
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      const timer = this.#clock.after(pollMs, () => this.#fire());
      this.#wake = () => {
        timer.cancel();
        resolve();
      };
    });
  }

  close(): void {
    this.#watcher?.close();
  }

  #fire(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    if (wake) wake();
    else this.#pending = true;
  }
}
