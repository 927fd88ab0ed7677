/** Validation of pod disruption budgets. */
import type { DeepReadonly } from '../../base/deep.ts';
import { validateConditions } from '../core/condition-validation.ts';
import { validateOptionalChoice } from '../core/field-rules.ts';
import { validateAtMost100Percent, validateCounts, validateIntOrPercent } from '../core/workload-validation.ts';
import { type FieldError, invalid } from '../machinery/field-error.ts';
import { validateLabelSelector } from '../machinery/selectors.ts';
import type { PodDisruptionBudget } from '../types/policy-v1.ts';

/** A budget on create and update. */
export function validatePodDisruptionBudget({ spec }: DeepReadonly<PodDisruptionBudget>): FieldError[] {
  const { minAvailable, maxUnavailable } = spec;
  const errors: FieldError[] = [];
  if (minAvailable !== undefined && maxUnavailable !== undefined) {
    errors.push(invalid('spec', spec, 'minAvailable and maxUnavailable cannot be both set'));
  }
  for (const [name, value] of Object.entries({ minAvailable, maxUnavailable })) {
    errors.push(...validateIntOrPercent(value, `spec.${name}`), ...validateAtMost100Percent(value, `spec.${name}`));
  }
  return [
    ...errors,
    ...validateLabelSelector(spec.selector, 'spec.selector'),
    ...validateOptionalChoice(
      spec.unhealthyPodEvictionPolicy,
      ['AlwaysAllow', 'IfHealthyBudget'],
      'spec.unhealthyPodEvictionPolicy',
    ),
  ];
}

/** The numbers that the disruption controller reports. */
export function validatePodDisruptionBudgetStatus({ status }: DeepReadonly<PodDisruptionBudget>): FieldError[] {
  const { disruptionsAllowed, currentHealthy, desiredHealthy, expectedPods } = status;
  return [
    ...validateConditions(status.conditions, 'status.conditions'),
    ...validateCounts({ disruptionsAllowed, currentHealthy, desiredHealthy, expectedPods }, 'status'),
  ];
}
