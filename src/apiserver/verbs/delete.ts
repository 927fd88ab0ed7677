/** DELETE of one object: preconditions, grace, finalizers. */
import type { KubeObject, Shared } from '../../api/kind.ts';
import { type FieldError, invalid, notSupported } from '../../api/machinery/field-error.ts';
import { badRequest, conflict, invalidObject, notFound } from '../../api/machinery/status.ts';
import { structSchema } from '../../api/schema/schema.ts';
import type { DeleteOptions } from '../../api/types/meta-v1.ts';
import { formatTime, parseTime } from '../../base/clock.ts';
import { mutableCopy } from '../../base/deep.ts';
import type { ApiContext } from '../context.ts';
import { commitWrites } from '../registry/commit.ts';
import { DerivedEntry, type Entry, keyFor } from '../registry/resource.ts';
import { Admission, admit } from './admit.ts';
import { canonicalBody, readBody } from './body.ts';
import { type Answer, type Call, successStatus } from './call.ts';
import { isDryRun } from './call-options.ts';
import { readConsistently } from './freshness.ts';
import { presented } from './get.ts';

const orphanFinalizer = 'orphan';
const foregroundFinalizer = 'foregroundDeletion';

/** A definition waits for the objects of its kind to go. */
const definitions = {
  group: 'apiextensions.k8s.io',
  plural: 'customresourcedefinitions',
  finalizer: 'customresourcecleanup.apiextensions.k8s.io',
};

/** Resources whose deletion answers with the object that went; the others answer with a Status. */
const answerWithObject = new Set([
  'pods',
  'services',
  'serviceaccounts',
  'persistentvolumes',
  'persistentvolumeclaims',
  'podtemplates',
  'resourcequotas',
]);

export async function deleteOne(api: ApiContext, call: Call): Promise<Answer> {
  const options = deleteOptions(call);
  const outcome = await deleteObject(api, call, options);
  const { hub, kind } = call.resource;
  if (outcome.gone && !(hub.group === '' && answerWithObject.has(hub.plural)))
    return { code: 200, object: successStatus(kind, outcome.entry.object) };
  const code = !outcome.gone && options.orphanDependents === false ? 202 : 200;
  return { code, entry: await presented(call, outcome.entry) };
}

/** The options of a delete: its body, or else its query. Throws 400 and 422. */
export function deleteOptions(call: Call): DeleteOptions {
  const options = hasBody(call) ? bodyOptions(call) : queryOptions(call);
  const errors: FieldError[] = [];
  const { propagationPolicy, orphanDependents, gracePeriodSeconds } = options;
  if (propagationPolicy !== undefined && orphanDependents !== undefined)
    errors.push(
      invalid('propagationPolicy', propagationPolicy, 'orphanDependents and deletionPropagation cannot be both set'),
    );
  if (propagationPolicy !== undefined && !['Foreground', 'Background', 'Orphan'].includes(propagationPolicy))
    errors.push(notSupported('propagationPolicy', propagationPolicy, ['Foreground', 'Background', 'Orphan', 'nil']));
  if (options.dryRun?.some((value) => value !== 'All')) errors.push(notSupported('dryRun', options.dryRun, ['All']));
  if (gracePeriodSeconds !== undefined && gracePeriodSeconds < 0 && call.resource.hub.gracePeriodSeconds === undefined)
    options.gracePeriodSeconds = 1;
  if (errors.length) throw invalidObject({ group: 'meta.k8s.io', kind: 'DeleteOptions' }, '', errors);
  return options;
}

function hasBody({ body }: Call): boolean {
  if (!body) return false;
  return 'object' in body ? body.object !== undefined : body.bytes.length > 0;
}

function bodyOptions(call: Call): DeleteOptions {
  const schema = { struct: structSchema('meta/v1.DeleteOptions'), apiVersion: 'v1', kind: 'DeleteOptions' };
  const raw = readBody(call.body!, schema);
  const { kind } = raw.value;
  if (kind !== undefined && kind !== 'DeleteOptions')
    throw badRequest(`the object provided is unrecognized (must be of type DeleteOptions): ${String(kind)}`);
  return canonicalBody(call, schema, {
    value: { ...raw.value, kind: 'DeleteOptions', apiVersion: 'v1' },
  }) as unknown as DeleteOptions;
}

function queryOptions(call: Call): DeleteOptions {
  const { gracePeriodSeconds, propagationPolicy, orphanDependents } = call.options;
  return {
    kind: 'DeleteOptions',
    apiVersion: 'v1',
    ...(gracePeriodSeconds === undefined ? {} : { gracePeriodSeconds }),
    ...(propagationPolicy ? { propagationPolicy: propagationPolicy as 'Background' } : {}),
    ...(orphanDependents === undefined ? {} : { orphanDependents }),
    ...(isDryRun(call.options, 'DeleteOptions') ? { dryRun: ['All'] } : {}),
  };
}

