/** Defaults of webhooks and of the rules that say which requests they and admission policies see. */
import type {
  MatchResources,
  MutatingWebhook,
  RuleWithOperations,
  ValidatingWebhook,
} from '../types/admissionregistration-v1.ts';

/** What both types of webhook share. */
export function setWebhookDefaults(webhook: MutatingWebhook | ValidatingWebhook): void {
  webhook.failurePolicy ??= 'Fail';
  webhook.matchPolicy ??= 'Equivalent';
  webhook.namespaceSelector ??= {};
  webhook.objectSelector ??= {};
  webhook.timeoutSeconds ??= 10;
  if (webhook.clientConfig.service) webhook.clientConfig.service.port ??= 443;
  setRuleDefaults(webhook.rules);
}

/** Defaults of the match constraints of admission policies and bindings. */
export function setMatchResourcesDefaults(match: MatchResources | undefined): void {
  if (!match) return;
  match.matchPolicy ??= 'Equivalent';
  match.namespaceSelector ??= {};
  match.objectSelector ??= {};
  setRuleDefaults(match.resourceRules);
  setRuleDefaults(match.excludeResourceRules);
}

function setRuleDefaults(rules: Pick<RuleWithOperations, 'scope'>[] | undefined): void {
  for (const rule of rules ?? []) rule.scope ??= '*';
}
