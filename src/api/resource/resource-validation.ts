/** Validation of claims on devices, of their templates, of classes and of what drivers offer. */
import { type DeepReadonly, deepEqual } from '../../base/deep.ts';
import { validateNodeSelector } from '../core/affinity-validation.ts';
import { invalidEach, validateChoice, validateEach } from '../core/field-rules.ts';
import { validateCsiDriverName } from '../core/volume-source-validation.ts';
import {
  at,
  child,
  duplicate,
  type FieldError,
  invalid,
  notSupported,
  required,
  tooMany,
} from '../machinery/field-error.ts';
import { cIdentifier, dns1123Label, dns1123Subdomain, labelValue, qualifiedName } from '../machinery/names.ts';
import { validateImmutable } from '../machinery/object-meta.ts';
import { Quantity } from '../machinery/quantity.ts';
import type {
  Device,
  DeviceClass,
  DeviceConstraint,
  DeviceRequest,
  DeviceSelector,
  DeviceTaint,
  DeviceToleration,
  ExactDeviceRequest,
  OpaqueDeviceConfiguration,
  ResourceClaim,
  ResourceClaimSpec,
  ResourceClaimTemplate,
  ResourceSlice,
} from '../types/resource-v1.ts';

const maxRequests = 32;
const maxAlternatives = 8;
const maxSelectors = 32;
const maxConstraints = 32;
const maxConfigs = 32;
const maxDevices = 128;
const maxAttributesAndCapacities = 32;
const maxReservations = 256;

function validateSize(list: readonly unknown[] | undefined, max: number, path: string): FieldError[] {
  return (list?.length ?? 0) > max ? [tooMany(path, list!.length, max)] : [];
}

/** A claim; its name checks are those of pods' claims. */
export function validateResourceClaim({ spec }: DeepReadonly<ResourceClaim>): FieldError[] {
  return validateClaimSpec(spec, 'spec');
}

/** What a claim asks for stays as it is. */
export function validateResourceClaimUpdate(
  claim: DeepReadonly<ResourceClaim>,
  old: DeepReadonly<ResourceClaim>,
): FieldError[] {
  return validateImmutable(claim.spec, old.spec, 'spec');
}

/** Who may use the devices, and that the allocation stays while someone does. */
export function validateResourceClaimStatusUpdate(
  { metadata, status }: DeepReadonly<ResourceClaim>,
  { status: old }: DeepReadonly<ResourceClaim>,
): FieldError[] {
  const reserved = status.reservedFor ?? [];
  const path = 'status.reservedFor';
  const errors = validateSize(reserved, maxReservations, path);
  for (const [i, { resource, name, uid }] of reserved.entries()) {
    for (const [field, value] of Object.entries({ resource, name, uid })) {
      if (!value) errors.push(required(child(at(path, i), field)));
    }
    if (reserved.findIndex((other) => other.uid === uid) < i) errors.push(duplicate(child(at(path, i), 'uid'), uid));
  }
  const isNew = reserved.some(({ uid }) => !old.reservedFor?.some((other) => other.uid === uid));
  if (isNew && metadata.deletionTimestamp) {
    errors.push(invalid(path, reserved, 'new reservations must not be added while deletion is in progress'));
  }
  if (reserved.length && !status.allocation) {
    errors.push(invalid(path, reserved, 'may not be specified when `allocated` is not set'));
  }
  if (old.allocation && status.allocation && !deepEqual(old.allocation, status.allocation)) {
    errors.push(invalid('status.allocation', status.allocation, 'field is immutable'));
  }
  return errors;
}

/** A template for claims; what it would make is checked. */
export function validateResourceClaimTemplate({ spec }: DeepReadonly<ResourceClaimTemplate>): FieldError[] {
  return validateClaimSpec(spec.spec, 'spec.spec');
}

/** A template stays as it is. */
export function validateResourceClaimTemplateUpdate(
  template: DeepReadonly<ResourceClaimTemplate>,
  old: DeepReadonly<ResourceClaimTemplate>,
): FieldError[] {
  return validateImmutable(template.spec, old.spec, 'spec');
}

