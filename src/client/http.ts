/** The transport to an API server on another machine (or in another process): JSON over HTTP/1.1 with TLS and keep-alive. */

import { readFileSync } from 'node:fs';
import {
  type ClientRequest,
  Agent as HttpAgent,
  request as httpRequest,
  type IncomingMessage,
  type RequestOptions,
} from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { apiVersionOf, type KindRef, type KubeObject } from '../api/kind.ts';
import { type Status, StatusError, serviceUnavailable } from '../api/machinery/status.ts';
import { type Clock, realClock } from '../base/clock.ts';
import { parseExactJson } from '../base/exact-json.ts';
import { trustEachAuthority } from '../base/tls-trust.ts';
import { queryString, resourcePath } from './resource-path.ts';
import {
  httpMethods,
  patchContentTypes,
  type ResourceRequest,
  type Transport,
  type WatchEvent,
  type WatchHandle,
  type WatchHandler,
  type WatchRequest,
} from './transport.ts';

export interface HttpTransportOptions {
  /** `https://host:port`, or `http://` for a local proxy. A path prefix is kept. */
  readonly url: string;
  /** PEM of the CA that signed the server's certificate. */
  readonly ca?: string;
  /** PEM of the client's certificate and key; read for each request, so a getter may give renewed ones. */
  readonly cert?: string;
  readonly key?: string;
  readonly token?: string;
  /** A file with the bearer token, read again every ten seconds because tokens rotate. */
  readonly tokenFile?: string;
  /** Accepts any server certificate. */
  readonly insecure?: boolean;
  /** Name that the server's certificate must carry, when it is not the URL's host. */
  readonly serverName?: string;
  readonly userAgent?: string;
  /** For Retry-After and token refresh; the machine's clock by default. */
  readonly clock?: Clock;
}

const tokenFreshMs = 10_000;
/** As client-go: a request is repeated at most this often on 429 or 5xx with Retry-After. */
const maxRetries = 10;
/** A server that is silent for this long has gone: its own limit for a request is 60 s. */
const silenceMs = 90_000;
/** A watch may be silent for ever, so a dead peer is found by the kernel's probes. */
const probeMs = 30_000;
/** Requests that may be sent twice without harm when the connection broke before an answer. */
const idempotent: ReadonlySet<string> = new Set(['get', 'list']);

interface Answer {
  readonly status: number;
  readonly retryAfterSeconds: number | undefined;
  readonly body: string;
}

/** A transport over HTTP(S). Errors of the network are thrown as ServiceUnavailable with the system's error as cause. */
export function createHttpTransport(options: HttpTransportOptions): Transport {
  return new HttpTransport(options);
}

class HttpTransport implements Transport {
  readonly #options: HttpTransportOptions;
  readonly #base: URL;
  readonly #agent: HttpAgent | HttpsAgent;
  readonly #clock: Clock;
  readonly #watches = new Set<ClientRequest>();
  #token: { readonly value: string; readonly readAt: number } | undefined;
  #closed = false;

  constructor(options: HttpTransportOptions) {
    this.#options = options;
    this.#base = new URL(options.url);
    this.#clock = options.clock ?? realClock;
    const keep = { keepAlive: true, maxFreeSockets: 64, noDelay: true };
    this.#agent =
      this.#base.protocol === 'http:'
        ? new HttpAgent(keep)
        : new HttpsAgent({
            ...keep,
            maxCachedSessions: 16,
            ...(options.ca ? { ca: options.ca } : {}),
            ...trustEachAuthority,
            ...(options.insecure ? { rejectUnauthorized: false } : {}),
            ...(options.serverName ? { servername: options.serverName } : {}),
          });
  }

