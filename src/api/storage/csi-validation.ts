/** Validation of what storage drivers say of themselves, and of attachments. */
import { type DeepReadonly, deepEqual } from '../../base/deep.ts';
import { invalidEach, validateNonNegative, validateOptionalChoice } from '../core/field-rules.ts';
import { validatePersistentVolumeSpec } from '../core/persistent-volume-validation.ts';
import { validateCsiDriverName } from '../core/volume-source-validation.ts';
import { at, child, duplicate, type FieldError, forbidden, invalid, required } from '../machinery/field-error.ts';
import { dns1123Subdomain, qualifiedName } from '../machinery/names.ts';
import { validateImmutable } from '../machinery/object-meta.ts';
import { Quantity } from '../machinery/quantity.ts';
import { validateLabelSelector } from '../machinery/selectors.ts';
import type { CSIDriver, CSINode, CSINodeDriver, CSIStorageCapacity, VolumeAttachment } from '../types/storage-v1.ts';

/** The path that upstream names in errors about `attachRequired`. */
const attachPath = 'spec.attachedRequired';

/** A driver's object; its name is the driver's. */
export function validateCsiDriver({ metadata, spec }: DeepReadonly<CSIDriver>): FieldError[] {
  const errors = validateCsiDriverName(metadata.name, 'name');
  if (spec.attachRequired === undefined) errors.push(required(attachPath));
  for (const field of ['podInfoOnMount', 'storageCapacity'] as const) {
    if (spec[field] === undefined) errors.push(required(child('spec', field)));
  }
  const policies = ['File', 'None', 'ReadWriteOnceWithFSType'];
  errors.push(...validateOptionalChoice(spec.fsGroupPolicy, policies, 'spec.fsGroupPolicy'));
  for (const mode of spec.volumeLifecycleModes ?? []) {
    errors.push(...validateOptionalChoice(mode, ['Ephemeral', 'Persistent'], 'spec.volumeLifecycleModes'));
  }
  const audiences = new Set<string>();
  for (const [i, { audience, expirationSeconds }] of (spec.tokenRequests ?? []).entries()) {
    const path = at('spec.tokenRequests', i);
    if (audiences.has(audience)) errors.push(duplicate(child(path, 'audience'), audience));
    audiences.add(audience);
    if (expirationSeconds === undefined) continue;
    const secondsPath = child(path, 'expirationSeconds');
    if (expirationSeconds < 600) {
      errors.push(invalid(secondsPath, expirationSeconds, 'may not specify a duration less than 10 minutes'));
    } else if (expirationSeconds > 2 ** 32) {
      errors.push(invalid(secondsPath, expirationSeconds, 'may not specify a duration larger than 2^32 seconds'));
    }
  }
  const period = spec.nodeAllocatableUpdatePeriodSeconds;
  if (period !== undefined && period < 10) {
    errors.push(
      invalid('spec.nodeAllocatableUpdatePeriodSeconds', period, 'must be greater than or equal to 10 seconds'),
    );
  }
  if (spec.serviceAccountTokenInSecrets !== undefined && !spec.tokenRequests?.length) {
    const detail = 'serviceAccountTokenInSecrets is set but no tokenRequests are specified';
    errors.push(invalid('spec.serviceAccountTokenInSecrets', spec.serviceAccountTokenInSecrets, detail));
  }
  return errors;
}

/** What volumes that are in use rely on stays. */
export function validateCsiDriverUpdate(
  { spec }: DeepReadonly<CSIDriver>,
  { spec: old }: DeepReadonly<CSIDriver>,
): FieldError[] {
  return [
    ...validateImmutable(spec.attachRequired, old.attachRequired, attachPath),
    ...validateImmutable(spec.volumeLifecycleModes, old.volumeLifecycleModes, 'spec.volumeLifecycleModes'),
  ];
}

const maxNodeIdLength = 192;

/** The drivers of a node, each once. */
export function validateCsiNode({ spec }: DeepReadonly<CSINode>): FieldError[] {
  const names = new Set<string>();
  return spec.drivers.flatMap((driver, i) => {
    const path = at('spec.drivers', i);
    const errors = validateNodeDriver(driver, path);
    if (names.has(driver.name)) errors.push(duplicate(child(path, 'name'), driver.name));
    names.add(driver.name);
    return errors;
  });
}

