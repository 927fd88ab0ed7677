import { Pod } from '../api/core/pod.ts';
import type { Shared } from '../api/kind.ts';
import { isAlreadyExists, isNotFound } from '../api/machinery/status.ts';
import { ResourceClaim } from '../api/resource/resource-claim.ts';
import { ResourceClaimTemplate } from '../api/resource/resource-claim-template.ts';
import type { PodResourceClaimStatus } from '../api/types/core-v1.ts';
import { deepEqual } from '../base/deep.ts';
import type { Draft } from '../client/client.ts';
import { type ControllerContext, defineController, keyOf, type ObjectKey, watches } from '../client/reconcile.ts';
import { controllerOf, ownerReference } from './ownership.ts';
import { isNamespaceTerminating } from './pods/control.ts';
import { isPodTerminal } from './pods/state.ts';
import { allow, recordEvents } from './rbac-rules.ts';

const claimPrefix = 'claim:';
const podClaimAnnotation = 'resource.kubernetes.io/pod-claim-name';
const finalizer = 'resource.kubernetes.io/delete-protection';

type Claim = Shared<ResourceClaim>;

const claimKey = (claim: { metadata: { namespace: string; name: string } }): ObjectKey => claimPrefix + keyOf(claim);

/** The names of the claims that a pod uses, those made for it included. */
function claimNames(pod: Shared<Pod>): string[] {
  const made = pod.status.resourceClaimStatuses ?? [];
  const named = (pod.spec.resourceClaims ?? []).map((claim) => claim.resourceClaimName);
  return [...named, ...made.map((status) => status.resourceClaimName)].filter((name) => name !== undefined);
}

const wantsClaims = (pod: Shared<Pod>): boolean => (pod.spec.resourceClaims ?? []).length > 0;

/** Makes the resource claims of pods from their templates, and takes reservations and devices back from pods that are done. */
export const resourceClaimController = defineController({
  name: 'resource-claim-controller',
  reads: [Pod, ResourceClaimTemplate],
  watches: [
    watches<Pod>({
      kind: Pod,
      changed: (pod, old) =>
        isPodTerminal(pod) !== isPodTerminal(old) ||
        pod.metadata.deletionTimestamp !== old.metadata.deletionTimestamp ||
        pod.spec.nodeName !== old.spec.nodeName,
      keys(pod) {
        if (!wantsClaims(pod)) return [];
        const claims = claimNames(pod).map((name) =>
          claimKey({ metadata: { namespace: pod.metadata.namespace, name } }),
        );
        return [keyOf(pod), ...claims];
      },
    }),
    watches<ResourceClaim>({
      kind: ResourceClaim,
      keys(claim) {
        const owner = controllerOf(claim);
        return [claimKey(claim), ...(owner?.kind === 'Pod' ? [`${claim.metadata.namespace}/${owner.name}`] : [])];
      },
    }),
    watches<ResourceClaimTemplate>({
      kind: ResourceClaimTemplate,
      keys: ({ metadata: { namespace, name } }, context) =>
        context
          .lister(Pod)
          .list(namespace)
          .filter((pod) => pod.spec.resourceClaims?.some((claim) => claim.resourceClaimTemplateName === name))
          .map(keyOf),
    }),
  ],
  rbac: [
    allow('get list watch', '', 'pods'),
    allow('update', '', 'pods/finalizers'),
    allow('get list watch create delete update patch', 'resource.k8s.io', 'resourceclaims'),
    allow('get list watch', 'resource.k8s.io', 'resourceclaimtemplates'),
    allow('update patch', 'resource.k8s.io', 'resourceclaims/status'),
    allow('update patch', '', 'pods/status'),
    recordEvents,
  ],
  async reconcile(key, context) {
    if (key.startsWith(claimPrefix)) {
      const claim = context.lister(ResourceClaim).byKey(key.slice(claimPrefix.length));
      if (claim) await settleClaim(claim, context);
      return undefined;
    }
    const pod = context.lister(Pod).byKey(key);
    if (pod && !pod.metadata.deletionTimestamp && !isPodTerminal(pod)) await makeClaims(pod, context);
    return undefined;
  },
});

