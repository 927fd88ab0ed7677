/** Validation of taints and tolerations. */
import type { DeepReadonly } from '../../base/deep.ts';
import { at, child, duplicate, type FieldError, invalid, notSupported, required } from '../machinery/field-error.ts';
import { labelValue, qualifiedName } from '../machinery/names.ts';
import type { Taint, Toleration } from '../types/core-v1.ts';
import { invalidEach, validateEach } from './field-rules.ts';

const effects = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'];

/** The tolerations of a pod, or of a runtime class. */
export function validateTolerations(
  tolerations: readonly DeepReadonly<Toleration>[] | undefined,
  path: string,
): FieldError[] {
  return validateEach(tolerations, path, (toleration, itemPath) => {
    const { key = '', operator = '', value = '', effect = '', tolerationSeconds } = toleration;
    const operatorPath = child(itemPath, 'operator');
    const errors = key ? invalidEach(child(itemPath, 'key'), key, qualifiedName(key)) : [];
    if (!key && operator !== 'Exists') {
      const detail = 'operator must be Exists when `key` is empty, which means "match all values and all keys"';
      errors.push(invalid(operatorPath, operator, detail));
    }
    if (tolerationSeconds !== undefined && effect !== 'NoExecute') {
      const detail = "effect must be 'NoExecute' when `tolerationSeconds` is set";
      errors.push(invalid(child(itemPath, 'effect'), effect, detail));
    }
    errors.push(...validateOperator(operator, value, operatorPath));
    if (effect && !effects.includes(effect)) errors.push(notSupported(child(itemPath, 'effect'), effect, effects));
    return errors;
  });
}

function validateOperator(operator: string, value: string, path: string): FieldError[] {
  if (operator === '' || operator === 'Equal') {
    const problems = labelValue(value);
    return problems.length ? [invalid(path, value, problems.join(';'))] : [];
  }
  // Gt and Lt are behind upstream's gate TaintTolerationComparisonOperators, which is off.
  if (operator !== 'Exists') return [notSupported(path, operator, ['Equal', 'Exists'])];
  return value ? [invalid(path, value, "value must be empty when `operator` is 'Exists'")] : [];
}

/** The taints of a node; key and effect are unique together. */
export function validateTaints(taints: readonly DeepReadonly<Taint>[] | undefined, path: string): FieldError[] {
  const seen = new Set<string>();
  return (taints ?? []).flatMap((taint, i) => {
    const { key, value = '', effect } = taint;
    const itemPath = at(path, i);
    const errors = invalidEach(child(itemPath, 'key'), key, qualifiedName(key));
    const problems = labelValue(value);
    if (problems.length) errors.push(invalid(child(itemPath, 'value'), value, problems.join(';')));
    if (!effect) errors.push(required(child(itemPath, 'effect')));
    else if (!effects.includes(effect)) errors.push(notSupported(child(itemPath, 'effect'), effect, effects));
    const pair = `${effect}/${key}`;
    if (seen.has(pair)) {
      errors.push({ ...duplicate(itemPath, taint), detail: 'taints must be unique by key and effect pair' });
    }
    seen.add(pair);
    return errors;
  });
}
