/** Writes of claims: allocating and reserving them for a pod, and taking that back. */
import type { Shared } from '../../api/kind.ts';
import { isConflict, isNotFound } from '../../api/machinery/status.ts';
import { ResourceClaim } from '../../api/resource/resource-claim.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import type { AllocationResult } from '../../api/types/resource-v1.ts';
import { type Clock, formatTime } from '../../base/clock.ts';
import type { Client } from '../../client/client.ts';

type Claim = Shared<ResourceClaim>;

const finalizer = 'resource.kubernetes.io/delete-protection';
const maxTries = 5;
const nameOf = ({ metadata }: Claim) => `${metadata.namespace}/${metadata.name}`;

/** Runs a write of a claim; after a conflict once more with the claim as it is by now. */
async function retryOnConflict(client: Client, claim: Claim, write: (claim: Claim) => Promise<Claim>): Promise<Claim> {
  let current = claim;
  for (let tries = 1; ; tries++) {
    try {
      return await write(current);
    } catch (error) {
      if (!isConflict(error) || tries === maxTries) throw error;
      current = await client.get(ResourceClaim, claim.metadata);
    }
  }
}

/** Reserves a claim for a pod, and writes its allocation where it has none yet. Throws when another was faster. */
export function bindClaim(
  client: Client,
  claim: Claim,
  { pod, allocation, clock }: { pod: Shared<Pod>; allocation: Shared<AllocationResult> | undefined; clock: Clock },
): Promise<Claim> {
  return retryOnConflict(client, claim, async (given) => {
    let current = given;
    if (current.metadata.deletionTimestamp) throw new Error(`claim ${nameOf(claim)} got deleted in the meantime`);
    if (allocation && current.status.allocation)
      throw new Error(`claim ${nameOf(claim)} got allocated elsewhere in the meantime`);
    const finalizers = current.metadata.finalizers ?? [];
    if (allocation && !finalizers.includes(finalizer))
      current = await client.update(ResourceClaim, {
        ...current,
        metadata: { ...current.metadata, finalizers: [...finalizers, finalizer] },
      });
    const allocated = allocation
      ? { ...allocation, allocationTimestamp: formatTime(clock.now()) }
      : current.status.allocation;
    const reservedFor = [
      ...(current.status.reservedFor ?? []),
      { resource: 'pods', name: pod.metadata.name, uid: pod.metadata.uid },
    ];
    return client.updateStatus(ResourceClaim, {
      ...current,
      status: { ...current.status, ...(allocated ? { allocation: allocated } : {}), reservedFor },
    });
  });
}

/** Gives up a pod's hold on a claim. */
export async function unreserveClaim(client: Client, claim: Claim, pod: Shared<Pod>): Promise<void> {
  try {
    await retryOnConflict(client, claim, (current) => {
      const reservedFor = (current.status.reservedFor ?? []).filter(({ uid }) => uid !== pod.metadata.uid);
      return client.updateStatus(ResourceClaim, { ...current, status: { ...current.status, reservedFor } });
    });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}

/** Frees the devices of a claim that no other pod holds. */
export async function deallocateClaim(client: Client, claim: Claim): Promise<void> {
  const { allocation: _, reservedFor: __, devices: ___, ...status } = claim.status;
  await client.updateStatus(ResourceClaim, { ...claim, status });
}

/** Deletes a claim that the scheduler has made itself, at once. */
export async function deleteClaim(client: Client, claim: Claim): Promise<void> {
  try {
    await retryOnConflict(client, claim, (current) => {
      const finalizers = (current.metadata.finalizers ?? []).filter((name) => name !== finalizer);
      return client.update(ResourceClaim, { ...current, metadata: { ...current.metadata, finalizers } });
    });
    await client.delete(ResourceClaim, claim.metadata, { preconditions: { uid: claim.metadata.uid } });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}
