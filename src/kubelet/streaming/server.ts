/** The node's HTTPS server: logs, exec, attach, port forwarding, health, pods, stats, metrics. */
import http from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import { WebSocketServer } from 'ws';
import { type Clock, parseTime } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import { strongCiphers } from '../../base/tls-ciphers.ts';
import type { RequestAuthorizer } from './authorization.ts';
import type { LogQuery } from './log-reader.ts';
import { type ContainerRef, type NodeBackend, NodeRequestError } from './node-backend.ts';
import { portForwardTunnel, servePortForward } from './port-forward.ts';
import { type RemoteCommandOptions, remoteCommandProtocols, serveRemoteCommand } from './remote-command.ts';
import { passUpgradeOn } from './upgrade.ts';

/** PEM texts. */
export interface KubeletTls {
  readonly cert: string;
  readonly key: string;
  /** CA of client certificates: the cluster's. */
  readonly clientCa: string;
}

export interface KubeletServer {
  readonly port: number;
  close(): Promise<void>;
}

export interface KubeletServerOptions {
  readonly backend: NodeBackend;
  readonly clock: Clock;
  readonly log: Logger;
  readonly port: number;
  /** Without TLS it listens on the loopback interface only, and does not ask who comes. */
  readonly tls?: KubeletTls;
  readonly authorizer?: RequestAuthorizer;
  readonly host?: string;
}

interface Route {
  readonly ref: ContainerRef;
  readonly query: URLSearchParams;
}

/** Starts the server. */
export async function startKubeletServer(options: KubeletServerOptions): Promise<KubeletServer> {
  const { tls, authorizer, log } = options;
  const server = tls
    ? https.createServer({
        cert: tls.cert,
        key: tls.key,
        ca: tls.clientCa,
        requestCert: true,
        // Callers with a bearer token have no certificate: the authorizer decides.
        rejectUnauthorized: false,
        minVersion: 'TLSv1.2',
        ciphers: strongCiphers,
      })
    : http.createServer();
  const sessions = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    handleProtocols: (offered) => {
      const known = [...remoteCommandProtocols, portForwardTunnel];
      return known.find((protocol) => offered.has(protocol)) ?? false;
    },
  });
  const handler = new RequestHandler(options, sessions);

  const guarded = async (request: http.IncomingMessage): Promise<number> => {
    if (!tls || !authorizer) return 200;
    try {
      return await authorizer.check(request);
    } catch (error) {
      log.warn('a request to the node could not be authorized', { error });
      return 500;
    }
  };
  server.on('request', (request: http.IncomingMessage, response: http.ServerResponse) => {
    void guarded(request).then((status) => {
      if (status !== 200) return sendText(response, status, http.STATUS_CODES[status] ?? '');
      return handler.serve(request, response).catch((error: unknown) => sendError(response, error));
    });
  });
  server.on('upgrade', (request: http.IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => socket.destroy());
    void guarded(request).then((status) => {
      if (status !== 200) return refuseUpgrade(socket, status, http.STATUS_CODES[status] ?? '');
      return handler.upgrade(request, socket, head).catch((error: unknown) => {
        const refusal = error instanceof NodeRequestError ? error : new NodeRequestError(500, (error as Error).message);
        refuseUpgrade(socket, refusal.status, refusal.message);
      });
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host ?? (tls ? '::' : '127.0.0.1'), resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        for (const session of sessions.clients) session.terminate();
        handler.endAll();
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

class RequestHandler {
  readonly #options: KubeletServerOptions;
  readonly #sessions: WebSocketServer;
  readonly #ending = new AbortController();

  constructor(options: KubeletServerOptions, sessions: WebSocketServer) {
    this.#options = options;
    this.#sessions = sessions;
  }

  endAll(): void {
    this.#ending.abort();
  }

  async serve(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const { backend } = this.#options;
    const url = new URL(request.url ?? '/', 'http://node');
    const [, head = '', ...rest] = url.pathname.split('/').map(decodeURIComponent);
    const text = 'text/plain; version=0.0.4; charset=utf-8';
    switch (head) {
      case 'healthz':
        return sendText(response, 200, 'ok');
      case 'pods':
      case 'runningpods':
        return sendJson(response, { kind: 'PodList', apiVersion: 'v1', metadata: {}, items: backend.pods() });
      case 'metrics': {
        const which = (rest[0] || 'agent') as 'agent' | 'resource' | 'cadvisor' | 'probes';
        if (!['agent', 'resource', 'cadvisor', 'probes'].includes(which)) break;
        response.setHeader('Content-Type', text);
        response.end(await backend.metrics(which));
        return;
      }
      case 'stats':
        if (rest[0] === 'summary') return sendJson(response, await backend.summary());
        break;
      case 'containerLogs':
        return this.#logs({ ref: refOf(rest), query: url.searchParams }, request, response);
      case 'run': {
        const command = url.searchParams.getAll('cmd').flatMap((text) => text.split(' '));
        response.end(await backend.run(refOf(rest), command));
        return;
      }
      case 'exec':
      case 'attach':
      case 'portForward':
        return sendText(response, 400, 'you must specify at least 1 of stdin, stdout, stderr, and ask for an upgrade');
      default:
        break;
    }
    sendText(response, 404, '404 page not found');
  }

  async upgrade(request: http.IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const { backend } = this.#options;
    const url = new URL(request.url ?? '/', 'http://node');
    const [, verb = '', ...rest] = url.pathname.split('/').map(decodeURIComponent);
    const query = url.searchParams;
    const isWebSocket = request.headers.upgrade?.toLowerCase() === 'websocket';
    if (backend.session && isWebSocket && (verb === 'exec' || verb === 'attach')) {
      const options = { ...commandOptions(query), command: query.getAll('command') };
      const ref = refOf(rest);
      this.#sessions.handleUpgrade(request, socket, head, (session) => backend.session!(session, ref, options));
      return;
    }
    let target: string;
    let command: RemoteCommandOptions | undefined;
    if (verb === 'portForward') {
      const [namespace = '', pod = '', uid] = rest;
      const ports = [...query.getAll('port'), ...query.getAll('ports')].flatMap((list) => list.split(',')).map(Number);
      target = await backend.portForwardUrl({ namespace, pod, ...(uid ? { uid } : {}) }, ports);
    } else if (verb === 'exec' || verb === 'attach') {
      command = commandOptions(query);
      const ref = refOf(rest);
      target =
        verb === 'exec'
          ? await backend.execUrl(ref, { ...command, command: query.getAll('command') })
          : await backend.attachUrl(ref, command);
    } else throw new NodeRequestError(404, '404 page not found');

    if (!isWebSocket) {
      return passUpgradeOn(request, socket, { url: target, head });
    }
    this.#sessions.handleUpgrade(request, socket, head, (session) => {
      const served = command ? serveRemoteCommand(session, target, command) : servePortForward(session, target);
      served.catch((error: unknown) => {
        this.#options.log.warn('a session with a container failed', { error });
        session.terminate();
      });
    });
  }

  async #logs(route: Route, request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    const { backend, clock } = this.#options;
    const query = logQuery(route.query, clock.now());
    const ended = new AbortController();
    const end = () => ended.abort();
    response.on('close', end);
    this.#ending.signal.addEventListener('abort', end, { once: true });
    const pieces = await backend.log(route.ref, query, ended.signal);
    response.setHeader('Content-Type', 'text/plain');
    if (query.follow) response.flushHeaders();
    (request.socket as Partial<TLSSocket>).setNoDelay?.(true);
    try {
      for await (const piece of pieces) {
        if (ended.signal.aborted) return;
        if (!response.write(piece)) {
          await new Promise<void>((resolve) => {
            response.once('drain', resolve);
            response.once('close', resolve);
          });
        }
      }
    } finally {
      this.#ending.signal.removeEventListener('abort', end);
      response.end();
    }
  }
}

