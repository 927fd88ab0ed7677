/** What mutating and validating webhooks have in common: choosing them, and what to do when one fails. */
import type { Shared } from '../../../api/kind.ts';
import { StatusError } from '../../../api/machinery/status.ts';
import type { AdmissionResponse } from '../../../api/types/admission-v1.ts';
import type { AdmissionEnvironment, AdmissionRequest } from '../admission.ts';
import { matchConditionValues } from '../cel-request.ts';
import { evaluateMatchConditions } from '../match-conditions.ts';
import { isExempt, matchesRule, matchesSelectors } from '../matching.ts';
import { refusal } from '../refusal.ts';
import { assertDryRunnable, rejection, type Webhook, type WebhookCaller, WebhookRejection } from './call.ts';

/** A webhook of a configuration. */
export interface ConfiguredWebhook<W extends Webhook = Webhook> {
  readonly webhook: W;
  readonly configuration: string;
  readonly index: number;
  /** Names it among all. */
  readonly key: string;
}

/** The webhooks of configurations in the order of their names. */
export function inOrder<W extends Webhook>(
  configurations: readonly { readonly metadata: { readonly name: string }; readonly webhooks?: readonly W[] }[],
): ConfiguredWebhook<W>[] {
  return [...configurations]
    .sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))
    .flatMap(({ metadata, webhooks }) =>
      (webhooks ?? []).map((webhook, index) => ({
        webhook,
        configuration: metadata.name,
        index,
        key: `${metadata.name}/${webhook.name}/${index}`,
      })),
    );
}

/** Whether any rule of a webhook names the request: the cheap part of matching. */
export function isNamed(environment: AdmissionEnvironment, webhook: Webhook, request: AdmissionRequest): boolean {
  if (isExempt(request)) return false;
  const context = { environment, matchPolicy: webhook.matchPolicy ?? 'Equivalent' };
  return (webhook.rules ?? []).some((rule) => matchesRule(rule, request, context));
}

/**
 * Calls a webhook if its selectors and conditions want the request. undefined: not wanted, or failed and ignored.
 * Throws what the webhook says, or the failure when its policy is Fail.
 */
export async function consult(
  environment: AdmissionEnvironment,
  caller: WebhookCaller,
  { webhook, request }: { webhook: Webhook; request: AdmissionRequest },
): Promise<Shared<AdmissionResponse> | undefined> {
  const ignores = webhook.failurePolicy === 'Ignore';
  if (!(await matchesSelectors(environment, webhook, request))) return undefined;
  const conditions = await evaluateMatchConditions(webhook.matchConditions, () =>
    matchConditionValues(environment.authorizer, request),
  );
  if ('error' in conditions) {
    if (ignores) return undefined;
    throw refusal(request, conditions.error);
  }
  if (!conditions.matches) return undefined;
  assertDryRunnable(webhook, request);
  try {
    const response = await caller.call(webhook, request);
    for (const [key, value] of Object.entries(response.auditAnnotations ?? {})) {
      request.annotate(`${webhook.name}/${key}`, value);
    }
    for (const warning of response.warnings ?? []) request.warn(warning);
    if (!response.allowed) throw rejection(webhook, response);
    return response;
  } catch (error) {
    if (error instanceof WebhookRejection || !ignores || !(error instanceof StatusError)) throw error;
    environment.log.warn('a webhook failed and is ignored, as its failure policy says', {
      webhook: webhook.name,
      error,
    });
    request.annotate('failed-open.admission.webhook.k8s.io/webhook', webhook.name);
    return undefined;
  }
}
