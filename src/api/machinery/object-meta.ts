/** Validation of object metadata, the same for every kind (apimachinery api/validation/objectmeta.go). */
import { type DeepReadonly, deepEqual } from '../../base/deep.ts';
import type { ManagedFieldsEntry, ObjectMeta, OwnerReference } from '../types/meta-v1.ts';
import { at, child, type FieldError, forbidden, invalid, required, tooLong } from './field-error.ts';
import { labelValue, nameIsDnsLabel, nameIsDnsSubdomain, qualifiedName } from './names.ts';

type Meta = DeepReadonly<ObjectMeta>;
type Strings = Readonly<Record<string, string>> | undefined;

/** The message for a field that an update changed and may not. */
export const immutableMessage = 'field is immutable';

const maxAnnotationBytes = 256 * 1024;
const maxFieldManagerBytes = 128;
const maxSubresourceBytes = 256;

export interface ObjectMetaOptions {
  readonly namespaced: boolean;
  /** Reasons why a name is not allowed; DNS-1123 subdomain by default. `prefix` is true for generateName. */
  readonly validateName?: ((name: string, prefix: boolean) => string[]) | undefined;
  /** Where the metadata is; `metadata` by default. */
  readonly path?: string;
}

/** What is wrong with the metadata of an object that is created; its name has been generated already. */
export function validateObjectMeta(meta: Meta, options: ObjectMetaOptions): FieldError[] {
  const path = options.path ?? 'metadata';
  const validateName = options.validateName ?? nameIsDnsSubdomain;
  const errors: FieldError[] = [];
  if (meta.generateName) {
    for (const message of validateName(meta.generateName, true)) {
      errors.push(invalid(child(path, 'generateName'), meta.generateName, message));
    }
  }
  if (!meta.name) errors.push(required(child(path, 'name'), 'name or generateName is required'));
  else {
    for (const message of validateName(meta.name, false)) {
      errors.push(invalid(child(path, 'name'), meta.name, message));
    }
  }
  if (!options.namespaced) {
    if (meta.namespace) errors.push(forbidden(child(path, 'namespace'), 'not allowed on this type'));
  } else if (!meta.namespace) errors.push(required(child(path, 'namespace')));
  else {
    for (const message of nameIsDnsLabel(meta.namespace, false)) {
      errors.push(invalid(child(path, 'namespace'), meta.namespace, message));
    }
  }
  if ((meta.generation ?? 0) < 0) {
    errors.push(invalid(child(path, 'generation'), meta.generation, 'must be greater than or equal to 0'));
  }
  errors.push(
    ...validateLabels(meta.labels, child(path, 'labels')),
    ...validateAnnotations(meta.annotations, child(path, 'annotations')),
    ...validateOwnerReferences(meta.ownerReferences, child(path, 'ownerReferences')),
    ...validateFinalizers(meta.finalizers, child(path, 'finalizers')),
    ...validateManagedFields(meta.managedFields, child(path, 'managedFields')),
  );
  return errors;
}

const immutableFields = [
  'name',
  'namespace',
  'uid',
  'creationTimestamp',
  'deletionTimestamp',
  'deletionGracePeriodSeconds',
] as const;

/** What is wrong with how an update changes the metadata. */
export function validateObjectMetaUpdate(meta: Meta, old: Meta, path = 'metadata'): FieldError[] {
  const errors: FieldError[] = [];
  if (old.deletionTimestamp) {
    const before = new Set(old.finalizers ?? []);
    const added = [...new Set(meta.finalizers ?? [])].filter((f) => !before.has(f)).sort();
    if (added.length) {
      const list = `[]string{${added.map((f) => JSON.stringify(f)).join(', ')}}`;
      errors.push(
        forbidden(
          child(path, 'finalizers'),
          `no new finalizers can be added if the object is being deleted, found new finalizers ${list}`,
        ),
      );
    }
  }
  if (!meta.resourceVersion) {
    errors.push(invalid(child(path, 'resourceVersion'), '', 'must be specified for an update'));
  }
  if ((meta.generation ?? 0) < (old.generation ?? 0)) {
    errors.push(invalid(child(path, 'generation'), meta.generation ?? 0, 'must not be decremented'));
  }
  for (const name of immutableFields) errors.push(...validateImmutable(meta[name], old[name], child(path, name)));
  errors.push(
    ...validateLabels(meta.labels, child(path, 'labels')),
    ...validateAnnotations(meta.annotations, child(path, 'annotations')),
    ...validateOwnerReferences(meta.ownerReferences, child(path, 'ownerReferences')),
    ...validateManagedFields(meta.managedFields, child(path, 'managedFields')),
  );
  return errors;
}

