/** Validation of claims, and of the templates for claims in pods and stateful sets. */
import { type DeepReadonly, deepEqual, mutableCopy } from '../../base/deep.ts';
import { at, child, type FieldError, forbidden, invalid, notSupported, required } from '../machinery/field-error.ts';
import { dns1123Label, dns1123Subdomain, qualifiedName } from '../machinery/names.ts';
import { validateAnnotations, validateImmutable, validateLabels } from '../machinery/object-meta.ts';
import { Quantity } from '../machinery/quantity.ts';
import { validateLabelSelector } from '../machinery/selectors.ts';
import type {
  PersistentVolumeClaim,
  PersistentVolumeClaimSpec,
  PersistentVolumeClaimTemplate,
  TypedLocalObjectReference,
  TypedObjectReference,
} from '../types/core-v1.ts';
import { describeDifference } from './difference.ts';
import { invalidEach, validatePresent } from './field-rules.ts';
import { isNativeResource, validateResourceList, validateResourceQuantity } from './resource-validation.ts';
import { storageClassOf } from './storage-class-name.ts';

type SharedClaim = DeepReadonly<PersistentVolumeClaim>;
type SharedSpec = DeepReadonly<PersistentVolumeClaimSpec>;

const accessModes = ['ReadOnlyMany', 'ReadWriteMany', 'ReadWriteOnce', 'ReadWriteOncePod'];

/** Access modes of claims and volumes: one at least, and the exclusive one alone. */
export function validateAccessModes(modes: readonly string[] | undefined, path: string, missing = ''): FieldError[] {
  if (!modes?.length) return [required(path, missing)];
  const errors = modes
    .filter((mode) => !accessModes.includes(mode))
    .map((mode) => notSupported(path, mode, accessModes));
  const exclusive = modes.includes('ReadWriteOncePod');
  if (exclusive && modes.some((mode) => mode !== 'ReadWriteOncePod' && accessModes.includes(mode))) {
    errors.push(forbidden(path, 'may not use ReadWriteOncePod with other access modes'));
  }
  return errors;
}

/** The spec of a claim. */
export function validateClaimSpec(spec: SharedSpec, path: string): FieldError[] {
  const errors = validateAccessModes(
    spec.accessModes,
    child(path, 'accessModes'),
    'at least 1 access mode is required',
  );
  errors.push(...validateLabelSelector(spec.selector, child(path, 'selector')));
  const storagePath = at(child(path, 'resources'), 'storage');
  const storage = spec.resources.requests?.storage;
  if (storage === undefined) errors.push(required(storagePath));
  else {
    errors.push(...validateResourceQuantity('storage', storage, storagePath));
    if ((Quantity.tryParse(storage)?.sign() ?? 1) <= 0) {
      errors.push(invalid(storagePath, storage, 'must be greater than zero'));
    }
  }
  const { storageClassName, volumeMode, volumeAttributesClassName } = spec;
  if (storageClassName) {
    const namePath = child(path, 'storageClassName');
    errors.push(...invalidEach(namePath, storageClassName, dns1123Subdomain(storageClassName)));
  }
  if (volumeMode !== undefined && volumeMode !== 'Block' && volumeMode !== 'Filesystem') {
    errors.push(notSupported(child(path, 'volumeMode'), volumeMode, ['Block', 'Filesystem']));
  }
  if (volumeAttributesClassName) {
    const namePath = child(path, 'volumeAttributesClassName');
    errors.push(...invalidEach(namePath, volumeAttributesClassName, dns1123Subdomain(volumeAttributesClassName)));
  }
  return [...errors, ...validateDataSources(spec, path)];
}

function validateDataSources({ dataSource, dataSourceRef }: SharedSpec, path: string): FieldError[] {
  const errors: FieldError[] = [];
  if (dataSource) errors.push(...validateDataSource(dataSource, child(path, 'dataSource')));
  if (!dataSourceRef) return errors;
  const refPath = child(path, 'dataSourceRef');
  errors.push(...validateDataSource(dataSourceRef, refPath));
  if (dataSourceRef.namespace) {
    errors.push(
      ...invalidEach(child(refPath, 'namespace'), dataSourceRef.namespace, dns1123Label(dataSourceRef.namespace)),
    );
    if (dataSource) {
      const detail = 'may not be specified when dataSourceRef.namespace is specified';
      errors.push(invalid(path, child(path, 'dataSource'), detail));
    }
  } else if (dataSource && !deepEqual(dataSource, dataSourceRef)) {
    errors.push(invalid(path, child(path, 'dataSource'), 'must match dataSourceRef'));
  }
  return errors;
}

function validateDataSource(
  source: DeepReadonly<TypedLocalObjectReference | TypedObjectReference>,
  path: string,
): FieldError[] {
  const errors = [
    ...validatePresent(source.name, child(path, 'name')),
    ...validatePresent(source.kind, child(path, 'kind')),
  ];
  if (!source.apiGroup && source.kind !== 'PersistentVolumeClaim') {
    errors.push(invalid(path, source.kind, "must be 'PersistentVolumeClaim' when referencing the default apiGroup"));
  }
  if (source.apiGroup) {
    errors.push(...invalidEach(child(path, 'apiGroup'), source.apiGroup, dns1123Subdomain(source.apiGroup)));
  }
  return errors;
}

