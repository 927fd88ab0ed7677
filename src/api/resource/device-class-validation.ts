/** Validation of classes of devices. */
import { type DeepReadonly, deepEqual } from '../../base/deep.ts';
import { isExtendedResource } from '../core/resource-validation.ts';
import { type FieldError, invalid } from '../machinery/field-error.ts';
import type { DeviceClass } from '../types/resource-v1.ts';
import { validateList } from './list-validation.ts';
import { validateDeviceConfiguration } from './opaque-configuration-validation.ts';
import { maxConfigurations } from './resource-claim-validation.ts';
import { validateSelectors } from './selector-validation.ts';

/** A class; lists that an update leaves as they are have been found right before. */
export function validateDeviceClass(
  { spec }: DeepReadonly<DeviceClass>,
  old?: DeepReadonly<DeviceClass>,
): FieldError[] {
  const { selectors, config, extendedResourceName } = spec;
  const storedConfig = old !== undefined && deepEqual(config, old.spec.config);
  const errors = [
    ...validateSelectors(selectors, 'spec.selectors', {
      stored: old !== undefined && deepEqual(selectors, old.spec.selectors),
    }),
    ...validateList(config, 'spec.config', {
      max: maxConfigurations,
      validate: (one, path) => validateDeviceConfiguration(one, path, { stored: storedConfig }),
    }),
  ];
  if (extendedResourceName !== undefined && !isExtendedResource(extendedResourceName)) {
    const path = 'spec.extendedResourceName';
    errors.push(invalid(path, extendedResourceName, 'must be a valid extended resource name'));
  }
  return errors;
}
