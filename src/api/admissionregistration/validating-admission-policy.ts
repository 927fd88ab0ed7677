import { ageColumn, integerColumn, nameColumn, textColumn } from '../core/columns.ts';
import { defineKind } from '../kind.ts';
import type * as admissionregistration from '../types/admissionregistration-v1.ts';
import { validateValidatingPolicy } from './policy-validation.ts';
import { setMatchResourcesDefaults } from './webhook-defaults.ts';

/** CEL expressions that may refuse requests. */
export type ValidatingAdmissionPolicy = admissionregistration.ValidatingAdmissionPolicy;

/** admissionregistration.k8s.io/v1 ValidatingAdmissionPolicy. */
export const ValidatingAdmissionPolicy = defineKind<ValidatingAdmissionPolicy>({
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  kind: 'ValidatingAdmissionPolicy',
  plural: 'validatingadmissionpolicies',
  categories: ['api-extensions'],
  scope: 'Cluster',
  schema: 'admissionregistration/v1.ValidatingAdmissionPolicy',
  subresources: { status: true },
  defaults({ spec }) {
    spec.failurePolicy ??= 'Fail';
    setMatchResourcesDefaults(spec.matchConstraints);
  },
  validate: validateValidatingPolicy,
  columns: [
    nameColumn,
    integerColumn('Validations', (p) => p.spec.validations?.length ?? 0),
    textColumn('ParamKind', ({ spec: { paramKind } }) =>
      paramKind ? `${paramKind.apiVersion}/${paramKind.kind}` : '<unset>',
    ),
    ageColumn,
  ],
});
