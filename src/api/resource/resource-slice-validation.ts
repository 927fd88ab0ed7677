/** Validation of what drivers offer. */
import type { DeepReadonly } from '../../base/deep.ts';
import { validateNodeSelector } from '../core/affinity-validation.ts';
import { invalidEach } from '../core/field-rules.ts';
import { child, type FieldError, invalid, required } from '../machinery/field-error.ts';
import { dns1123Subdomain } from '../machinery/names.ts';
import { validateImmutable } from '../machinery/object-meta.ts';
import type { Device, ResourcePool, ResourceSlice } from '../types/resource-v1.ts';
import { validateCounters, validateDevice } from './device-validation.ts';
import { validateSet } from './list-validation.ts';
import { validateDriverName, validatePoolName, validateRequiredLabel } from './name-validation.ts';

const maxDevices = 128;
const maxElaborateDevices = 64;
const maxCounterSets = 8;

/** Some devices of one pool, or the counters that its devices share: whose, where, and which. */
export function validateResourceSlice(
  { spec }: DeepReadonly<ResourceSlice>,
  old?: DeepReadonly<ResourceSlice>,
): FieldError[] {
  const errors = [
    ...validateDriverName(spec.driver, 'spec.driver'),
    ...validatePool(spec.pool, 'spec.pool'),
    ...validatePlace(spec),
  ];
  if (spec.sharedCounters && spec.devices) {
    errors.push(invalid('spec', '', 'only one of `sharedCounters` or `devices` is allowed'));
  }
  return [
    ...errors,
    ...validateSet(spec.devices, 'spec.devices', {
      max: spec.devices?.some(isElaborate) ? maxElaborateDevices : maxDevices,
      validate: (device, path) =>
        validateDevice(device, path, {
          old: old?.spec.devices?.find(({ name }) => name === device.name),
          choosesNodes: spec.perDeviceNodeSelection === true,
        }),
      key: ({ name }) => name,
    }),
    ...validateSet(spec.sharedCounters, 'spec.sharedCounters', {
      max: maxCounterSets,
      validate: ({ name, counters }, path) => [
        ...validateRequiredLabel(name, child(path, 'name')),
        ...validateCounters(counters, child(path, 'counters')),
      ],
      key: ({ name }) => name,
    }),
  ];
}

/** Devices that make a slice large: with taints, counters or lists of values. */
const isElaborate = ({ taints, consumesCounters, attributes }: DeepReadonly<Device>): boolean =>
  Boolean(
    taints?.length ||
      consumesCounters?.length ||
      Object.values(attributes ?? {}).some(
        ({ bools, ints, strings, versions }) => bools ?? ints ?? strings ?? versions,
      ),
  );

function validatePool(pool: DeepReadonly<ResourcePool>, path: string): FieldError[] {
  const errors = validatePoolName(pool.name, child(path, 'name'));
  if (pool.resourceSliceCount <= 0) {
    errors.push(invalid(child(path, 'resourceSliceCount'), pool.resourceSliceCount, 'must be greater than zero'));
  }
  if (pool.generation < 0) {
    errors.push(invalid(child(path, 'generation'), pool.generation, 'must be greater than or equal to zero'));
  }
  return errors;
}

/** The nodes that can use the devices, said in one of four ways. */
function validatePlace(spec: DeepReadonly<ResourceSlice>['spec']): FieldError[] {
  const errors: FieldError[] = [];
  const given: string[] = [];
  const { nodeName, nodeSelector } = spec;
  if (nodeName) {
    given.push('`nodeName`');
    errors.push(...invalidEach('spec.nodeName', nodeName, dns1123Subdomain(nodeName)));
  } else if (nodeName === '') {
    errors.push(invalid('spec.nodeName', '', 'must be either unset or set to a non-empty string'));
  }
  if (nodeSelector) {
    given.push('`nodeSelector`');
    errors.push(...validateNodeSelector(nodeSelector, 'spec.nodeSelector'));
    const terms = nodeSelector.nodeSelectorTerms;
    if (terms.length !== 1) {
      errors.push(invalid('spec.nodeSelector.nodeSelectorTerms', terms, 'must have exactly one node selector term'));
    }
  }
  for (const field of ['allNodes', 'perDeviceNodeSelection'] as const) {
    if (spec[field]) given.push(`\`${field}\``);
    else if (spec[field] === false) {
      errors.push(invalid(child('spec', field), false, 'must be either unset or set to true'));
    }
  }
  if (given.length === 1) return errors;
  const oneOf = 'exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required';
  if (!given.length) return [...errors, required('spec', oneOf)];
  return [...errors, invalid('spec', `{${given.join(', ')}}`, `${oneOf}, but multiple fields are set`)];
}

/** A slice keeps its driver, its pool and its node. */
export function validateResourceSliceUpdate(
  { spec }: DeepReadonly<ResourceSlice>,
  { spec: old }: DeepReadonly<ResourceSlice>,
): FieldError[] {
  return [
    ...validateImmutable(spec.pool.name, old.pool.name, 'spec.pool.name'),
    ...validateImmutable(spec.driver, old.driver, 'spec.driver'),
    ...validateImmutable(spec.nodeName, old.nodeName, 'spec.nodeName'),
  ];
}
