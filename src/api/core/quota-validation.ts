/** Validation of limit ranges and resource quotas. */
import { type DeepReadonly, deepEqual } from '../../base/deep.ts';
import { at, child, duplicate, type FieldError, forbidden, invalid, required } from '../machinery/field-error.ts';
import { qualifiedName } from '../machinery/names.ts';
import { Quantity } from '../machinery/quantity.ts';
import type { LimitRange, LimitRangeItem, ResourceQuota, ResourceQuotaSpec } from '../types/core-v1.ts';
import { invalidEach } from './field-rules.ts';
import {
  isHugePages,
  isOvercommitAllowed,
  isStandardResource,
  validateContainerResourceName,
  validateResourceList,
  validateResourceName,
} from './resource-validation.ts';

/** The limits of a range, one item for each type. */
export function validateLimitRange({ spec }: DeepReadonly<LimitRange>): FieldError[] {
  const types = new Set<string>();
  return spec.limits.flatMap((item, i) => {
    const path = `spec.limits[${i}]`;
    const errors = validateLimitType(item.type, child(path, 'type'));
    if (types.has(item.type)) errors.push(duplicate(child(path, 'type'), item.type));
    types.add(item.type);
    return [...errors, ...validateLimitLists(item, path), ...validateLimitOrder(item, path)];
  });
}

function validateLimitType(type: string, path: string): FieldError[] {
  const problems = qualifiedName(type);
  if (problems.length) return invalidEach(path, type, problems);
  const standard = ['Container', 'PersistentVolumeClaim', 'Pod'].includes(type);
  return type.includes('/') || standard
    ? []
    : [invalid(path, type, 'must be a standard limit type or fully qualified')];
}

function validateLimitLists(item: DeepReadonly<LimitRangeItem>, path: string): FieldError[] {
  const inContainer = item.type === 'Pod' || item.type === 'Container';
  const validateName = inContainer ? validateContainerResourceName : validateResourceName;
  const errors: FieldError[] = [];
  for (const list of ['max', 'min', 'default', 'defaultRequest', 'maxLimitRequestRatio'] as const) {
    const isDefault = list === 'default' || list === 'defaultRequest';
    if (isDefault && item.type === 'Pod') {
      if (Object.keys(item[list] ?? {}).length) {
        errors.push(forbidden(child(path, list), "may not be specified when `type` is 'Pod'"));
      }
      continue;
    }
    for (const name of Object.keys(item[list] ?? {})) errors.push(...validateName(name, at(child(path, list), name)));
  }
  if (item.type === 'PersistentVolumeClaim' && !item.min?.storage && !item.max?.storage) {
    const detail = 'either minimum or maximum storage value is required, but neither was provided';
    errors.push(required(child(path, 'limits'), detail));
  }
  return errors;
}

/** min ≤ default request ≤ default limit ≤ max, for each resource. */
function validateLimitOrder(item: DeepReadonly<LimitRangeItem>, path: string): FieldError[] {
  const lists = [item.max, item.min, item.default, item.defaultRequest, item.maxLimitRequestRatio];
  const names = new Set(lists.flatMap((list) => Object.keys(list ?? {})));
  return [...names].flatMap((name) => validateOrderOf(item, name, path));
}

function validateOrderOf(item: DeepReadonly<LimitRangeItem>, name: string, path: string): FieldError[] {
  const [min, max, value, request, ratio] = (
    ['min', 'max', 'default', 'defaultRequest', 'maxLimitRequestRatio'] as const
  ).map((list) => Quantity.tryParse(item[list]?.[name]));
  const errors: FieldError[] = [];
  const refuse = (list: string, shown: Quantity, detail: string) =>
    errors.push(invalid(at(child(path, list), name), shown.toString(), detail));
  const above = (a: Quantity | undefined, b: Quantity | undefined): a is Quantity => !!a && !!b && a.cmp(b) > 0;
  if (above(min, max)) refuse('min', min, `min value ${min} is greater than max value ${max}`);
  if (request && above(min, request)) {
    refuse('defaultRequest', request, `min value ${min} is greater than default request value ${request}`);
  }
  if (above(request, max)) {
    refuse('defaultRequest', request, `default request value ${request} is greater than max value ${max}`);
  }
  if (above(request, value)) {
    refuse('defaultRequest', request, `default request value ${request} is greater than default limit value ${value}`);
  }
  if (value && above(min, value)) refuse('default', min, `min value ${min} is greater than default value ${value}`);
  if (above(value, max)) refuse('default', max!, `default value ${value} is greater than max value ${max}`);
  if (ratio) {
    const thousandths = (q: Quantity) => Number(q.milliValue());
    if (thousandths(ratio) < 1000) refuse('maxLimitRequestRatio', ratio, `ratio ${ratio} is less than 1`);
    if (min && max && thousandths(min) > 0) {
      const largest = thousandths(max) / thousandths(min);
      if (thousandths(ratio) / 1000 > largest) {
        const detail = `ratio ${ratio} is greater than max/min = ${largest.toFixed(6)}`;
        refuse('maxLimitRequestRatio', ratio, detail);
      }
    }
  }
  if (!isOvercommitAllowed(name) && value && request && value.cmp(request) !== 0) {
    const detail = `default value ${value} must equal to defaultRequest value ${request} in ${name}`;
    refuse('defaultRequest', request, detail);
  }
  return errors;
}

