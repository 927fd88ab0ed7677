/** Finding existing volumes for claims that wait for their pod's node. */
import type { Shared } from '../../api/kind.ts';
import { labelSelectorMatcher } from '../../api/machinery/selectors.ts';
import type { Node, PersistentVolume, PersistentVolumeClaim } from '../../api/types/core-v1.ts';
import { nodeSelectorMatches } from '../node-selector.ts';
import { requestedStorage, storageCapacity } from './claims.ts';

/** Whether a node may use a volume. */
export const nodeMayUse = (volume: Shared<PersistentVolume>, node: Shared<Node>): boolean =>
  !volume.spec.nodeAffinity?.required || nodeSelectorMatches(volume.spec.nodeAffinity.required, node);

/** The smallest free volume that serves a claim on a node, as upstream's FindMatchingVolume. */
export function smallestMatch(
  claim: Shared<PersistentVolumeClaim>,
  node: Shared<Node>,
  { volumes, taken }: { volumes: readonly Shared<PersistentVolume>[]; taken: ReadonlySet<string> },
): Shared<PersistentVolume> | undefined {
  const wanted = requestedStorage(claim);
  const selector = claim.spec.selector ? labelSelectorMatcher(claim.spec.selector) : undefined;
  let best: Shared<PersistentVolume> | undefined;
  for (const volume of volumes) {
    const { name, labels, deletionTimestamp } = volume.metadata;
    const reserved = volume.spec.claimRef;
    const promised =
      reserved?.name === claim.metadata.name &&
      reserved.namespace === claim.metadata.namespace &&
      (!reserved.uid || reserved.uid === claim.metadata.uid);
    if (deletionTimestamp || taken.has(name) || (reserved && !promised)) continue;
    if ((volume.spec.storageClassName ?? '') !== (claim.spec.storageClassName ?? '')) continue;
    if ((volume.spec.volumeMode ?? 'Filesystem') !== (claim.spec.volumeMode ?? 'Filesystem')) continue;
    if (!(claim.spec.accessModes ?? []).every((mode) => volume.spec.accessModes?.includes(mode))) continue;
    if (storageCapacity(volume) < wanted || !nodeMayUse(volume, node)) continue;
    if (promised) return volume;
    if (volume.status.phase && volume.status.phase !== 'Available') continue;
    if (selector && !selector.matches(labels ?? {})) continue;
    if (!best || storageCapacity(volume) < storageCapacity(best)) best = volume;
  }
  return best;
}
