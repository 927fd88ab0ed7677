/** Validation of restart policies and rules of single containers (KEP-753 sidecars, KEP-5307 restart rules). */
import type { DeepReadonly } from '../../base/deep.ts';
import {
  at,
  child,
  type FieldError,
  forbidden,
  invalid,
  notSupported,
  required,
  tooMany,
} from '../machinery/field-error.ts';
import type { Container } from '../types/core-v1.ts';

const maxRules = 20;
const maxExitCodes = 255;

/** A container's own restart policy and the rules that refine it. */
export function validateRestartRules(
  { restartPolicy, restartPolicyRules }: DeepReadonly<Container>,
  path: string,
  { init }: { init: boolean },
): FieldError[] {
  const policyPath = child(path, 'restartPolicy');
  const rulesPath = child(path, 'restartPolicyRules');
  const supported = ['Always', 'Never', 'OnFailure'];
  const errors: FieldError[] = [];
  if (restartPolicy !== undefined && !supported.includes(restartPolicy)) {
    errors.push(notSupported(policyPath, restartPolicy, supported));
  }
  if (!restartPolicyRules?.length) return errors;
  if (restartPolicy === undefined)
    errors.push(required(policyPath, 'must specify restartPolicy when restart rules are used'));
  if (init && restartPolicy === 'Always') {
    errors.push(
      forbidden(rulesPath, 'restartPolicyRules is not allowed for init containers with restart policy Always'),
    );
  }
  if (restartPolicyRules.length > maxRules) errors.push(tooMany(rulesPath, restartPolicyRules.length, maxRules));
  for (const [i, { action, exitCodes }] of restartPolicyRules.entries()) {
    const rulePath = at(rulesPath, i);
    if (action !== 'Restart' && action !== 'RestartAllContainers') {
      errors.push(notSupported(child(rulePath, 'action'), action ?? '', ['Restart', 'RestartAllContainers']));
    }
    if (!exitCodes) {
      errors.push(required(child(rulePath, 'exitCodes'), 'must be specified'));
      continue;
    }
    const operatorPath = child(child(rulePath, 'exitCodes'), 'operator');
    if (exitCodes.operator !== 'In' && exitCodes.operator !== 'NotIn') {
      errors.push(notSupported(operatorPath, exitCodes.operator ?? '', ['In', 'NotIn']));
    }
    const values = exitCodes.values ?? [];
    if (values.length > maxExitCodes) {
      errors.push(tooMany(child(child(rulePath, 'exitCodes'), 'values'), values.length, maxExitCodes));
    }
    if (values.length === 0) {
      errors.push(invalid(child(child(rulePath, 'exitCodes'), 'values'), values, 'must have at least 1 value'));
    }
  }
  return errors;
}
