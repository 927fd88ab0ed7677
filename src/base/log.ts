import { type Logger as PinoLogger, pino } from 'pino';

/** Structured logging: a message and the fields that say what it is about. Never an object's secret data. */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** A logger that adds `fields` to each of its lines. */
  child(fields: LogFields): Logger;
}

/** Fields of a log line; an Error under the key `error` is written with its stack. */
export type LogFields = Readonly<Record<string, unknown>>;

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

function wrap(sink: PinoLogger): Logger {
  return {
    debug: (message, fields) => sink.debug(fields ?? {}, message),
    info: (message, fields) => sink.info(fields ?? {}, message),
    warn: (message, fields) => sink.warn(fields ?? {}, message),
    error: (message, fields) => sink.error(fields ?? {}, message),
    child: (fields) => wrap(sink.child(fields)),
  };
}

/** What JSON lets through and a terminal may obey, or another reader take for the end of a line. */
const unsafe = /[\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

/** Writes lines with nothing in them that acts on a terminal: what is logged may come from a container or a client. */
function escaping(destination: { write(line: string): void }): { write(line: string): void } {
  return {
    write: (line) =>
      destination.write(line.replace(unsafe, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`)),
  };
}

/** A logger that writes JSON lines to `destination` (default: standard error). */
export function createLogger(options: { level?: LogLevel; destination?: { write(line: string): void } } = {}): Logger {
  const settings = {
    level: options.level ?? 'info',
    base: null,
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { error: pino.stdSerializers.err },
  };
  return wrap(pino(settings, escaping(options.destination ?? pino.destination({ dest: 2, sync: true }))));
}

/** Discards everything: the default of the library. */
export const silentLogger: Logger = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  child: () => silentLogger,
};
