/** Asking a container once: by a command, HTTP, TCP or gRPC. */
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import { Client, credentials } from '@grpc/grpc-js';
import type { Shared } from '../../api/kind.ts';
import type { Container, Pod, Probe } from '../../api/types/core-v1.ts';
import { realClock } from '../../base/clock.ts';
import type { CriRuntime } from '../../cri/runtime.ts';
import { CriError } from '../../cri/runtime.ts';
import { resolvePort } from '../pods/lifecycle-hooks.ts';

export interface ProbeAnswer {
  readonly ok: boolean;
  /** For the event of a failure. */
  readonly output: string;
  /** The probe could not be asked: it says nothing of the container. */
  readonly unknown?: boolean;
  /** A success that upstream warns of (a redirect to another host). */
  readonly warning?: boolean;
}

export interface ProbeTarget {
  readonly pod: Shared<Pod>;
  readonly container: Shared<Container>;
  readonly containerId: string;
  readonly podIp: string;
  readonly runtime: CriRuntime;
}

const maxOutput = 10 * 1024;
const success: ProbeAnswer = { ok: true, output: '' };

/** Runs a probe once; never rejects: what cannot be asked is unknown. */
export async function runProbe(probe: Shared<Probe>, target: ProbeTarget): Promise<ProbeAnswer> {
  const timeoutMs = (probe.timeoutSeconds ?? 1) * 1000;
  try {
    if (probe.exec) return await probeCommand(probe.exec.command ?? [], target, timeoutMs);
    if (probe.httpGet) return await probeHttp(probe.httpGet, target, timeoutMs);
    if (probe.tcpSocket) {
      const port = resolvePort(probe.tcpSocket.port, target.container);
      return await probeTcp(probe.tcpSocket.host || target.podIp, port, timeoutMs);
    }
    if (probe.grpc) return await probeGrpc(probe.grpc, target, timeoutMs);
    return { ok: false, unknown: true, output: 'missing probe handler' };
  } catch (error) {
    return { ok: false, unknown: true, output: (error as Error).message };
  }
}

async function probeCommand(command: readonly string[], target: ProbeTarget, timeoutMs: number): Promise<ProbeAnswer> {
  try {
    const answer = await target.runtime.runtime.execSync(
      { container_id: target.containerId, cmd: command, timeout: Math.ceil(timeoutMs / 1000) },
      { timeoutMs: timeoutMs + 5000 },
    );
    const output = Buffer.concat([answer.stdout, answer.stderr]).subarray(0, maxOutput).toString('utf8');
    return { ok: answer.exit_code === 0, output };
  } catch (error) {
    if (
      error instanceof CriError &&
      (error.code === 'DEADLINE_EXCEEDED' || /timed? ?out|deadline/i.test(error.message))
    ) {
      return { ok: false, output: `command timed out: "${command.join(' ')}" timed out after ${timeoutMs / 1000}s` };
    }
    throw error;
  }
}

function probeHttp(
  action: Shared<NonNullable<Probe['httpGet']>>,
  target: ProbeTarget,
  timeoutMs: number,
): Promise<ProbeAnswer> {
  const port = resolvePort(action.port, target.container);
  const secure = action.scheme === 'HTTPS';
  const host = action.host || target.podIp;
  const headers: Record<string, string> = { 'User-Agent': 'kube-probe/1.36', Accept: '*/*', Connection: 'close' };
  for (const { name, value } of action.httpHeaders ?? []) {
    if (value === '') delete headers[name];
    else headers[name] = value;
  }
  const path = action.path || '/';
  const url = `${secure ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${port}${path.startsWith('/') ? path : `/${path}`}`;
  return requestUrl(url, { host, headers, timeoutMs, redirects: 10 });
}