export interface DeleteOutcome {
  /** The object as it was last, or as it waits to go. */
  readonly entry: Entry;
  readonly gone: boolean;
}

/** Deletes the call's object, or marks it; admission sees it once. */
export async function deleteObject(api: ApiContext, call: Call, options: DeleteOptions): Promise<DeleteOutcome> {
  const { resource } = call;
  const stored = resource.stored!;
  const key = keyFor(stored, call.namespace, call.name);
  const dryRun = Boolean(options.dryRun?.length) || isDryRun(call.options, 'DeleteOptions');
  if (api.sharedStore) await readConsistently(api);
  let current: Entry | undefined = stored.cache.get(key);
  let admitted = false;
  for (;;) {
    if (!current) throw notFound(resource.kind, call.name);
    const old = (resource.load ? await resource.load(current) : current).object;
    checkPreconditions(call, options, old);
    if (!admitted) {
      await admit(api, new Admission(call, { operation: 'DELETE', oldObject: old, options, dryRun }));
      admitted = true;
      current = stored.cache.get(key);
      if (!current) throw notFound(resource.kind, call.name);
      if (current.object !== old && !resource.load) continue;
    }
    const plan = planDeletion(api, call, { options, old });
    if (plan === 'pending') return { entry: current, gone: false };
    if (dryRun) {
      const shown = plan === 'now' ? current : new DerivedEntry(key, current.revision, plan as Shared<KubeObject>);
      return { entry: shown, gone: plan === 'now' };
    }
    const done = await carryOut(api, call, { current, old, plan });
    if (done.entry) return { entry: done.entry, gone: plan === 'now' };
    current = done.current;
  }
}

function checkPreconditions(call: Call, options: DeleteOptions, old: Shared<KubeObject>): void {
  const { uid, resourceVersion } = options.preconditions ?? {};
  if (uid !== undefined && uid !== old.metadata.uid)
    throw conflict(
      call.resource.kind,
      call.name,
      `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${old.metadata.uid}`,
    );
  if (resourceVersion !== undefined && resourceVersion !== old.metadata.resourceVersion)
    throw conflict(
      call.resource.kind,
      call.name,
      `Precondition failed: ResourceVersion in precondition: ${resourceVersion}, ResourceVersion in object meta: ${old.metadata.resourceVersion}`,
    );
}

async function carryOut(
  api: ApiContext,
  call: Call,
  { current, old, plan }: { current: Entry; old: Shared<KubeObject>; plan: 'now' | KubeObject },
): Promise<{ entry?: Entry; current?: Entry | undefined }> {
  const { resource } = call;
  const stored = resource.stored!;
  const { key } = current;
  const hook = api.writeHooks.get(stored.prefix);
  for (;;) {
    const next = plan === 'now' ? undefined : plan;
    const extra = hook?.beforeWrite({ object: next, old, dryRun: false }, call) ?? [];
    const object = next ? ((resource.store ? await resource.store(next) : next) as Shared<KubeObject>) : null;
    const commit = await commitWrites(api, [
      { resource: stored.cache, key, object, expectedRevision: current.revision },
      ...extra,
    ]);
    if (commit.ok) return { entry: commit.entries[0] as Entry };
    const mine = commit.conflicts.find((other) => other.key === key);
    if (mine) return { current: mine.current as Entry | undefined };
    hook?.onConflict?.(commit.conflicts.map((other) => other.key));
    if (api.sharedStore) await readConsistently(api);
  }
}

/** What a delete does to an object: it goes now, it is marked (the changed object), or it waits already. */
function planDeletion(
  api: ApiContext,
  call: Call,
  { options, old }: { options: DeleteOptions; old: Shared<KubeObject> },
): 'now' | 'pending' | KubeObject {
  if (call.resource.hub.group === '' && call.resource.hub.plural === 'namespaces') return planNamespace(api, call, old);
  const now = api.clock.now();
  const grace = graceOf(call, { options, old, now });
  if (grace === 'pending') return 'pending';
  const finalizers = finalizersAfter(call, options, old);
  const holds = (finalizers?.length ?? 0) > 0;
  if (grace === 'none' && !holds) return 'now';
  if (grace !== 'none' && grace.seconds === 0 && !holds) return 'now';

  const marked = mutableCopy(old) as KubeObject;
  if (finalizers?.length) marked.metadata.finalizers = [...finalizers];
  else delete marked.metadata.finalizers;
  if (grace === 'none') markDeleting(marked, now);
  else {
    if (!marked.metadata.deletionTimestamp) raiseGeneration(marked);
    marked.metadata.deletionTimestamp = formatTime(Math.min(grace.since + grace.seconds * 1000, lastInstant));
    marked.metadata.deletionGracePeriodSeconds = grace.seconds;
  }
  return marked;
}