/** `<namespace>/<pod>[/<uid>]/<container>`. */
function refOf(parts: readonly string[]): ContainerRef {
  const [namespace, pod, third, fourth] = parts;
  if (!namespace || !pod || !third) throw new NodeRequestError(400, 'missing pod namespace, name or container');
  return fourth ? { namespace, pod, uid: third, container: fourth } : { namespace, pod, container: third };
}

const isTrue = (query: URLSearchParams, ...names: string[]) =>
  names.some((name) => ['1', 'true'].includes(query.get(name) ?? ''));

/** The names are `input`, `output`, `error` from the API server, and the API's own from others. */
function commandOptions(query: URLSearchParams): RemoteCommandOptions {
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

function logQuery(query: URLSearchParams, now: number): LogQuery & { previous: boolean } {
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

function sendText(response: http.ServerResponse, status: number, text: string): void {
  if (response.headersSent) {
    response.end();
    return;
  }
  response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8', 'X-Content-Type-Options': 'nosniff' });
  response.end(text);
}

function sendJson(response: http.ServerResponse, body: unknown): void {
  response.setHeader('Content-Type', 'application/json');
  response.end(JSON.stringify(body));
}

function sendError(response: http.ServerResponse, error: unknown): void {
  const status = error instanceof NodeRequestError ? error.status : 500;
  sendText(response, status, (error as Error).message);
}

function refuseUpgrade(socket: Duplex, status: number, message: string): void {
  if (socket instanceof TLSSocket || socket.writable) {
    const head = `HTTP/1.1 ${status} ${http.STATUS_CODES[status] ?? ''}\r\nContent-Type: text/plain; charset=utf-8\r\n`;
    socket.end(`${head}Content-Length: ${Buffer.byteLength(message)}\r\nConnection: close\r\n\r\n${message}`);
  }
}
