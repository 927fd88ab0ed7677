/** Server-side apply: merges a configuration into an object by the schema, with ownership of fields (KEP-555). */
import { formatTime } from '../../../base/clock.ts';
import { deepEqual } from '../../../base/deep.ts';
import type { KubeObject, Shared } from '../../kind.ts';
import type { StructSchema, TypeSchema } from '../../schema/schema.ts';
import type { ManagedFieldsEntry } from '../../types/meta-v1.ts';
import { canonicalize } from '../decode.ts';
import { shown } from '../scalars.ts';
import { badRequest } from '../status.ts';
import { type Conflict, conflictError } from './conflicts.ts';
import { difference, type FieldSet, intersection, isEmptySet, paths, union } from './field-set.ts';
import {
  emptyObject,
  type FieldOwner,
  ownable,
  recordChange,
  takeFields,
  typeOf,
  withoutManagedFields,
} from './managed-fields.ts';
import { capUpdaters, identityOf, type Managed, type Managers, readManagers, writeManagers } from './managers.ts';
import { checkTyped, mergeTyped } from './merge.ts';
import { prune } from './prune.ts';
import { type Comparison, compare, ElementError, fieldSetOf } from './typed.ts';

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
  const { struct, live, applied, owner, force } = request;
  const type = typeOf(struct);
  checkApplied(request, type);
  const managers = currentManagers(request);
  const before = live ? withoutManagedFields(live) : emptyObject(struct);
  const identity = identityOf({ ...ownerOf(owner), operation: 'Apply' });
  const merged = merge(request, { type, managers, before, identity });
  const conflicts = force ? [] : findConflicts(managers, merged, identity);
  if (conflicts.length) {
    const remaining = owner.manager === 'kubectl' ? withoutLastApplied(type, before, conflicts) : conflicts;
    if (remaining.length) throw conflictError(remaining);
  }
  const { comparison, object, set } = merged;
  const changes = union(union(comparison.modified, comparison.added), comparison.removed);
  takeFields(managers, changes, identity);
  const previous = managers.get(identity);
  const same = previous && isEmptySet(changes) && deepEqual(previous.set, set);
  managers.set(identity, {
    ...ownerOf(owner),
    operation: 'Apply',
    set: same ? previous.set : set,
    time: same ? previous.time : formatTime(owner.now),
    ...(same && previous.entry ? { entry: previous.entry } : {}),
  });
  capUpdaters(managers);
  const entries = writeManagers(managers);
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
    recordChange(managers, comparison, {
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

function merge(request: ApplyRequest, basis: Basis): Merged {
  const { struct, applied, ignored } = request;
  const { type, managers, before, identity } = basis;
  const set = ownable(fieldSetOf(type, applied), ignored);
  const last = managers.get(identity)?.set;
  try {
    let value = mergeTyped(type, before, applied);
    if (last) value = prune(type, value, { last, kept: keptSets(managers, identity, set) });
    const { object } = canonicalize<KubeObject>(struct, value, { validation: 'Ignore' });
    object.metadata ??= {} as KubeObject['metadata'];
    const { added, modified, removed } = compare(type, before, withoutManagedFields(object));
    const comparison = {
      added: ownable(added, ignored),
      modified: ownable(modified, ignored),
      removed: ownable(removed, ignored),
    };
    return { object, set, comparison };
  } catch (error) {
    if (error instanceof ElementError) throw badRequest(`failed to merge config: ${error.message}`);
    throw error;
  }
}

/** What appliers own, the new configuration included. */
function keptSets(managers: Managers, identity: string, set: FieldSet): FieldSet {
  let kept = set;
  for (const [id, managed] of managers) {
    if (id !== identity && managed.operation === 'Apply') kept = union(kept, managed.set);
  }
  return kept;
}

function findConflicts(managers: Managers, { comparison, set }: Merged, identity: string): Conflict[] {
  // A field that is set to its zero value is left out of canonical objects, and so seems removed.
  const zeroed = intersection(comparison.removed, set);
  const changed = union(union(comparison.modified, comparison.added), zeroed);
  const conflicts: Conflict[] = [];
  for (const [id, managed] of managers) {
    if (id === identity) continue;
    for (const path of paths(intersection(managed.set, changed))) conflicts.push({ manager: managed, path });
  }
  return conflicts;
}

/** The conflicts but for fields that client-side apply set as they are now: kubectl takes those over from itself. */
function withoutLastApplied(type: TypeSchema, live: Shared<KubeObject>, conflicts: Conflict[]): Conflict[] {
  const annotation = live.metadata.annotations?.[lastApplied];
  if (!annotation) return conflicts;
  let applied: unknown;
  try {
    applied = JSON.parse(annotation);
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
