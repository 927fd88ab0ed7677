/** Recording requests as audit events, stage by stage. */
import { type Clock, formatMicroTime } from '../../base/clock.ts';
import type { Random } from '../../base/random.ts';
import { wireUser } from '../authn/reviews.ts';
import type { Exchange } from '../filters/exchange.ts';
import type { AuditHook } from '../options.ts';
import { type AuditDecision, type AuditedRequest, type AuditPolicy, type AuditStage, decideAudit } from './policy.ts';

/** audit.k8s.io/v1 Event. */
export interface AuditEvent {
  readonly kind: 'Event';
  readonly apiVersion: 'audit.k8s.io/v1';
  readonly level: string;
  readonly auditID: string;
  readonly stage: AuditStage;
  readonly requestURI: string;
  readonly verb: string;
  readonly [field: string]: unknown;
}

/** Where events go. Takes them at once and must not throw. */
export interface AuditBackend {
  write(event: AuditEvent): void;
  /** Resolves when everything taken has been written. */
  close(): Promise<void>;
}

export interface AuditOptions {
  readonly policy: AuditPolicy;
  readonly backends: readonly AuditBackend[];
  readonly clock: Clock;
  readonly random: Random;
}

/** What the API server calls for each request. */
export function createAudit({ policy, backends, clock, random }: AuditOptions): AuditHook & { close(): Promise<void> } {
  return {
    begin(exchange) {
      const request = auditedRequest(exchange);
      const decision = decideAudit(policy, request);
      if (decision.level === 'None') return undefined;
      const auditID = auditIdOf(exchange) ?? random.uuid();
      if (!exchange.res.headersSent) exchange.res.setHeader('audit-id', auditID);
      const receivedAt = clock.now();
      const user = wireUser(exchange.user);
      const emit = (stage: AuditStage) => {
        if (decision.omitStages.has(stage)) return;
        const event = describe(exchange, { request, decision, stage });
        const stamped: AuditEvent = {
          kind: 'Event',
          apiVersion: 'audit.k8s.io/v1',
          level: decision.level,
          auditID,
          stage,
          requestURI: exchange.req.url ?? '',
          verb: request.verb,
          user,
          ...event,
          requestReceivedTimestamp: formatMicroTime(receivedAt),
          stageTimestamp: formatMicroTime(clock.now()),
        };
        for (const backend of backends) backend.write(stamped);
      };
      emit('RequestReceived');
      onResponseStarted(exchange, () => {
        if (exchange.longRunning) emit('ResponseStarted');
      });
      return () => emit('ResponseComplete');
    },
    close: async () => {
      await Promise.all(backends.map((backend) => backend.close()));
    },
  };
}

function auditedRequest({ info, user }: Exchange): AuditedRequest {
  return {
    user,
    verb: info.verb,
    resourceRequest: info.resourceRequest,
    group: info.group,
    resource: info.plural,
    subresource: info.subresource,
    namespace: info.namespace,
    name: info.name,
    path: info.path,
  };
}

/** A client may name its request, in so far as that is one line of a reasonable length. */
function auditIdOf(exchange: Exchange): string | undefined {
  const given = exchange.header('audit-id');
  return given && /^[\w.:-]{1,64}$/.test(given) ? given : undefined;
}

/** Headers are sent by writeHead, also where it is called by the first write. */
function onResponseStarted({ res }: Exchange, started: () => void): void {
  const response = res as unknown as { writeHead: (...args: unknown[]) => unknown };
  const original = response.writeHead;
  response.writeHead = function writeHead(this: unknown, ...args: unknown[]) {
    response.writeHead = original;
    started();
    return original.apply(this, args);
  };
}

interface Subject {
  readonly request: AuditedRequest;
  readonly decision: AuditDecision;
  readonly stage: AuditStage;
}

function describe(exchange: Exchange, { request, decision, stage }: Subject): Record<string, unknown> {
  const forwarded =
    exchange
      .header('x-forwarded-for')
      ?.split(',')
      .map((ip) => ip.trim()) ?? [];
  const remote = exchange.req.socket.remoteAddress;
  const userAgent = exchange.header('user-agent');
  const responded = stage !== 'RequestReceived';
  const code = exchange.responseCode || exchange.res.statusCode;
  const withBodies = decision.level === 'Request' || decision.level === 'RequestResponse';
  const sent = exchange.requestObject === undefined ? undefined : sentObject(exchange);
  return {
    ...(exchange.impersonator && exchange.impersonator !== exchange.user
      ? { impersonatedUser: wireUser(exchange.user) }
      : {}),
    sourceIPs: [...forwarded, ...(remote ? [remote] : [])],
    ...(userAgent ? { userAgent } : {}),
    ...(request.resourceRequest ? { objectRef: objectReference(exchange, request, sent) } : {}),
    ...(responded ? { responseStatus: responseStatus(exchange, code) } : {}),
    ...(withBodies && sent !== undefined ? { requestObject: body(sent, decision) } : {}),
    ...(responded && decision.level === 'RequestResponse' && exchange.responseObject !== undefined
      ? { responseObject: body(exchange.responseObject, decision) }
      : {}),
    ...(responded && exchange.auditAnnotations?.size
      ? { annotations: Object.fromEntries(exchange.auditAnnotations) }
      : {}),
  };
}

const sentObjects = new WeakMap<Exchange, unknown>();

/** The body of a request: the object of a JSON one, and what can be said of others without decoding them. */
function sentObject(exchange: Exchange): unknown {
  const known = sentObjects.get(exchange);
  if (known !== undefined) return known;
  const { bytes, contentType } = exchange.requestObject as { bytes: Uint8Array; contentType: string };
  let object: unknown;
  try {
    object = JSON.parse(Buffer.from(bytes).toString());
  } catch {
    object = { contentType, size: bytes.length };
  }
  sentObjects.set(exchange, object);
  return object;
}

function objectReference({ info }: Exchange, request: AuditedRequest, sent: unknown): Record<string, unknown> {
  const metadata = (sent as { metadata?: { name?: string; uid?: string; resourceVersion?: string } } | undefined)
    ?.metadata;
  const name = request.name || metadata?.name;
  return {
    resource: request.resource,
    ...(request.namespace ? { namespace: request.namespace } : {}),
    ...(name ? { name } : {}),
    ...(metadata?.uid ? { uid: metadata.uid } : {}),
    ...(request.group ? { apiGroup: request.group } : {}),
    apiVersion: info.version,
    ...(metadata?.resourceVersion ? { resourceVersion: metadata.resourceVersion } : {}),
    ...(request.subresource ? { subresource: request.subresource } : {}),
  };
}

function responseStatus({ responseObject }: Exchange, code: number): Record<string, unknown> {
  const status = responseObject as { kind?: string; status?: string; message?: string; reason?: string } | undefined;
  if (status?.kind !== 'Status') return { metadata: {}, code };
  const { status: outcome, message, reason } = status;
  return {
    metadata: {},
    ...(outcome ? { status: outcome } : {}),
    ...(message ? { message } : {}),
    ...(reason ? { reason } : {}),
    code,
  };
}

function body(object: unknown, { omitManagedFields }: AuditDecision): unknown {
  if (!omitManagedFields || typeof object !== 'object' || object === null) return object;
  const { metadata, ...rest } = object as { metadata?: Record<string, unknown> };
  if (!metadata) return object;
  const { managedFields: _, ...kept } = metadata;
  return { ...rest, metadata: kept };
}
