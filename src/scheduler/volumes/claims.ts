/** The claims of a pod's volumes. */
import type { KubeObject, Shared } from '../../api/kind.ts';
import type { PersistentVolume, PersistentVolumeClaim, Pod } from '../../api/types/core-v1.ts';
import { quantityNumber } from '../resources.ts';

/** Names of the claims that a pod uses, those that its ephemeral volumes make included. */
export function claimNames(pod: Shared<Pod>): string[] {
  const names: string[] = [];
  for (const volume of pod.spec.volumes ?? []) {
    if (volume.persistentVolumeClaim) names.push(volume.persistentVolumeClaim.claimName);
    else if (volume.ephemeral) names.push(`${pod.metadata.name}-${volume.name}`);
  }
  return names;
}

/** Whether an object is a claim that the pod uses. */
export const isClaimOf = (pod: Shared<Pod>, { metadata }: Shared<KubeObject>): boolean =>
  metadata.namespace === pod.metadata.namespace && claimNames(pod).includes(metadata.name);

/** Whether the binder has finished with a claim. */
export const isBound = (claim: Shared<PersistentVolumeClaim>): boolean =>
  Boolean(claim.spec.volumeName) && claim.metadata.annotations?.['pv.kubernetes.io/bind-completed'] !== undefined;

const storageOf = (list: unknown) => {
  const text = (list as Readonly<Record<string, string>> | undefined)?.['storage'];
  return text === undefined ? 0 : quantityNumber('storage', text);
};

/** Bytes that a claim asks for, and that a volume has. */
export const requestedStorage = (claim: Shared<PersistentVolumeClaim>): number =>
  storageOf(claim.spec.resources?.requests);
export const storageCapacity = (volume: Shared<PersistentVolume>): number => storageOf(volume.spec.capacity);