/** A template for claims: labels and annotations are all the metadata it may have. */
export function validateClaimTemplate(
  template: DeepReadonly<PersistentVolumeClaimTemplate>,
  path: string,
): FieldError[] {
  const metaPath = child(path, 'metadata');
  const { metadata, spec } = template;
  const errors = [
    ...validateAnnotations(metadata.annotations, child(metaPath, 'annotations')),
    ...validateLabels(metadata.labels, child(metaPath, 'labels')),
  ];
  for (const name of Object.keys(metadata)) {
    if (name !== 'annotations' && name !== 'labels') errors.push(forbidden(child(metaPath, name), 'cannot be set'));
  }
  return [...errors, ...validateClaimSpec(spec, child(path, 'spec'))];
}

/** A claim on create and update. */
export function validateClaim(claim: SharedClaim): FieldError[] {
  return validateClaimSpec(claim.spec, 'spec');
}

/** After creation only the size asked for may grow, and the class of attributes change. */
export function validateClaimUpdate(claim: SharedClaim, old: SharedClaim): FieldError[] {
  const errors: FieldError[] = [];
  const munged = mutableCopy(claim.spec) as PersistentVolumeClaimSpec;
  const before = mutableCopy(old.spec) as PersistentVolumeClaimSpec;
  if (!before.volumeName && munged.volumeName) before.volumeName = munged.volumeName;
  if (isClassUpgrade(claim, old)) {
    if (munged.storageClassName !== undefined) before.storageClassName = munged.storageClassName;
    else delete before.storageClassName;
  }
  const oldStorage = before.resources.requests?.storage;
  const storage = munged.resources.requests?.storage;
  if (oldStorage !== undefined && storage !== undefined && claim.status.phase === 'Bound') {
    before.resources.requests = { ...before.resources.requests, storage };
  }
  if (before.volumeAttributesClassName !== munged.volumeAttributesClassName) {
    errors.push(...validateAttributesClassUpdate(claim, old));
    if (munged.volumeAttributesClassName !== undefined && claim.status.phase === 'Bound') {
      before.volumeAttributesClassName = munged.volumeAttributesClassName;
    }
  }
  if (!deepEqual(munged, before)) {
    const detail =
      'spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims';
    errors.push(forbidden('spec', `${detail}\n${describeDifference(before, munged)}`));
  }
  const floor = Quantity.tryParse(old.status.capacity?.storage) ?? Quantity.zero;
  const after = Quantity.tryParse(storage);
  const previous = Quantity.tryParse(oldStorage);
  if (after && previous && after.cmp(previous) < 0 && after.cmp(floor) <= 0) {
    errors.push(forbidden('spec.resources.requests.storage', 'field can not be less than status.capacity'));
  }
  const annotation = 'volume.beta.kubernetes.io/storage-class';
  const path = `metadata.annotations[${annotation}]`;
  const annotations = [claim, old].map((c) => c.metadata.annotations?.[annotation]);
  if (!isClassUpgrade(claim, old)) errors.push(...validateImmutable(annotations[0], annotations[1], path));
  return [...errors, ...validateImmutable(claim.spec.volumeMode, old.spec.volumeMode, 'volumeMode')];
}

/** Moving the class from the annotation of old to the field, or giving one to a claim without any. */
function isClassUpgrade(claim: SharedClaim, old: SharedClaim): boolean {
  if (old.spec.storageClassName !== undefined) return false;
  const before = storageClassOf(old);
  return before === '' || before === claim.spec.storageClassName;
}

function validateAttributesClassUpdate({ spec }: SharedClaim, { spec: old }: SharedClaim): FieldError[] {
  const path = 'spec.volumeAttributesClassName';
  if (old.volumeAttributesClassName !== undefined && spec.volumeAttributesClassName === undefined) {
    return [forbidden(path, 'update from non-nil value to nil is forbidden')];
  }
  return old.volumeAttributesClassName && spec.volumeAttributesClassName === ''
    ? [forbidden(path, 'update from non-nil value to an empty string is forbidden')]
    : [];
}

const resizeStates = [
  'ControllerResizeInProgress',
  'ControllerResizeInfeasible',
  'NodeResizeInProgress',
  'NodeResizeInfeasible',
  'NodeResizePending',
];

/** Storage is the only resource of Kubernetes that a claim has; drivers may name more. */
function validateStatusKey(name: string, path: string): FieldError[] {
  const errors = invalidEach(path, name, qualifiedName(name));
  if (errors.length || name === 'storage' || !isNativeResource(name)) return errors;
  return [notSupported(path, name, ['storage'])];
}

/** Status of a claim: capacity and the states of a resize. */
export function validateClaimStatusUpdate({ spec, status }: SharedClaim): FieldError[] {
  const errors: FieldError[] = [];
  if (!spec.accessModes?.length) errors.push(required('Spec.accessModes'));
  errors.push(...validateResourceList(status.capacity, 'status.capacity', () => []));
  for (const [name, state] of Object.entries(status.allocatedResourceStatuses ?? {})) {
    const path = 'status.allocatedResourceStatus';
    errors.push(...validateStatusKey(name, path));
    if (!resizeStates.includes(state)) errors.push(notSupported(path, name, resizeStates));
  }
  const path = 'status.allocatedResources';
  return [...errors, ...validateResourceList(status.allocatedResources, path, (name) => validateStatusKey(name, path))];
}
