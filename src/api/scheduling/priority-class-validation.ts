/** Validation of priority classes. */
import type { DeepReadonly } from '../../base/deep.ts';
import { validateChoice } from '../core/field-rules.ts';
import { type FieldError, forbidden } from '../machinery/field-error.ts';
import { validateImmutable } from '../machinery/object-meta.ts';
import type { PriorityClass } from '../types/scheduling-v1.ts';

const highestUserPriority = 1_000_000_000;

/** The classes that the system itself has. */
const systemClasses: Record<string, number> = {
  'system-cluster-critical': 2 * highestUserPriority,
  'system-node-critical': 2 * highestUserPriority + 1000,
};

/** A priority class on create and update. */
export function validatePriorityClass({
  metadata,
  value,
  globalDefault,
  preemptionPolicy,
}: DeepReadonly<PriorityClass>): FieldError[] {
  const { name } = metadata;
  const errors: FieldError[] = [];
  if (name.startsWith('system-')) {
    const known = systemClasses[name];
    const problem =
      known === undefined
        ? `${name} is not a known system priority class`
        : value !== known
          ? `value of ${name} PriorityClass must be ${known}`
          : globalDefault
            ? `globalDefault of ${name} PriorityClass must be false`
            : undefined;
    if (problem) {
      const detail = `priority class names with 'system-' prefix are reserved for system use only. error: ${problem}`;
      errors.push(forbidden('metadata.name', detail));
    }
  } else if (value > highestUserPriority) {
    errors.push(forbidden('value', `maximum allowed value of a user defined priority is ${highestUserPriority}`));
  }
  if (preemptionPolicy === undefined) return errors;
  return [...errors, ...validateChoice(preemptionPolicy, ['PreemptLowerPriority', 'Never'], 'preemptionPolicy')];
}

/** Pods carry the value, so the class keeps it. */
export function validatePriorityClassUpdate(
  priorityClass: DeepReadonly<PriorityClass>,
  old: DeepReadonly<PriorityClass>,
): FieldError[] {
  const errors = priorityClass.value === old.value ? [] : [forbidden('value', 'may not be changed in an update.')];
  return [...errors, ...validateImmutable(priorityClass.preemptionPolicy, old.preemptionPolicy, 'preemptionPolicy')];
}
