/** Lifecycle handlers: commands in the container, HTTP requests to the pod, and pauses. */
import http from 'node:http';
import https from 'node:https';
import type { Shared } from '../../api/kind.ts';
import type { Container, EphemeralContainer, LifecycleHandler, Pod } from '../../api/types/core-v1.ts';
import type { KubeletContext } from '../context.ts';

export interface HookTarget {
  readonly pod: Shared<Pod>;
  readonly container: Shared<Container | EphemeralContainer>;
  readonly containerId: string;
  readonly podIp: string;
}

/** Runs a handler to its end. Rejects when it fails; what it said may be secret, and is for the pod's owner alone. */
export async function runHook(
  context: Pick<KubeletContext, 'runtime' | 'clock'>,
  handler: Shared<LifecycleHandler>,
  options: { readonly target: HookTarget; readonly timeoutMs?: number; readonly signal?: AbortSignal },
): Promise<void> {
  const { target, signal } = options;
  if (handler.exec) {
    const answer = await context.runtime.runtime.execSync(
      {
        container_id: target.containerId,
        cmd: handler.exec.command ?? [],
        timeout: options.timeoutMs === undefined ? 0 : Math.ceil(options.timeoutMs / 1000),
      },
      { timeoutMs: (options.timeoutMs ?? 24 * 3600 * 1000) + 2000, ...(signal ? { signal } : {}) },
    );
    if (answer.exit_code !== 0) {
      const output = Buffer.concat([answer.stdout, answer.stderr]).toString('utf8').slice(0, 1000);
      throw new Error(`command '${(handler.exec.command ?? []).join(' ')}' exited with ${answer.exit_code}: ${output}`);
    }
    return;
  }
  if (handler.httpGet) {
    const { scheme, path, httpHeaders, host, port } = handler.httpGet;
    await requestOnce({
      scheme: scheme ?? 'HTTP',
      host: host || target.podIp,
      port: resolvePort(port, target.container),
      path: path ?? '/',
      headers: {
        'User-Agent': 'kube-lifecycle/1.36',
        Accept: '*/*',
        ...Object.fromEntries((httpHeaders ?? []).map(({ name, value }) => [name, value])),
      },
      timeoutMs: options.timeoutMs ?? 30_000,
      ...(signal ? { signal } : {}),
    });
    return;
  }
  if (handler.sleep) await context.clock.sleep(handler.sleep.seconds * 1000, signal);
}

/** The number of a port that may be given by its name. */
export function resolvePort(port: number | string, container: Shared<Container | EphemeralContainer>): number {
  if (typeof port === 'number') return port;
  const named = container.ports?.find((candidate) => candidate.name === port)?.containerPort;
  const number = named ?? Number(port);
  if (!Number.isInteger(number) || number < 1 || number > 65535) throw new Error(`couldn't find port: ${port}`);
  return number;
}

function requestOnce(wish: {
  scheme: string;
  host: string;
  port: number;
  path: string;
  headers: Record<string, string>;
  timeoutMs: number;
  signal?: AbortSignal;
}): Promise<void> {
  return new Promise((resolve, reject) => {
    const send = wish.scheme === 'HTTPS' ? https.request : http.request;
    const request = send(
      {
        host: wish.host,
        port: wish.port,
        path: wish.path,
        headers: wish.headers,
        timeout: wish.timeoutMs,
        rejectUnauthorized: false,
        agent: false,
        ...(wish.signal ? { signal: wish.signal } : {}),
      },
      (response) => {
        // Any answer will do: upstream does not look at its status.
        response.resume();
        resolve();
      },
    );
    request.on('timeout', () => request.destroy(new Error('the request timed out')));
    request.on('error', reject);
    request.end();
  });
}
