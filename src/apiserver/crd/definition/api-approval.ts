/** Groups of the Kubernetes community take only definitions that say who approved them (KEP-1111). */
import type { CustomResourceDefinition } from '../../../api/apiextensions/custom-resource-definition.ts';
import type { Shared } from '../../../api/kind.ts';
import { at, type FieldError, invalid, required } from '../../../api/machinery/field-error.ts';

type Definition = Shared<CustomResourceDefinition>;

const annotation = 'api-approved.kubernetes.io';
const hint = `see https://github.com/kubernetes/enhancements/pull/1111`;

interface Approval {
  readonly state: 'Missing' | 'Unapproved' | 'Approved' | 'Invalid';
  readonly message: string;
}

/** Whether a definition is approved; undefined where nobody needs to. */
function approvalOf({ spec, metadata }: Definition): Approval | undefined {
  if (!/(^|\.)(k8s|kubernetes)\.io$/.test(spec.group)) return undefined;
  const given = metadata.annotations?.[annotation] ?? '';
  const subject = `protected groups must have approval annotation "${annotation}"`;
  if (!given) return { state: 'Missing', message: `${subject}, ${hint}` };
  if (given.startsWith('unapproved')) return { state: 'Unapproved', message: `not approved: ${JSON.stringify(given)}` };
  if (URL.parse(given)?.host) return { state: 'Approved', message: `approved in ${given}` };
  return { state: 'Invalid', message: `${subject} with either a URL or a reason starting with "unapproved", ${hint}` };
}

/** Refuses a definition without an answer; one that had none before may go on without. */
export function validateApproval(definition: Definition, old: Definition | undefined): FieldError[] {
  const now = approvalOf(definition);
  if (!now || (old && approvalOf(old)?.state === now.state)) return [];
  const path = at('metadata.annotations', annotation);
  if (now.state === 'Missing') return [required(path, now.message)];
  return now.state === 'Invalid' ? [invalid(path, definition.metadata.annotations![annotation], now.message)] : [];
}

/** The condition that tells of it; undefined where nobody needs to know. */
export function approvalCondition(definition: Definition) {
  const approval = approvalOf(definition);
  return (
    approval && {
      type: 'KubernetesAPIApprovalPolicyConformant',
      status: approval.state === 'Approved' ? 'True' : 'False',
      reason: `${approval.state}Annotation`,
      message: approval.message,
    }
  );
}
