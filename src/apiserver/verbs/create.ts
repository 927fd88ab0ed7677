/** POST of a new object. */
import type { KubeObject, Shared } from '../../api/kind.ts';
import type { FieldError } from '../../api/machinery/field-error.ts';
import { validateObjectMeta } from '../../api/machinery/object-meta.ts';
import { alreadyExists, badRequest, invalidObject, StatusError } from '../../api/machinery/status.ts';
import { mutableCopy } from '../../base/deep.ts';
import type { ApiContext } from '../context.ts';
import { commitWrites } from '../registry/commit.ts';
import { DerivedEntry, type Entry, keyFor } from '../registry/resource.ts';
import { Admission, mutate, validate } from './admit.ts';
import { decodeBody, schemaOf } from './body.ts';
import type { Answer, Call } from './call.ts';
import { checkWriteOptions, isDryRun } from './call-options.ts';
import { readConsistently } from './freshness.ts';
import { presented } from './get.ts';
import { kindContext } from './kind-context.ts';
import { recordCreate } from './managed-fields.ts';
import {
  dedupeOwnerReferences,
  dropStatus,
  generateName,
  hasStatus,
  prepareMetaForCreate,
  settleNamespace,
  tracksGeneration,
} from './object-meta.ts';

/** Upstream tries a generated name eight times. */
const nameAttempts = 8;

export async function create(api: ApiContext, call: Call): Promise<Answer> {
  checkWriteOptions(call.options, 'CreateOptions');
  const { resource } = call;
  const sent = decodeBody(call, schemaOf(resource.kind, resource.custom));
  const entry = await createObject(api, call, resource.toHub ? toHub(call, sent) : sent);
  return { code: 201, entry: await presented(call, entry) };
}

function toHub(call: Call, object: KubeObject): KubeObject {
  call.resource.kind.defaults?.(object);
  return call.resource.toHub!(object);
}

/**
 * Creates an object in the hub's form, which it takes over.
 * @param settings recordFields: false where the managed fields are in it already (server-side apply)
 */
export async function createObject(
  api: ApiContext,
  call: Call,
  object: KubeObject,
  settings: { recordFields: boolean } = { recordFields: true },
): Promise<Entry> {
  const { resource } = call;
  const { hub } = resource;
  refuseWhileGoing(call);
  settleNamespace(call, object);
  if (call.name && object.metadata.name && object.metadata.name !== call.name)
    throw badRequest(
      `the name of the object (${object.metadata.name}) does not match the name on the URL (${call.name})`,
    );
  dedupeOwnerReferences(call, object);
  prepareMetaForCreate(api, object);
  if (hasStatus(hub) && !hub.keepsStatusOnCreate) dropStatus(hub, object);
  hub.defaults?.(object);
  if (settings.recordFields) recordCreate(api, call, object);

  const dryRun = isDryRun(call.options);
  const admission = new Admission(call, {
    operation: 'CREATE',
    object,
    dryRun,
    options: { kind: 'CreateOptions', apiVersion: 'meta.k8s.io/v1', ...optionsOf(call) },
    name: object.metadata.name ?? '',
  });
  try {
    await mutate(api, admission);
    return await persist(api, call, { admission, dryRun });
  } catch (error) {
    admission.failed();
    throw error;
  }
}

/** The part of the query that admission sees. */
export function optionsOf(call: Call): Record<string, unknown> {
  const { dryRun, fieldManager, fieldValidation } = call.options;
  return {
    ...(dryRun ? { dryRun: ['All'] } : {}),
    ...(fieldManager ? { fieldManager } : {}),
    ...(fieldValidation ? { fieldValidation } : {}),
  };
}

/** Custom resources whose definition is being deleted take no new objects. */
function refuseWhileGoing(call: Call): void {
  const why = call.resource.refuseWrites?.();
  if (why) throw new StatusError('MethodNotAllowed', why, { kind: call.resource.kind.plural });
}

