import { ageColumn, integerColumn, nameColumn, textColumn } from '../core/columns.ts';
import { defineKind } from '../kind.ts';
import type * as admissionregistration from '../types/admissionregistration-v1.ts';
import { validateMutatingPolicy } from './policy-validation.ts';
import { setMatchResourcesDefaults } from './webhook-defaults.ts';

/** CEL expressions that may change requests. */
export type MutatingAdmissionPolicy = admissionregistration.MutatingAdmissionPolicy;

/** admissionregistration.k8s.io/v1 MutatingAdmissionPolicy. */
export const MutatingAdmissionPolicy = defineKind<MutatingAdmissionPolicy>({
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  kind: 'MutatingAdmissionPolicy',
  plural: 'mutatingadmissionpolicies',
  categories: ['api-extensions'],
  scope: 'Cluster',
  schema: 'admissionregistration/v1.MutatingAdmissionPolicy',
  defaults({ spec }) {
    spec.failurePolicy ??= 'Fail';
    setMatchResourcesDefaults(spec.matchConstraints);
  },
  validate: validateMutatingPolicy,
  columns: [
    nameColumn,
    integerColumn('Mutations', (p) => p.spec.mutations?.length ?? 0),
    textColumn('ParamKind', ({ spec: { paramKind } }) =>
      paramKind ? `${paramKind.apiVersion}/${paramKind.kind}` : '<unset>',
    ),
    ageColumn,
  ],
  tracksGeneration: true,
});
