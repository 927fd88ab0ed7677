/** A request of a caller in this process, as audit and metrics follow it. */
import type { StatusError } from '../api/machinery/status.ts';
import type { MeasuredRequest, RequestMetrics } from './filters/request-metrics.ts';
import type { AuditHook, AuditSubject, AuditTrail } from './options.ts';
import type { UserInfo } from './user.ts';
import type { CallBody } from './verbs/call.ts';

/** What follows requests: nothing is noted for whom there is none. */
export interface RequestObservers {
  readonly audit: AuditHook | undefined;
  readonly metrics: RequestMetrics;
}

/** What the trail of a request begins with. */
export interface DirectBeginning {
  readonly user: UserInfo;
  readonly userAgent: string;
  readonly info: AuditSubject['info'];
  readonly body?: unknown;
  readonly dryRun?: boolean;
  readonly apply?: boolean;
  /** The URL that the request would have; only asked for where it is recorded. */
  uri(): string;
}

export class DirectTrail implements AuditSubject {
  readonly info: AuditSubject['info'];
  readonly user: UserInfo;
  readonly userAgent: string;
  readonly sourceIPs = loopback;
  readonly impersonator = undefined;
  readonly givenAuditId = undefined;
  readonly requestObject: CallBody | undefined;
  answeredCode = 0;
  responseObject: unknown;
  auditAnnotations: Map<string, string> | undefined;
  readonly #beginning: DirectBeginning;
  readonly #measured: MeasuredRequest;
  readonly #audit: AuditTrail | undefined;

  constructor(observers: RequestObservers, beginning: DirectBeginning) {
    const { info, body, dryRun = false, apply = false } = beginning;
    this.#beginning = beginning;
    this.info = info;
    this.user = beginning.user;
    this.userAgent = beginning.userAgent;
    this.requestObject = body === undefined ? undefined : { object: body };
    this.#measured = observers.metrics.begin({ info, dryRun, apply });
    this.#audit = observers.audit?.begin(this);
  }

  get requestUri(): string {
    return this.#beginning.uri();
  }

  /** Adds to the audit event; costs nothing where there is none. */
  annotate(key: string, value: string): void {
    if (!this.#audit) return;
    this.auditAnnotations ??= new Map();
    this.auditAnnotations.set(key, value);
  }

  /** A watch has begun. */
  started(): void {
    this.answeredCode = 200;
    this.#measured.stream();
    this.#audit?.started();
  }

  finished(code: number, object?: unknown): void {
    this.answeredCode = code;
    this.responseObject = object;
    this.#measured.end(code);
    this.#audit?.finished();
  }

  failed(error: StatusError): void {
    this.finished(error.code, this.#audit ? error.toStatus() : undefined);
  }
}

const loopback: readonly string[] = ['127.0.0.1'];