function validateClaimSpec({ devices }: DeepReadonly<ResourceClaimSpec>, path: string): FieldError[] {
  const devicesPath = child(path, 'devices');
  const requestsPath = child(devicesPath, 'requests');
  const requests = devices.requests ?? [];
  const errors = validateSize(requests, maxRequests, requestsPath);
  const names = new Set<string>();
  for (const [i, request] of requests.entries()) {
    errors.push(...validateRequest(request, at(requestsPath, i)));
    if (names.has(request.name)) errors.push(duplicate(child(at(requestsPath, i), 'name'), request.name));
    names.add(request.name);
    for (const alternative of request.firstAvailable ?? []) names.add(`${request.name}/${alternative.name}`);
  }
  const constraintsPath = child(devicesPath, 'constraints');
  errors.push(...validateSize(devices.constraints, maxConstraints, constraintsPath));
  errors.push(
    ...validateEach(devices.constraints, constraintsPath, (constraint, itemPath) =>
      validateConstraint(constraint, names, itemPath),
    ),
  );
  const configPath = child(devicesPath, 'config');
  errors.push(...validateSize(devices.config, maxConfigs, configPath));
  for (const [i, { opaque, requests: named }] of (devices.config ?? []).entries()) {
    const itemPath = at(configPath, i);
    errors.push(...validateRequestNames(named, names, child(itemPath, 'requests')));
    errors.push(...validateOpaque(opaque, itemPath));
  }
  return errors;
}

function validateRequest({ name, exactly, firstAvailable }: DeepReadonly<DeviceRequest>, path: string): FieldError[] {
  const errors = validateLabel(name, child(path, 'name'));
  if (exactly && firstAvailable?.length) {
    const detail = 'exactly one of `exactly` or `firstAvailable` is required, but multiple fields are set';
    errors.push(invalid(path, null, detail));
  } else if (exactly) errors.push(...validateExactRequest(exactly, child(path, 'exactly')));
  else if (firstAvailable?.length) {
    const listPath = child(path, 'firstAvailable');
    errors.push(...validateSize(firstAvailable, maxAlternatives, listPath));
    for (const [i, alternative] of firstAvailable.entries()) {
      const itemPath = at(listPath, i);
      errors.push(...validateLabel(alternative.name, child(itemPath, 'name')));
      if (firstAvailable.findIndex((other) => other.name === alternative.name) < i) {
        errors.push(duplicate(child(itemPath, 'name'), alternative.name));
      }
      errors.push(...validateExactRequest(alternative, itemPath));
    }
  } else errors.push(required(path, 'exactly one of `exactly` or `firstAvailable` is required'));
  return errors;
}

const validateLabel = (name: string, path: string) =>
  name ? invalidEach(path, name, dns1123Label(name)) : [required(path)];

type Exact = Pick<
  DeepReadonly<ExactDeviceRequest>,
  'deviceClassName' | 'selectors' | 'allocationMode' | 'count' | 'tolerations'
>;

function validateExactRequest(request: Exact, path: string): FieldError[] {
  const { deviceClassName, allocationMode, count = 0 } = request;
  const errors = deviceClassName
    ? invalidEach(child(path, 'deviceClassName'), deviceClassName, dns1123Subdomain(deviceClassName))
    : [required(child(path, 'deviceClassName'))];
  errors.push(...validateSelectors(request.selectors, child(path, 'selectors')));
  const countPath = child(path, 'count');
  if (allocationMode === 'ExactCount') {
    if (count <= 0) errors.push(invalid(countPath, count, 'must be greater than zero'));
  } else if (allocationMode === 'All') {
    if (count !== 0) {
      errors.push(invalid(countPath, count, "must not be specified when allocationMode is 'All'"));
    }
  } else {
    const modes = ['All', 'ExactCount'];
    errors.push(notSupported(child(path, 'allocationMode'), allocationMode ?? '', modes));
  }
  return [...errors, ...validateEach(request.tolerations, child(path, 'tolerations'), validateToleration)];
}

function validateSelectors(selectors: readonly DeepReadonly<DeviceSelector>[] | undefined, path: string): FieldError[] {
  return [
    ...validateSize(selectors, maxSelectors, path),
    ...validateEach(selectors, path, ({ cel }, itemPath) => {
      if (!cel) return [required(child(itemPath, 'cel'))];
      return cel.expression ? [] : [required(child(itemPath, 'cel.expression'))];
    }),
  ];
}

