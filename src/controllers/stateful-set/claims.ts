/** The persistent volume claims of a StatefulSet's pods: made before their pod, owned as the retention policy says. */
import { StatefulSet } from '../../api/apps/stateful-set.ts';
import { PersistentVolumeClaim } from '../../api/core/persistent-volume-claim.ts';
import { Pod } from '../../api/core/pod.ts';
import { apiVersionOf, type Shared } from '../../api/kind.ts';
import { isAlreadyExists, isNotFound } from '../../api/machinery/status.ts';
import type { OwnerReference } from '../../api/types/meta-v1.ts';
import type { ControllerContext } from '../../client/reconcile.ts';
import { claimsFor, isWanted } from './identity.ts';

type Sts = Shared<StatefulSet>;
type Owners = readonly Shared<OwnerReference>[];

/** Creates the claims of a pod that are not there. Returns false when one is being deleted: the pod must wait for it to go. */
export async function ensureClaims(context: ControllerContext, set: Sts, ordinal: number): Promise<boolean> {
  const { client, events, lister } = context;
  for (const draft of claimsFor(set, ordinal)) {
    const name = draft.metadata!.name!;
    const known = lister(PersistentVolumeClaim).get(set.metadata.namespace, name);
    if (known?.metadata.deletionTimestamp) {
      const message = `StatefulSet ${set.metadata.namespace}/${set.metadata.name}: pvc ${name} is being deleted`;
      events.event(set, 'Warning', 'FailedCreate', message);
      return false;
    }
    if (known) continue;
    const what = `create Claim ${name} Pod ${set.metadata.name}-${ordinal} in StatefulSet ${set.metadata.name}`;
    try {
      await client.create(PersistentVolumeClaim, draft);
      events.event(set, 'Normal', 'SuccessfulCreate', `${what} success`);
    } catch (error) {
      if (isAlreadyExists(error)) continue;
      events.event(set, 'Warning', 'FailedCreate', `${what} failed error: ${(error as Error).message}`);
      throw error;
    }
  }
  return true;
}

/** Whether a claim of the pod still belongs to an earlier pod of the name, which the garbage collector is to delete first. */
export function hasStaleClaim(context: ControllerContext, set: Sts, ordinal: number): boolean {
  if (set.spec.persistentVolumeClaimRetentionPolicy?.whenScaled !== 'Delete') return false;
  return claimsFor(set, ordinal).some((draft) => {
    const claim = context.lister(PersistentVolumeClaim).get(set.metadata.namespace, draft.metadata!.name!);
    return claim?.metadata.ownerReferences?.some(
      (owner) => owner.kind === 'Pod' && !context.lister(Pod).byUid(owner.uid),
    );
  });
}

/** Sets the owners of a pod's claims to what the retention policy asks for, so that the garbage collector does the rest. */
export async function ownClaims(
  context: ControllerContext,
  set: Sts,
  pod: Shared<Pod>,
  ordinal: number,
): Promise<void> {
  for (const draft of claimsFor(set, ordinal)) {
    const claim = context.lister(PersistentVolumeClaim).get(set.metadata.namespace, draft.metadata!.name!);
    if (!claim || claim.metadata.deletionTimestamp) continue;
    const before = claim.metadata.ownerReferences ?? [];
    const after = claimOwners(set, { pod, ordinal, before });
    if (after === before) continue;
    try {
      await context.client.update(PersistentVolumeClaim, {
        ...claim,
        metadata: { ...claim.metadata, ownerReferences: after },
      });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }
}

/** The owners that the policy gives a claim; the very list when they are right. */
export function claimOwners(
  set: Sts,
  { pod, ordinal, before }: { pod: Shared<Pod>; ordinal: number; before: Owners },
): Owners {
  const policy = set.spec.persistentVolumeClaimRetentionPolicy;
  const condemned = !isWanted(set, ordinal);
  const byPod = policy?.whenScaled === 'Delete' && condemned;
  const bySet = policy?.whenDeleted === 'Delete' && !byPod;
  const withSet = setOwner(before, {
    wanted: bySet,
    uid: set.metadata.uid,
    kind: StatefulSet,
    name: set.metadata.name,
  });
  return setOwner(withSet, { wanted: byPod, uid: pod.metadata.uid, kind: Pod, name: pod.metadata.name });
}

function setOwner(
  owners: Owners,
  { wanted, uid, kind, name }: { wanted: boolean; uid: string; kind: typeof Pod | typeof StatefulSet; name: string },
): Owners {
  const there = owners.some((owner) => owner.uid === uid);
  if (there === wanted) return owners;
  if (!wanted) return owners.filter((owner) => owner.uid !== uid);
  return [...owners, { apiVersion: apiVersionOf(kind), kind: kind.kind, name, uid, controller: true }];
}
