/** Server-side apply: merges a configuration into an object by the schema, with ownership of fields (KEP-555). */

import { formatTime } from '../../../base/clock.ts';
import { deepEqual } from '../../../base/deep.ts';
import { parseExactJson } from '../../../base/exact-json.ts';
import type { KubeObject, Shared } from '../../kind.ts';
import type { StructSchema, TypeSchema } from '../../schema/schema.ts';
import type { ManagedFieldsEntry } from '../../types/meta-v1.ts';
import { canonicalize } from '../decode.ts';
import { shown } from '../scalars.ts';
import { badRequest } from '../status.ts';
import { type Conflict, conflictError } from './conflicts.ts';
import { difference, emptySet, type FieldSet, intersection, isEmptySet, paths, union } from './field-set.ts';
import {
  type Changes,
  changesInVersions,
  emptyObject,
  type FieldOwner,
  ownable,
  ownChanges,
  reconcileManagers,
  recordChange,
  takeFields,
  typeOf,
  withoutManagedFields,
} from './managed-fields.ts';
import { capUpdaters, identityOf, type Managed, type Managers, readManagers, writeManagers } from './managers.ts';
import { checkTyped, mergeTyped } from './merge.ts';
import { prune, type VersionedSet } from './prune.ts';
import { type Comparison, compare, ElementError, fieldSetOf } from './typed.ts';
import { type Converting, type ConvertObjects, inManyVersions, inOneVersion } from './versions.ts';

export interface ApplyRequest {
  readonly struct: StructSchema;
  /** The stored object in the version of the configuration; undefined when the apply creates it. */
  readonly live: Shared<KubeObject> | undefined;
  /** The configuration as the client sent it, with apiVersion and kind. */
  readonly applied: Record<string, unknown>;
  readonly owner: FieldOwner;
  /** Takes over the fields of other managers instead of failing. */
  readonly force: boolean;
  /** Fields that the request cannot set. */
  readonly ignored?: FieldSet | undefined;
}

const lastApplied = 'kubectl.kubernetes.io/last-applied-configuration';
const beforeFirstApply = 'before-first-apply';

interface Merged {
  readonly object: KubeObject;
  /** What changes, but for what nobody owns and what the request cannot set. */
  readonly comparison: Comparison;
  /** What the configuration owns. */
  readonly set: FieldSet;
}

/**
 * The object with the configuration applied, in canonical form with its managedFields written; defaulting, validation and
 * admission follow as for an update. Throws badRequest for a configuration that does not fit the schema, and a conflict
 * (409, with a cause for each field) where another manager owns a field that it would change.
 */
export function applyPatch(request: ApplyRequest): KubeObject {
  return inOneVersion(request.struct, applySteps(request));
}

/**
 * The same for a kind that is converted: conflicts are found, and what is no longer applied is removed, in the versions
 * that managers wrote in. Managers whose version is gone are forgotten.
 */
export function applyPatchInVersions(request: ApplyRequest, convert: ConvertObjects): KubeObject | Promise<KubeObject> {
  return inManyVersions(convert, applySteps(request));
}

function* applySteps(request: ApplyRequest): Converting<KubeObject> {
  const { struct, live, applied, owner, force, ignored } = request;
  const type = typeOf(struct);
  checkApplied(request, type);
  const managers = currentManagers(request);
  if (struct.dynamic) yield* reconcileManagers(managers, owner.apiVersion, struct);
  const before = live ? withoutManagedFields(live) : emptyObject(struct);
  const identity = identityOf({ ...ownerOf(owner), operation: 'Apply' });
  const merged = yield* merge(request, { type, managers, before, identity });
  const { comparison, object, set } = merged;
  const previous = managers.get(identity);
  managers.delete(identity);
  const changes = yield* changesInVersions(managers, {
    apiVersion: owner.apiVersion,
    own: comparison,
    before: live && before,
    after: withoutManagedFields(object),
  });
  const conflicts = force ? [] : findConflicts(managers, merged, { changes, request });
  if (conflicts.length) {
    const remaining = owner.manager === 'kubectl' ? withoutLastApplied(type, before, conflicts) : conflicts;
    if (remaining.length) throw conflictError(remaining);
  }
  takeFields(managers, changes, { ignored });
  const nothing = [comparison.modified, comparison.added, comparison.removed].every(isEmptySet);
  const same = nothing && previous?.apiVersion === owner.apiVersion && deepEqual(previous.set, set);
  managers.set(identity, same ? previous : { ...ownerOf(owner), operation: 'Apply', set, time: formatTime(owner.now) });
  capUpdaters(managers);
  const entries = writeManagers(managers.values());
  delete object.metadata.managedFields;
  if (entries.length) object.metadata.managedFields = entries as ManagedFieldsEntry[];
  if (owner.manager === 'kubectl') syncLastApplied(object, applied);
  return object;
}

function ownerOf({
  manager,
  apiVersion,
  subresource = '',
}: FieldOwner): Pick<Managed, 'manager' | 'apiVersion' | 'subresource'> {
  return { manager, apiVersion, subresource };
}

