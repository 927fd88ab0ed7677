/** Which objects a controller object owns: adopting orphans that its selector matches, releasing those it no longer does. */
import { apiVersionOf, type KindRef, type KubeObject, type Shared } from '../api/kind.ts';
import { isInvalid, isNotFound } from '../api/machinery/status.ts';
import type { Client } from '../client/client.ts';
import type { Informer } from '../client/informer.ts';
import { type ControllerContext, keyOf, type ObjectKey } from '../client/reconcile.ts';

const ownerIndex = 'controller';
const orphansOf = (namespace: string | undefined): string => `orphans:${namespace ?? ''}`;

/** The ownerReference with `controller: true`. */
export function controllerOf(object: Shared<KubeObject>) {
  return object.metadata.ownerReferences?.find((owner) => owner.controller === true);
}

/** Indexes objects by the UID of their controller, orphans by namespace. Idempotent; call it before the first read. */
export function indexByController<T extends KubeObject>(informer: Informer<T>): Informer<T> {
  informer.addIndex(ownerIndex, (object) => [controllerOf(object)?.uid ?? orphansOf(object.metadata.namespace)]);
  return informer;
}

/** The objects whose controller has this UID. */
export function ownedBy<T extends KubeObject>(informer: Informer<T>, uid: string): readonly Shared<T>[] {
  return indexByController(informer).byIndex(ownerIndex, uid);
}

/** The owners that would adopt an object: of its namespace, when it has no controller and is not being deleted. */
export function adoptersOf<T extends KubeObject>(
  context: ControllerContext,
  orphan: Shared<KubeObject>,
  { kind, matches }: { kind: KindRef<T>; matches: (owner: Shared<T>) => boolean },
): ObjectKey[] {
  if (controllerOf(orphan) || orphan.metadata.deletionTimestamp) return [];
  return context.lister(kind).list(orphan.metadata.namespace).filter(matches).map(keyOf);
}

/** The objects of a namespace that no controller owns. */
export function orphansIn<T extends KubeObject>(
  informer: Informer<T>,
  namespace: string | undefined,
): readonly Shared<T>[] {
  return indexByController(informer).byIndex(ownerIndex, orphansOf(namespace));
}

export interface Claim<O extends KubeObject, T extends KubeObject> {
  readonly client: Client;
  readonly owner: Shared<O>;
  readonly ownerKind: KindRef<O>;
  readonly kind: KindRef<T>;
  readonly informer: Informer<T>;
  matches(labels: Readonly<Record<string, string>> | undefined): boolean;
  /** Of orphans that match, those that may be adopted; all by default. */
  adoptable?(object: Shared<T>): boolean;
  /** Finalizers that an adopted object gets too. */
  readonly finalizers?: readonly string[];
  /** Finalizers that a released object loses. */
  readonly releaseFinalizers?: readonly string[];
}

/**
 * The objects that the owner owns after adoption and release. Adoption first asks the server whether the owner still
 * exists and is not being deleted, because the cache may be behind.
 */
export async function claimObjects<O extends KubeObject, T extends KubeObject>(
  claim: Claim<O, T>,
): Promise<Shared<T>[]> {
  const { owner, informer, client, kind } = claim;
  const owned: Shared<T>[] = [];
  for (const object of ownedBy(informer, owner.metadata.uid)) {
    if (object.metadata.namespace !== owner.metadata.namespace) continue;
    if (claim.matches(object.metadata.labels)) owned.push(object);
    else if (!owner.metadata.deletionTimestamp) await release(claim, object);
  }
  if (owner.metadata.deletionTimestamp) return owned;
  let checked = false;
  for (const orphan of orphansIn(informer, owner.metadata.namespace)) {
    if (orphan.metadata.deletionTimestamp || !claim.matches(orphan.metadata.labels)) continue;
    if (claim.adoptable && !claim.adoptable(orphan)) continue;
    if (!checked) {
      const fresh = await client.find(claim.ownerKind, owner.metadata);
      if (fresh?.metadata.uid !== owner.metadata.uid || fresh.metadata.deletionTimestamp) return owned;
      checked = true;
    }
    const patch = {
      metadata: {
        uid: orphan.metadata.uid,
        ownerReferences: [ownerReference(owner, claim.ownerKind)],
        ...(claim.finalizers ? { finalizers: claim.finalizers } : {}),
      },
    };
    try {
      owned.push(await client.patch(kind, orphan.metadata, patch, { type: 'strategic' }));
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }
  return owned;
}

async function release<O extends KubeObject, T extends KubeObject>(
  { client, kind, owner, releaseFinalizers }: Claim<O, T>,
  object: Shared<T>,
): Promise<void> {
  const patch = {
    metadata: {
      uid: object.metadata.uid,
      ownerReferences: [{ $patch: 'delete', uid: owner.metadata.uid }],
      ...(releaseFinalizers ? { '$deleteFromPrimitiveList/finalizers': releaseFinalizers } : {}),
    },
  };
  try {
    await client.patch(kind, object.metadata, patch, { type: 'strategic' });
  } catch (error) {
    // Gone, or replaced by another of its name (then the UID in the patch is refused): nothing to release.
    if (!isNotFound(error) && !isInvalid(error)) throw error;
  }
}

/** An ownerReference that makes `owner` the controller. */
export function ownerReference(owner: Shared<KubeObject>, kind: KindRef) {
  return {
    apiVersion: apiVersionOf(kind),
    kind: kind.kind,
    name: owner.metadata.name,
    uid: owner.metadata.uid,
    controller: true,
    blockOwnerDeletion: true,
  };
}
