import { Lease } from '../api/coordination/lease.ts';
import type { KindRef, KubeObject, Shared } from '../api/kind.ts';
import { isNotFound } from '../api/machinery/status.ts';
import { parseTime } from '../base/clock.ts';
import { type ControllerContext, defineController } from '../client/reconcile.ts';
import { apiResourceCache } from './api-resources.ts';
import { allow } from './rbac-rules.ts';

const hour = 3_600_000;
const identityLabel = 'apiserver.kubernetes.io/identity';
const sweep = '(lease candidates)';
/** A candidate that was not renewed for this long takes no part any more. */
const candidateMs = 30 * 60_000;

interface LeaseCandidate extends KubeObject {
  spec?: { renewTime?: string };
}

/** Throws away the leases of API servers that are gone, and of candidates that no longer stand for election. */
export const leaseCleanupController = defineController<Lease>({
  name: 'lease-cleanup-controller',
  for: Lease,
  concurrency: 1,
  rbac: [allow('get list watch delete', 'coordination.k8s.io', 'leases leasecandidates')],
  async start(context) {
    const { find } = await apiResourceCache(context.client, context.informers).get();
    if (find('coordination.k8s.io', 'LeaseCandidate')) context.enqueue(sweep);
    return undefined;
  },
  async reconcile(key, context) {
    if (key === sweep) return sweepCandidates(context);
    const lease = context.lister(Lease).byKey(key);
    const label = lease?.metadata.labels?.[identityLabel];
    if (lease?.metadata.namespace !== 'kube-system' || label === undefined) return undefined;
    const leftMs = expiryOf(lease) - context.clock.now();
    if (leftMs > 0) return { requeueAfterMs: leftMs };
    await remove(context, Lease, lease);
    return undefined;
  },
});

function expiryOf({ spec, metadata }: Shared<Lease>): number {
  const renewed = parseTime(spec.renewTime ?? metadata.creationTimestamp);
  return renewed + Math.max(hour, (spec.leaseDurationSeconds ?? 0) * 1000);
}

async function sweepCandidates(context: ControllerContext) {
  const { client, informers, clock } = context;
  const resource = (await apiResourceCache(client, informers).get()).find('coordination.k8s.io', 'LeaseCandidate');
  if (!resource) return undefined;
  const kind = resource as KindRef<LeaseCandidate>;
  for (const candidate of (await client.list(kind)).items) {
    const renewed = parseTime(candidate.spec?.renewTime ?? candidate.metadata.creationTimestamp);
    if (renewed + candidateMs < clock.now()) await remove(context, kind, candidate);
  }
  return { requeueAfterMs: candidateMs };
}

async function remove<T extends KubeObject>(
  { client }: ControllerContext,
  kind: KindRef<T>,
  { metadata }: Shared<KubeObject>,
): Promise<void> {
  try {
    await client.delete(kind, metadata, {
      preconditions: { uid: metadata.uid, resourceVersion: metadata.resourceVersion },
    });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}
