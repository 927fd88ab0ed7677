/** PUT, and the loop that every change of a stored object goes through. */
import type { KubeObject, Shared } from '../../api/kind.ts';
import { type FieldError, invalid } from '../../api/machinery/field-error.ts';
import { validateObjectMeta, validateObjectMetaUpdate } from '../../api/machinery/object-meta.ts';
import {
  badRequest,
  conflict,
  invalidObject,
  modifiedMessage,
  notFound,
  type StatusError,
} from '../../api/machinery/status.ts';
import { deepEqual, mutableCopy } from '../../base/deep.ts';
import type { ApiContext } from '../context.ts';
import { commitWrites } from '../registry/commit.ts';
import { DerivedEntry, type Entry, keyFor } from '../registry/resource.ts';
import { behaviourOf } from '../subresources/same-kind.ts';
import { Admission, mutate, validate } from './admit.ts';
import { decodeBody, schemaOf } from './body.ts';
import type { Answer, Call } from './call.ts';
import { checkWriteOptions, isDryRun } from './call-options.ts';
import { createObject, optionsOf } from './create.ts';
import { readConsistently } from './freshness.ts';
import { presented } from './get.ts';
import { kindContext } from './kind-context.ts';
import { recordUpdate } from './managed-fields.ts';
import {
  carrySpec,
  carryStatus,
  dedupeOwnerReferences,
  hasStatus,
  prepareMetaForUpdate,
  settleNamespace,
  specChanged,
  tracksGeneration,
} from './object-meta.ts';

/** A change of one object. */
export interface Change {
  /** Makes the new object, owned by the caller, from what is there now; called again after a lost race. */
  apply(old: Shared<KubeObject>): KubeObject | Promise<KubeObject>;
  /** The object to create where there is none; without it that is a 404. */
  create?(): KubeObject | Promise<KubeObject>;
  /** What the change may touch: the object without its status, its status, or just what `apply` did. */
  readonly scope: 'object' | 'status' | 'as-applied';
  /** False where `apply` has already recorded the managed fields (server-side apply). */
  readonly recordFields: boolean;
  /** Options as admission sees them. */
  readonly optionsKind: 'UpdateOptions' | 'PatchOptions' | 'CreateOptions';
  /** The operation that admission sees; UPDATE by default. */
  readonly admission?: {
    operation: 'CREATE' | 'UPDATE';
    kind: Call['resource']['hub'];
    object: KubeObject;
    /** Takes over into the stored object what plugins have changed in theirs. */
    settle?(final: KubeObject, admitted: KubeObject): void;
  };
  /** For subresources: the object to store, from the one that was proposed. */
  narrow?(proposed: KubeObject, old: Shared<KubeObject>): KubeObject;
}

export interface Changed {
  readonly entry: Entry;
  readonly created: boolean;
  /** The object had only waited for this change to go. */
  readonly deleted: boolean;
}

/** Lost races in a row after which a change without a precondition gives up. */
const maxAttempts = 50;

export async function update(api: ApiContext, call: Call): Promise<Answer> {
  checkWriteOptions(call.options, 'UpdateOptions');
  const { resource } = call;
  const decoded = decodeBody(call, schemaOf(resource.kind, resource.custom));
  if (decoded.metadata.name && decoded.metadata.name !== call.name)
    throw badRequest(
      `the name of the object (${decoded.metadata.name}) does not match the name on the URL (${call.name})`,
    );
  if (!decoded.metadata.name) throw badRequest('name must be provided');
  if (resource.toHub) resource.kind.defaults?.(decoded);
  const sent = resource.toHub ? resource.toHub(decoded) : decoded;
  const behaviour = behaviourOf(call);
  const fresh = () => mutableCopy(sent) as KubeObject;
  const changed = await changeObject(api, call, {
    apply: fresh,
    ...(resource.hub.allowCreateOnUpdate && !call.subresource ? { create: fresh } : {}),
    ...behaviour,
    recordFields: true,
    optionsKind: 'UpdateOptions',
  });
  return { code: changed.created ? 201 : 200, entry: await presented(call, changed.entry) };
}

