import { ageColumn, integerColumn, nameColumn } from '../core/columns.ts';
import { ratcheted } from '../core/ratcheting.ts';
import { defineKind } from '../kind.ts';
import type * as admissionregistration from '../types/admissionregistration-v1.ts';
import { setWebhookDefaults } from './webhook-defaults.ts';
import { validateWebhooks, webhookRules } from './webhook-validation.ts';

/** Webhooks that may change requests. */
export type MutatingWebhookConfiguration = admissionregistration.MutatingWebhookConfiguration;

/** admissionregistration.k8s.io/v1 MutatingWebhookConfiguration. */
export const MutatingWebhookConfiguration = defineKind<MutatingWebhookConfiguration>({
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  kind: 'MutatingWebhookConfiguration',
  plural: 'mutatingwebhookconfigurations',
  categories: ['api-extensions'],
  scope: 'Cluster',
  schema: 'admissionregistration/v1.MutatingWebhookConfiguration',
  defaults(configuration) {
    for (const webhook of configuration.webhooks ?? []) {
      setWebhookDefaults(webhook);
      webhook.reinvocationPolicy ??= 'Never';
    }
  },
  validate: ratcheted(validateWebhooks, webhookRules),
  columns: [nameColumn, integerColumn('Webhooks', (c) => c.webhooks?.length ?? 0), ageColumn],
  tracksGeneration: true,
});
