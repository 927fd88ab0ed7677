import { Pod } from '../../api/core/pod.ts';
import { isInvalid, isNotFound } from '../../api/machinery/status.ts';
import type { ControllerContext } from '../../client/reconcile.ts';
import { type P, trackingFinalizer } from './pods.ts';

/** Takes the tracking finalizer off one very pod. */
export async function removeFinalizer(pod: P, { client }: ControllerContext): Promise<void> {
  const patch = {
    metadata: { uid: pod.metadata.uid, '$deleteFromPrimitiveList/finalizers': [trackingFinalizer] },
  };
  try {
    await client.patch(Pod, pod.metadata, patch, { type: 'strategic' });
  } catch (error) {
    // Gone, or replaced by another of its name (then the UID in the patch is refused). A conflict is tried again: a pod that
    // kept its finalizer would never be counted.
    if (!isNotFound(error) && !isInvalid(error)) throw error;
  }
}