const podResources = /^(pods|(requests\.|limits\.)?(cpu|memory|ephemeral-storage)|(requests\.)?hugepages-.*)$/;
/** Which resources a scope can tell apart. */
const scopeResources: Record<string, RegExp> = {
  Terminating: podResources,
  NotTerminating: podResources,
  NotBestEffort: podResources,
  PriorityClass: podResources,
  CrossNamespacePodAffinity: podResources,
  BestEffort: /^pods$/,
  VolumeAttributesClass: /^(persistentvolumeclaims|requests\.storage|storage)$/,
};
const existenceScopes = ['Terminating', 'NotTerminating', 'BestEffort', 'NotBestEffort', 'CrossNamespacePodAffinity'];

const isQuotaResource = (name: string) => isStandardResource(name) || isHugePages(name);

function validateQuotaResourceName(name: string, path: string): FieldError[] {
  const errors = validateResourceName(name, path);
  return !name.includes('/') && !isQuotaResource(name)
    ? [...errors, invalid(path, name, 'must be a standard resource for quota')]
    : errors;
}

/** A quota: resources that can be counted, and scopes that fit them. */
export function validateResourceQuota({ spec }: DeepReadonly<ResourceQuota>): FieldError[] {
  return [
    ...validateResourceList(spec.hard, 'spec.hard', validateQuotaResourceName),
    ...validateScopes(spec),
    ...validateScopeSelector(spec),
  ];
}

function validateScopeNames(
  scopes: readonly string[],
  spec: DeepReadonly<ResourceQuotaSpec>,
  { path, value, unknown }: { path: string; value: unknown; unknown: (scope: string) => FieldError },
): FieldError[] {
  const errors: FieldError[] = [];
  for (const scope of scopes) {
    const allowed = scopeResources[scope];
    if (!allowed) errors.push(unknown(scope));
    else {
      for (const name of Object.keys(spec.hard ?? {})) {
        if (isQuotaResource(name) && !allowed.test(name)) {
          errors.push(invalid(path, value, 'unsupported scope applied to resource'));
        }
      }
    }
  }
  for (const [a, b] of [
    ['BestEffort', 'NotBestEffort'],
    ['Terminating', 'NotTerminating'],
  ] as const) {
    if (scopes.includes(a) && scopes.includes(b)) errors.push(invalid(path, value, 'conflicting scopes'));
  }
  return errors;
}

function validateScopes(spec: DeepReadonly<ResourceQuotaSpec>): FieldError[] {
  if (!spec.scopes?.length) return [];
  const path = 'spec.scopes';
  const unknown = () => invalid(path, spec.scopes, 'unsupported scope');
  return validateScopeNames(spec.scopes, spec, { path, value: spec.scopes, unknown });
}

function validateScopeSelector(spec: DeepReadonly<ResourceQuotaSpec>): FieldError[] {
  const selector = spec.scopeSelector;
  if (!selector) return [];
  const path = 'spec.scopeSelector.matchExpressions';
  const terms = selector.matchExpressions ?? [];
  const errors = validateScopeNames(
    terms.map((term) => term.scopeName),
    spec,
    { path, value: selector, unknown: (scope) => invalid(`${path}.scopeName`, scope, 'unsupported scope') },
  );
  for (const { scopeName, operator, values = [] } of terms) {
    const operatorPath = `${path}.operator`;
    const existence = operator === 'Exists' || operator === 'DoesNotExist';
    if (existenceScopes.includes(scopeName) && operator !== 'Exists') {
      const detail = `must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity`;
      errors.push(invalid(operatorPath, operator, detail));
    }
    if (operator === 'In' || operator === 'NotIn') {
      if (!values.length)
        errors.push(
          required(
            `${path}.values`,
            "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector",
          ),
        );
    } else if (existence) {
      if (values.length)
        errors.push(
          invalid(
            `${path}.values`,
            values,
            "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector",
          ),
        );
    } else errors.push(invalid(operatorPath, operator, 'not a valid selector operator'));
  }
  return errors;
}

/** Scopes are what a quota counts: they stay. */
export function validateResourceQuotaUpdate(
  { spec }: DeepReadonly<ResourceQuota>,
  { spec: old }: DeepReadonly<ResourceQuota>,
): FieldError[] {
  const sorted = (scopes: readonly string[] | undefined) => [...new Set(scopes ?? [])].sort();
  return deepEqual(sorted(spec.scopes), sorted(old.scopes))
    ? []
    : [invalid('spec.scopes', spec.scopes ?? null, 'field is immutable')];
}

/** Hard limits and use as the controller reports them. */
export function validateResourceQuotaStatus({ status }: DeepReadonly<ResourceQuota>): FieldError[] {
  return [
    ...validateResourceList(status.hard, 'status.hard', validateQuotaResourceName),
    ...validateResourceList(status.used, 'status.used', validateQuotaResourceName),
  ];
}
