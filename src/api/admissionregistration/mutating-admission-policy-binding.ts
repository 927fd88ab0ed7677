import { defineKind } from '../kind.ts';
import type * as admissionregistration from '../types/admissionregistration-v1.ts';
import { policyBindingColumns } from './policy-binding-columns.ts';
import { validatePolicyBinding } from './policy-validation.ts';
import { setMatchResourcesDefaults } from './webhook-defaults.ts';

/** Puts a MutatingAdmissionPolicy to work, with parameters. */
export type MutatingAdmissionPolicyBinding = admissionregistration.MutatingAdmissionPolicyBinding;

/** admissionregistration.k8s.io/v1 MutatingAdmissionPolicyBinding. */
export const MutatingAdmissionPolicyBinding = defineKind<MutatingAdmissionPolicyBinding>({
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  kind: 'MutatingAdmissionPolicyBinding',
  plural: 'mutatingadmissionpolicybindings',
  categories: ['api-extensions'],
  scope: 'Cluster',
  schema: 'admissionregistration/v1.MutatingAdmissionPolicyBinding',
  defaults({ spec }) {
    setMatchResourcesDefaults(spec.matchResources);
  },
  validate: validatePolicyBinding,
  columns: policyBindingColumns,
  tracksGeneration: true,
});
