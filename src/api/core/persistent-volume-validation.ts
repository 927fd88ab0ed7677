/** Validation of persistent volumes, and of the inline volumes of attachments. */
import { type DeepReadonly, deepEqual } from '../../base/deep.ts';
import { at, child, type FieldError, forbidden, invalid, notSupported, required } from '../machinery/field-error.ts';
import { dns1123Label, dns1123Subdomain } from '../machinery/names.ts';
import { validateImmutable } from '../machinery/object-meta.ts';
import { Quantity } from '../machinery/quantity.ts';
import type {
  CSIPersistentVolumeSource,
  PersistentVolume,
  PersistentVolumeSpec,
  SecretReference,
} from '../types/core-v1.ts';
import { validateNodeSelector } from './affinity-validation.ts';
import { describeDifference } from './difference.ts';
import {
  invalidEach,
  validateNoBacksteps,
  validateOptionalChoice,
  validatePresent,
  validateRequiredName,
} from './field-rules.ts';
import { validateAccessModes } from './persistent-volume-claim-validation.ts';
import { validateCsiDriverName, vendorVolumeSources } from './volume-source-validation.ts';
import { validateHostPath } from './volume-validation.ts';

type SharedSpec = DeepReadonly<PersistentVolumeSpec>;

const sourceValidators: Record<string, (source: never, path: string) => FieldError[]> = {
  ...vendorVolumeSources,
  hostPath: validateHostPath,
  local: ({ path: target }: { path: string }, path: string) =>
    target ? validateNoBacksteps(target, child(path, 'path')) : [required(child(path, 'path'))],
  csi: validateCsi,
};

function validateSecretReference(reference: DeepReadonly<SecretReference>, path: string): FieldError[] {
  return [
    ...validateRequiredName(reference.name, dns1123Subdomain, child(path, 'name')),
    ...validateRequiredName(reference.namespace, dns1123Label, child(path, 'namespace')),
  ];
}

function validateCsi(csi: DeepReadonly<CSIPersistentVolumeSource>, path: string): FieldError[] {
  const errors = [
    ...validateCsiDriverName(csi.driver, child(path, 'driver')),
    ...validatePresent(csi.volumeHandle, child(path, 'volumeHandle')),
  ];
  for (const name of [
    'controllerPublishSecretRef',
    'controllerExpandSecretRef',
    'nodePublishSecretRef',
    'nodeExpandSecretRef',
  ] as const) {
    const reference = csi[name];
    if (reference) errors.push(...validateSecretReference(reference, child(path, name)));
  }
  return errors;
}

/** The spec of a volume; an attachment's inline one has no claim and no capacity, and is a driver's. */
export function validatePersistentVolumeSpec(
  spec: SharedSpec,
  path: string,
  { inline }: { inline: boolean },
): FieldError[] {
  const errors = inline ? validateInline(spec, path) : validateCapacity(spec, path);
  errors.push(...validateAccessModes(spec.accessModes, child(path, 'accessModes')));
  const policy = spec.persistentVolumeReclaimPolicy;
  const policyPath = child(path, 'persistentVolumeReclaimPolicy');
  if (policy) {
    if (inline && policy !== 'Retain') {
      errors.push(forbidden(policyPath, 'may only be Retain in the context of inline volumes'));
    } else errors.push(...validateOptionalChoice(policy, ['Delete', 'Recycle', 'Retain'], policyPath));
  }
  errors.push(...validateNodeAffinity(spec, path), ...validateSource(spec, path));
  if (spec.hostPath && /^\/+$/.test(spec.hostPath.path) && policy === 'Recycle') {
    errors.push(forbidden(policyPath, "may not be 'recycle' for a hostPath mount of '/'"));
  }
  errors.push(...validateClassNames(spec, path, { inline }));
  const modePath = child(path, 'volumeMode');
  if (!inline) return [...errors, ...validateOptionalChoice(spec.volumeMode, ['Block', 'Filesystem'], modePath)];
  if (spec.volumeMode && spec.volumeMode !== 'Filesystem') {
    const detail = 'may not specify volumeMode other than Filesystem in the context of inline volumes';
    errors.push(forbidden(modePath, detail));
  }
  return errors;
}

function validateClassNames(spec: SharedSpec, path: string, { inline }: { inline: boolean }): FieldError[] {
  const errors: FieldError[] = [];
  for (const name of ['storageClassName', 'volumeAttributesClassName'] as const) {
    const value = spec[name];
    if (!value) continue;
    if (inline) errors.push(forbidden(child(path, name), 'may not be specified in the context of inline volumes'));
    else errors.push(...invalidEach(child(path, name), value, dns1123Subdomain(value)));
  }
  if (inline || spec.volumeAttributesClassName === undefined) return errors;
  if (spec.volumeAttributesClassName === '') {
    errors.push(required(child(path, 'volumeAttributesClassName'), 'an empty string is disallowed'));
  }
  if (!spec.csi) {
    errors.push(required(child(path, 'csi'), 'has to be specified when using volumeAttributesClassName'));
  }
  return errors;
}

