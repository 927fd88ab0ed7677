/** Validation of autoscalers. */
import type { DeepReadonly } from '../../base/deep.ts';
import { invalidEach, validateEach, validateRequiredName } from '../core/field-rules.ts';
import { child, type FieldError, forbidden, invalid, notSupported, required } from '../machinery/field-error.ts';
import { dns1123Subdomain, pathSegmentName } from '../machinery/names.ts';
import { Quantity } from '../machinery/quantity.ts';
import type {
  CrossVersionObjectReference,
  HorizontalPodAutoscaler,
  HPAScalingRules,
  MetricIdentifier,
  MetricSpec,
  MetricTarget,
} from '../types/autoscaling-v2.ts';

const maxStabilizationSeconds = 3600;
const maxPeriodSeconds = 1800;

/** An autoscaler on create and update. */
export function validateHorizontalPodAutoscaler({ spec }: DeepReadonly<HorizontalPodAutoscaler>): FieldError[] {
  const { minReplicas, maxReplicas } = spec;
  const errors: FieldError[] = [];
  if (minReplicas !== undefined && minReplicas < 1) {
    errors.push(invalid('spec.minReplicas', minReplicas, 'must be greater than or equal to 1'));
  }
  if (maxReplicas < 1) errors.push(invalid('spec.maxReplicas', maxReplicas, 'must be greater than 0'));
  if (minReplicas !== undefined && maxReplicas < minReplicas) {
    errors.push(invalid('spec.maxReplicas', maxReplicas, 'must be greater than or equal to `minReplicas`'));
  }
  return [
    ...errors,
    ...validateReference(spec.scaleTargetRef, 'spec.scaleTargetRef'),
    ...validateEach(spec.metrics, 'spec.metrics', validateMetric),
    ...validateScalingRules(spec.behavior?.scaleUp, 'spec.behavior.scaleUp'),
    ...validateScalingRules(spec.behavior?.scaleDown, 'spec.behavior.scaleDown'),
  ];
}

function validateReference(reference: DeepReadonly<CrossVersionObjectReference>, path: string): FieldError[] {
  return [
    ...validateRequiredName(reference.kind, pathSegmentName, child(path, 'kind')),
    ...validateRequiredName(reference.name, pathSegmentName, child(path, 'name')),
    ...validateApiVersion(reference.apiVersion ?? '', child(path, 'apiVersion')),
  ];
}

/** A group and a version, or a version alone. */
function validateApiVersion(apiVersion: string, path: string): FieldError[] {
  const parts = apiVersion.split('/');
  if (parts.length > 2) return [invalid(path, apiVersion, `unexpected GroupVersion string: ${apiVersion}`)];
  const group = parts.length === 2 ? parts[0]! : '';
  return group ? invalidEach(path, group, dns1123Subdomain(group)) : [];
}

type SourceName = 'object' | 'pods' | 'resource' | 'containerResource' | 'external';

const sourceOfType: Record<string, SourceName> = {
  Object: 'object',
  Pods: 'pods',
  Resource: 'resource',
  ContainerResource: 'containerResource',
  External: 'external',
};

function validateMetric(metric: DeepReadonly<MetricSpec>, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const expected = sourceOfType[metric.type];
  if (!metric.type) errors.push(required(child(path, 'type'), 'must specify a metric source type'));
  else if (!expected) errors.push(notSupported(child(path, 'type'), metric.type, Object.keys(sourceOfType).sort()));
  const present = (Object.values(sourceOfType) as SourceName[]).filter((name) => metric[name]);
  const [first] = present;
  if (first) errors.push(...sourceValidators[first](metric, child(path, first)));
  if (expected && !metric[expected]) {
    errors.push(required(child(path, expected), 'must populate information for the given metric source'));
  }
  if (present.length === 1 && first === expected) return errors;
  for (const name of present) {
    if (name !== expected && present.length > 1) {
      errors.push(forbidden(child(path, name), 'must populate the given metric source only'));
    }
  }
  return errors;
}

const sourceValidators: Record<SourceName, (metric: DeepReadonly<MetricSpec>, path: string) => FieldError[]> = {
  object(metric, path) {
    const { describedObject, metric: identifier, target } = metric.object!;
    return [
      ...validateReference(describedObject, child(path, 'describedObject')),
      ...validateIdentifier(identifier, child(path, 'metric')),
      ...validateTarget(target, child(path, 'target')),
      ...requireValue(target, path),
    ];
  },
  external(metric, path) {
    const { metric: identifier, target } = metric.external!;
    const both = target.value !== undefined && target.averageValue !== undefined;
    return [
      ...validateIdentifier(identifier, child(path, 'metric')),
      ...validateTarget(target, child(path, 'target')),
      ...requireValue(target, path),
      ...(both
        ? [forbidden(child(path, 'target.value'), 'may not set both a target value for metric and a per-pod target')]
        : []),
    ];
  },
  pods(metric, path) {
    const { metric: identifier, target } = metric.pods!;
    const positive = (Quantity.tryParse(target.averageValue)?.sign() ?? 0) > 0;
    return [
      ...validateIdentifier(identifier, child(path, 'metric')),
      ...validateTarget(target, child(path, 'target')),
      ...(positive
        ? []
        : [required(child(path, 'target.averageValue'), 'must specify a positive target averageValue')]),
    ];
  },
  resource: (metric, path) => validateResource(metric.resource!, path),
  containerResource: (metric, path) => [
    ...validateResource(metric.containerResource!, path),
    ...(metric.containerResource!.container ? [] : [required(child(path, 'container'), 'must specify a container')]),
  ],
};

