/** Which volume a claim gets: upstream's rules for matching. Pure functions. */
import type { Node } from '../../api/core/node.ts';
import type { PersistentVolume } from '../../api/core/persistent-volume.ts';
import type { PersistentVolumeClaim } from '../../api/core/persistent-volume-claim.ts';
import { storageClassOf } from '../../api/core/storage-class-name.ts';
import type { Shared } from '../../api/kind.ts';
import { Quantity } from '../../api/machinery/quantity.ts';
import { matchesNodeSelector } from '../node-affinity.ts';
import { matcherOf } from '../selector-cache.ts';

export type Claim = Shared<PersistentVolumeClaim>;
export type Volume = Shared<PersistentVolume>;

export const bindCompleted = 'pv.kubernetes.io/bind-completed';
export const boundByController = 'pv.kubernetes.io/bound-by-controller';
export const provisionedBy = 'pv.kubernetes.io/provisioned-by';
export const selectedNode = 'volume.kubernetes.io/selected-node';

/** Whether a volume is reserved for, or bound to, this very claim. */
export function isForClaim(volume: Volume, claim: Claim): boolean {
  const ref = volume.spec.claimRef;
  if (!ref || ref.name !== claim.metadata.name || ref.namespace !== claim.metadata.namespace) return false;
  return !ref.uid || ref.uid === claim.metadata.uid;
}

const capacityOf = (volume: Volume): Quantity => Quantity.tryParse(volume.spec.capacity?.['storage']) ?? Quantity.zero;
const requestOf = (claim: Claim): Quantity =>
  Quantity.tryParse(claim.spec.resources.requests?.['storage']) ?? Quantity.zero;

/** Why a volume cannot serve a claim; undefined when it can. */
export function mismatch(volume: Volume, claim: Claim): string | undefined {
  if (capacityOf(volume).cmp(requestOf(claim)) < 0) return 'requested PV is too small';
  if (storageClassOf(volume) !== storageClassOf(claim)) return 'storageClassName does not match';
  if ((volume.spec.volumeMode ?? 'Filesystem') !== (claim.spec.volumeMode ?? 'Filesystem'))
    return 'incompatible volumeMode';
  if ((volume.spec.volumeAttributesClassName ?? '') !== (claim.spec.volumeAttributesClassName ?? '')) {
    return 'VolumeAttributesClassName does not match';
  }
  const modes = volume.spec.accessModes ?? [];
  return (claim.spec.accessModes ?? []).every((mode) => modes.includes(mode)) ? undefined : 'incompatible accessMode';
}

/** The smallest free volume that serves the claim; one reserved for it comes first. */
export function findVolume(claim: Claim, volumes: readonly Volume[], node?: Shared<Node>): Volume | undefined {
  const reserved = volumes.find((volume) => isForClaim(volume, claim) && !mismatch(volume, claim));
  if (reserved) return reserved;
  let best: Volume | undefined;
  for (const volume of volumes) {
    if (volume.spec.claimRef || volume.metadata.deletionTimestamp) continue;
    if (volume.status.phase !== 'Available' && volume.status.phase !== 'Pending') continue;
    if (claim.spec.selector && !matcherOf(claim.spec.selector).matches(volume.metadata.labels)) continue;
    if (mismatch(volume, claim)) continue;
    const affinity = volume.spec.nodeAffinity?.required;
    if (node && affinity && !matchesNodeSelector(affinity, node)) continue;
    if (!best || capacityOf(volume).cmp(capacityOf(best)) < 0) best = volume;
  }
  return best;
}