async function persist(
  api: ApiContext,
  call: Call,
  { admission, dryRun }: { admission: Admission; dryRun: boolean },
): Promise<Entry> {
  const { hub } = call.resource;
  const object = admission.object!;
  const generated = !object.metadata.name && Boolean(object.metadata.generateName);
  dedupeOwnerReferences(call, object);
  hub.defaults?.(object);
  if (tracksGeneration(hub)) object.metadata.generation = 1;
  const context = kindContext(api, call);
  for (let attempt = 0; ; attempt++) {
    if (generated) object.metadata.name = generateName(api, object.metadata.generateName!);
    if (attempt === 0) {
      hub.prepareCreate?.(object, context);
      api.writeHooks.get(call.resource.stored!.prefix)?.prepare?.(object, undefined);
      checkNew(api, call, object);
      await validate(api, admission);
    }
    const outcome = await store(api, call, { object, dryRun });
    if (outcome) return outcome;
    if (!generated) throw existsError(api, call, object.metadata.name);
    if (attempt === nameAttempts - 1) throw noUniqueName(call, object.metadata.name);
  }
}

function checkNew(api: ApiContext, call: Call, object: KubeObject): void {
  const { hub, kind } = call.resource;
  const errors: FieldError[] = validateObjectMeta(object.metadata, {
    namespaced: hub.namespaced,
    validateName: hub.validateName,
  });
  const validateKind = kind.storedAs?.validate ?? hub.validate;
  if (validateKind) errors.push(...validateKind(object as Shared<KubeObject>, undefined));
  if (hub.validateCreate) errors.push(...hub.validateCreate(object as Shared<KubeObject>));
  const hook = api.writeHooks.get(call.resource.stored!.prefix);
  if (hook?.validate) errors.push(...hook.validate(object as Shared<KubeObject>, undefined));
  if (errors.length) throw invalidObject(hub, object.metadata.name ?? object.metadata.generateName ?? '', errors);
  if (hub.warnings) call.warnings.push(...hub.warnings(object as Shared<KubeObject>));
}

/** The entry of the object that was stored; undefined when its key is taken. */
async function store(
  api: ApiContext,
  call: Call,
  { object, dryRun }: { object: KubeObject; dryRun: boolean },
): Promise<Entry | undefined> {
  const stored = call.resource.stored!;
  const key = keyFor(stored, object.metadata.namespace ?? '', object.metadata.name);
  const hook = api.writeHooks.get(stored.prefix);
  if (dryRun) {
    if (stored.cache.get(key)) return undefined;
    hook?.beforeWrite({ object, old: undefined, dryRun }, call);
    return new DerivedEntry(key, 0, object as Shared<KubeObject>);
  }
  const resource = stored.cache;
  for (;;) {
    // Another server may have given away what the hook would give, or taken back what it would refuse.
    if (hook && api.sharedStore) await readConsistently(api);
    // What the hook gives in vain must not look like what the client asked for.
    const attempt = hook ? (mutableCopy(object as Shared<KubeObject>) as KubeObject) : object;
    const extra = hook ? hook.beforeWrite({ object: attempt, old: undefined, dryRun }, call) : [];
    const final = (call.resource.store ? await call.resource.store(attempt) : attempt) as Shared<KubeObject>;
    const commit = await commitWrites(api, [{ resource, key, object: final, expectedRevision: 0 }, ...extra]);
    if (commit.ok) return commit.entries[0] as Entry;
    if (commit.conflicts.some((conflict) => conflict.key === key)) return undefined;
    hook?.onConflict?.(commit.conflicts.map((conflict) => conflict.key));
  }
}

function existsError(_api: ApiContext, call: Call, name: string): StatusError {
  const stored = call.resource.stored!;
  const error = alreadyExists(call.resource.kind, name);
  const existing = stored.cache.get(keyFor(stored, call.namespace, name));
  if (!existing?.object.metadata.deletionTimestamp) return error;
  return new StatusError(error.reason, `object is being deleted: ${error.message}`, error.details);
}

function noUniqueName(call: Call, name: string): StatusError {
  const error = alreadyExists(call.resource.kind, name);
  return new StatusError(
    'AlreadyExists',
    `${error.message}, the server was not able to generate a unique name for the object`,
    { ...error.details, retryAfterSeconds: 1 },
  );
}