/** Changes the call's object; the change is made again, on the new object, when a race was lost. */
export async function changeObject(api: ApiContext, call: Call, change: Change): Promise<Changed> {
  const { resource } = call;
  const stored = resource.stored!;
  const key = keyFor(stored, call.namespace, call.name);
  // Another server may have written what the client has seen already.
  if (api.sharedStore) await readConsistently(api);
  const dryRun = isDryRun(call.options, change.optionsKind);
  let current: Entry | undefined = stored.cache.get(key);
  for (let attempt = 0; attempt < maxAttempts; attempt++) {
    if (!current) {
      if (!change.create) throw notFound(resource.kind, call.name);
      return { entry: await createMissing(api, call, change), created: true, deleted: false };
    }
    const old = resource.load ? await resource.load(current) : current;
    const proposed = await change.apply(old.object);
    const outcome = await tryChange(api, call, { change, proposed, current, old: old.object, dryRun });
    if ('entry' in outcome) return outcome;
    // A client that stated the version it had seen is refused when the change is made again on the new one.
    current = outcome.current;
  }
  throw conflict(resource.kind, call.name, modifiedMessage);
}

async function createMissing(api: ApiContext, call: Call, change: Change): Promise<Entry> {
  const object = (await change.create!()) as KubeObject;
  if (object.metadata.uid)
    throw conflict(
      call.resource.kind,
      call.name,
      `Precondition failed: UID in precondition: ${object.metadata.uid}, UID in object meta: `,
    );
  object.metadata.name ||= call.name;
  return createObject(api, call, object, { recordFields: change.recordFields });
}

interface Attempt {
  readonly change: Change;
  readonly proposed: KubeObject;
  readonly current: Entry;
  readonly old: Shared<KubeObject>;
  readonly dryRun: boolean;
}

type Lost = { readonly current: Entry | undefined };

async function tryChange(api: ApiContext, call: Call, attempt: Attempt): Promise<Changed | Lost> {
  const { change, current, old, dryRun } = attempt;
  const { hub } = call.resource;
  checkPreconditions(call, attempt.proposed, old);
  const object = narrowed(call, attempt);
  settleNamespace(call, object);
  dedupeOwnerReferences(call, object);
  if (change.scope === 'object' || change.narrow) hub.defaults?.(object);
  if (change.scope === 'object' && hasStatus(hub)) carryStatus(object, mutableCopy(old) as Shared<KubeObject>);
  if (change.recordFields) await recordUpdate(api, call, { object, old });

  const admission = new Admission(call, {
    operation: change.admission?.operation ?? 'UPDATE',
    ...(change.admission ? { kind: change.admission.kind } : {}),
    object: change.admission?.object ?? object,
    oldObject: change.admission ? undefined : old,
    options: { kind: change.optionsKind, apiVersion: 'meta.k8s.io/v1', ...optionsOf(call) },
    dryRun,
  });
  try {
    await mutate(api, admission);
    change.admission?.settle?.(object, admission.object!);
    const final = change.admission ? object : admission.object!;
    prepare(api, call, { change, final, old });
    check(api, call, { change, final, old });
    await validate(api, admission);
    const result = await write(api, call, { final, current, old, dryRun });
    if ('entry' in result) return result;
    admission.failed();
    return { current: result.current };
  } catch (error) {
    admission.failed();
    throw error;
  }
}

/** Throws 409 when the version that the client had seen, or the object itself, is another one. */
function checkPreconditions(call: Call, proposed: KubeObject, old: Shared<KubeObject>): void {
  const { kind, hub } = call.resource;
  const { uid, resourceVersion } = proposed.metadata;
  if (uid && uid !== old.metadata.uid)
    throw conflict(
      kind,
      call.name,
      `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${old.metadata.uid}`,
    );
  if (resourceVersion && resourceVersion !== '0') {
    if (resourceVersion !== old.metadata.resourceVersion) throw conflict(kind, call.name, modifiedMessage);
    return;
  }
  if (!hub.allowUnconditionalUpdate && call.verb === 'update' && !conditionless.has(call.subresource))
    throw versionRequired(call);
  proposed.metadata.resourceVersion = old.metadata.resourceVersion;
}

/** Subresources that are not the object: what they send has a version of its own or none. */
const conditionless = new Set(['scale', 'binding']);

function versionRequired(call: Call): StatusError {
  return invalidObject(call.resource.hub, call.name, [
    invalid('metadata.resourceVersion', 0, 'must be specified for an update'),
  ]);
}

function narrowed(call: Call, { change, proposed, old }: Attempt): KubeObject {
  if (change.narrow) return change.narrow(proposed, old);
  if (change.scope !== 'status') return proposed;
  return carrySpec(proposed, mutableCopy(old) as Shared<KubeObject>, call.resource.custom ? 'kept' : 'labels');
}