  async request(request: ResourceRequest): Promise<unknown> {
    const path = resourcePath(request) + queryString(request.query);
    const body = request.body === undefined ? undefined : JSON.stringify(request.body);
    const contentType =
      request.verb === 'patch' ? patchContentTypes[request.patchType ?? 'strategic'] : 'application/json';
    const answer = await this.#send({
      method: httpMethods[request.verb],
      path,
      body,
      contentType,
      mayRepeat: idempotent.has(request.verb),
      signal: request.signal,
    });
    const value = parseAnswer(answer, `${httpMethods[request.verb]} ${path}`);
    if (request.verb === 'list') nameItems(request.kind, value);
    return value;
  }

  watch<T extends KubeObject>(request: WatchRequest, handler: WatchHandler<T>): WatchHandle {
    const path = resourcePath(request) + queryString(request.query, { watch: 'true' });
    let ended = false;
    const end = (error: Error | undefined) => {
      if (ended) return;
      ended = true;
      this.#watches.delete(req);
      req.destroy();
      handler.onEnd(error);
    };
    const req = this.#start({ method: 'GET', path, contentType: undefined });
    this.#watches.add(req);
    req.on('socket', (socket) => socket.setKeepAlive(true, probeMs));
    req.on('error', (error) => end(networkError(error, `watch ${path}`)));
    req.on('response', (response: IncomingMessage) => {
      if (response.statusCode !== 200) {
        readAll(response).then(
          (body) =>
            end(errorOf({ status: response.statusCode ?? 500, body, retryAfterSeconds: undefined }, `watch ${path}`)),
          (error) => end(networkError(error, `watch ${path}`)),
        );
        return;
      }
      response.setEncoding('utf8');
      let rest = '';
      response.on('data', (chunk: string) => {
        if (ended) return;
        const lines = (rest + chunk).split('\n');
        rest = lines.pop() ?? '';
        const events: WatchEvent<T>[] = [];
        let failure: Error | undefined;
        for (const line of lines) {
          if (line === '') continue;
          const event = parseExactJson(line) as { type: string; object: T };
          if (event.type === 'ERROR') {
            failure = StatusError.fromStatus(event.object as unknown as Status);
            break;
          }
          events.push(event as WatchEvent<T>);
        }
        if (events.length) handler.onEvents(events);
        if (failure) end(failure);
      });
      response.on('end', () => end(undefined));
      response.on('error', (error) => end(networkError(error, `watch ${path}`)));
    });
    req.end();
    return {
      close: () => {
        ended = true;
        this.#watches.delete(req);
        req.destroy();
      },
    };
  }

  async raw(path: string, signal?: AbortSignal): Promise<{ status: number; body: string }> {
    const { status, body } = await this.#send({
      method: 'GET',
      path,
      body: undefined,
      contentType: undefined,
      mayRepeat: true,
      signal,
    });
    return { status, body };
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const watch of this.#watches) watch.destroy();
    this.#watches.clear();
    this.#agent.destroy();
  }

  async #send(what: {
    method: string;
    path: string;
    body: string | undefined;
    contentType: string | undefined;
    mayRepeat: boolean;
    signal: AbortSignal | undefined;
  }): Promise<Answer> {
    for (let attempt = 0; ; attempt++) {
      let answer: Answer;
      try {
        answer = await this.#once(what);
      } catch (error) {
        if (what.signal?.aborted) throw what.signal.reason;
        // A kept-alive connection may have been closed by the server just as it was used again.
        if (what.mayRepeat && attempt < 3 && isReset(error)) continue;
        throw networkError(error, `${what.method} ${what.path}`);
      }
      const mayWait = answer.status === 429 || (answer.status >= 500 && what.mayRepeat);
      if (!mayWait || answer.retryAfterSeconds === undefined || attempt >= maxRetries) return answer;
      await this.#clock.sleep(answer.retryAfterSeconds * 1000, what.signal);
    }
  }

  #once(what: {
    method: string;
    path: string;
    body: string | undefined;
    contentType: string | undefined;
    signal: AbortSignal | undefined;
  }): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const req = this.#start({ ...what, timeoutMs: silenceMs });
      req.on('timeout', () => req.destroy(new Error(`no answer within ${silenceMs / 1000} s`)));
      req.on('error', reject);
      req.on('response', (response: IncomingMessage) => {
        const retryAfter = Number(response.headers['retry-after']);
        readAll(response).then(
          (body) =>
            resolve({
              status: response.statusCode ?? 500,
              retryAfterSeconds: Number.isFinite(retryAfter) ? retryAfter : undefined,
              body,
            }),
          reject,
        );
      });
      req.end(what.body);
    });
  }

  #start(what: {
    method: string;
    path: string;
    body?: string | undefined;
    contentType: string | undefined;
    signal?: AbortSignal | undefined;
    timeoutMs?: number;
  }): ClientRequest {
    if (this.#closed) throw serviceUnavailable(`the client of ${this.#base.origin} is closed`);
    const token = this.#bearer();
    const secure = this.#base.protocol === 'https:';
    const request: RequestOptions = {
      agent: this.#agent,
      host: this.#base.hostname.replace(/^\[|\]$/g, ''),
      port: this.#base.port || (secure ? 443 : 80),
      method: what.method,
      path: this.#base.pathname.replace(/\/$/, '') + what.path,
      headers: {
        accept: 'application/json',
        'user-agent': this.#options.userAgent ?? 'timonel',
        ...(token ? { authorization: `Bearer ${token}` } : {}),
        ...(what.body === undefined
          ? {}
          : {
              'content-type': what.contentType ?? 'application/json',
              'content-length': String(Buffer.byteLength(what.body)),
            }),
      },
      ...(what.signal ? { signal: what.signal } : {}),
      ...(what.timeoutMs ? { timeout: what.timeoutMs } : {}),
    };
    if (!secure) return httpRequest(request);
    const { cert, key } = this.#options;
    return httpsRequest({ ...request, ...(cert && key ? { cert, key } : {}) });
  }

  #bearer(): string | undefined {
    const { token, tokenFile } = this.#options;
    if (!tokenFile) return token;
    const now = this.#clock.monotonic();
    if (!this.#token || now - this.#token.readAt > tokenFreshMs) {
      this.#token = { value: readFileSync(tokenFile, 'utf8').trim(), readAt: now };
    }
    return this.#token.value;
  }
}