function checkApplied({ applied, owner, struct }: ApplyRequest, type: TypeSchema): void {
  if (applied['apiVersion'] !== owner.apiVersion) {
    throw badRequest(
      `Incorrect version specified in apply patch. Specified patch version: ${shown(applied['apiVersion'])}, expected: ${owner.apiVersion}`,
    );
  }
  const metadata = applied['metadata'] as { name?: unknown; namespace?: unknown; managedFields?: unknown } | undefined;
  if (metadata?.managedFields !== undefined && metadata.managedFields !== null) {
    throw badRequest('metadata.managedFields must be nil');
  }
  const problems = checkTyped(type, applied);
  if (problems.length === 0) return;
  const groupVersion = owner.apiVersion.includes('/') ? owner.apiVersion : `/${owner.apiVersion}`;
  const subject = `${shown(metadata?.namespace ?? '')}/${shown(metadata?.name ?? '')}; ${groupVersion}, Kind=${shown(applied['kind'] ?? struct.name)}`;
  const text = problems.length === 1 ? problems[0] : ['errors:', ...problems.sort().map((p) => `  ${p}`)].join('\n');
  throw badRequest(`failed to create typed patch object (${subject}): ${text}`);
}

/** The managers of the live object; what was never tracked belongs to `before-first-apply`. */
function currentManagers({ struct, live, owner }: ApplyRequest): Managers {
  const managers = readManagers(live?.metadata.managedFields) ?? new Map();
  if (managers.size === 0 && live) {
    const comparison = compare(typeOf(struct), emptyObject(struct), withoutManagedFields(live));
    recordChange(managers, new Map([[owner.apiVersion, comparison]]), {
      owner: { ...owner, manager: beforeFirstApply, subresource: '' },
      ignored: undefined,
    });
  }
  return managers;
}

interface Basis {
  readonly type: TypeSchema;
  readonly managers: Managers;
  readonly before: Shared<KubeObject>;
  readonly identity: string;
}

function* merge(request: ApplyRequest, basis: Basis): Converting<Merged> {
  const { struct, applied, ignored, owner } = request;
  const { type, managers, before, identity } = basis;
  const set = ownable(fieldSetOf(type, applied), ignored);
  const last = managers.get(identity);
  try {
    let value = mergeTyped(type, before, applied) as Shared<KubeObject>;
    if (last) {
      const kept = setsByVersion(managers, identity, { apiVersion: owner.apiVersion, set });
      value = yield* prune({ struct, apiVersion: owner.apiVersion, object: value }, { last, kept });
    }
    const { object } = canonicalize<KubeObject>(struct, value, { validation: 'Ignore' });
    object.metadata ??= {} as KubeObject['metadata'];
    return { object, set, comparison: ownChanges(compare(type, before, withoutManagedFields(object)), ignored) };
  } catch (error) {
    if (error instanceof ElementError) throw badRequest(`failed to merge config: ${error.message}`);
    throw error;
  }
}

/** What all managers own, with the new configuration in the place of the applier's last. */
function setsByVersion(managers: Managers, applier: string, now: VersionedSet): ReadonlyMap<string, FieldSet> {
  const sets = new Map([[now.apiVersion, now.set]]);
  for (const [identity, { apiVersion, set }] of managers) {
    if (identity !== applier) sets.set(apiVersion, union(sets.get(apiVersion) ?? emptySet, set));
  }
  return sets;
}

function findConflicts(
  managers: Managers,
  { comparison, set }: Merged,
  { changes, request }: { changes: Changes; request: ApplyRequest },
): Conflict[] {
  const { owner, ignored } = request;
  // A field that is set to its zero value is left out of canonical objects, and so seems removed.
  const zeroed = intersection(comparison.removed, set);
  const conflicts: Conflict[] = [];
  for (const manager of managers.values()) {
    const found = changes.get(manager.apiVersion);
    if (!found) continue;
    const { modified, added } = ownChanges(found, ignored);
    const changed = union(modified, added);
    const all = manager.apiVersion === owner.apiVersion ? union(changed, zeroed) : changed;
    for (const path of paths(intersection(manager.set, all))) conflicts.push({ manager, path });
  }
  return conflicts;
}

/** The conflicts but for fields that client-side apply set as they are now: kubectl takes those over from itself. */
function withoutLastApplied(type: TypeSchema, live: Shared<KubeObject>, conflicts: Conflict[]): Conflict[] {
  const annotation = live.metadata.annotations?.[lastApplied];
  if (!annotation) return conflicts;
  let applied: unknown;
  try {
    applied = parseExactJson(annotation);
  } catch {
    return conflicts;
  }
  if (checkTyped(type, applied).length) return conflicts;
  const { added, modified, removed } = compare(type, applied, live);
  const allowed = difference(fieldSetOf(type, applied), union(union(added, modified), removed));
  const owned = new Set([...paths(allowed)].map((path) => JSON.stringify(path)));
  return conflicts.filter(({ path }) => !owned.has(JSON.stringify(path)));
}

/** Keeps client-side apply's annotation current, so that both kinds of apply may be mixed. */
function syncLastApplied(object: KubeObject, applied: Record<string, unknown>): void {
  const annotations = object.metadata.annotations;
  if (annotations?.[lastApplied] === undefined) return;
  const metadata = { ...(applied['metadata'] as Record<string, unknown> | undefined) };
  const given = metadata['annotations'] as Record<string, unknown> | undefined;
  if (given) {
    const { [lastApplied]: _, ...rest } = given;
    metadata['annotations'] = rest;
  }
  annotations[lastApplied] = `${JSON.stringify({ ...applied, metadata })}\n`;
}
