/** Validation of one device that a slice offers. */
import { type DeepReadonly, deepEqual } from '../../base/deep.ts';
import { validateNodeSelector } from '../core/affinity-validation.ts';
import { invalidEach } from '../core/field-rules.ts';
import { child, type FieldError, forbidden, invalid, required, tooLong } from '../machinery/field-error.ts';
import { dns1123Subdomain } from '../machinery/names.ts';
import type { Device, DeviceAttribute, DeviceCounterConsumption } from '../types/resource-v1.ts';
import { validateRequestPolicy } from './capacity-validation.ts';
import { validateMap, validateSet } from './list-validation.ts';
import {
  maxAttributeNameLength,
  validateAttributeName,
  validateLabel,
  validateRequiredLabel,
} from './name-validation.ts';
import { validateBindingConditions, validateTaints } from './taint-validation.ts';

const maxAttributesAndCapacities = 32;
const maxAttributeValues = 48;
const maxValueBytes = 64;
const maxConsumptions = 2;
const maxCounters = 32;
const longestLabel = 63;

/** A device; the capacity and the taints that an update leaves as they are have been found right before. */
export function validateDevice(
  device: DeepReadonly<Device>,
  path: string,
  { old, choosesNodes }: { readonly old: DeepReadonly<Device> | undefined; readonly choosesNodes: boolean },
): FieldError[] {
  const { attributes = {}, capacity = {}, allowMultipleAllocations } = device;
  const errors = validateLabel(device.name, child(path, 'name'));
  errors.push(...validateSizes(device, path));
  errors.push(
    ...validateMap(attributes, child(path, 'attributes'), {
      shownLength: maxAttributeNameLength,
      validateName: validateAttributeName,
      validate: validateAttribute,
    }),
  );
  if (!old || !deepEqual(old.capacity, device.capacity)) {
    errors.push(
      ...validateMap(capacity, child(path, 'capacity'), {
        shownLength: maxAttributeNameLength,
        validateName: validateAttributeName,
        validate({ value, requestPolicy }, itemPath) {
          if (!requestPolicy) return [];
          const policyPath = child(itemPath, 'requestPolicy');
          return allowMultipleAllocations
            ? validateRequestPolicy(requestPolicy, value, policyPath)
            : [forbidden(policyPath, 'allowMultipleAllocations must be true')];
        },
      }),
    );
  }
  if (!old || !deepEqual(old.taints, device.taints)) {
    errors.push(...validateTaints(device.taints, child(path, 'taints')));
  }
  return [
    ...errors,
    ...validateSet(device.consumesCounters, child(path, 'consumesCounters'), {
      max: maxConsumptions,
      validate: validateConsumption,
      key: ({ counterSet }) => counterSet,
    }),
    ...validateNodes(device, choosesNodes, path),
    ...validateBindingConditions(device.bindingConditions, device.bindingFailureConditions, path),
  ];
}

function validateSizes({ attributes = {}, capacity = {} }: DeepReadonly<Device>, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const total = Object.keys(attributes).length + Object.keys(capacity).length;
  if (total > maxAttributesAndCapacities) {
    const detail = `the total number of attributes and capacities must not exceed ${maxAttributesAndCapacities}`;
    errors.push(invalid(path, total, detail));
  }
  const values = Object.values(attributes).reduce((sum, { bools, ints, strings, versions }) => {
    const listed = [bools, ints, strings, versions].reduce((all, list) => all + (list?.length ?? 0), 0);
    return sum + (listed || 1);
  }, 0);
  if (values > maxAttributeValues) {
    errors.push(invalid(path, values, `the total number of attribute values must not exceed ${maxAttributeValues}`));
  }
  return errors;
}

const valueFields = ['bool', 'int', 'string', 'version', 'bools', 'ints', 'strings', 'versions'] as const;

function validateAttribute(attribute: DeepReadonly<DeviceAttribute>, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const given = valueFields.filter((field) => attribute[field] !== undefined);
  if (attribute.string !== undefined) errors.push(...validateText(attribute.string, child(path, 'string')));
  if (attribute.version !== undefined) errors.push(...validateVersion(attribute.version, child(path, 'version')));
  for (const [field, check] of [
    ['strings', validateText],
    ['versions', validateVersion],
  ] as const) {
    for (const [i, item] of (attribute[field] ?? []).entries()) {
      errors.push(...check(item, `${child(path, field)}[${i}]`));
    }
  }
  if (given.length === 1) return errors;
  return [...errors, invalid(path, given.length ? attribute : '', 'exactly one value must be specified')];
}

const validateText = (text: string, path: string): FieldError[] =>
  Buffer.byteLength(text) > maxValueBytes ? [tooLong(path, text, maxValueBytes)] : [];

const numeric = '(0|[1-9]\\d*)';
const preRelease = '(0|[1-9]\\d*|\\d*[a-zA-Z-][0-9a-zA-Z-]*)';
const build = '[0-9a-zA-Z-]+';
const semver = new RegExp(
  `^${numeric}\\.${numeric}\\.${numeric}(-${preRelease}(\\.${preRelease})*)?(\\+${build}(\\.${build})*)?$`,
);

function validateVersion(version: string, path: string): FieldError[] {
  const errors = semver.test(version)
    ? []
    : [invalid(path, version, 'must be a string compatible with semver.org spec 2.0.0')];
  return [...errors, ...validateText(version, path)];
}

function validateConsumption(
  { counterSet, counters }: DeepReadonly<DeviceCounterConsumption>,
  path: string,
): FieldError[] {
  return [
    ...validateRequiredLabel(counterSet, child(path, 'counterSet')),
    ...validateCounters(counters, child(path, 'counters')),
  ];
}

/** Amounts by the counter's name: one at least. */
export function validateCounters(counters: Readonly<Record<string, unknown>> | undefined, path: string): FieldError[] {
  if (!Object.keys(counters ?? {}).length) return [required(path)];
  return validateMap(counters, path, {
    max: maxCounters,
    shownLength: longestLabel,
    validateName: validateLabel,
    validate: () => [],
  });
}

/** Where the device is, when its slice leaves that to each device. */
function validateNodes(device: DeepReadonly<Device>, choosesNodes: boolean, path: string): FieldError[] {
  const { nodeName, nodeSelector, allNodes } = device;
  if (!choosesNodes) {
    if (nodeName === undefined && nodeSelector === undefined && allNodes === undefined) return [];
    const detail =
      '`nodeName`, `nodeSelector` and `allNodes` can only be set if `perDeviceNodeSelection` is set to true in the ResourceSlice spec';
    return [invalid(path, null, detail)];
  }
  const errors: FieldError[] = [];
  const given: string[] = [];
  const namePath = child(path, 'nodeName');
  if (nodeName) {
    given.push('`nodeName`');
    errors.push(...invalidEach(namePath, nodeName, dns1123Subdomain(nodeName)));
  } else if (nodeName === '') errors.push(invalid(namePath, '', 'must not be empty'));
  if (nodeSelector) {
    given.push('`nodeSelector`');
    errors.push(...validateNodeSelector(nodeSelector, child(path, 'nodeSelector')));
  }
  if (allNodes) given.push('`allNodes`');
  else if (allNodes === false) {
    errors.push(invalid(child(path, 'allNodes'), false, 'must be either unset or set to true'));
  }
  if (given.length === 1) return errors;
  const detail =
    'exactly one of `nodeName`, `nodeSelector`, or `allNodes` is required when `perDeviceNodeSelection` is set to true in the ResourceSlice spec';
  return [...errors, given.length ? invalid(path, `{${given.join(', ')}}`, detail) : required(path, detail)];
}
