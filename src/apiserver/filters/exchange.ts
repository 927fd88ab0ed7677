/** One HTTP request and its response on their way through the filters. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Http2ServerRequest } from 'node:http2';
import type { AuthenticationResult } from '../authn/authenticator.ts';
import type { AuditSubject } from '../options.ts';
import { anonymousUser, type UserInfo } from '../user.ts';
import type { CallBody } from '../verbs/call.ts';
import type { RequestInfo } from './request-info.ts';

export type HttpRequest = IncomingMessage | Http2ServerRequest;
/** Of HTTP/1.1, or what the HTTP/2 server gives for compatibility with it. */
export type HttpResponse = ServerResponse;

/** Whether nobody waits for the response any more. */
export function isGone(res: HttpResponse): boolean {
  return (
    res.destroyed ||
    res.closed ||
    res.writableEnded ||
    (res as { stream?: { destroyed?: boolean } }).stream?.destroyed === true
  );
}

export class Exchange implements AuditSubject {
  readonly req: HttpRequest;
  readonly res: HttpResponse;
  readonly info: RequestInfo;
  /** Monotonic milliseconds at which the request began. */
  readonly startedAt: number;
  user: UserInfo = anonymousUser;
  authentication: AuthenticationResult | undefined;
  /** The user behind an impersonated one. */
  impersonator: UserInfo | undefined;
  warnings: string[] = [];
  /** How long clients may keep the answer. */
  cacheControl = 'no-cache, private';
  /** Set by the filter that answers: no further one is run. */
  answered = false;
  /** Called once a watch has sent what was there when it began. */
  onInitialized: (() => void) | undefined;
  /** Called once when the request becomes a stream. */
  onStream: (() => void) | undefined;
  /** Set where the request is recorded. */
  audited = false;
  auditAnnotations: Map<string, string> | undefined;
  /** The body that was sent, for audit. */
  requestObject: CallBody | undefined;
  /** The code and object that were answered, for audit. */
  responseCode = 0;
  responseObject: unknown;
  #onDone: (() => void)[] | undefined;
  #abort: AbortController | undefined;
  #streams = false;

  constructor(message: { req: HttpRequest; res: HttpResponse }, info: RequestInfo, startedAt: number) {
    this.req = message.req;
    this.res = message.res;
    this.info = info;
    this.startedAt = startedAt;
  }

  header(name: string): string | undefined {
    const value = this.req.headers[name];
    return Array.isArray(value) ? value[0] : value;
  }

  /** Whether the response is a stream that may take as long as it likes. */
  get longRunning(): boolean {
    return this.#streams;
  }

  becomeStream(): void {
    if (this.#streams) return;
    this.#streams = true;
    this.onStream?.();
  }

  get requestUri(): string {
    return this.req.url ?? '';
  }

  get userAgent(): string | undefined {
    return this.header('user-agent');
  }

  get givenAuditId(): string | undefined {
    return this.header('audit-id');
  }

  get sourceIPs(): readonly string[] {
    const forwarded = this.header('x-forwarded-for')?.split(',') ?? [];
    const remote = this.req.socket.remoteAddress;
    return [...forwarded.map((ip) => ip.trim()), ...(remote ? [remote] : [])];
  }

  /** Answers of other servers, and of upgraded connections, pass without their code being noted. */
  get answeredCode(): number {
    return this.responseCode || this.res.statusCode;
  }

  /** Adds to the audit event; costs nothing where there is none. */
  annotate(key: string, value: string): void {
    if (!this.audited) return;
    this.auditAnnotations ??= new Map();
    this.auditAnnotations.set(key, value);
  }

  /** Called once when the response has been sent or the client has gone. */
  onDone(fn: () => void): void {
    this.#onDone ??= [];
    this.#onDone.push(fn);
  }

  done(): void {
    const fns = this.#onDone;
    this.#onDone = undefined;
    if (fns) for (const fn of fns) fn();
  }

  /** Aborted when the client goes away or the request runs out of time. */
  get signal(): AbortSignal {
    if (!this.#abort) {
      this.#abort = new AbortController();
      this.res.once('close', () => this.#abort!.abort());
    }
    return this.#abort.signal;
  }

  abort(reason: Error): void {
    this.#abort?.abort(reason);
  }
}

/** One step of the chain: it returns to go on, throws StatusError to refuse, or answers and sets `answered`. */
export type Filter = (exchange: Exchange) => void | Promise<void>;
