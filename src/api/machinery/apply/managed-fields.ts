/** Keeps metadata.managedFields on every create, update and patch: who changed a field owns it. */

import { formatTime } from '../../../base/clock.ts';
import { deepEqual, deepFreeze } from '../../../base/deep.ts';
import type { KubeObject, Shared } from '../../kind.ts';
import type { StructSchema, TypeSchema } from '../../schema/schema.ts';
import type { ManagedFieldsEntry } from '../../types/meta-v1.ts';
import { zeroOf } from '../decode.ts';
import { difference, emptySet, type FieldSet, isEmptySet, recursiveDifference, union } from './field-set.ts';
import { capUpdaters, identityOf, type Managed, type Managers, readManagers, writeManagers } from './managers.ts';
import { type Comparison, compare } from './typed.ts';

/** Who makes a request, and through what. */
export interface FieldOwner {
  /** The `fieldManager` parameter, or what stands for it. */
  readonly manager: string;
  /** The version of the request: `apps/v1`. */
  readonly apiVersion: string;
  /** Empty for the resource itself. */
  readonly subresource?: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

const named = (...fields: string[]): FieldSet =>
  Object.fromEntries(fields.map((field) => [`f:${field}`, emptySet])) as FieldSet;

/** What nobody owns: the server sets it, or it names the object. */
const neverOwned: FieldSet = {
  ...named('apiVersion', 'kind'),
  'f:metadata': {
    '.': emptySet,
    ...named(
      'name',
      'namespace',
      'creationTimestamp',
      'selfLink',
      'uid',
      'clusterName',
      'generation',
      'managedFields',
      'resourceVersion',
    ),
  },
};

/** A set without what nobody owns, and without the fields that the request cannot set. */
export function ownable(set: FieldSet, ignored: FieldSet | undefined): FieldSet {
  const rest = ignored ? recursiveDifference(set, ignored) : set;
  return difference(rest, neverOwned);
}

/**
 * The fields that a request through a path cannot set (upstream's reset fields): the status through the resource itself
 * where there is a status subresource, all but the status through that.
 */
export function unsettableFields(subresource: string, hasStatus: boolean): FieldSet | undefined {
  if (!hasStatus) return undefined;
  if (subresource === '') return named('status');
  return subresource === 'status' ? named('spec') : undefined;
}

const zeros = new WeakMap<StructSchema, Shared<KubeObject>>();

/** What a new object is compared with: Go's zero value, whose structs nobody sets. */
export function emptyObject(struct: StructSchema): Shared<KubeObject> {
  let zero = zeros.get(struct);
  if (!zero) {
    zero = deepFreeze(zeroOf(struct)) as unknown as Shared<KubeObject>;
    zeros.set(struct, zero);
  }
  return zero;
}

/** The object without its managed fields; the rest is shared. */
export function withoutManagedFields(object: Shared<KubeObject>): Shared<KubeObject> {
  if (!object.metadata?.managedFields) return object;
  const { managedFields: _, ...metadata } = object.metadata;
  return { ...object, metadata: metadata as KubeObject['metadata'] };
}

export function typeOf(struct: StructSchema): TypeSchema {
  return { kind: 'struct', struct };
}

export interface ManagedFieldsUpdate {
  readonly struct: StructSchema;
  /** The stored object; undefined on create. */
  readonly live: Shared<KubeObject> | undefined;
  /** The object as it will be stored, in the same version as `live`: its managedFields are rewritten. */
  readonly object: KubeObject;
  readonly owner: FieldOwner;
  /** Fields that the request cannot set: see {@link unsettableFields}. */
  readonly ignored?: FieldSet | undefined;
}

/**
 * Rewrites the managedFields of an object that is about to be stored. What differs from the live object now belongs to
 * the request's manager and no longer to others. An object whose managedFields the client emptied is not tracked until
 * something is applied to it.
 */
export function updateManagedFields(update: ManagedFieldsUpdate): void {
  const { struct, live, object, owner, ignored } = update;
  if (!object.metadata) return;
  const given = object.metadata.managedFields;
  delete object.metadata.managedFields;
  const liveEntries = live?.metadata.managedFields;
  const kept = liveEntries !== undefined && (given === undefined || deepEqual(given, liveEntries));
  const managers = managersOf(update, kept ? undefined : given);
  if (managers.size === 0 && live) return;
  const before = live ? withoutManagedFields(live) : emptyObject(struct);
  const comparison = compare(typeOf(struct), before, object);
  const changed = recordChange(managers, comparison, { owner, ignored });
  if (!changed && kept) {
    object.metadata.managedFields = liveEntries as ManagedFieldsEntry[];
    return;
  }
  capUpdaters(managers);
  const entries = writeManagers(managers);
  if (entries.length) object.metadata.managedFields = entries as ManagedFieldsEntry[];
}

/** The managers before the change: the client's list where it sent a readable one, else the stored one. */
function managersOf(update: ManagedFieldsUpdate, given: ManagedFieldsEntry[] | undefined): Managers {
  const { live, owner } = update;
  const stored = () => readManagers(live?.metadata.managedFields) ?? new Map();
  if (owner.subresource) return stored();
  if (given && isReset(given)) return new Map();
  const managers = readManagers(given);
  return managers?.size ? managers : stored();
}

function isReset(entries: readonly ManagedFieldsEntry[]): boolean {
  return entries.length === 0 || (entries.length === 1 && Object.keys(entries[0]!).length === 0);
}

/** Moves changed fields to the request's manager; says whether anything changed. */
export function recordChange(
  managers: Managers,
  comparison: Comparison,
  by: { owner: FieldOwner; ignored: FieldSet | undefined; time?: string },
): boolean {
  const set = union(ownable(comparison.modified, by.ignored), ownable(comparison.added, by.ignored));
  const removed = ownable(comparison.removed, by.ignored);
  if (isEmptySet(set) && isEmptySet(removed)) return false;
  takeFields(managers, union(set, removed));
  if (isEmptySet(set)) return true;
  const { manager, apiVersion, subresource = '', now } = by.owner;
  const owner = { manager: manager || 'unknown', operation: 'Update', apiVersion, subresource } as const;
  const identity = identityOf(owner);
  const previous = managers.get(identity);
  managers.set(identity, {
    ...owner,
    set: previous ? union(set, previous.set) : set,
    time: formatTime(now),
  });
  return true;
}

/** Takes fields from every manager but one; managers that own nothing any more are forgotten. */
export function takeFields(managers: Managers, fields: FieldSet, except?: string): void {
  for (const [identity, managed] of managers) {
    if (identity === except) continue;
    const left = difference(managed.set, fields);
    if (left === managed.set) continue;
    if (isEmptySet(left)) managers.delete(identity);
    else managers.set(identity, { ...managed, set: left } satisfies Managed);
  }
}