function requestUrl(
  url: string,
  options: { host: string; headers: Record<string, string>; timeoutMs: number; redirects: number },
): Promise<ProbeAnswer> {
  return new Promise((resolve) => {
    const send = url.startsWith('https:') ? https.request : http.request;
    const timeout = `Get "${url}": context deadline exceeded (Client.Timeout exceeded while awaiting headers)`;
    const fail = (message: string) => resolve({ ok: false, output: message });
    const request = send(
      url,
      {
        headers: options.headers,
        agent: false,
        rejectUnauthorized: false,
        signal: AbortSignal.timeout(options.timeoutMs),
      },
      (response) => {
        const status = response.statusCode ?? 0;
        const location = response.headers.location;
        response.on('error', () => {});
        if (status >= 300 && status < 400 && location) {
          response.resume();
          const next = new URL(location, url);
          // Another host is not the container: its answer would prove nothing.
          if (next.hostname !== new URL(url).hostname) {
            return resolve({ ok: true, warning: true, output: 'Probe terminated redirects, Response body: ' });
          }
          if (options.redirects === 0) return fail(`Get "${url}": stopped after 10 redirects`);
          return resolve(requestUrl(next.href, { ...options, redirects: options.redirects - 1 }));
        }
        const parts: Buffer[] = [];
        let size = 0;
        response.on('data', (bytes: Buffer) => {
          if (size < maxOutput) parts.push(bytes);
          size += bytes.length;
        });
        const done = () =>
          status >= 200 && status < 400 ? resolve(success) : fail(`HTTP probe failed with statuscode: ${status}`);
        response.on('end', done);
        response.on('aborted', done);
      },
    );
    request.on('error', (error) =>
      fail(
        error.name === 'AbortError' || error.name === 'TimeoutError' ? timeout : `Get "${url}": ${dialError(error)}`,
      ),
    );
    request.end();
  });
}

/** Connection failures in the words that people know from upstream. */
function dialError(error: Error & { code?: string; address?: string; port?: number }): string {
  const where = error.address ? `dial tcp ${error.address}:${error.port}: connect: ` : '';
  const words: Record<string, string> = {
    ECONNREFUSED: 'connection refused',
    EHOSTUNREACH: 'no route to host',
    ECONNRESET: 'connection reset by peer',
  };
  return `${where}${words[error.code ?? ''] ?? error.message}`;
}

function probeTcp(host: string, port: number, timeoutMs: number): Promise<ProbeAnswer> {
  return new Promise((resolve) => {
    const socket = net.connect({ host, port, timeout: timeoutMs });
    const end = (answer: ProbeAnswer) => {
      socket.destroy();
      resolve(answer);
    };
    socket.on('connect', () => end(success));
    socket.on('timeout', () => end({ ok: false, output: `dial tcp ${host}:${port}: i/o timeout` }));
    socket.on('error', (error) => end({ ok: false, output: dialError(error) }));
  });
}

/** A length as protobuf writes it. */
const varint = (value: number): number[] => (value < 128 ? [value] : [(value & 127) | 128, ...varint(value >>> 7)]);

/** grpc.health.v1.Health/Check: the request has the service's name in field 1, the answer a status in field 1. */
function probeGrpc(
  action: Shared<NonNullable<Probe['grpc']>>,
  target: ProbeTarget,
  timeoutMs: number,
): Promise<ProbeAnswer> {
  const address = `${target.podIp.includes(':') ? `[${target.podIp}]` : target.podIp}:${action.port}`;
  const client = new Client(address, credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1 });
  const service = Buffer.from(action.service ?? '');
  const request =
    service.length > 0 ? Buffer.concat([Buffer.from([0x0a, ...varint(service.length)]), service]) : service;
  const statuses = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'];
  return new Promise<ProbeAnswer>((resolve) => {
    client.makeUnaryRequest(
      '/grpc.health.v1.Health/Check',
      (bytes: Buffer) => bytes,
      (bytes: Buffer) => (bytes[0] === 0x08 ? (bytes[1] ?? 0) : 0),
      request,
      { deadline: realClock.now() + timeoutMs },
      (error, status) => {
        if (error?.code === 12)
          resolve({
            ok: false,
            output: 'error: this server does not implement the grpc health protocol (grpc.health.v1.Health)',
          });
        else if (error?.code === 4)
          resolve({ ok: false, output: `timeout: failed to connect service "${address}" within ${timeoutMs / 1000}s` });
        else if (error) resolve({ ok: false, output: `error: ${error.details || error.message}` });
        else if (status === 1) resolve(success);
        else resolve({ ok: false, output: `service unhealthy (responded with "${statuses[status ?? 0] ?? status}")` });
      },
    );
  }).finally(() => client.close());
}
