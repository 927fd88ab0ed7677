import { apiVersionOf, type KindRef, type KubeObject, type Shared } from '../api/kind.ts';
import { isConflict, isNotFound } from '../api/machinery/status.ts';
import { StorageVersionMigration } from '../api/storagemigration/storage-version-migration.ts';
import type { Condition } from '../api/types/meta-v1.ts';
import { formatTime, parseTime } from '../base/clock.ts';
import { type ControllerContext, defineController, type ReconcileResult } from '../client/reconcile.ts';
import { apiResourceCache } from './api-resources.ts';
import { findCondition, withCondition } from './conditions.ts';
import { allow } from './rbac-rules.ts';

type Migration = Shared<StorageVersionMigration>;

/** A resource may be so new that discovery does not show it yet: it is looked for this long. */
const unknownForMs = 60_000;
const recheckMs = 5_000;
const pageSize = 500;

/** Writes all objects of a resource anew, so that none is left in an older storage version. */
export const storageVersionMigrator = defineController<StorageVersionMigration>({
  name: 'storage-version-migrator-controller',
  for: StorageVersionMigration,
  requires: StorageVersionMigration,
  rbac: [
    allow('get list watch', 'storagemigration.k8s.io', 'storageversionmigrations'),
    allow('update', 'storagemigration.k8s.io', 'storageversionmigrations/status'),
    allow('list patch', '*', '*'),
  ],
  start(context) {
    apiResourceCache(context.client, context.informers);
    return undefined;
  },
  async reconcile(key, context) {
    const migration = context.lister(StorageVersionMigration).byKey(key);
    if (!migration || isOver(migration)) return undefined;
    return migrate(migration, context);
  },
});

const isOver = ({ status }: Migration): boolean =>
  ['Succeeded', 'Failed'].some((type) => findCondition(status.conditions, type)?.status === 'True');

async function migrate(migration: Migration, context: ControllerContext): Promise<ReconcileResult> {
  const { client, informers, clock } = context;
  const { group = '', resource: plural } = migration.spec.resource;
  const { resources } = await apiResourceCache(client, informers).get();
  const kind = resources.find((one) => one.group === group && one.plural === plural);
  if (!kind) {
    if (parseTime(migration.metadata.creationTimestamp) + unknownForMs > clock.now())
      return { requeueAfterMs: recheckMs };
    await note(migration, context, { type: 'Failed', message: 'resource does not exist in discovery' });
    return undefined;
  }
  const { metadata } = await client.list(kind, { limit: 1 });
  let current = await note(migration, context, {
    type: 'Running',
    ...(metadata.resourceVersion ? { resourceVersion: metadata.resourceVersion } : {}),
  });
  try {
    await rewriteAll(kind, context);
  } catch (error) {
    context.log.warn('objects could not be written anew', { resource: plural, group, error });
    current = await note(current, context, { type: 'Failed', message: 'migration encountered unhandled error' });
    return undefined;
  }
  await note(current, context, { type: 'Succeeded' });
  return undefined;
}

async function rewriteAll(kind: KindRef, { client, signal }: ControllerContext): Promise<void> {
  let from: string | undefined;
  do {
    const page = await client.list(kind, { limit: pageSize, ...(from ? { continue: from } : {}) });
    for (const object of page.items) {
      signal.throwIfAborted();
      await rewrite(kind, object, { client });
    }
    from = page.metadata.continue;
  } while (from);
}

/** An apply that says nothing changes nothing, but is stored in the version of today. */
async function rewrite(
  kind: KindRef,
  { metadata }: Shared<KubeObject>,
  { client }: Pick<ControllerContext, 'client'>,
): Promise<void> {
  const { uid, resourceVersion } = metadata;
  const nothing = { apiVersion: apiVersionOf(kind), kind: kind.kind, metadata: { uid, resourceVersion } };
  try {
    await client.patch(kind, metadata, nothing, { type: 'apply', fieldManager: storageVersionMigrator.name });
  } catch (error) {
    // Changed, gone, or made anew meanwhile: then there is nothing left to do.
    if (!isConflict(error) && !isNotFound(error)) throw error;
  }
}

const reasons = {
  Running: 'StorageVersionMigrationInProgress',
  Succeeded: 'StorageVersionMigrationSucceeded',
  Failed: 'StorageVersionMigrationFailed',
} as const;

/** Writes how far the migration is; one that has ended no longer runs. */
async function note(
  migration: Migration,
  { client, clock }: ControllerContext,
  { type, message = '', resourceVersion }: { type: keyof typeof reasons; message?: string; resourceVersion?: string },
): Promise<Migration> {
  const now = clock.now();
  const running = findCondition(migration.status.conditions, 'Running');
  const before =
    running && type !== 'Running'
      ? withCondition(migration.status.conditions, { ...running, status: 'False' }, now)
      : migration.status.conditions;
  const conditions = withCondition<Condition>(
    before,
    { type, status: 'True', reason: reasons[type], message, lastTransitionTime: formatTime(now) },
    now,
  );
  const status = {
    ...migration.status,
    conditions,
    ...(resourceVersion && !migration.status.resourceVersion ? { resourceVersion } : {}),
  };
  return client.updateStatus(StorageVersionMigration, { ...migration, status });
}
