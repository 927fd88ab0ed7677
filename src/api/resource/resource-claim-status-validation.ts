/** Validation of a claim's status: what was allocated, who uses it, and what drivers say of it. */
import { type DeepReadonly, deepEqual } from '../../base/deep.ts';
import { validateNodeSelector } from '../core/affinity-validation.ts';
import { validateConditions } from '../core/condition-validation.ts';
import { validateChoice, validatePresent } from '../core/field-rules.ts';
import { canonicalCidr, isCidr } from '../core/ip-rules.ts';
import { child, type FieldError, forbidden, invalid, tooLong, tooMany } from '../machinery/field-error.ts';
import { validateImmutable } from '../machinery/object-meta.ts';
import type {
  AllocatedDeviceStatus,
  AllocationResult,
  DeviceRequestAllocationResult,
  NetworkDeviceData,
  ResourceClaim,
} from '../types/resource-v1.ts';
import { validateList, validateSet } from './list-validation.ts';
import { validateDriverName, validateLabel, validatePoolName, validateShareId } from './name-validation.ts';
import { validateDeviceConfiguration, validateRawObject } from './opaque-configuration-validation.ts';
import {
  type RequestNames,
  requestNamesOf,
  validateRequestReference,
  validateRequestReferences,
} from './request-names.ts';
import { maxConfigurations } from './resource-claim-validation.ts';
import { validateBindingConditions, validateTolerations } from './taint-validation.ts';

const maxReservations = 256;
const maxResults = 32;
const maxDeviceConditions = 8;
const maxDeviceDataBytes = 10 * 1024;
const maxInterfaceNameBytes = 256;
const maxHardwareAddressBytes = 128;
const maxAddresses = 16;

type Status = DeepReadonly<ResourceClaim>['status'];

/** An allocation is made or given back as a whole; it stays while someone uses it. */
export function validateResourceClaimStatusUpdate(
  { metadata, spec, status }: DeepReadonly<ResourceClaim>,
  { status: old }: DeepReadonly<ResourceClaim>,
): FieldError[] {
  const errors = validateReservations(status);
  const allocated = new Set((status.allocation?.devices.results ?? []).map(deviceKey));
  errors.push(
    ...validateSet(status.devices, 'status.devices', {
      validate: (device, path) => validateDeviceStatus(device, allocated, path),
      key: deviceKey,
    }),
  );
  const reservedPath = 'status.reservedFor';
  if (status.reservedFor?.length) {
    const isNew = status.reservedFor.some((user) => !old.reservedFor?.some((other) => deepEqual(user, other)));
    if (!status.allocation) {
      errors.push(forbidden(reservedPath, 'may not be specified when `allocated` is not set'));
    } else if (metadata.deletionTimestamp && isNew) {
      const detail = 'new entries may not be added while `deallocationRequested` or `deletionTimestamp` are set';
      errors.push(forbidden(reservedPath, detail));
    }
  }
  if (!status.allocation) return errors;
  const path = 'status.allocation';
  if (old.allocation) return [...errors, ...validateImmutable(status.allocation, old.allocation, path)];
  return [...errors, ...validateAllocation(status.allocation, requestNamesOf(spec.devices.requests), path)];
}

function validateReservations({ reservedFor }: Status): FieldError[] {
  return validateSet(reservedFor, 'status.reservedFor', {
    max: maxReservations,
    validate: ({ resource, name, uid }, path) =>
      Object.entries({ resource, name, uid }).flatMap(([field, value]) => validatePresent(value, child(path, field))),
    key: ({ uid }) => uid,
  });
}