/** An object without grace that finalizers hold. */
function markDeleting(object: KubeObject, now: number): void {
  const { metadata } = object;
  if (!metadata.deletionTimestamp) raiseGeneration(object);
  if (!metadata.deletionTimestamp || parseTime(metadata.deletionTimestamp) > now)
    metadata.deletionTimestamp = formatTime(now);
  metadata.deletionGracePeriodSeconds = 0;
}

function raiseGeneration(object: KubeObject): void {
  if (object.metadata.generation) object.metadata.generation++;
}

/** The last second that RFC 3339 can write. */
const lastInstant = Date.UTC(9999, 11, 31, 23, 59, 59);

type Grace = 'none' | 'pending' | { readonly seconds: number; readonly since: number };

/** The grace that a delete gives, in seconds from an instant; a delete that is under way can only be shortened. */
function graceOf(
  call: Call,
  { options, old, now }: { options: DeleteOptions; old: Shared<KubeObject>; now: number },
): Grace {
  const { hub } = call.resource;
  if (!hub.gracePeriodSeconds) return 'none';
  const asked = options.gracePeriodSeconds === undefined ? undefined : Number(options.gracePeriodSeconds);
  const { deletionTimestamp, deletionGracePeriodSeconds } = old.metadata;
  if (deletionTimestamp) {
    if (deletionGracePeriodSeconds === undefined) return 'none';
    if (asked === undefined || asked >= deletionGracePeriodSeconds) return 'pending';
    return { seconds: Math.max(0, asked), since: parseTime(deletionTimestamp) - deletionGracePeriodSeconds * 1000 };
  }
  const usual = hub.gracePeriodSeconds(old);
  if (usual === undefined) return 'none';
  const seconds = usual === 0 ? 0 : Math.min(asked ?? Number(usual), Number.MAX_SAFE_INTEGER);
  return { seconds: seconds < 0 ? 1 : seconds, since: now };
}

/** The finalizers after a delete with these options: `orphan` and `foregroundDeletion` follow the propagation policy. */
function finalizersAfter(call: Call, options: DeleteOptions, old: Shared<KubeObject>): readonly string[] | undefined {
  const before = old.metadata.finalizers;
  const orphan = shouldOrphan(call, options, before);
  const foreground = shouldDeleteDependents(options, before);
  const kept = (before ?? []).filter((name) => name !== orphanFinalizer && name !== foregroundFinalizer);
  const { group, plural } = call.resource.hub;
  if (
    group === definitions.group &&
    plural === definitions.plural &&
    !old.metadata.deletionTimestamp &&
    !kept.includes(definitions.finalizer)
  )
    kept.push(definitions.finalizer);
  if (orphan) kept.push(orphanFinalizer);
  if (foreground) kept.push(foregroundFinalizer);
  return kept.length === 0 && !before ? undefined : kept;
}

function shouldOrphan(call: Call, options: DeleteOptions, finalizers: readonly string[] | undefined): boolean {
  if (call.resource.hub.group === '' && call.resource.hub.plural === 'events') return false;
  if (options.orphanDependents !== undefined) return options.orphanDependents;
  if (options.propagationPolicy !== undefined) return options.propagationPolicy === 'Orphan';
  if (finalizers?.includes(orphanFinalizer)) return true;
  if (finalizers?.includes(foregroundFinalizer)) return false;
  // The version that was asked for decides: the legacy versions leave dependents where the stable ones do not.
  return Boolean(call.resource.kind.orphanDependentsByDefault);
}

function shouldDeleteDependents(options: DeleteOptions, finalizers: readonly string[] | undefined): boolean {
  if (options.orphanDependents !== undefined) return false;
  if (options.propagationPolicy !== undefined) return options.propagationPolicy === 'Foreground';
  if (finalizers?.includes(orphanFinalizer)) return false;
  return Boolean(finalizers?.includes(foregroundFinalizer));
}

/** A namespace is emptied first: it is marked as terminating and goes when its last finalizer is removed. */
function planNamespace(api: ApiContext, call: Call, old: Shared<KubeObject>): 'now' | KubeObject {
  const { spec } = old as Shared<KubeObject> & { spec?: { finalizers?: readonly string[] } };
  const held = Boolean(spec?.finalizers?.length || old.metadata.finalizers?.length);
  if (old.metadata.deletionTimestamp && held)
    throw conflict(
      call.resource.kind,
      call.name,
      'The system is ensuring all content is removed from this namespace.  Upon completion, this namespace will automatically be purged by the system.',
    );
  if (!held) return 'now';
  const marked = mutableCopy(old) as KubeObject & { status?: Record<string, unknown> };
  marked.metadata.deletionTimestamp = formatTime(api.clock.now());
  marked.status = { ...marked.status, phase: 'Terminating' };
  return marked;
}
