import { defineKind } from '../kind.ts';
import type * as admissionregistration from '../types/admissionregistration-v1.ts';
import { policyBindingColumns } from './policy-binding-columns.ts';
import { validateValidatingPolicyBinding } from './policy-validation.ts';
import { setMatchResourcesDefaults } from './webhook-defaults.ts';

/** Puts a ValidatingAdmissionPolicy to work, with parameters. */
export type ValidatingAdmissionPolicyBinding = admissionregistration.ValidatingAdmissionPolicyBinding;

/** admissionregistration.k8s.io/v1 ValidatingAdmissionPolicyBinding. */
export const ValidatingAdmissionPolicyBinding = defineKind<ValidatingAdmissionPolicyBinding>({
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  kind: 'ValidatingAdmissionPolicyBinding',
  plural: 'validatingadmissionpolicybindings',
  categories: ['api-extensions'],
  scope: 'Cluster',
  schema: 'admissionregistration/v1.ValidatingAdmissionPolicyBinding',
  defaults({ spec }) {
    setMatchResourcesDefaults(spec.matchResources);
  },
  validate: validateValidatingPolicyBinding,
  columns: policyBindingColumns,
  tracksGeneration: true,
});