function validateAllocation(
  { devices, nodeSelector }: DeepReadonly<AllocationResult>,
  names: RequestNames,
  path: string,
): FieldError[] {
  const devicesPath = child(path, 'devices');
  return [
    ...validateList(devices.results, child(devicesPath, 'results'), {
      max: maxResults,
      validate: (result, itemPath) => validateResult(result, names, itemPath),
    }),
    ...validateList(devices.config, child(devicesPath, 'config'), {
      // The class's and the claim's.
      max: 2 * maxConfigurations,
      validate: (config, itemPath) => [
        ...validateChoice(config.source, ['FromClaim', 'FromClass'], child(itemPath, 'source')),
        ...validateRequestReferences(config.requests, names, child(itemPath, 'requests')),
        ...validateDeviceConfiguration(config, itemPath, { stored: false }),
      ],
    }),
    ...(nodeSelector ? validateNodeSelector(nodeSelector, child(path, 'nodeSelector')) : []),
  ];
}

function validateResult(
  result: DeepReadonly<DeviceRequestAllocationResult>,
  names: RequestNames,
  path: string,
): FieldError[] {
  return [
    ...validateRequestReference(result.request, names, child(path, 'request')),
    ...validateDevicePlace(result, path),
    ...validateBindingConditions(result.bindingConditions, result.bindingFailureConditions, path),
    ...validateTolerations(result.tolerations, child(path, 'tolerations')),
    ...validateShareId(result.shareID, child(path, 'shareID')),
  ];
}

interface DevicePlace {
  readonly driver: string;
  readonly pool: string;
  readonly device: string;
  readonly shareID?: string | undefined;
}

/** Upstream's way to write which device, or which share of one. */
const deviceKey = ({ driver, pool, device, shareID }: DevicePlace): string =>
  [driver, pool, device, ...(shareID === undefined ? [] : [shareID])].join('/');

const validateDevicePlace = ({ driver, pool, device }: DevicePlace, path: string): FieldError[] => [
  ...validateDriverName(driver, child(path, 'driver')),
  ...validatePoolName(pool, child(path, 'pool')),
  ...validateLabel(device, child(path, 'device')),
];

function validateDeviceStatus(
  device: DeepReadonly<AllocatedDeviceStatus>,
  allocated: ReadonlySet<string>,
  path: string,
): FieldError[] {
  const { conditions = [], data, networkData, shareID } = device;
  const errors = [...validateDevicePlace(device, path), ...validateShareId(shareID, child(path, 'shareID'))];
  if (!allocated.has(deviceKey(device))) {
    errors.push(invalid(path, deviceKey(device), 'must be an allocated device in the claim'));
  }
  const conditionsPath = child(path, 'conditions');
  if (conditions.length > maxDeviceConditions) {
    errors.push(tooMany(conditionsPath, conditions.length, maxDeviceConditions));
  }
  errors.push(...validateConditions(conditions, conditionsPath));
  if (data !== undefined && data !== null) {
    errors.push(...validateRawObject(data, child(path, 'data'), maxDeviceDataBytes));
  }
  if (networkData) errors.push(...validateNetworkData(networkData, child(path, 'networkData')));
  return errors;
}

function validateNetworkData(
  { interfaceName = '', hardwareAddress = '', ips }: DeepReadonly<NetworkDeviceData>,
  path: string,
): FieldError[] {
  const errors: FieldError[] = [];
  if (Buffer.byteLength(interfaceName) > maxInterfaceNameBytes) {
    errors.push(tooLong(child(path, 'interfaceName'), interfaceName, maxInterfaceNameBytes));
  }
  if (Buffer.byteLength(hardwareAddress) > maxHardwareAddressBytes) {
    errors.push(tooLong(child(path, 'hardwareAddress'), hardwareAddress, maxHardwareAddressBytes));
  }
  const options = { max: maxAddresses, validate: validateInterfaceAddress, key: (address: string) => address };
  return [...errors, ...validateSet(ips, child(path, 'ips'), options)];
}

function validateInterfaceAddress(address: string, path: string): FieldError[] {
  if (!isCidr(address)) {
    const detail = 'must be a valid address in CIDR form, (e.g. 10.9.8.7/24 or 2001:db8::1/64)';
    return [invalid(path, address, detail)];
  }
  const canonical = canonicalCidr(address);
  return canonical === address ? [] : [invalid(path, address, `must be in canonical form ("${canonical}")`)];
}
