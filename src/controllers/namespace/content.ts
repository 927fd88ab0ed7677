/** Deleting everything in a namespace, and saying what is left. */

import { groupResource } from '../../api/kind.ts';
import { isNotFound, StatusError } from '../../api/machinery/status.ts';
import type { ListMeta } from '../../api/types/meta-v1.ts';
import type { Client } from '../../client/client.ts';
import type { ApiResource, ApiResources } from '../api-resources.ts';

export interface RemainingContent {
  /** Resource (`pods.`, `deployments.apps`) → how many objects are left. */
  readonly counts: ReadonlyMap<string, number>;
  /** Finalizer → on how many objects. */
  readonly finalizers: ReadonlyMap<string, number>;
  readonly errors: readonly string[];
  /** The longest grace period among pods that are left, in seconds. */
  readonly graceSeconds: number;
}

/** Deletes a namespace's objects: pods first, the rest once they are gone, as KEP-5080 asks for. */
export async function deleteContent(
  client: Client,
  namespace: string,
  { resources }: ApiResources,
): Promise<RemainingContent> {
  const counts = new Map<string, number>();
  const finalizers = new Map<string, number>();
  const errors: string[] = [];
  let graceSeconds = 0;
  const clear = async (resource: ApiResource) => {
    try {
      const left = await deleteAll(client, namespace, resource);
      if (left.length === 0) return;
      counts.set(`${resource.plural}.${resource.group}`, left.length);
      for (const object of left) {
        graceSeconds = Math.max(graceSeconds, Number(object.metadata.deletionGracePeriodSeconds ?? 0));
        for (const name of object.metadata.finalizers ?? []) finalizers.set(name, (finalizers.get(name) ?? 0) + 1);
      }
    } catch (error) {
      errors.push(`unexpected items still remain in ${groupResource(resource)}: ${(error as Error).message}`);
    }
  };
  const deletable = resources.filter(
    (resource) => resource.namespaced && resource.verbs.includes('delete') && resource.verbs.includes('list'),
  );
  const isPods = (resource: ApiResource) => resource.group === '' && resource.plural === 'pods';
  for (const pods of deletable.filter(isPods)) await clear(pods);
  if (counts.size === 0 && errors.length === 0) {
    await Promise.all(deletable.filter((resource) => !isPods(resource)).map(clear));
  }
  return { counts, finalizers, errors, graceSeconds };
}

interface Leftover {
  readonly metadata: ListMeta & {
    readonly name: string;
    readonly finalizers?: readonly string[];
    readonly deletionGracePeriodSeconds?: number;
    readonly deletionTimestamp?: string;
  };
}

/** What is still there afterwards. Resources that know neither list nor delete of a namespace have nothing left. */
async function deleteAll(client: Client, namespace: string, resource: ApiResource): Promise<readonly Leftover[]> {
  const list = async () => (await client.list(resource, { namespace })).items as unknown as readonly Leftover[];
  try {
    const before = await list();
    const untouched = before.filter((object) => !object.metadata.deletionTimestamp);
    if (untouched.length === 0) return before;
    if (resource.verbs.includes('deletecollection')) {
      await client.deleteCollection(resource, { namespace }, { propagationPolicy: 'Background' });
    } else {
      for (const { metadata } of untouched) {
        await client.delete(resource, { namespace, name: metadata.name }, { propagationPolicy: 'Background' });
      }
    }
    return await list();
  } catch (error) {
    if (isNotFound(error) || (error instanceof StatusError && error.reason === 'MethodNotAllowed')) return [];
    throw error;
  }
}
