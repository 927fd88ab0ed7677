/** The log format of CRI runtimes: `<time> <stdout|stderr> <P|F> <text>`, one record a line. */

export interface LogRecord {
  /** As the runtime wrote it, with nanoseconds. */
  readonly time: string;
  readonly stream: 'stdout' | 'stderr';
  /** The line goes on in the next record of the stream. */
  readonly partial: boolean;
  readonly content: Buffer;
}

const space = 0x20;

/** The record of a line without its newline; undefined for what is not one (a torn write). */
export function parseLogLine(line: Buffer): LogRecord | undefined {
  const first = line.indexOf(space);
  const second = line.indexOf(space, first + 1);
  const third = line.indexOf(space, second + 1);
  if (first < 0 || second < 0) return undefined;
  const stream = line.toString('latin1', first + 1, second);
  if (stream !== 'stdout' && stream !== 'stderr') return undefined;
  const tags = line.toString('latin1', second + 1, third < 0 ? line.length : third);
  return {
    time: line.toString('latin1', 0, first),
    stream,
    partial: tags.split(':')[0] === 'P',
    content: third < 0 ? Buffer.alloc(0) : line.subarray(third + 1),
  };
}
