/** Validation of devices' taints, of what tolerates them, and of the conditions that binding waits for. */
import type { DeepReadonly } from '../../base/deep.ts';
import { at, child, duplicate, type FieldError, invalid, notSupported, required } from '../machinery/field-error.ts';
import type { DeviceTaint, DeviceToleration } from '../types/resource-v1.ts';
import { validateList } from './list-validation.ts';
import { validateLabelName, validateLabelValue } from './name-validation.ts';

const maxTaints = 16;
const maxTolerations = 16;
const maxBindingConditions = 4;
const effects = ['NoExecute', 'NoSchedule', 'None'];

/** Taints of a device. */
export function validateTaints(taints: readonly DeepReadonly<DeviceTaint>[] | undefined, path: string): FieldError[] {
  return validateList(taints, path, {
    max: maxTaints,
    validate: ({ key, value, effect }, itemPath) => [
      ...validateLabelName(key, child(itemPath, 'key')),
      ...(value ? validateLabelValue(value, child(itemPath, 'value')) : []),
      ...(effect ? validateEffect(effect, child(itemPath, 'effect')) : [required(child(itemPath, 'effect'))]),
    ],
  });
}

/** Tolerations of a request. */
export function validateTolerations(
  tolerations: readonly DeepReadonly<DeviceToleration>[] | undefined,
  path: string,
): FieldError[] {
  return validateList(tolerations, path, { max: maxTolerations, validate: validateToleration });
}

function validateToleration(toleration: DeepReadonly<DeviceToleration>, path: string): FieldError[] {
  const { key, operator, value = '', effect } = toleration;
  const errors = key ? validateLabelName(key, child(path, 'key')) : [];
  const operatorPath = child(path, 'operator');
  const valuePath = child(path, 'value');
  if (operator === 'Exists') {
    if (value) errors.push(invalid(valuePath, value, 'must be empty for operator `Exists`'));
  } else if (operator === 'Equal') errors.push(...validateLabelValue(value, valuePath));
  else if (operator) errors.push(notSupported(operatorPath, operator, ['Equal', 'Exists']));
  else errors.push(required(operatorPath));
  return effect ? [...errors, ...validateEffect(effect, child(path, 'effect'))] : errors;
}

const validateEffect = (effect: string, path: string): FieldError[] =>
  effects.includes(effect) ? [] : [notSupported(path, effect, effects)];

/** Conditions that a device must have before a pod is bound to its node, and those that give it up: both or neither. */
export function validateBindingConditions(
  wanted: readonly string[] = [],
  failures: readonly string[] = [],
  path: string,
): FieldError[] {
  const wantedPath = child(path, 'bindingConditions');
  const failuresPath = child(path, 'bindingFailureConditions');
  const options = { max: maxBindingConditions, validate: validateLabelName };
  const errors = [...validateList(wanted, wantedPath, options), ...validateList(failures, failuresPath, options)];
  errors.push(...repeated(wanted, wantedPath));
  errors.push(...repeated(failures, failuresPath));
  for (const [i, condition] of failures.entries()) {
    if (!wanted.includes(condition)) continue;
    const detail = 'bindingFailureConditions must not overlap with bindingConditions';
    errors.push(invalid(at(failuresPath, i), condition, detail));
  }
  if (!wanted.length && failures.length) {
    errors.push(invalid(wantedPath, wanted, 'bindingConditions are required to use bindingFailureConditions'));
  }
  if (wanted.length && !failures.length) {
    errors.push(invalid(failuresPath, failures, 'bindingFailureConditions are required to use bindingConditions'));
  }
  return errors;
}

const repeated = (conditions: readonly string[], path: string): FieldError[] =>
  conditions.flatMap((one, i) => (conditions.indexOf(one) < i ? [duplicate(at(path, i), one)] : []));
