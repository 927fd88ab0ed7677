/** Validation of deployments and replica sets. */
import type { DeepReadonly } from '../../base/deep.ts';
import { validateNonNegative } from '../core/field-rules.ts';
import {
  isZero,
  validateAtMost100Percent,
  validateCollisionCount,
  validateCounts,
  validateIntOrPercent,
  validateReplicaCounts,
  validateRunningTemplate,
  validateTemplateLabels,
  validateWorkloadSelector,
} from '../core/workload-validation.ts';
import { type FieldError, forbidden, invalid, notSupported, required } from '../machinery/field-error.ts';
import { validateImmutable } from '../machinery/object-meta.ts';
import type { Deployment, DeploymentStrategy, ReplicaSet } from '../types/apps-v1.ts';

/** A deployment on create and update. */
export function validateDeployment({ spec }: DeepReadonly<Deployment>): FieldError[] {
  const { progressDeadlineSeconds, minReadySeconds = 0 } = spec;
  const errors = [
    ...validateNonNegative(spec.replicas, 'spec.replicas'),
    ...validateWorkloadSelector(spec.selector, 'deployment', 'spec.selector'),
    ...validateTemplateLabels(spec.selector, spec.template, 'spec.template'),
    ...validateRunningTemplate(spec.template, 'ReplicaSet', 'spec.template'),
    ...validateStrategy(spec.strategy),
    ...validateNonNegative(minReadySeconds, 'spec.minReadySeconds'),
    ...validateNonNegative(spec.revisionHistoryLimit, 'spec.revisionHistoryLimit'),
    ...validateNonNegative(progressDeadlineSeconds, 'spec.progressDeadlineSeconds'),
  ];
  if (progressDeadlineSeconds !== undefined && progressDeadlineSeconds <= minReadySeconds) {
    const detail = 'must be greater than minReadySeconds';
    errors.push(invalid('spec.progressDeadlineSeconds', progressDeadlineSeconds, detail));
  }
  return errors;
}

function validateStrategy(strategy: DeepReadonly<DeploymentStrategy>): FieldError[] {
  const { type, rollingUpdate } = strategy;
  const path = 'spec.strategy.rollingUpdate';
  if (type === 'Recreate') {
    return rollingUpdate ? [forbidden(path, "may not be specified when strategy `type` is 'Recreate'")] : [];
  }
  if (type !== 'RollingUpdate') return [notSupported('spec.strategy.type', type ?? '', ['Recreate', 'RollingUpdate'])];
  if (!rollingUpdate) return [required(path, 'this should be defaulted and never be nil')];
  const { maxUnavailable, maxSurge } = rollingUpdate;
  const unavailablePath = `${path}.maxUnavailable`;
  return [
    ...validateIntOrPercent(maxUnavailable, unavailablePath),
    ...validateIntOrPercent(maxSurge, `${path}.maxSurge`),
    ...(isZero(maxUnavailable) && isZero(maxSurge)
      ? [invalid(unavailablePath, maxUnavailable ?? 0, 'may not be 0 when `maxSurge` is 0')]
      : []),
    ...validateAtMost100Percent(maxUnavailable, unavailablePath),
  ];
}

/** The selector of a deployment or replica set stays as it is. */
export function validateSelectorUpdate(
  { spec }: { readonly spec: { readonly selector?: unknown } },
  { spec: old }: { readonly spec: { readonly selector?: unknown } },
): FieldError[] {
  return validateImmutable(spec.selector, old.selector, 'spec.selector');
}

/** The numbers that a deployment reports. */
export function validateDeploymentStatusUpdate(
  { status }: DeepReadonly<Deployment>,
  { status: old }: DeepReadonly<Deployment>,
): FieldError[] {
  const { observedGeneration, replicas = 0, unavailableReplicas, terminatingReplicas } = status;
  const { updatedReplicas, readyReplicas, availableReplicas } = status;
  const parts = { updatedReplicas, readyReplicas, availableReplicas };
  return [
    ...validateCounts({ observedGeneration, replicas, ...parts, unavailableReplicas, terminatingReplicas }, 'status'),
    ...validateReplicaCounts(replicas, { ...parts, readyReplicas: readyReplicas ?? 0 }, 'status'),
    ...validateCollisionCount(status.collisionCount, old.collisionCount, 'status'),
  ];
}

/** A replica set on create and update. */
export function validateReplicaSet({ spec }: DeepReadonly<ReplicaSet>): FieldError[] {
  return [
    ...validateNonNegative(spec.replicas, 'spec.replicas'),
    ...validateNonNegative(spec.minReadySeconds, 'spec.minReadySeconds'),
    ...validateWorkloadSelector(spec.selector, 'deployment', 'spec.selector'),
    ...validateTemplateLabels(spec.selector, spec.template, 'spec.template'),
    ...validateRunningTemplate(spec.template, 'ReplicaSet', 'spec.template'),
  ];
}

/** The numbers that a replica set reports. */
export function validateReplicaSetStatusUpdate({ status }: DeepReadonly<ReplicaSet>): FieldError[] {
  const { replicas, fullyLabeledReplicas, readyReplicas, availableReplicas } = status;
  const { observedGeneration, terminatingReplicas } = status;
  const parts = { fullyLabeledReplicas, readyReplicas, availableReplicas };
  return [
    ...validateCounts({ replicas, ...parts, observedGeneration, terminatingReplicas }, 'status'),
    ...validateReplicaCounts(replicas, parts, 'status'),
  ];
}