function requireValue(target: DeepReadonly<MetricTarget>, path: string): FieldError[] {
  return target.value === undefined && target.averageValue === undefined
    ? [required(child(path, 'target.averageValue'), 'must set either a target value for metric or a per-pod target')]
    : [];
}

function validateResource(
  { name, target }: { readonly name: string; readonly target: DeepReadonly<MetricTarget> },
  path: string,
): FieldError[] {
  const errors = name ? [] : [required(child(path, 'name'), 'must specify a resource name')];
  errors.push(...validateTarget(target, child(path, 'target')));
  const { averageUtilization, averageValue } = target;
  if (averageUtilization === undefined && averageValue === undefined) {
    const detail = 'must set either a target raw value or a target utilization';
    errors.push(required(child(path, 'target.averageUtilization'), detail));
  } else if (averageUtilization !== undefined && averageValue !== undefined) {
    const detail = 'may not set both a target raw value and a target utilization';
    errors.push(forbidden(child(path, 'target.averageValue'), detail));
  }
  return errors;
}

function validateTarget(target: DeepReadonly<MetricTarget>, path: string): FieldError[] {
  const errors: FieldError[] = [];
  if (!target.type) errors.push(required(child(path, 'type'), 'must specify a metric target type'));
  else if (!['Utilization', 'Value', 'AverageValue'].includes(target.type)) {
    errors.push(invalid(child(path, 'type'), target.type, 'must be either Utilization, Value, or AverageValue'));
  }
  for (const name of ['value', 'averageValue'] as const) {
    const value = target[name];
    if (value !== undefined && (Quantity.tryParse(value)?.sign() ?? 0) <= 0) {
      errors.push(invalid(child(path, name), value, 'must be positive'));
    }
  }
  if (target.averageUtilization !== undefined && target.averageUtilization < 1) {
    errors.push(invalid(child(path, 'averageUtilization'), target.averageUtilization, 'must be greater than 0'));
  }
  return errors;
}

function validateIdentifier({ name }: DeepReadonly<MetricIdentifier>, path: string): FieldError[] {
  if (!name) return [required(child(path, 'name'), 'must specify a metric name')];
  return validateRequiredName(name, pathSegmentName, child(path, 'name'));
}

function validateScalingRules(rules: DeepReadonly<HPAScalingRules> | undefined, path: string): FieldError[] {
  if (!rules) return [];
  const errors: FieldError[] = [];
  const check = (field: string, value: number, max: number) => {
    if (value > max) errors.push(invalid(child(path, field), value, `must be less than or equal to ${max}`));
  };
  const { stabilizationWindowSeconds: window, selectPolicy, policies = [], tolerance } = rules;
  if (window !== undefined) {
    const windowPath = child(path, 'stabilizationWindowSeconds');
    if (window < 0) errors.push(invalid(windowPath, window, 'must be greater than or equal to zero'));
    check('stabilizationWindowSeconds', window, maxStabilizationSeconds);
  }
  if (selectPolicy !== undefined && !['Disabled', 'Max', 'Min'].includes(selectPolicy)) {
    errors.push(notSupported(child(path, 'selectPolicy'), selectPolicy, ['Disabled', 'Max', 'Min']));
  }
  if (!policies.length) errors.push(required(child(path, 'policies'), 'must specify at least one Policy'));
  for (const [i, { type, value, periodSeconds }] of policies.entries()) {
    const policy = `policies[${i}]`;
    if (type !== 'Pods' && type !== 'Percent') {
      errors.push(notSupported(child(path, `${policy}.type`), type, ['Percent', 'Pods']));
    }
    if (value <= 0) errors.push(invalid(child(path, `${policy}.value`), value, 'must be greater than zero'));
    const secondsField = `${policy}.periodSeconds`;
    if (periodSeconds <= 0) errors.push(invalid(child(path, secondsField), periodSeconds, 'must be greater than zero'));
    check(secondsField, periodSeconds, maxPeriodSeconds);
  }
  if ((Quantity.tryParse(tolerance)?.sign() ?? 0) < 0) {
    errors.push(invalid(child(path, 'tolerance'), tolerance, 'must be greater or equal to 0'));
  }
  return errors;
}

/** The numbers that an autoscaler reports. */
export function validateHorizontalPodAutoscalerStatus({ status }: DeepReadonly<HorizontalPodAutoscaler>): FieldError[] {
  return (['currentReplicas', 'desiredReplicas'] as const).flatMap((field) =>
    (status[field] ?? 0) < 0
      ? [invalid(child('status', field), status[field], 'must be greater than or equal to 0')]
      : [],
  );
}
