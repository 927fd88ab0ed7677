/** Validation of daemon sets. */
import type { DeepReadonly } from '../../base/deep.ts';
import { validateNonNegative } from '../core/field-rules.ts';
import {
  isZero,
  validateAtMost100Percent,
  validateCollisionCount,
  validateCounts,
  validateIntOrPercent,
  validateRunningTemplate,
  validateTemplateLabels,
  validateWorkloadSelector,
} from '../core/workload-validation.ts';
import { type FieldError, invalid, notSupported, required } from '../machinery/field-error.ts';
import type { DaemonSet, DaemonSetUpdateStrategy } from '../types/apps-v1.ts';

/** A daemon set on create and update. */
export function validateDaemonSet({ spec }: DeepReadonly<DaemonSet>): FieldError[] {
  return [
    ...validateWorkloadSelector(spec.selector, 'daemonset', 'spec.selector'),
    ...validateTemplateLabels(spec.selector, spec.template, 'spec.template'),
    ...validateRunningTemplate(spec.template, 'DaemonSet', 'spec.template'),
    ...validateNonNegative(spec.minReadySeconds, 'spec.minReadySeconds'),
    ...validateStrategy(spec.updateStrategy),
    ...validateNonNegative(spec.revisionHistoryLimit, 'spec.revisionHistoryLimit'),
  ];
}

function validateStrategy({ type, rollingUpdate }: DeepReadonly<DaemonSetUpdateStrategy>): FieldError[] {
  const path = 'spec.updateStrategy';
  if (type === 'OnDelete') return [];
  if (type !== 'RollingUpdate') return [notSupported(`${path}.type`, type ?? '', ['RollingUpdate', 'OnDelete'])];
  if (!rollingUpdate) return [required(`${path}.rollingUpdate`)];
  const { maxUnavailable, maxSurge } = rollingUpdate;
  const unavailablePath = `${path}.rollingUpdate.maxUnavailable`;
  const surgePath = `${path}.rollingUpdate.maxSurge`;
  const errors = [
    ...validateIntOrPercent(maxUnavailable, unavailablePath),
    ...validateIntOrPercent(maxSurge, surgePath),
    ...validateAtMost100Percent(maxUnavailable, unavailablePath),
    ...validateAtMost100Percent(maxSurge, surgePath),
  ];
  if (!isZero(maxUnavailable) && !isZero(maxSurge)) {
    errors.push(invalid(surgePath, maxSurge, 'may not be set when maxUnavailable is non-zero'));
  } else if (isZero(maxUnavailable) && isZero(maxSurge)) {
    errors.push(required(unavailablePath, 'cannot be 0 when maxSurge is 0'));
  }
  return errors;
}

/** The numbers that a daemon set reports. */
export function validateDaemonSetStatusUpdate(
  { status }: DeepReadonly<DaemonSet>,
  { status: old }: DeepReadonly<DaemonSet>,
): FieldError[] {
  const { conditions: _, collisionCount, ...counts } = status;
  return [...validateCounts(counts, 'status'), ...validateCollisionCount(collisionCount, old.collisionCount, 'status')];
}