function validateInline(spec: SharedSpec, path: string): FieldError[] {
  const detail = 'may not be specified in the context of inline volumes';
  const errors: FieldError[] = [];
  if (spec.claimRef) errors.push(forbidden(child(path, 'claimRef'), detail));
  if (spec.nodeAffinity) errors.push(forbidden(child(path, 'nodeAffinity'), detail));
  if (Object.keys(spec.capacity ?? {}).length) errors.push(forbidden(child(path, 'capacity'), detail));
  if (!spec.csi) errors.push(required(child(path, 'csi'), 'has to be specified in the context of inline volumes'));
  return errors;
}

function validateCapacity({ capacity = {} }: SharedSpec, path: string): FieldError[] {
  const capacityPath = child(path, 'capacity');
  const errors = Object.keys(capacity).length ? [] : [required(capacityPath)];
  if (capacity.storage === undefined || Object.keys(capacity).length > 1) {
    errors.push(notSupported(capacityPath, capacity, ['storage']));
  }
  for (const [name, text] of Object.entries(capacity)) {
    const quantity = Quantity.tryParse(text);
    if (!quantity || quantity.sign() < 0) {
      errors.push(invalid(at(capacityPath, name), text, 'must be a valid resource quantity'));
    } else if (quantity.isZero()) errors.push(invalid(at(capacityPath, name), text, 'must be greater than zero'));
  }
  return errors;
}

function validateNodeAffinity({ nodeAffinity, local }: SharedSpec, path: string): FieldError[] {
  const affinityPath = child(path, 'nodeAffinity');
  if (!nodeAffinity) return local ? [required(affinityPath, 'Local volume requires node affinity')] : [];
  return nodeAffinity.required
    ? validateNodeSelector(nodeAffinity.required, child(affinityPath, 'required'))
    : [required(child(affinityPath, 'required'), 'must specify required node constraints')];
}

function validateSource(spec: SharedSpec, path: string): FieldError[] {
  const present = Object.keys(sourceValidators).filter((name) => sourceOf(spec, name) !== undefined);
  if (!present.length) return [required(path, 'must specify a volume type')];
  const [first, ...more] = present as [string, ...string[]];
  return [
    ...sourceValidators[first]!(sourceOf(spec, first) as never, child(path, first)),
    ...more.map((name) => forbidden(child(path, name), 'may not specify more than 1 volume type')),
  ];
}

const sourceOf = (spec: SharedSpec, name: string): unknown => (spec as Readonly<Record<string, unknown>>)[name];

/** A volume on create and update. */
export function validatePersistentVolume({ spec }: DeepReadonly<PersistentVolume>): FieldError[] {
  return validatePersistentVolumeSpec(spec, 'spec', { inline: false });
}

const betaLabels: Record<string, string> = {
  'failure-domain.beta.kubernetes.io/zone': 'topology.kubernetes.io/zone',
  'failure-domain.beta.kubernetes.io/region': 'topology.kubernetes.io/region',
  'beta.kubernetes.io/os': 'kubernetes.io/os',
  'beta.kubernetes.io/arch': 'kubernetes.io/arch',
  'beta.kubernetes.io/instance-type': 'node.kubernetes.io/instance-type',
};

function replaceBetaLabels(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(replaceBetaLabels);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) =>
      key === 'key' && typeof inner === 'string' ? [key, betaLabels[inner] ?? inner] : [key, replaceBetaLabels(inner)],
    ),
  );
}

/** The source, the mode and, once set, where a volume can be used stay as they are. */
export function validatePersistentVolumeUpdate(
  { spec }: DeepReadonly<PersistentVolume>,
  { spec: old }: DeepReadonly<PersistentVolume>,
): FieldError[] {
  const source = (from: SharedSpec) =>
    Object.fromEntries(Object.keys(sourceValidators).map((name) => [name, sourceOf(from, name)]));
  const before = source(old);
  // The secret for expansion may be added later.
  if (old.csi && !old.csi.controllerExpandSecretRef && spec.csi?.controllerExpandSecretRef) {
    before.csi = { ...old.csi, controllerExpandSecretRef: spec.csi.controllerExpandSecretRef };
  }
  const errors: FieldError[] = [];
  const after = source(spec);
  if (!deepEqual(after, before)) {
    const detail = `spec.persistentvolumesource is immutable after creation\n${describeDifference(before, after)}`;
    errors.push(forbidden('spec.persistentvolumesource', detail));
  }
  errors.push(...validateImmutable(spec.volumeMode, old.volumeMode, 'volumeMode'));
  if (old.nodeAffinity && !deepEqual(replaceBetaLabels(spec.nodeAffinity), replaceBetaLabels(old.nodeAffinity))) {
    const detail = 'field is immutable, except for updating from beta label to GA';
    errors.push(invalid('nodeAffinity', spec.nodeAffinity ?? null, detail));
  }
  if (old.volumeAttributesClassName !== undefined && spec.volumeAttributesClassName === undefined) {
    const detail = 'update from non-nil value to nil is forbidden';
    errors.push(forbidden('spec.volumeAttributesClassName', detail));
  }
  return errors;
}
