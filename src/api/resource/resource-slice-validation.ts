/** Validation of the devices that drivers offer. */
import type { DeepReadonly } from '../../base/deep.ts';
import { validateNodeSelector } from '../core/affinity-validation.ts';
import { invalidEach, validateChoice, validateEach } from '../core/field-rules.ts';
import { validateCsiDriverName } from '../core/volume-source-validation.ts';
import { at, child, duplicate, type FieldError, invalid, required } from '../machinery/field-error.ts';
import { dns1123Subdomain, labelValue, qualifiedName } from '../machinery/names.ts';
import { validateImmutable } from '../machinery/object-meta.ts';
import { Quantity } from '../machinery/quantity.ts';
import type { Device, DeviceTaint, ResourceSlice } from '../types/resource-v1.ts';
import { validateAttributeName, validateLabel, validateSize } from './name-validation.ts';

const maxDevices = 128;
const maxAttributesAndCapacities = 32;

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
      const detail = 'exactly one value must be specified';
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
