import { ageColumn, nameColumn } from '../core/columns.ts';
import { defineKind } from '../kind.ts';
import type * as resource from '../types/resource-v1.ts';
import { setClaimSpecDefaults } from './resource-claim-defaults.ts';
import { validateResourceClaimTemplate, validateResourceClaimTemplateUpdate } from './resource-claim-validation.ts';

/** What the resource claims of pods are made from. */
export type ResourceClaimTemplate = resource.ResourceClaimTemplate;

/** resource.k8s.io/v1 ResourceClaimTemplate. */
export const ResourceClaimTemplate = defineKind<ResourceClaimTemplate>({
  group: 'resource.k8s.io',
  version: 'v1',
  kind: 'ResourceClaimTemplate',
  plural: 'resourceclaimtemplates',
  scope: 'Namespaced',
  schema: 'resource/v1.ResourceClaimTemplate',
  defaults(template) {
    setClaimSpecDefaults(template.spec.spec);
  },
  validate: validateResourceClaimTemplate,
  validateUpdate: validateResourceClaimTemplateUpdate,
  columns: [nameColumn, ageColumn],
  allowUnconditionalUpdate: true,
});
