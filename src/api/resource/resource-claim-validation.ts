/** Validation of claims on devices, of their templates, of classes and of what drivers offer. */
import { type DeepReadonly, deepEqual } from '../../base/deep.ts';
import { invalidEach, validateEach } from '../core/field-rules.ts';
import { validateCsiDriverName } from '../core/volume-source-validation.ts';
import { at, child, duplicate, type FieldError, invalid, notSupported, required } from '../machinery/field-error.ts';
import { dns1123Subdomain, labelValue, qualifiedName } from '../machinery/names.ts';
import { validateImmutable } from '../machinery/object-meta.ts';
import type {
  DeviceClass,
  DeviceConstraint,
  DeviceRequest,
  DeviceSelector,
  DeviceToleration,
  ExactDeviceRequest,
  OpaqueDeviceConfiguration,
  ResourceClaim,
  ResourceClaimSpec,
  ResourceClaimTemplate,
} from '../types/resource-v1.ts';
import { validateAttributeName, validateLabel, validateSize } from './name-validation.ts';

const maxRequests = 32;
const maxAlternatives = 8;
const maxSelectors = 32;
const maxConstraints = 32;
const maxConfigs = 32;
const maxReservations = 256;

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

/** A class of devices. */
export function validateDeviceClass({ spec }: DeepReadonly<DeviceClass>): FieldError[] {
  return [
    ...validateSelectors(spec.selectors, 'spec.selectors'),
    ...validateSize(spec.config, maxConfigs, 'spec.config'),
    ...validateEach(spec.config, 'spec.config', ({ opaque }, path) => validateOpaque(opaque, path)),
  ];
}