function validateNodeDriver(driver: DeepReadonly<CSINodeDriver>, path: string): FieldError[] {
  const { nodeID, topologyKeys, allocatable } = driver;
  const errors = validateCsiDriverName(driver.name, child(path, 'name'));
  if (!nodeID) errors.push(required(child(path, 'nodeID'), nodeID));
  else if (nodeID.length > maxNodeIdLength) {
    errors.push(invalid(child(path, 'nodeID'), nodeID, `must be ${maxNodeIdLength} characters or less`));
  }
  errors.push(...validateNonNegative(allocatable?.count, child(path, 'allocatable.count')));
  for (const [i, key] of (topologyKeys ?? []).entries()) {
    if (!key) errors.push(required(path, key));
    else if (topologyKeys!.indexOf(key) < i) errors.push(duplicate(path, key));
    errors.push(...invalidEach(path, key, qualifiedName(key)));
  }
  return errors;
}

/** A driver that is there stays as it is, but for how many volumes fit. */
export function validateCsiNodeUpdate(
  { spec }: DeepReadonly<CSINode>,
  { spec: old }: DeepReadonly<CSINode>,
): FieldError[] {
  return old.drivers.flatMap((before) => {
    const after = spec.drivers.find((driver) => driver.name === before.name);
    const { allocatable: _, ...fixed } = before;
    const { allocatable: __, ...now } = after ?? before;
    return deepEqual(fixed, now) ? [] : [invalid('CSINodeDriver', after, 'field is immutable')];
  });
}

/** How much storage is left somewhere. */
export function validateCsiStorageCapacity(capacity: DeepReadonly<CSIStorageCapacity>): FieldError[] {
  const { storageClassName, nodeTopology } = capacity;
  const errors = invalidEach('storageClassName', storageClassName, dns1123Subdomain(storageClassName));
  errors.push(...validateLabelSelector(nodeTopology, 'nodeTopology'));
  for (const field of ['capacity', 'maximumVolumeSize'] as const) {
    const text = capacity[field];
    if (text !== undefined && (Quantity.tryParse(text)?.sign() ?? -1) < 0) {
      errors.push(invalid(field, text, 'must be greater than or equal to 0'));
    }
  }
  return errors;
}

/** The amount changes; what it is an amount of does not. */
export function validateCsiStorageCapacityUpdate(
  capacity: DeepReadonly<CSIStorageCapacity>,
  old: DeepReadonly<CSIStorageCapacity>,
): FieldError[] {
  return (['nodeTopology', 'storageClassName'] as const).flatMap((field) =>
    validateImmutable(capacity[field], old[field], field),
  );
}

/** An attachment: who attaches which volume to which node. */
export function validateVolumeAttachment({ spec }: DeepReadonly<VolumeAttachment>): FieldError[] {
  const errors = validateCsiDriverName(spec.attacher, 'spec.attacher');
  const { persistentVolumeName, inlineVolumeSpec } = spec.source;
  const path = 'spec.source';
  if (persistentVolumeName === undefined && !inlineVolumeSpec) {
    errors.push(required(path, 'must specify exactly one of inlineVolumeSpec and persistentVolumeName'));
  } else if (persistentVolumeName !== undefined && inlineVolumeSpec) {
    errors.push(forbidden(path, 'must specify exactly one of inlineVolumeSpec and persistentVolumeName'));
  } else if (persistentVolumeName === '') {
    errors.push(required(child(path, 'persistentVolumeName'), 'must specify non empty persistentVolumeName'));
  }
  if (inlineVolumeSpec) {
    errors.push(...validatePersistentVolumeSpec(inlineVolumeSpec, child(path, 'inlineVolumeSpec'), { inline: true }));
  }
  return [...errors, ...invalidEach('spec.nodeName', spec.nodeName, dns1123Subdomain(spec.nodeName))];
}

/** An attachment is made anew, not changed. */
export function validateVolumeAttachmentUpdate(
  { spec }: DeepReadonly<VolumeAttachment>,
  { spec: old }: DeepReadonly<VolumeAttachment>,
): FieldError[] {
  return validateImmutable(spec, old, 'spec');
}
