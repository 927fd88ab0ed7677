/** Validation that workloads share: replicas, selectors and templates that fit each other, and reported numbers. */
import type { DeepReadonly } from '../../base/deep.ts';
import { child, type FieldError, forbidden, invalid, notSupported, required } from '../machinery/field-error.ts';
import { isPercent } from '../machinery/int-or-string.ts';
import { percent } from '../machinery/names.ts';
import { labelSelectorMatcher, validateLabelSelector } from '../machinery/selectors.ts';
import type { PodTemplateSpec } from '../types/core-v1.ts';
import type { LabelSelector } from '../types/meta-v1.ts';
import { invalidEach, nonNegativeMessage, validateNonNegative } from './field-rules.ts';
import { validatePodTemplate } from './pod-spec-validation.ts';

/** A selector that is there, valid and not empty. `what` is the kind in the message about an empty one. */
export function validateWorkloadSelector(
  selector: DeepReadonly<LabelSelector> | undefined,
  what: string,
  path: string,
): FieldError[] {
  if (!selector) return [required(path)];
  const errors = validateLabelSelector(selector, path);
  if (!Object.keys(selector.matchLabels ?? {}).length && !selector.matchExpressions?.length) {
    errors.push(invalid(path, selector, `empty selector is invalid for ${what}`));
  }
  return errors;
}

/** The template's labels are among those that the selector selects. An empty or wrong selector is reported elsewhere. */
export function validateTemplateLabels(
  selector: DeepReadonly<LabelSelector> | undefined,
  template: DeepReadonly<PodTemplateSpec>,
  path: string,
): FieldError[] {
  if (!selector || validateLabelSelector(selector, path).length) return [];
  const labels = template.metadata.labels;
  return labelSelectorMatcher(selector).matches(labels ?? {})
    ? []
    : [invalid(child(path, 'metadata.labels'), labels ?? null, '`selector` does not match template `labels`')];
}

/** A template whose pods are to run for ever. `owner` is the kind in the message about a deadline. */
export function validateRunningTemplate(
  template: DeepReadonly<PodTemplateSpec> | undefined,
  owner: string,
  path: string,
): FieldError[] {
  if (!template) return [required(path)];
  const errors = validatePodTemplate(template, path);
  const { restartPolicy, activeDeadlineSeconds } = template.spec;
  if (restartPolicy !== 'Always') {
    errors.push(notSupported(child(path, 'spec.restartPolicy'), restartPolicy ?? '', ['Always']));
  }
  if (activeDeadlineSeconds !== undefined) {
    const detail = `activeDeadlineSeconds in ${owner} is not Supported`;
    errors.push(forbidden(child(path, 'spec.activeDeadlineSeconds'), detail));
  }
  return errors;
}

/** Absent, a number that is not negative, or a percentage. */
export function validateIntOrPercent(value: number | string | undefined, path: string): FieldError[] {
  if (value === undefined) return [];
  if (typeof value === 'string') return invalidEach(path, value, percent(value));
  return value < 0 ? [invalid(path, value, nonNegativeMessage)] : [];
}

/** Percentages up to a hundred. */
export function validateAtMost100Percent(value: number | string | undefined, path: string): FieldError[] {
  return value !== undefined && isPercent(value) && Number.parseInt(String(value), 10) > 100
    ? [invalid(path, value, 'must not be greater than 100%')]
    : [];
}

/** Whether the number or percentage is nothing. */
export const isZero = (value: number | string | undefined): boolean =>
  value === undefined || value === 0 || (typeof value === 'string' && Number.parseInt(value, 10) === 0);

/** Numbers of a status by field; none is negative. */
export function validateCounts(counts: Readonly<Record<string, number | undefined>>, path: string): FieldError[] {
  return Object.entries(counts).flatMap(([name, value]) => validateNonNegative(value, child(path, name)));
}

/** Parts of the replicas are not more than the whole, and available ones are ready. */
export function validateReplicaCounts(
  replicas: number,
  parts: Readonly<Record<string, number | undefined>>,
  path: string,
): FieldError[] {
  const errors = Object.entries(parts).flatMap(([name, value]) =>
    (value ?? 0) > replicas ? [invalid(child(path, name), value, 'cannot be greater than status.replicas')] : [],
  );
  const { availableReplicas = 0, readyReplicas } = parts;
  if (readyReplicas !== undefined || 'readyReplicas' in parts) {
    if (availableReplicas > (readyReplicas ?? 0)) {
      const detail = 'cannot be greater than readyReplicas';
      errors.push(invalid(child(path, 'availableReplicas'), availableReplicas, detail));
    }
  }
  return errors;
}

/** A count of hash collisions only grows. */
export function validateCollisionCount(count: number | undefined, old: number | undefined, path: string): FieldError[] {
  const countPath = child(path, 'collisionCount');
  const errors = validateNonNegative(count, countPath);
  return old !== undefined && (count === undefined || count < old)
    ? [...errors, invalid(countPath, count ?? null, 'cannot be decremented')]
    : errors;
}