function validateToleration(toleration: DeepReadonly<DeviceToleration>, path: string): FieldError[] {
  const { key = '', operator, value = '', effect } = toleration;
  const errors = key ? invalidEach(child(path, 'key'), key, qualifiedName(key)) : [];
  if (operator === 'Exists') {
    if (value) errors.push(invalid(child(path, 'value'), value, 'must be empty for operator `Exists`'));
  } else if (operator === 'Equal') {
    errors.push(...invalidEach(child(path, 'value'), value, labelValue(value)));
    if (!key) errors.push(required(child(path, 'key'), 'must be specified when operator is not `Exists`'));
  } else errors.push(notSupported(child(path, 'operator'), operator ?? '', ['Equal', 'Exists']));
  if (effect && effect !== 'NoExecute' && effect !== 'NoSchedule' && effect !== 'None') {
    errors.push(notSupported(child(path, 'effect'), effect, ['NoExecute', 'NoSchedule', 'None']));
  }
  return errors;
}

function validateConstraint(
  { requests, matchAttribute, distinctAttribute }: DeepReadonly<DeviceConstraint>,
  names: ReadonlySet<string>,
  path: string,
): FieldError[] {
  const errors = validateRequestNames(requests, names, child(path, 'requests'));
  if (matchAttribute === undefined && distinctAttribute === undefined) {
    return [...errors, required(child(path, 'matchAttribute'))];
  }
  for (const [field, value] of Object.entries({ matchAttribute, distinctAttribute })) {
    if (value !== undefined && !value.includes('/')) {
      errors.push(invalid(child(path, field), value, 'must include a domain'));
    } else if (value !== undefined) errors.push(...validateAttributeName(value, child(path, field)));
  }
  return errors;
}

function validateRequestNames(
  requests: readonly string[] | undefined,
  names: ReadonlySet<string>,
  path: string,
): FieldError[] {
  return validateEach(requests, path, (name, itemPath, i) => {
    if (requests!.indexOf(name) < i) return [duplicate(itemPath, name)];
    return names.has(name)
      ? []
      : [
          invalid(
            itemPath,
            name,
            "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'",
          ),
        ];
  });
}

function validateOpaque(opaque: DeepReadonly<OpaqueDeviceConfiguration> | undefined, path: string): FieldError[] {
  const opaquePath = child(path, 'opaque');
  if (!opaque) return [required(opaquePath)];
  const errors = validateCsiDriverName(opaque.driver, child(opaquePath, 'driver'));
  return opaque.parameters === undefined ? [...errors, required(child(opaquePath, 'parameters'))] : errors;
}

function validateAttributeName(name: string, path: string): FieldError[] {
  if (!name) return [required(path, 'name required')];
  const slash = name.indexOf('/');
  const domain = slash < 0 ? undefined : name.slice(0, slash);
  const identifier = name.slice(slash + 1);
  const errors: FieldError[] = [];
  if (domain === '') errors.push(required(path, 'the domain must not be empty'));
  else if (domain !== undefined) errors.push(...invalidEach(path, domain, dns1123Subdomain(domain)));
  if (!identifier) return [...errors, required(path, 'the name must not be empty')];
  if (identifier.length > 32) errors.push(invalid(path, identifier, 'must be no more than 32 characters'));
  return [...errors, ...invalidEach(path, identifier, cIdentifier(identifier))];
}

/** A class of devices. */
export function validateDeviceClass({ spec }: DeepReadonly<DeviceClass>): FieldError[] {
  return [
    ...validateSelectors(spec.selectors, 'spec.selectors'),
    ...validateSize(spec.config, maxConfigs, 'spec.config'),
    ...validateEach(spec.config, 'spec.config', ({ opaque }, path) => validateOpaque(opaque, path)),
  ];
}

