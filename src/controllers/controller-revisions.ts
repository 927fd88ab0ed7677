/** The history of a StatefulSet's or DaemonSet's template, kept in ControllerRevisions. */
import { ControllerRevision } from '../api/apps/controller-revision.ts';
import type { KindRef, KubeObject, Shared } from '../api/kind.ts';
import { podTemplateHash } from '../api/machinery/hash.ts';
import { isAlreadyExists, isNotFound } from '../api/machinery/status.ts';
import type { PodTemplateSpec } from '../api/types/core-v1.ts';
import { deepEqual } from '../base/deep.ts';
import type { Client, Draft } from '../client/client.ts';
import { ownerReference } from './ownership.ts';

export const revisionHashLabel = 'controller-revision-hash';

type Revision = Shared<ControllerRevision>;

interface RevisionData {
  readonly spec: { readonly template: Shared<PodTemplateSpec> & { readonly $patch: 'replace' } };
}

/** A template as a revision keeps it: a strategic merge patch that replaces the owner's template, as kubectl applies it. */
export function revisionData(template: Shared<PodTemplateSpec>): RevisionData {
  return { spec: { template: { ...template, $patch: 'replace' } } };
}

/** The template that a revision keeps. */
export function templateOf(revision: Revision): Shared<PodTemplateSpec> {
  const { $patch: _, ...template } = (revision.data as unknown as RevisionData).spec.template;
  return template;
}

/** Oldest first. */
export const byRevision = (a: Revision, b: Revision): number =>
  a.revision - b.revision || (a.metadata.name < b.metadata.name ? -1 : 1);

export interface RevisionOwner<T extends KubeObject> {
  readonly client: Client;
  readonly owner: Shared<T>;
  readonly kind: KindRef<T>;
  readonly template: Shared<PodTemplateSpec>;
  /** Labels of the revisions: those by which the owner finds them. */
  readonly labels: Readonly<Record<string, string>>;
  readonly collisionCount: number;
}

/** The revision of the present template: found, brought to the front, or created. */
export async function syncRevision<T extends KubeObject>(
  of: RevisionOwner<T>,
  history: readonly Revision[],
): Promise<{ readonly revision: Revision; readonly collisionCount: number }> {
  const { client, owner, collisionCount } = of;
  const sorted = [...history].sort(byRevision);
  const newest = sorted.at(-1);
  const next = (newest?.revision ?? 0) + 1;
  const data = revisionData(of.template);
  const same = sorted.filter((revision) => deepEqual(revision.data, data)).at(-1);
  if (same) {
    if (same === newest) return { revision: same, collisionCount };
    return { revision: await client.update(ControllerRevision, { ...same, revision: next }), collisionCount };
  }
  const hash = podTemplateHash(of.template, collisionCount || undefined);
  const name = `${owner.metadata.name}-${hash}`;
  const draft = {
    metadata: {
      namespace: owner.metadata.namespace,
      name,
      labels: { ...of.labels, [revisionHashLabel]: hash },
      ownerReferences: [ownerReference(owner, of.kind)],
    },
    data,
    revision: next,
  } as unknown as Draft<ControllerRevision>;
  try {
    return { revision: await client.create(ControllerRevision, draft), collisionCount };
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
    const there = await client.get(ControllerRevision, { namespace: owner.metadata.namespace!, name });
    if (deepEqual(there.data, data)) return { revision: there, collisionCount };
    // Another template has this hash: the next one is tried.
    return syncRevision({ ...of, collisionCount: collisionCount + 1 }, history);
  }
}

/** Deletes revisions beyond the limit that no pod is of, the oldest first. */
export async function truncateHistory(
  client: Client,
  history: readonly Revision[],
  { live, limit }: { live: ReadonlySet<string>; limit: number },
): Promise<void> {
  const dead = history.filter((revision) => !live.has(revision.metadata.name)).sort(byRevision);
  for (const revision of dead.slice(0, Math.max(0, dead.length - limit))) {
    try {
      await client.delete(ControllerRevision, revision.metadata, { preconditions: { uid: revision.metadata.uid } });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }
}