/** An error when the value differs from the old one. */
export function validateImmutable(value: unknown, old: unknown, path: string): FieldError[] {
  return deepEqual(value, old) ? [] : [invalid(path, value ?? null, immutableMessage)];
}

/** Labels' keys and values. */
export function validateLabels(labels: Strings, path: string): FieldError[] {
  const errors: FieldError[] = [];
  if (!labels) return errors;
  for (const key of Object.keys(labels)) {
    for (const message of qualifiedName(key)) errors.push(invalid(path, key, message));
    for (const message of labelValue(labels[key]!)) errors.push(invalid(path, labels[key], message));
  }
  return errors;
}

/** Annotations' keys, and that they are not more than 256 KiB together. */
export function validateAnnotations(annotations: Strings, path: string): FieldError[] {
  const errors: FieldError[] = [];
  if (!annotations) return errors;
  let bytes = 0;
  for (const key of Object.keys(annotations)) {
    for (const message of qualifiedName(key.toLowerCase())) errors.push(invalid(path, key, message));
    bytes += Buffer.byteLength(key) + Buffer.byteLength(annotations[key]!);
  }
  if (bytes > maxAnnotationBytes) errors.push(tooLong(path, '', maxAnnotationBytes));
  return errors;
}

/** Owner references; at most one of them is the controller. */
export function validateOwnerReferences(
  references: readonly DeepReadonly<OwnerReference>[] | undefined,
  path: string,
): FieldError[] {
  const errors: FieldError[] = [];
  let controller = '';
  for (const reference of references ?? []) {
    const { apiVersion, kind, name, uid } = reference;
    const version = apiVersion.slice(apiVersion.indexOf('/') + 1);
    if (!version) errors.push(invalid(child(path, 'apiVersion'), apiVersion, 'version must not be empty'));
    for (const [field, value] of Object.entries({ kind, name, uid })) {
      if (!value) errors.push(invalid(child(path, field), value, 'must not be empty'));
    }
    if (apiVersion === 'v1' && kind === 'Event') {
      errors.push(invalid(path, reference, '/v1, Kind=Event is disallowed from being an owner'));
    }
    if (!reference.controller) continue;
    const current = `${kind}/${name}`;
    if (controller) {
      errors.push(
        invalid(
          path,
          references,
          `Only one reference can have Controller set to true. Found "true" in references for ${controller} and ${current}`,
        ),
      );
    } else controller = current;
  }
  return errors;
}

/** Finalizers' names; orphaning and foreground deletion exclude each other. */
export function validateFinalizers(finalizers: readonly string[] | undefined, path: string): FieldError[] {
  const errors: FieldError[] = [];
  if (!finalizers) return errors;
  for (const finalizer of finalizers) {
    for (const message of qualifiedName(finalizer)) errors.push(invalid(path, finalizer, message));
  }
  if (finalizers.includes('orphan') && finalizers.includes('foregroundDeletion')) {
    errors.push(invalid(path, finalizers, 'finalizer foregroundDeletion and orphan cannot be both set'));
  }
  return errors;
}

/** The name of a field manager: at most 128 bytes, all of them printable. */
export function validateFieldManager(manager: string | undefined, path: string): FieldError[] {
  const errors: FieldError[] = [];
  if (!manager) return errors;
  if (Buffer.byteLength(manager) > maxFieldManagerBytes) errors.push(tooLong(path, manager, maxFieldManagerBytes));
  let position = 0;
  for (const character of manager) {
    if (character !== ' ' && /[\p{C}\p{Z}]/u.test(character)) {
      const code = character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0');
      errors.push(invalid(path, manager, `invalid character U+${code} (at position ${position})`));
    }
    position += Buffer.byteLength(character);
  }
  return errors;
}

function validateManagedFields(
  entries: readonly DeepReadonly<ManagedFieldsEntry>[] | undefined,
  path: string,
): FieldError[] {
  const errors: FieldError[] = [];
  for (const [i, entry] of (entries ?? []).entries()) {
    const here = at(path, i);
    if (entry.operation !== 'Apply' && entry.operation !== 'Update') {
      errors.push(invalid(child(here, 'operation'), entry.operation ?? '', 'must be `Apply` or `Update`'));
    }
    if (entry.fieldsType && entry.fieldsType !== 'FieldsV1') {
      errors.push(invalid(child(here, 'fieldsType'), entry.fieldsType, 'must be `FieldsV1`'));
    }
    errors.push(...validateFieldManager(entry.manager, child(here, 'manager')));
    if (entry.subresource && Buffer.byteLength(entry.subresource) > maxSubresourceBytes) {
      errors.push(tooLong(child(here, 'subresource'), entry.subresource, maxSubresourceBytes));
    }
  }
  return errors;
}
