/** Keeps metadata.managedFields on every create, update and patch: who changed a field owns it. */

import { formatTime } from '../../../base/clock.ts';
import { deepEqual, deepFreeze } from '../../../base/deep.ts';
import type { KubeObject, Shared } from '../../kind.ts';
import type { StructSchema, TypeSchema } from '../../schema/schema.ts';
import type { ManagedFieldsEntry } from '../../types/meta-v1.ts';
import { zeroOf } from '../decode.ts';
import { difference, emptySet, type FieldSet, isEmptySet, recursiveDifference, union } from './field-set.ts';
import { capUpdaters, identityOf, type Managed, type Managers, readManagers, writeManagers } from './managers.ts';
import { reconcileWithSchema } from './reconcile.ts';
import { type Comparison, compare } from './typed.ts';
import { type Converting, type ConvertObjects, inManyVersions, inOneVersion } from './versions.ts';

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
  inOneVersion(update.struct, updateSteps(update));
}

/**
 * The same for a kind that is converted: managers that wrote in another version lose what changes there; those whose
 * version is gone are forgotten. When a conversion fails the object is left without managedFields, and is stored.
 */
export function updateManagedFieldsInVersions(
  update: ManagedFieldsUpdate,
  convert: ConvertObjects,
): void | Promise<void> {
  return inManyVersions(convert, updateSteps(update))?.catch(() => {
    delete update.object.metadata.managedFields;
  });
}

function* updateSteps(update: ManagedFieldsUpdate): Converting<void> {
  const { struct, live, object, owner, ignored } = update;
  if (!object.metadata) return;
  const given = object.metadata.managedFields;
  delete object.metadata.managedFields;
  const liveEntries = live?.metadata.managedFields;
  const kept = liveEntries !== undefined && (given === undefined || deepEqual(given, liveEntries));
  const managers = managersOf(update, kept ? undefined : given);
  if (managers.size === 0 && live) return;
  if (struct.dynamic) yield* reconcileManagers(managers, owner.apiVersion, struct);
  const before = live && withoutManagedFields(live);
  const own = compare(typeOf(struct), before ?? emptyObject(struct), object);
  if (managers.size === 0) {
    const { added, modified } = ownChanges(own, ignored);
    const set = union(modified, added);
    if (!isEmptySet(set))
      object.metadata.managedFields = writeManagers([updaterOf(owner, set)]) as ManagedFieldsEntry[];
    return;
  }
  const changes = yield* changesInVersions(managers, { apiVersion: owner.apiVersion, own, before, after: object });
  const changed = recordChange(managers, changes, { owner, ignored });
  if (!changed && kept) {
    object.metadata.managedFields = liveEntries as ManagedFieldsEntry[];
    return;
  }
  capUpdaters(managers);
  const entries = writeManagers(managers.values());
  if (entries.length) object.metadata.managedFields = entries as ManagedFieldsEntry[];
}

/** Brings what managers own up to date with the schemas of a custom resource, which may change at any time. */
export function* reconcileManagers(managers: Managers, apiVersion: string, struct: StructSchema): Converting<void> {
  const structs = new Map<string, StructSchema | undefined>([[apiVersion, struct]]);
  for (const [identity, managed] of managers) {
    if (!structs.has(managed.apiVersion))
      structs.set(managed.apiVersion, (yield { objects: [], apiVersion: managed.apiVersion })?.struct);
    const now = structs.get(managed.apiVersion);
    const set = now ? reconcileWithSchema(typeOf(now), managed.set) : managed.set;
    if (set !== managed.set) managers.set(identity, { ...managed, set });
  }
}

/** What a request changes, in the versions that managers own fields of; undefined for versions that are gone. */
export type Changes = ReadonlyMap<string, Comparison | undefined>;

/** Compares an object before and after in every version that somebody owns fields of. */
export function* changesInVersions(
  managers: Managers,
  change: {
    /** Of the request, with what it changes there. */
    readonly apiVersion: string;
    readonly own: Comparison;
    /** Undefined for a new object. */
    readonly before: Shared<KubeObject> | undefined;
    readonly after: Shared<KubeObject>;
  },
): Converting<Changes> {
  const { before, after } = change;
  const changes = new Map<string, Comparison | undefined>([[change.apiVersion, change.own]]);
  for (const { apiVersion } of managers.values()) {
    if (changes.has(apiVersion)) continue;
    const found = yield { objects: before ? [after, before] : [after], apiVersion };
    changes.set(
      apiVersion,
      found && compare(typeOf(found.struct), found.objects[1] ?? emptyObject(found.struct), found.objects[0]),
    );
  }
  return changes;
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
  changes: Changes,
  by: { owner: FieldOwner; ignored: FieldSet | undefined; time?: string },
): boolean {
  const own = ownChanges(changes.get(by.owner.apiVersion)!, by.ignored);
  const set = union(own.modified, own.added);
  const forgotten = takeFields(managers, changes, { ignored: by.ignored });
  if (isEmptySet(set)) return forgotten || !isEmptySet(own.removed);
  const updater = updaterOf(by.owner, set);
  const identity = identityOf(updater);
  const previous = managers.get(identity);
  managers.set(identity, previous ? { ...updater, set: union(set, previous.set) } : updater);
  return true;
}

/** The request's manager as the owner of what it sets. */
function updaterOf({ manager, apiVersion, subresource = '', now }: FieldOwner, set: FieldSet): Managed {
  return { manager: manager || 'unknown', operation: 'Update', apiVersion, subresource, set, time: formatTime(now) };
}

/** A comparison without what nobody owns and what the request cannot set. */
export function ownChanges(changes: Comparison, ignored: FieldSet | undefined): Comparison {
  return {
    added: ownable(changes.added, ignored),
    modified: ownable(changes.modified, ignored),
    removed: ownable(changes.removed, ignored),
  };
}

/**
 * Takes what changed from every manager but one, each in its own version. Managers that own nothing any more are
 * forgotten, and so are those whose version is gone: says whether there were such.
 */
export function takeFields(
  managers: Managers,
  changes: Changes,
  by: { ignored: FieldSet | undefined; except?: string },
): boolean {
  const changed = new Map<string, FieldSet>();
  let forgotten = false;
  for (const [identity, managed] of managers) {
    if (identity === by.except) continue;
    const found = changes.get(managed.apiVersion);
    if (!found) {
      managers.delete(identity);
      forgotten = true;
      continue;
    }
    let fields = changed.get(managed.apiVersion);
    if (!fields) {
      const { added, modified, removed } = ownChanges(found, by.ignored);
      fields = union(union(modified, added), removed);
      changed.set(managed.apiVersion, fields);
    }
    const left = difference(managed.set, fields);
    if (left === managed.set) continue;
    if (isEmptySet(left)) managers.delete(identity);
    else managers.set(identity, { ...managed, set: left } satisfies Managed);
  }
  return forgotten;
}