function prepare(
  api: ApiContext,
  call: Call,
  { change, final, old }: { change: Change; final: KubeObject; old: Shared<KubeObject> },
): void {
  const { hub } = call.resource;
  const context = kindContext(api, call);
  prepareMetaForUpdate(final, old);
  if (change.scope === 'status') {
    hub.prepareStatusUpdate?.(final, old, context);
    return;
  }
  if (change.scope === 'object') {
    hub.defaults?.(final);
    api.writeHooks.get(call.resource.stored!.prefix)?.prepare?.(final, old);
    hub.prepareUpdate?.(final, old, context);
  } else hub.defaults?.(final);
  // To be given a node changes nothing of what was asked for.
  if (call.subresource === 'binding') return;
  if (tracksGeneration(hub) && specChanged(final, old, hasStatus(hub) || !call.resource.custom))
    final.metadata.generation = (old.metadata.generation ?? 0) + 1;
}

function check(
  api: ApiContext,
  call: Call,
  { change, final, old }: { change: Change; final: KubeObject; old: Shared<KubeObject> },
): void {
  const { hub, kind } = call.resource;
  const object = final as Shared<KubeObject>;
  const errors: FieldError[] = validateObjectMeta(final.metadata, {
    namespaced: hub.namespaced,
    validateName: () => [],
  });
  errors.push(...validateObjectMetaUpdate(final.metadata, old.metadata));
  const hook = api.writeHooks.get(call.resource.stored!.prefix);
  if (change.scope === 'status') {
    errors.push(...(hub.validateStatusUpdate?.(object, old) ?? []), ...(hook?.validateStatus?.(object, old) ?? []));
  } else if (change.scope === 'object') {
    const validateKind = kind.storedAs?.validate ?? hub.validate;
    errors.push(...(validateKind?.(object, old) ?? []), ...(hub.validateUpdate?.(object, old) ?? []));
    if (hook?.validate) errors.push(...hook.validate(object, old));
  } else errors.push(...(hub.validateSubresourceUpdate?.(call.subresource, object, old) ?? []));
  if (errors.length) throw invalidObject(hub, final.metadata.name, errors);
  if ((change.scope === 'object' || call.resource.custom) && hub.warnings)
    call.warnings.push(...hub.warnings(object, old));
}

/** Stores the object, deletes it when it had only waited for its finalizers, or leaves it when nothing has changed. */
async function write(
  api: ApiContext,
  call: Call,
  { final, current, old, dryRun }: { final: KubeObject; current: Entry; old: Shared<KubeObject>; dryRun: boolean },
): Promise<Changed | { current: Entry | undefined }> {
  const { resource } = call;
  const stored = resource.stored!;
  const { key } = current;
  const gone = goesWith(resource.hub.plural, final);
  if (!gone && !current.stale && deepEqual(final, old) && !(await isStoredInOldVersion(resource, final, current)))
    return { entry: current, created: false, deleted: false };
  const hook = api.writeHooks.get(stored.prefix);
  for (;;) {
    // What the hook gives in vain must not look like what the client asked for.
    const attempt = hook ? (mutableCopy(final as Shared<KubeObject>) as KubeObject) : final;
    const extra = hook?.beforeWrite({ object: gone ? undefined : attempt, old, dryRun }, call) ?? [];
    if (dryRun) {
      const shown = new DerivedEntry(key, current.revision, attempt as Shared<KubeObject>);
      return { entry: shown, created: false, deleted: gone };
    }
    const object = gone ? null : ((resource.store ? await resource.store(attempt) : attempt) as Shared<KubeObject>);
    const commit = await commitWrites(api, [
      { resource: stored.cache, key, object, expectedRevision: current.revision },
      ...extra,
    ]);
    if (commit.ok) return { entry: commit.entries[0] as Entry, created: false, deleted: gone };
    const mine = commit.conflicts.find((other) => other.key === key);
    if (mine) return { current: mine.current as Entry | undefined };
    hook?.onConflict?.(commit.conflicts.map((other) => other.key));
    if (api.sharedStore) await readConsistently(api);
  }
}

/** Whether an object that has not changed would be stored in another version now: a write migrates it. */
async function isStoredInOldVersion({ store }: Call['resource'], final: KubeObject, current: Entry): Promise<boolean> {
  return store !== undefined && (await store(final)).apiVersion !== current.object.apiVersion;
}

/** Whether an object that is being deleted has nothing left that holds it. */
function goesWith(plural: string, object: KubeObject): boolean {
  const { deletionTimestamp, finalizers, deletionGracePeriodSeconds } = object.metadata;
  if (!deletionTimestamp || finalizers?.length || deletionGracePeriodSeconds) return false;
  if (plural !== 'namespaces') return true;
  const { spec } = object as KubeObject & { spec?: { finalizers?: string[] } };
  return !spec?.finalizers?.length;
}