async function makeClaims(pod: Shared<Pod>, context: ControllerContext): Promise<void> {
  const { client, lister, events } = context;
  const { namespace } = pod.metadata;
  const statuses: PodResourceClaimStatus[] = [];
  for (const { name, resourceClaimTemplateName } of pod.spec.resourceClaims ?? []) {
    if (!resourceClaimTemplateName) continue;
    const present = pod.status.resourceClaimStatuses?.find((status) => status.name === name);
    if (present) {
      statuses.push(present);
      continue;
    }
    const made = lister(ResourceClaim)
      .list(namespace)
      .find(
        (claim) =>
          controllerOf(claim)?.uid === pod.metadata.uid && claim.metadata.annotations?.[podClaimAnnotation] === name,
      );
    if (made) {
      statuses.push({ name, resourceClaimName: made.metadata.name });
      continue;
    }
    const template = lister(ResourceClaimTemplate).get(namespace, resourceClaimTemplateName);
    if (!template) {
      const message = `PodResourceClaim ${name}: resource claim template ${JSON.stringify(resourceClaimTemplateName)}: not found`;
      events.event(pod, 'Warning', 'FailedResourceClaimCreation', message);
      continue;
    }
    const { labels, annotations } = template.spec.metadata;
    const draft: Draft<ResourceClaim> = {
      metadata: {
        namespace,
        generateName: `${pod.metadata.name}-${name}-`.slice(0, 248),
        ...(labels ? { labels: { ...labels } } : {}),
        annotations: { ...annotations, [podClaimAnnotation]: name },
        ownerReferences: [ownerReference(pod, Pod)],
      },
      spec: template.spec.spec as Draft<ResourceClaim>['spec'] & object,
    };
    try {
      const claim = await client.create(ResourceClaim, draft);
      statuses.push({ name, resourceClaimName: claim.metadata.name });
    } catch (error) {
      if (isNamespaceTerminating(error)) return;
      if (isAlreadyExists(error)) throw error;
      const message = `PodResourceClaim ${name}: ${(error as Error).message}`;
      events.event(pod, 'Warning', 'FailedResourceClaimCreation', message);
      throw error;
    }
  }
  if (statuses.length === 0 || deepEqual(statuses, pod.status.resourceClaimStatuses)) return;
  try {
    const patch = { metadata: { uid: pod.metadata.uid }, status: { resourceClaimStatuses: statuses } };
    await client.patch(Pod, pod.metadata, patch, { type: 'strategic', subresource: 'status' });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}

/** Drops reservations of pods that are done, the allocation that nobody reserves any more, and at last the finalizer. */
async function settleClaim(claim: Claim, context: ControllerContext): Promise<void> {
  const { client, lister } = context;
  const before = claim.status.reservedFor ?? [];
  const kept = [];
  for (const consumer of before) {
    if (consumer.resource !== 'pods' || consumer.apiGroup) kept.push(consumer);
    else if (await stillUses(consumer, claim, context)) kept.push(consumer);
  }
  const byPod = controllerOf(claim)?.kind === 'Pod';
  const frees =
    kept.length === 0 &&
    claim.status.allocation !== undefined &&
    (byPod || claim.metadata.deletionTimestamp || before.length > 0);
  let current = claim;
  if (kept.length !== before.length || frees) {
    const { reservedFor: _, allocation, ...rest } = claim.status;
    const status = {
      ...rest,
      ...(allocation && !frees ? { allocation } : {}),
      ...(kept.length ? { reservedFor: kept } : {}),
    };
    current = await client.updateStatus(ResourceClaim, { ...claim, status });
  }
  const { finalizers = [], deletionTimestamp } = current.metadata;
  // The scheduler sets the finalizer before it allocates: of a claim that waits for its devices it is left alone.
  const isDone = (frees || deletionTimestamp !== undefined) && current.status.allocation === undefined;
  if (isDone && finalizers.includes(finalizer) && kept.length === 0) {
    const left = finalizers.filter((name) => name !== finalizer);
    current = await client.update(ResourceClaim, { ...current, metadata: { ...current.metadata, finalizers: left } });
  }
  if (deletionTimestamp || !byPod || kept.length > 0) return;
  const owner = controllerOf(claim)!;
  const pod = lister(Pod).get(claim.metadata.namespace, owner.name);
  if (pod?.metadata.uid !== owner.uid || !isPodTerminal(pod)) return;
  // The pod object may stay for long, the devices need not.
  try {
    await client.delete(ResourceClaim, claim.metadata, { preconditions: { uid: claim.metadata.uid } });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}

async function stillUses(
  consumer: { readonly name: string; readonly uid: string },
  claim: Claim,
  { client, lister }: ControllerContext,
): Promise<boolean> {
  const where = { namespace: claim.metadata.namespace, name: consumer.name };
  let pod = lister(Pod).get(where.namespace, where.name);
  // A pod is only taken for gone when the server says so.
  if (pod?.metadata.uid !== consumer.uid) pod = await client.find(Pod, where);
  if (pod?.metadata.uid !== consumer.uid) return false;
  if (isPodTerminal(pod)) return false;
  return !(pod.metadata.deletionTimestamp && !pod.spec.nodeName);
}
