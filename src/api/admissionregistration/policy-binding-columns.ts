/** The table of both kinds of admission policy bindings. */

import type { DeepReadonly } from '../../base/deep.ts';
import { ageColumn, nameColumn, textColumn } from '../core/columns.ts';
import type { Column } from '../kind.ts';
import type {
  MutatingAdmissionPolicyBinding,
  ParamRef,
  ValidatingAdmissionPolicyBinding,
} from '../types/admissionregistration-v1.ts';

export const policyBindingColumns: readonly Column<
  MutatingAdmissionPolicyBinding | ValidatingAdmissionPolicyBinding
>[] = [
  nameColumn,
  textColumn('PolicyName', (b) => b.spec.policyName ?? ''),
  textColumn('ParamRef', (b) => paramRefText(b.spec.paramRef)),
  ageColumn,
];

function paramRefText(reference: DeepReadonly<ParamRef> | undefined): string {
  if (!reference) return '<unset>';
  if (reference.name) return reference.namespace ? `${reference.namespace}/${reference.name}` : `*/${reference.name}`;
  return reference.selector ? 'labelselector' : '<unset>';
}
