/** Validation of claims on devices, and of their templates. */
import type { DeepReadonly } from '../../base/deep.ts';
import { invalidEach } from '../core/field-rules.ts';
import { child, type FieldError, invalid, notSupported, required } from '../machinery/field-error.ts';
import { dns1123Subdomain } from '../machinery/names.ts';
import { validateAnnotations, validateImmutable, validateLabels } from '../machinery/object-meta.ts';
import type {
  DeviceConstraint,
  DeviceRequest,
  DeviceSubRequest,
  ExactDeviceRequest,
  ResourceClaim,
  ResourceClaimSpec,
  ResourceClaimTemplate,
} from '../types/resource-v1.ts';
import { validateList, validateSet } from './list-validation.ts';
import { validateFullAttributeName, validateRequiredLabel } from './name-validation.ts';
import { validateDeviceConfiguration } from './opaque-configuration-validation.ts';
import { type RequestNames, requestNamesOf, validateRequestReferences } from './request-names.ts';
import { validateSelectors } from './selector-validation.ts';
import { validateTolerations } from './taint-validation.ts';

const maxRequests = 32;
const maxAlternatives = 8;
const maxConstraints = 32;
/** Of a claim, and of a class. */
export const maxConfigurations = 32;

/** A new claim; what is stored stays as it is and is not looked at again. */
export function validateResourceClaim(
  { spec }: DeepReadonly<ResourceClaim>,
  old?: DeepReadonly<ResourceClaim>,
): FieldError[] {
  return old ? [] : validateClaimSpec(spec, 'spec');
}

/** What a claim asks for stays as it is. */
export function validateResourceClaimUpdate(
  claim: DeepReadonly<ResourceClaim>,
  old: DeepReadonly<ResourceClaim>,
): FieldError[] {
  return validateImmutable(claim.spec, old.spec, 'spec');
}

/** A new template; what it would make is checked. */
export function validateResourceClaimTemplate(
  { spec }: DeepReadonly<ResourceClaimTemplate>,
  old?: DeepReadonly<ResourceClaimTemplate>,
): FieldError[] {
  if (old) return [];
  return [
    ...validateAnnotations(spec.metadata.annotations, 'spec.metadata.annotations'),
    ...validateLabels(spec.metadata.labels, 'spec.metadata.labels'),
    ...validateClaimSpec(spec.spec, 'spec.spec'),
  ];
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
  const names = requestNamesOf(devices.requests);
  return [
    ...validateSet(devices.requests, child(devicesPath, 'requests'), {
      max: maxRequests,
      validate: validateRequest,
      key: ({ name }) => name,
    }),
    ...validateList(devices.constraints, child(devicesPath, 'constraints'), {
      max: maxConstraints,
      validate: (constraint, itemPath) => validateConstraint(constraint, names, itemPath),
    }),
    ...validateList(devices.config, child(devicesPath, 'config'), {
      max: maxConfigurations,
      validate: (config, itemPath) => [
        ...validateRequestReferences(config.requests, names, child(itemPath, 'requests')),
        ...validateDeviceConfiguration(config, itemPath, { stored: false }),
      ],
    }),
  ];
}

function validateRequest({ name, exactly, firstAvailable }: DeepReadonly<DeviceRequest>, path: string): FieldError[] {
  const errors = validateRequiredLabel(name, child(path, 'name'));
  const oneOf = 'exactly one of `exactly` or `firstAvailable` is required';
  if (exactly && firstAvailable?.length) {
    errors.push(invalid(path, null, `${oneOf}, but multiple fields are set`));
  } else if (exactly) errors.push(...validateExactRequest(exactly, child(path, 'exactly')));
  else if (firstAvailable?.length) {
    errors.push(
      ...validateSet(firstAvailable, child(path, 'firstAvailable'), {
        max: maxAlternatives,
        validate: (alternative, itemPath) => [
          ...validateRequiredLabel(alternative.name, child(itemPath, 'name')),
          ...validateExactRequest(alternative, itemPath),
        ],
        key: (alternative) => alternative.name,
      }),
    );
  } else errors.push(required(path, oneOf));
  return errors;
}

function validateExactRequest(
  request: DeepReadonly<ExactDeviceRequest> | DeepReadonly<DeviceSubRequest>,
  path: string,
): FieldError[] {
  const { deviceClassName, allocationMode, count = 0 } = request;
  const classPath = child(path, 'deviceClassName');
  const countPath = child(path, 'count');
  const errors = deviceClassName
    ? invalidEach(classPath, deviceClassName, dns1123Subdomain(deviceClassName))
    : [required(classPath)];
  errors.push(...validateSelectors(request.selectors, child(path, 'selectors'), { stored: false }));
  if (allocationMode === 'ExactCount') {
    if (count <= 0) errors.push(invalid(countPath, count, 'must be greater than zero'));
  } else if (allocationMode === 'All') {
    if (count !== 0) errors.push(invalid(countPath, count, "must not be specified when allocationMode is 'All'"));
  } else errors.push(notSupported(child(path, 'allocationMode'), allocationMode ?? '', ['All', 'ExactCount']));
  return [...errors, ...validateTolerations(request.tolerations, child(path, 'tolerations'))];
}

function validateConstraint(
  { requests, matchAttribute, distinctAttribute }: DeepReadonly<DeviceConstraint>,
  names: RequestNames,
  path: string,
): FieldError[] {
  const errors = validateRequestReferences(requests, names, child(path, 'requests'));
  if (matchAttribute !== undefined) {
    errors.push(...validateFullAttributeName(matchAttribute, child(path, 'matchAttribute')));
  } else if (distinctAttribute !== undefined) {
    errors.push(...validateFullAttributeName(distinctAttribute, child(path, 'distinctAttribute')));
  } else {
    const detail = 'exactly one of "matchAttribute" or "distinctAttribute" is required, but multiple fields are set';
    errors.push(required(path, detail));
  }
  return errors;
}
