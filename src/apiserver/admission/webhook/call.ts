/** Calling one admission webhook. */
import type { Shared } from '../../../api/kind.ts';
import { badRequest, internalError, StatusError, type StatusReason } from '../../../api/machinery/status.ts';
import type { AdmissionResponse, AdmissionReview } from '../../../api/types/admission-v1.ts';
import type { MutatingWebhook, ValidatingWebhook } from '../../../api/types/admissionregistration-v1.ts';
import { type JsonPostTarget, postJson } from '../../../base/json-post.ts';
import type { AdmissionEnvironment, AdmissionRequest } from '../admission.ts';
import { wireRequest } from '../cel-request.ts';
import type { createServiceResolver } from './service-address.ts';

export type Webhook = Shared<MutatingWebhook> | Shared<ValidatingWebhook>;

export interface WebhookCaller {
  /** The webhook's answer, allowed or not. Throws an InternalError Status when there is none. */
  call(webhook: Webhook, request: AdmissionRequest): Promise<Shared<AdmissionResponse>>;
}

/** Field names that shared objects and reviews have: undefined where the webhook has nothing to see. */
function review(uid: string, request: AdmissionRequest): AdmissionReview {
  return {
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: {
      uid,
      ...wireRequest(request),
      ...(request.object ? { object: request.object } : { object: null }),
      ...(request.oldObject ? { oldObject: request.oldObject } : { oldObject: null }),
      ...(request.options === undefined ? { options: null } : { options: request.options }),
    } as unknown as NonNullable<AdmissionReview['request']>,
  };
}

/** Makes calls, with services resolved to their endpoints. */
export function createWebhookCaller(
  environment: AdmissionEnvironment,
  resolve: ReturnType<typeof createServiceResolver>,
): WebhookCaller {
  async function targetOf({ clientConfig }: Webhook): Promise<JsonPostTarget> {
    const ca = clientConfig.caBundle ? { ca: Buffer.from(String(clientConfig.caBundle), 'base64').toString() } : {};
    if (clientConfig.url) return { url: clientConfig.url, ...ca };
    const { service } = clientConfig;
    if (!service) throw new Error('webhook configuration has neither url nor service');
    const { namespace, name, port = 443, path = '' } = service;
    const serverName = `${name}.${namespace}.svc`;
    const connectTo = await resolve({ namespace, name, port });
    const suffix = path.startsWith('/') || path === '' ? path : `/${path}`;
    return { url: `https://${serverName}:${port}${suffix || '/'}`, serverName, connectTo, ...ca };
  }

  return {
    async call(webhook, request) {
      const { clock, random } = environment;
      const uid = random.uuid();
      const timeoutMs = (webhook.timeoutSeconds ?? 10) * 1000;
      const failed = (why: string) => internalError(`failed calling webhook ${JSON.stringify(webhook.name)}: ${why}`);
      let answer: Awaited<ReturnType<typeof postJson>>;
      try {
        const target = await targetOf(webhook);
        const url = new URL(target.url);
        url.searchParams.set('timeout', `${timeoutMs / 1000}s`);
        answer = await postJson({ ...target, url: url.href }, review(uid, request), { timeoutMs, clock });
      } catch (error) {
        throw failed(`failed to call webhook: ${(error as Error).message}`);
      }
      if (answer.status < 200 || answer.status > 299) {
        throw failed(`failed to call webhook: the server answered with status ${answer.status}`);
      }
      const body = answer.body as Partial<AdmissionReview> | undefined;
      if (body?.kind !== 'AdmissionReview' || body.apiVersion !== 'admission.k8s.io/v1') {
        throw failed(
          `expected webhook response of admission.k8s.io/v1, Kind=AdmissionReview, got ${body?.apiVersion ?? ''}, Kind=${body?.kind ?? ''}`,
        );
      }
      const { response } = body;
      if (!response) throw failed('webhook response was absent');
      if (response.uid !== uid)
        throw failed(`expected response.uid=${JSON.stringify(uid)}, got ${JSON.stringify(response.uid)}`);
      return response;
    },
  };
}

/** Whether an answer is the webhook's fault and may be ignored (its refusal may not). */
export class WebhookRejection extends StatusError {}

/** The Status of a refusal. */
export function rejection(webhook: Webhook, response: Shared<AdmissionResponse>): WebhookRejection {
  const status = (response.status ?? {}) as { message?: string; reason?: string; code?: number; details?: object };
  const head = `admission webhook ${JSON.stringify(webhook.name)} denied the request`;
  const why = status.message || status.reason;
  const code = status.code && status.code >= 400 ? status.code : 400;
  return new WebhookRejection(
    (status.reason || 'Unknown') as StatusReason,
    why ? `${head}: ${why}` : `${head} without explanation`,
    status.details,
    code,
  );
}

/** A dry run may only call webhooks that promise to have no side effects then. */
export function assertDryRunnable(webhook: Webhook, request: AdmissionRequest): void {
  if (!request.dryRun || webhook.sideEffects === 'None' || webhook.sideEffects === 'NoneOnDryRun') return;
  throw badRequest(`admission webhook ${JSON.stringify(webhook.name)} does not support dry run`);
}
