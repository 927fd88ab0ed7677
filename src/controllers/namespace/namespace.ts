import { Namespace } from '../../api/core/namespace.ts';
import type { Shared } from '../../api/kind.ts';
import { isConflict, isNotFound } from '../../api/machinery/status.ts';
import type { NamespaceCondition } from '../../api/types/core-v1.ts';
import { type ControllerContext, defineController, type ReconcileResult } from '../../client/reconcile.ts';
import { type ApiResources, apiResourceCache } from '../api-resources.ts';
import { withCondition } from '../conditions.ts';
import { allow } from '../rbac-rules.ts';
import { deleteContent, type RemainingContent } from './content.ts';

const firstLookMs = 250;
const longestWaitMs = 8_000;
const attempts = new WeakMap<ControllerContext, Map<string, number>>();

/** Empties a namespace that is being deleted, then lets it go. */
export const namespaceController = defineController<Namespace>({
  name: 'namespace-controller',
  for: Namespace,
  concurrency: 10,
  rbac: [
    allow('get list watch delete', '', 'namespaces'),
    allow('update', '', 'namespaces/finalize namespaces/status'),
    allow('get list watch delete deletecollection', '*', '*'),
  ],
  start(context) {
    attempts.set(context, new Map());
    apiResourceCache(context.client, context.informers);
    return undefined;
  },
  async reconcile(key, context) {
    const namespace = context.lister(Namespace).byKey(key);
    const tries = attempts.get(context)!;
    if (!namespace?.metadata.deletionTimestamp || !namespace.spec.finalizers?.includes('kubernetes')) {
      tries.delete(key);
      return undefined;
    }
    return terminate(namespace, context, tries);
  },
});

async function terminate(
  namespace: Shared<Namespace>,
  context: ControllerContext,
  tries: Map<string, number>,
): Promise<ReconcileResult> {
  const { client, informers, clock } = context;
  const name = namespace.metadata.name;
  const found = await apiResourceCache(client, informers).get();
  const left = await deleteContent(client, name, found);
  const conditions = terminationConditions(namespace.status.conditions, { found, left, now: clock.now() });
  let current = namespace;
  if (conditions !== namespace.status.conditions || namespace.status.phase !== 'Terminating') {
    try {
      const status = { ...namespace.status, phase: 'Terminating', conditions };
      current = await client.updateStatus(Namespace, { ...namespace, status });
    } catch (error) {
      if (isNotFound(error)) return undefined;
      // Somebody else wrote meanwhile; the next look has it.
      if (!isConflict(error)) throw error;
      return { requeueAfterMs: firstLookMs };
    }
  }
  if (found.failures.size > 0 || left.errors.length > 0 || left.counts.size > 0) {
    const tried = tries.get(name) ?? 0;
    tries.set(name, tried + 1);
    return { requeueAfterMs: Math.min(longestWaitMs, firstLookMs * 2 ** Math.min(tried, 10)) };
  }
  const finalizers = current.spec.finalizers?.filter((finalizer) => finalizer !== 'kubernetes') ?? [];
  try {
    const body = { ...current, spec: finalizers.length ? { ...current.spec, finalizers } : {} };
    await client.subresource('update', Namespace, { name, subresource: 'finalize' }, body);
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
  return undefined;
}

/** Upstream's five conditions of a terminating namespace; the very list when nothing changed. */
export function terminationConditions(
  before: readonly Shared<NamespaceCondition>[] | undefined,
  { found, left, now }: { found: Pick<ApiResources, 'failures'>; left: RemainingContent; now: number },
): readonly Shared<NamespaceCondition>[] {
  let conditions = before ?? [];
  const set = (type: string, problem: string | undefined, words: { bad: string; good: string; message: string }) => {
    conditions = withCondition<Shared<NamespaceCondition>>(
      conditions,
      {
        type,
        status: problem === undefined ? 'False' : 'True',
        reason: problem === undefined ? words.good : words.bad,
        message: problem ?? words.message,
      },
      now,
    );
  };
  const failed = [...found.failures].map(([groupVersion, why]) => `${groupVersion}: ${why}`);
  set(
    'NamespaceDeletionDiscoveryFailure',
    failed.length ? `Discovery failed for some groups, ${failed.length} failing: ${failed.join(', ')}` : undefined,
    { bad: 'DiscoveryFailed', good: 'ResourcesDiscovered', message: 'All resources successfully discovered' },
  );
  set('NamespaceDeletionGroupVersionParsingFailure', undefined, {
    bad: 'GroupVersionParsingFailed',
    good: 'ParsedGroupVersions',
    message: 'All legacy kube types successfully parsed',
  });
  set(
    'NamespaceDeletionContentFailure',
    left.errors.length
      ? `Failed to delete all resource types, ${left.errors.length} remaining: ${left.errors.join(', ')}`
      : undefined,
    {
      bad: 'ContentDeletionFailed',
      good: 'ContentDeleted',
      message: 'All content successfully deleted, may be waiting on finalization',
    },
  );
  const describe = (entries: ReadonlyMap<string, number>, word: string) =>
    [...entries]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, count]) => `${name} ${word} ${count} resource instances`)
      .join(', ');
  set(
    'NamespaceContentRemaining',
    left.counts.size ? `Some resources are remaining: ${describe(left.counts, 'has')}` : undefined,
    { bad: 'SomeResourcesRemain', good: 'ContentRemoved', message: 'All content successfully removed' },
  );
  set(
    'NamespaceFinalizersRemaining',
    left.finalizers.size
      ? `Some content in the namespace has finalizers remaining: ${describe(left.finalizers, 'in')}`
      : undefined,
    {
      bad: 'SomeFinalizersRemain',
      good: 'ContentHasNoFinalizers',
      message: 'All content-preserving finalizers finished',
    },
  );
  return conditions;
}
