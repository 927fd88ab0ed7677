/** What a command is doing, on standard error: ticks on a terminal, plain lines otherwise, JSON events with `-o json`. */
import { realClock } from '../base/clock.ts';

export type OutputFormat = 'text' | 'json';

export interface Progress {
  /** A step began; `done` ends it with an optional remark. */
  step(title: string): { done(remark?: string): void };
  note(message: string): void;
  warn(message: string): void;
}

const colour = process.stderr.isTTY && !process.env['NO_COLOR'];
const paint = (code: number, text: string) => (colour ? `\u001b[${code}m${text}\u001b[0m` : text);

/** Progress for a person or a program. */
export function createProgress(format: OutputFormat): Progress {
  const started = realClock.monotonic();
  const elapsed = () => `${((realClock.monotonic() - started) / 1000).toFixed(1)}s`;
  if (format === 'json') {
    const emit = (event: object) =>
      process.stderr.write(`${JSON.stringify({ time: new Date(realClock.now()).toISOString(), ...event })}\n`);
    return {
      step(title) {
        emit({ event: 'started', step: title });
        return { done: (remark) => emit({ event: 'done', step: title, ...(remark ? { remark } : {}) }) };
      },
      note: (message) => emit({ event: 'note', message }),
      warn: (message) => emit({ event: 'warning', message }),
    };
  }
  const line = (text: string) => process.stderr.write(`${text}\n`);
  return {
    step: (title) => ({
      done: (remark) => line(`${paint(32, '✓')} ${title}${remark ? ` ${remark}` : ''} ${paint(2, `(${elapsed()})`)}`),
    }),
    note: (message) => line(message),
    warn: (message) => line(`${paint(33, '!')} ${message}`),
  };
}

/** Prints the one line that ends a failed command. */
export function printError(message: string, format: OutputFormat = 'text'): void {
  if (format === 'json')
    process.stderr.write(
      `${JSON.stringify({ time: new Date(realClock.now()).toISOString(), event: 'error', message })}\n`,
    );
  else process.stderr.write(`${paint(31, 'timonel:')} ${message}\n`);
}