/** A slice of a driver's pool: whose devices, where, and which. */
export function validateResourceSlice({ spec }: DeepReadonly<ResourceSlice>): FieldError[] {
  const { driver, pool, nodeName, nodeSelector, allNodes, perDeviceNodeSelection, devices = [] } = spec;
  const errors = validateCsiDriverName(driver, 'spec.driver');
  const poolPath = 'spec.pool';
  if (!pool.name) errors.push(required(child(poolPath, 'name')));
  else {
    for (const part of pool.name.split('/')) {
      errors.push(...invalidEach(child(poolPath, 'name'), part, dns1123Subdomain(part)));
    }
  }
  if (pool.resourceSliceCount <= 0) {
    errors.push(invalid(child(poolPath, 'resourceSliceCount'), pool.resourceSliceCount, 'must be greater than zero'));
  }
  if (pool.generation < 0) {
    errors.push(invalid(child(poolPath, 'generation'), pool.generation, 'must be greater than or equal to zero'));
  }
  const places = [nodeName, nodeSelector, allNodes, perDeviceNodeSelection].filter((place) => place !== undefined);
  const choices = '`nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection`';
  if (places.length === 0) errors.push(required('spec', `exactly one of ${choices} is required`));
  else if (places.length > 1) {
    errors.push(invalid('spec', null, `exactly one of ${choices} is required, but multiple fields are set`));
  }
  if (nodeName !== undefined) errors.push(...invalidEach('spec.nodeName', nodeName, dns1123Subdomain(nodeName)));
  if (nodeSelector) {
    errors.push(...validateNodeSelector(nodeSelector, 'spec.nodeSelector'));
    if (nodeSelector.nodeSelectorTerms.length > 1) {
      const detail = 'must have exactly one node selector term';
      errors.push(invalid('spec.nodeSelector.nodeSelectorTerms', nodeSelector.nodeSelectorTerms, detail));
    }
  }
  errors.push(...validateSize(devices, maxDevices, 'spec.devices'));
  for (const [i, device] of devices.entries()) {
    const path = at('spec.devices', i);
    errors.push(...validateDevice(device, path));
    if (devices.findIndex((other) => other.name === device.name) < i) {
      errors.push(duplicate(child(path, 'name'), device.name));
    }
  }
  return errors;
}

function validateDevice(device: DeepReadonly<Device>, path: string): FieldError[] {
  const errors = validateLabel(device.name, child(path, 'name'));
  const { attributes = {}, capacity = {} } = device;
  const total = Object.keys(attributes).length + Object.keys(capacity).length;
  if (total > maxAttributesAndCapacities) {
    const detail = `the total number of attributes and capacities must not exceed ${maxAttributesAndCapacities}`;
    errors.push(invalid(path, total, detail));
  }
  for (const [name, attribute] of Object.entries(attributes)) {
    const attributePath = at(child(path, 'attributes'), name);
    errors.push(...validateAttributeName(name, attributePath));
    const values = Object.keys(attribute).length;
    if (values !== 1) {
      const detail = values === 0 ? 'exactly one value must be specified' : 'exactly one value must be specified';
      errors.push(values === 0 ? required(attributePath, detail) : invalid(attributePath, attribute, detail));
    }
    for (const field of ['string', 'version'] as const) {
      if ((attribute[field]?.length ?? 0) > 64) {
        errors.push(invalid(child(attributePath, field), attribute[field], 'must be no more than 64 characters'));
      }
    }
  }
  for (const [name, { value }] of Object.entries(capacity)) {
    const capacityPath = at(child(path, 'capacity'), name);
    errors.push(...validateAttributeName(name, capacityPath));
    if (!Quantity.tryParse(value)) errors.push(invalid(capacityPath, value, 'must be a valid quantity'));
  }
  return [...errors, ...validateEach(device.taints, child(path, 'taints'), validateDeviceTaint)];
}

function validateDeviceTaint({ key, value = '', effect }: DeepReadonly<DeviceTaint>, path: string): FieldError[] {
  return [
    ...invalidEach(child(path, 'key'), key, qualifiedName(key)),
    ...invalidEach(child(path, 'value'), value, labelValue(value)),
    ...validateChoice(effect, ['NoExecute', 'NoSchedule', 'None'], child(path, 'effect')),
  ];
}

/** A slice keeps its driver, its pool and its node. */
export function validateResourceSliceUpdate(
  { spec }: DeepReadonly<ResourceSlice>,
  { spec: old }: DeepReadonly<ResourceSlice>,
): FieldError[] {
  return [
    ...validateImmutable(spec.driver, old.driver, 'spec.driver'),
    ...validateImmutable(spec.pool.name, old.pool.name, 'spec.pool.name'),
    ...validateImmutable(spec.nodeName, old.nodeName, 'spec.nodeName'),
  ];
}
