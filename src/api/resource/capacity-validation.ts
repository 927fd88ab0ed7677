/** Validation of how much of a shared device's capacity one claim may ask for (KEP-5075). */
import type { DeepReadonly } from '../../base/deep.ts';
import {
  at,
  child,
  duplicate,
  type FieldError,
  forbidden,
  invalid,
  required,
  tooMany,
} from '../machinery/field-error.ts';
import { Quantity } from '../machinery/quantity.ts';
import type { CapacityRequestPolicy } from '../types/resource-v1.ts';

const maxOptions = 10;

/** Single values or a range of them, with a default among them. */
export function validateRequestPolicy(
  policy: DeepReadonly<CapacityRequestPolicy>,
  capacity: string,
  path: string,
): FieldError[] {
  const { validValues = [], validRange, default: byDefault } = policy;
  if (validValues.length && validRange) {
    const detail =
      'exactly one policy can be specified, cannot specify "validValues" and "validRange" at the same time';
    return [forbidden(path, detail)];
  }
  const kind = validValues.length ? 'validValues' : validRange ? 'validRange' : undefined;
  if (!kind) return [];
  if (byDefault === undefined) return [required(child(path, 'default'), `required when ${kind} is defined`)];
  const limits = { capacity: Quantity.parse(capacity), byDefault: Quantity.parse(byDefault) };
  return validRange
    ? validateRange(validRange, child(path, 'validRange'), limits)
    : validateValues(validValues, child(path, 'validValues'), limits);
}

interface Limits {
  readonly capacity: Quantity;
  readonly byDefault: Quantity;
}

function validateValues(texts: readonly string[], path: string, { capacity, byDefault }: Limits): FieldError[] {
  const values = texts.map((text) => Quantity.parse(text));
  const errors: FieldError[] = [];
  for (const [i, value] of values.entries()) {
    if (i > 0 && values[i - 1]!.cmp(value) > 0) {
      errors.push(invalid(at(path, i), String(value), 'values must be sorted in ascending order'));
    }
  }
  if (values.length > maxOptions) errors.push(tooMany(path, values.length, maxOptions));
  else {
    for (const [i, value] of values.entries()) {
      if (value.cmp(capacity) > 0) {
        errors.push(invalid(at(path, i), String(value), `option is larger than capacity value: ${capacity}`));
      }
    }
    for (const [i, value] of values.entries()) {
      const whole = value.value();
      if (values.findIndex((other) => other.value() === whole) < i) errors.push(duplicate(at(path, i), String(whole)));
    }
  }
  if (!values.some((value) => value.equals(byDefault))) {
    errors.push(invalid(path, String(byDefault), 'default value is not valid according to the requestPolicy'));
  }
  return errors;
}

function validateRange(
  range: DeepReadonly<NonNullable<CapacityRequestPolicy['validRange']>>,
  path: string,
  { capacity, byDefault }: Limits,
): FieldError[] {
  const minPath = child(path, 'min');
  if (range.min === undefined) return [required(minPath, 'required when validRange is defined')];
  const min = Quantity.parse(range.min);
  const max = Quantity.tryParse(range.max);
  const step = Quantity.tryParse(range.step);
  const errors: FieldError[] = [];
  const refuse = (field: string, value: Quantity, detail: string) =>
    errors.push(invalid(child(path, field), String(value), detail));
  if (min.cmp(capacity) > 0) refuse('min', min, `min is larger than capacity value: ${capacity}`);
  if (byDefault.cmp(min) < 0) refuse('default', byDefault, `default is less than min: ${min}`);
  if (max) {
    if (min.cmp(max) > 0) refuse('max', min, `min is larger than max: ${max}`);
    if (max.cmp(capacity) > 0) refuse('max', max, `max is larger than capacity value: ${capacity}`);
    if (byDefault.cmp(max) > 0) refuse('default', byDefault, `default is more than max: ${max}`);
  }
  if (!step) return errors;
  if (step.sign() <= 0) {
    refuse('step', step, 'must be greater than zero');
    return errors;
  }
  const first = min.add(step);
  if (first.cmp(capacity) > 0) refuse('step', step, `one step ${first} is larger than capacity value: ${capacity}`);
  for (const value of max ? [byDefault, max] : [byDefault]) {
    if ((value.value() - min.value()) % step.value() === 0) continue;
    refuse('step', value, `value is not a multiple of a given step (${step}) from (${min})`);
  }
  return errors;
}
