import { ageColumn, integerColumn, nameColumn } from '../core/columns.ts';
import { ratcheted } from '../core/ratcheting.ts';
import { defineKind } from '../kind.ts';
import type * as admissionregistration from '../types/admissionregistration-v1.ts';
import { setWebhookDefaults } from './webhook-defaults.ts';
import { validateWebhooks, webhookRules } from './webhook-validation.ts';

/** Webhooks that may refuse requests. */
export type ValidatingWebhookConfiguration = admissionregistration.ValidatingWebhookConfiguration;

/** admissionregistration.k8s.io/v1 ValidatingWebhookConfiguration. */
export const ValidatingWebhookConfiguration = defineKind<ValidatingWebhookConfiguration>({
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  kind: 'ValidatingWebhookConfiguration',
  plural: 'validatingwebhookconfigurations',
  categories: ['api-extensions'],
  scope: 'Cluster',
  schema: 'admissionregistration/v1.ValidatingWebhookConfiguration',
  defaults(configuration) {
    for (const webhook of configuration.webhooks ?? []) setWebhookDefaults(webhook);
  },
  validate: ratcheted(validateWebhooks, webhookRules),
  columns: [nameColumn, integerColumn('Webhooks', (c) => c.webhooks?.length ?? 0), ageColumn],
  tracksGeneration: true,
});
