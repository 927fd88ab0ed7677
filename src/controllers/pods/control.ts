/** Creating and deleting the pods of an owner, with upstream's events. */

import { Pod } from '../../api/core/pod.ts';
import type { KindRef, KubeObject, Shared } from '../../api/kind.ts';
import { isNotFound, StatusError } from '../../api/machinery/status.ts';
import type { PodTemplateSpec } from '../../api/types/core-v1.ts';
import type { Draft } from '../../client/client.ts';
import type { ControllerContext } from '../../client/reconcile.ts';
import { ownerReference } from '../ownership.ts';

/** A pod made from a template, controlled by `owner`; it has neither name nor generateName yet. */
export function podFromTemplate(
  template: Shared<PodTemplateSpec>,
  owner: Shared<KubeObject>,
  ownerKind: KindRef,
): Draft<Pod> {
  const { labels, annotations, finalizers } = template.metadata;
  return {
    metadata: {
      namespace: owner.metadata.namespace ?? '',
      ...(labels ? { labels: { ...labels } } : {}),
      ...(annotations ? { annotations: { ...annotations } } : {}),
      ...(finalizers ? { finalizers: [...finalizers] } : {}),
      ownerReferences: [ownerReference(owner, ownerKind)],
    },
    spec: template.spec as Draft<Pod>['spec'] & object,
  };
}

/** The prefix of generated pod names: `web-`, without the dash where the name would be too long for a prefix. */
export const podNamePrefix = (owner: string): string => (owner.length >= 253 ? owner : `${owner}-`);

/** Whether a create failed because its namespace is being deleted, which no retry mends. */
export function isNamespaceTerminating(error: unknown): boolean {
  return (
    error instanceof StatusError &&
    (error.details?.causes?.some((cause) => cause.reason === 'NamespaceTerminating') ?? false)
  );
}

/** Creates a pod and says so in an event about the owner; a failure is recorded too, then thrown. */
export async function createPod(
  { client, events }: ControllerContext,
  owner: Shared<KubeObject>,
  draft: Draft<Pod>,
): Promise<Shared<Pod>> {
  try {
    const pod = await client.create(Pod, draft);
    events.event(owner, 'Normal', 'SuccessfulCreate', `Created pod: ${pod.metadata.name}`);
    return pod;
  } catch (error) {
    if (!isNamespaceTerminating(error)) {
      events.event(owner, 'Warning', 'FailedCreate', `Error creating: ${(error as Error).message}`);
    }
    throw error;
  }
}

/** Deletes a pod (this very one, by UID); one that is gone already is no failure. Returns whether it was there. */
export async function deletePod(
  { client, events }: ControllerContext,
  owner: Shared<KubeObject>,
  pod: Shared<Pod>,
): Promise<boolean> {
  try {
    await client.delete(Pod, pod.metadata, { preconditions: { uid: pod.metadata.uid } });
    events.event(owner, 'Normal', 'SuccessfulDelete', `Deleted pod: ${pod.metadata.name}`);
    return true;
  } catch (error) {
    if (isNotFound(error)) return false;
    events.event(owner, 'Warning', 'FailedDelete', `Error deleting: ${(error as Error).message}`);
    throw error;
  }
}

/**
 * Runs `count` steps in batches of 1, 2, 4, …; a batch with a failure is the last. So a quota or a broken webhook is met by
 * one request and not by five hundred. Returns how many succeeded and the first failure.
 */
export async function slowStart(
  count: number,
  step: (index: number) => Promise<unknown>,
): Promise<{ readonly done: number; readonly error: unknown }> {
  let done = 0;
  for (let batch = Math.min(count, 1); batch > 0; batch = Math.min(2 * batch, count - done)) {
    const results = await Promise.allSettled(Array.from({ length: batch }, (_, i) => step(done + i)));
    const failures = results.filter((result) => result.status === 'rejected');
    done += batch - failures.length;
    if (failures.length) return { done, error: failures[0]!.reason };
  }
  return { done, error: undefined };
}
