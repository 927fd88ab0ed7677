/** The claims that a pod names, or has made for it. */
import type { Shared } from '../../api/kind.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import type { ResourceClaim } from '../../api/types/resource-v1.ts';
import type { ClaimTracker } from './claim-tracker.ts';

type Claim = Shared<ResourceClaim>;

/** Pods that may hold one claim at a time (ResourceClaimReservedForMaxSize). */
const maxReservations = 256;

/** A pod's claims in the order of its spec, or why they are not all there, in upstream's words. */
export function claimsOfPod(pod: Shared<Pod>, tracker: ClaimTracker): readonly Claim[] | string {
  const { namespace, name, uid } = pod.metadata;
  const claims: Claim[] = [];
  for (const { name: podClaimName, resourceClaimName } of pod.spec.resourceClaims ?? []) {
    let claimName = resourceClaimName;
    if (claimName === undefined) {
      const made = pod.status.resourceClaimStatuses?.find((status) => status.name === podClaimName);
      if (!made) return `pod "${namespace}/${name}": ResourceClaim not created yet`;
      // The template asked for nothing.
      if (made.resourceClaimName === undefined) continue;
      claimName = made.resourceClaimName;
    }
    const claim = tracker.get(namespace, claimName);
    if (!claim) return `resourceclaim "${claimName}" not found`;
    if (claim.metadata.deletionTimestamp) return `resourceclaim "${claimName}" is being deleted`;
    const owned = claim.metadata.ownerReferences?.some((owner) => owner.controller && owner.uid === uid);
    if (resourceClaimName === undefined && !owned)
      return `ResourceClaim ${namespace}/${claimName} was not created for pod ${namespace}/${name} (pod is not owner)`;
    claims.push(claim);
  }
  return claims;
}

export const isReservedFor = ({ status }: Claim, pod: Shared<Pod>): boolean =>
  status.reservedFor?.some(({ uid }) => uid === pod.metadata.uid) ?? false;

/** Whether a pod that does not hold the claim yet may still join those that do. */
export const canBeReserved = ({ status }: Claim): boolean => (status.reservedFor?.length ?? 0) < maxReservations;