function readAll(response: IncomingMessage): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    response.on('data', (chunk: Buffer) => chunks.push(chunk));
    response.on('end', () => resolve(Buffer.concat(chunks).toString('utf8')));
    response.on('error', reject);
  });
}

function parseAnswer(answer: Answer, what: string): unknown {
  if (answer.status >= 400) throw errorOf(answer, what);
  if (answer.body === '') return undefined;
  try {
    return parseExactJson(answer.body);
  } catch {
    // Some subresources (pod logs) answer with plain text.
    return answer.body;
  }
}

function errorOf(answer: Answer, what: string): StatusError {
  try {
    const status = JSON.parse(answer.body) as Partial<Status>;
    if (status.kind === 'Status') return StatusError.fromStatus(status, answer.status);
  } catch {
    // Not from an API server: a proxy's page, or nothing.
  }
  return new StatusError(
    'Unknown',
    `${what}: the server answered ${answer.status} ${answer.body.slice(0, 200)}`.trim(),
    undefined,
    answer.status,
  );
}

const resetCodes: ReadonlySet<string> = new Set(['ECONNRESET', 'EPIPE', 'ECONNABORTED']);
const isReset = (error: unknown): boolean => resetCodes.has((error as { code?: string }).code ?? '');

function networkError(error: unknown, what: string): StatusError {
  if (error instanceof StatusError) return error;
  const failure = serviceUnavailable(`${what}: ${(error as Error).message || (error as { code?: string }).code}`);
  failure.cause = error;
  return failure;
}

/** Lists leave out the type of their items, which watch events and single objects carry. */
function nameItems(kind: KindRef, list: unknown): void {
  const items = (list as { items?: { apiVersion?: string; kind?: string }[] } | undefined)?.items;
  if (!items?.length || items[0]!.kind) return;
  const apiVersion = apiVersionOf(kind);
  for (const item of items) {
    item.apiVersion = apiVersion;
    item.kind = kind.kind;
  }
}
