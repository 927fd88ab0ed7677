/** What requests to the node's server ask for, from their paths and queries. */
import { parseTime } from '../../base/clock.ts';
import type { LogQuery } from './log-reader.ts';
import { type ContainerRef, NodeRequestError } from './node-backend.ts';
import type { RemoteCommandOptions } from './remote-command.ts';

/** The parts of a path, decoded. Throws {@link NodeRequestError} for what is not an encoding. */
export function pathParts(pathname: string): string[] {
  try {
    return pathname.split('/').slice(1).map(decodeURIComponent);
  } catch {
    throw new NodeRequestError(400, `the path ${pathname} is not encoded as a URL`);
  }
}

/** `<namespace>/<pod>[/<uid>]/<container>`. */
export function refOf(parts: readonly string[]): ContainerRef {
  const [namespace, pod, third, fourth] = parts;
  if (!namespace || !pod || !third) throw new NodeRequestError(400, 'missing pod namespace, name or container');
  return fourth ? { namespace, pod, uid: third, container: fourth } : { namespace, pod, container: third };
}

const isTrue = (query: URLSearchParams, ...names: string[]) =>
  names.some((name) => ['1', 'true'].includes(query.get(name) ?? ''));

/** What exec and attach are to connect. The names are `input`, `output`, `error` from the API server, and the API's own from others. */
export function commandOptions(query: URLSearchParams): RemoteCommandOptions {
  const options = {
    stdin: isTrue(query, 'input', 'stdin'),
    stdout: isTrue(query, 'output', 'stdout'),
    stderr: isTrue(query, 'error', 'stderr'),
    tty: isTrue(query, 'tty'),
  };
  if (!options.stdin && !options.stdout && !options.stderr) {
    throw new NodeRequestError(400, 'you must specify at least 1 of stdin, stdout, stderr');
  }
  return { ...options, stderr: options.stderr && !options.tty };
}

/** The options of a log request; `now` is in milliseconds, for `sinceSeconds`. */
export function logQuery(query: URLSearchParams, now: number): LogQuery & { previous: boolean } {
  const number = (name: string) => {
    const text = query.get(name);
    if (text === null || text === '') return undefined;
    const value = Number(text);
    if (!Number.isInteger(value) || value < 0)
      throw new NodeRequestError(400, `${name} must be a number from 0 up, not ${text}`);
    return value;
  };
  const sinceSeconds = number('sinceSeconds');
  const sinceTime = query.get('sinceTime');
  const since = sinceTime ? parseTime(sinceTime) : sinceSeconds === undefined ? undefined : now - sinceSeconds * 1000;
  const tail = query.get('tailLines') ?? query.get('tail');
  const tailLines = tail === null || tail === 'all' ? undefined : (number('tailLines') ?? number('tail'));
  const limitBytes = number('limitBytes');
  return {
    follow: isTrue(query, 'follow'),
    previous: isTrue(query, 'previous'),
    timestamps: isTrue(query, 'timestamps'),
    ...(tailLines === undefined ? {} : { tailLines }),
    ...(limitBytes === undefined ? {} : { limitBytes }),
    ...(since === undefined ? {} : { since }),
    stream: (query.get('stream') ?? 'All') as 'All',
  };
}
