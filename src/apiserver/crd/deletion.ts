/** What a definition waits for when it is deleted: that the objects of its kind are gone (apiextensions finalizer). */
import type { CustomResourceDefinition } from '../../api/apiextensions/custom-resource-definition.ts';
import type { Shared } from '../../api/kind.ts';
import { isNotFound } from '../../api/machinery/status.ts';
import type { ApiContext } from '../context.ts';
import type { ServedResource } from '../registry/resource.ts';
import { loopbackUser } from '../user.ts';
import type { Call } from '../verbs/call.ts';
import { deleteObject } from '../verbs/delete.ts';
import { setCondition } from './names.ts';

/** Held by a definition until the objects of its kind are gone. */
export const cleanupFinalizer = 'customresourcecleanup.apiextensions.k8s.io';

/** Deletes what is not being deleted yet; false when nothing is left. Throws where an object cannot be deleted. */
export async function deleteInstances(api: ApiContext, resource: ServedResource): Promise<boolean> {
  const { cache, prefix } = resource.stored!;
  const left = [...cache.snapshot().range(prefix)];
  for (const { object } of left)
    if (!object.metadata.deletionTimestamp) await deleteInstance(api, resource, object.metadata);
  return left.length > 0;
}

async function deleteInstance(
  api: ApiContext,
  resource: ServedResource,
  { name, namespace = '' }: { readonly name: string; readonly namespace?: string },
): Promise<void> {
  const call: Call = {
    verb: 'delete',
    resource,
    namespace,
    name,
    subresource: '',
    options: {},
    body: undefined,
    patchType: undefined,
    user: loopbackUser,
    userAgent: '',
    signal: undefined,
    warnings: [],
    annotate() {},
  };
  await deleteObject(api, call, { kind: 'DeleteOptions', apiVersion: 'v1' }).catch((error) => {
    if (!isNotFound(error)) throw error;
  });
}

type Status = Shared<CustomResourceDefinition>['status'];

/** The status of a definition whose objects are being deleted; undefined when it says so, or why it fails, already. */
export function terminatingStatus(status: Status, now: string, error?: unknown): Status | undefined {
  const conditions = status.conditions ?? [];
  const before = conditions.find((condition) => condition.type === 'Terminating');
  const next =
    error === undefined
      ? { reason: 'InstanceDeletionInProgress', message: 'CustomResource deletion is in progress' }
      : {
          reason: 'InstanceDeletionFailed',
          message: `could not issue all deletes: ${error instanceof Error ? error.message : String(error)}`,
        };
  // A failure stays in sight while it is tried again.
  if (before && (error === undefined || before.message === next.message)) return undefined;
  return { ...status, conditions: setCondition(conditions, now, { type: 'Terminating', status: 'True', ...next }) };
}
