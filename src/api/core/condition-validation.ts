/** Validation of conditions as the newer kinds have them (apimachinery meta/v1/validation). */
import type { DeepReadonly } from '../../base/deep.ts';
import {
  at,
  child,
  duplicate,
  type FieldError,
  invalid,
  notSupported,
  required,
  tooLong,
} from '../machinery/field-error.ts';
import { qualifiedName, regexMessage } from '../machinery/names.ts';
import type { Condition } from '../types/meta-v1.ts';
import { invalidEach } from './field-rules.ts';

const maxReasonBytes = 1024;
const maxMessageBytes = 32 * 1024;
const reasonFormat = '[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?';
const reasonPattern = new RegExp(`^${reasonFormat}$`);

/** Conditions, each type once. */
export function validateConditions(
  conditions: readonly DeepReadonly<Condition>[] | undefined,
  path: string,
): FieldError[] {
  const seen = new Set<string>();
  return (conditions ?? []).flatMap((condition, i) => {
    const itemPath = at(path, i);
    const again = seen.has(condition.type) ? [duplicate(child(itemPath, 'type'), condition.type)] : [];
    seen.add(condition.type);
    return [...again, ...validateCondition(condition, itemPath)];
  });
}

function validateCondition(condition: DeepReadonly<Condition>, path: string): FieldError[] {
  const { type, status, observedGeneration = 0, lastTransitionTime, reason, message } = condition;
  const errors = invalidEach(child(path, 'type'), type, qualifiedName(type));
  const statuses = ['False', 'True', 'Unknown'];
  if (!statuses.includes(status)) errors.push(notSupported(child(path, 'status'), status, statuses));
  if (observedGeneration < 0) {
    const detail = 'must be greater than or equal to zero';
    errors.push(invalid(child(path, 'observedGeneration'), observedGeneration, detail));
  }
  if (!lastTransitionTime) errors.push(required(child(path, 'lastTransitionTime'), 'must be set'));
  if (reason) errors.push(...validateReason(reason, child(path, 'reason')));
  else errors.push(required(child(path, 'reason'), 'must be set'));
  if (Buffer.byteLength(message) > maxMessageBytes) {
    errors.push(tooLong(child(path, 'message'), message, maxMessageBytes));
  }
  return errors;
}

function validateReason(reason: string, path: string): FieldError[] {
  const rule =
    "a condition reason must start with alphabetic character, optionally followed by a string of alphanumeric characters or '_,:', and must end with an alphanumeric character or '_'";
  const examples = ['my_name', 'MY_NAME', 'MyName', 'ReasonA,ReasonB', 'ReasonA:ReasonB'];
  const errors = reasonPattern.test(reason)
    ? []
    : [invalid(path, reason, regexMessage(rule, reasonFormat, ...examples))];
  return Buffer.byteLength(reason) > maxReasonBytes ? [...errors, tooLong(path, reason, maxReasonBytes)] : errors;
}
