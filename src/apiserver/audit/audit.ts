/** Recording requests as audit events, stage by stage. */
import { type Clock, formatMicroTime } from '../../base/clock.ts';
import { parseExactJson } from '../../base/exact-json.ts';
import type { Random } from '../../base/random.ts';
import { wireUser } from '../authn/reviews.ts';
import type { AuditHook, AuditSubject } from '../options.ts';
import type { CallBody } from '../verbs/call.ts';
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
    begin(subject) {
      const request = auditedRequest(subject);
      const decision = decideAudit(policy, request);
      if (decision.level === 'None') return undefined;
      const auditId = acceptableId(subject.givenAuditId) ?? random.uuid();
      const receivedAt = clock.now();
      const user = wireUser(subject.user);
      const emit = (stage: AuditStage) => {
        if (decision.omitStages.has(stage)) return;
        const event: AuditEvent = {
          kind: 'Event',
          apiVersion: 'audit.k8s.io/v1',
          level: decision.level,
          auditID: auditId,
          stage,
          requestURI: subject.requestUri,
          verb: request.verb,
          user,
          ...describe(subject, { request, decision, stage }),
          requestReceivedTimestamp: formatMicroTime(receivedAt),
          stageTimestamp: formatMicroTime(clock.now()),
        };
        for (const backend of backends) backend.write(event);
      };
      emit('RequestReceived');
      return { auditId, started: () => emit('ResponseStarted'), finished: () => emit('ResponseComplete') };
    },
    close: async () => {
      await Promise.all(backends.map((backend) => backend.close()));
    },
  };
}

function auditedRequest({ info, user }: AuditSubject): AuditedRequest {
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
function acceptableId(given: string | undefined): string | undefined {
  return given && /^[\w.:-]{1,64}$/.test(given) ? given : undefined;
}

interface Moment {
  readonly request: AuditedRequest;
  readonly decision: AuditDecision;
  readonly stage: AuditStage;
}

function describe(subject: AuditSubject, { request, decision, stage }: Moment): Record<string, unknown> {
  const { userAgent, responseObject, auditAnnotations } = subject;
  const responded = stage !== 'RequestReceived';
  const withBodies = decision.level === 'Request' || decision.level === 'RequestResponse';
  const sent = sentObject(subject.requestObject);
  return {
    ...(subject.impersonator && subject.impersonator !== subject.user
      ? { impersonatedUser: wireUser(subject.user) }
      : {}),
    sourceIPs: subject.sourceIPs,
    ...(userAgent ? { userAgent } : {}),
    ...(request.resourceRequest ? { objectRef: objectReference(subject, request, sent) } : {}),
    ...(responded ? { responseStatus: responseStatus(subject) } : {}),
    ...(withBodies && sent !== undefined ? { requestObject: body(sent, decision) } : {}),
    ...(responded && decision.level === 'RequestResponse' && responseObject !== undefined
      ? { responseObject: body(responseObject, decision) }
      : {}),
    ...(responded && auditAnnotations?.size ? { annotations: Object.fromEntries(auditAnnotations) } : {}),
  };
}

const decoded = new WeakMap<CallBody, unknown>();

/** The body of a request: the object of this process or of JSON, and what can be said of others without decoding them. */
function sentObject(sent: CallBody | undefined): unknown {
  if (!sent || 'object' in sent) return sent?.object;
  const known = decoded.get(sent);
  if (known !== undefined) return known;
  const { bytes, contentType } = sent;
  let object: unknown;
  try {
    object = parseExactJson(Buffer.from(bytes).toString());
  } catch {
    object = { contentType, size: bytes.length };
  }
  decoded.set(sent, object);
  return object;
}

function objectReference({ info }: AuditSubject, request: AuditedRequest, sent: unknown): Record<string, unknown> {
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

function responseStatus({ responseObject, answeredCode: code }: AuditSubject): Record<string, unknown> {
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
