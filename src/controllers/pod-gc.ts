import { Node } from '../api/core/node.ts';
import { Pod } from '../api/core/pod.ts';
import type { Shared } from '../api/kind.ts';
import { isNotFound } from '../api/machinery/status.ts';
import { formatTime, parseTime } from '../base/clock.ts';
import { type ControllerContext, defineController, watches } from '../client/reconcile.ts';
import { findCondition, isConditionTrue, withCondition } from './conditions.ts';
import { isPodTerminal } from './pods/state.ts';
import { allow } from './rbac-rules.ts';

/** As upstream: terminated pods beyond this number are deleted, evicted ones first, then the oldest. */
const defaultThreshold = 12_500;
const sweepMs = 20_000;
/** A node must be missing for this long before its pods are taken for lost. */
const quarantineMs = 40_000;
const sweep = 'sweep';
const missing = new WeakMap<ControllerContext, Map<string, number>>();

/**
 * Deletes pods that nobody else will: those of nodes that are gone, those deleted before they had a node, those on nodes
 * out of service, and terminated ones beyond a number. One sweep looks at all; it is asked for only when there is cause.
 */
export const podGcController = defineController({
  name: 'pod-garbage-collector',
  concurrency: 1,
  reads: [Pod, Node],
  watches: [
    watches<Pod>({
      kind: Pod,
      keys: (pod) => (pod.metadata.deletionTimestamp || isPodTerminal(pod) || !pod.spec.nodeName ? [sweep] : []),
    }),
    watches<Node>({
      kind: Node,
      changed: (node, old) => isOutOfService(node) !== isOutOfService(old),
      keys: () => [sweep],
    }),
  ],
  rbac: [
    allow('list watch delete', '', 'pods'),
    allow('get list watch', '', 'nodes'),
    allow('patch', '', 'pods/status'),
  ],
  start(context) {
    missing.set(context, new Map());
    context.enqueue(sweep);
    return undefined;
  },
  async reconcile(_key, context) {
    const pods = context.lister(Pod).list();
    const threshold = Number(context.settings['terminatedPodGcThreshold'] ?? defaultThreshold);
    const terminated = pods.filter((pod) => isPodTerminal(pod) && !pod.metadata.deletionTimestamp);
    if (threshold > 0 && terminated.length > threshold) {
      const isEvicted = ({ status }: Shared<Pod>) => status.phase === 'Failed' && status.reason === 'Evicted';
      const evictedAndOldestFirst = [...terminated].sort(
        (a, b) =>
          Number(isEvicted(b)) - Number(isEvicted(a)) ||
          parseTime(a.metadata.creationTimestamp) - parseTime(b.metadata.creationTimestamp),
      );
      for (const pod of evictedAndOldestFirst.slice(0, terminated.length - threshold))
        await remove(context, pod, undefined);
    }
    let again = false;
    for (const pod of pods) again = (await lookAt(pod, context)) || again;
    return again ? { requeueAfterMs: sweepMs } : undefined;
  },
});

const isOutOfService = (node: Shared<Node>): boolean =>
  (node.spec.taints ?? []).some((taint) => taint.key === 'node.kubernetes.io/out-of-service');

/** Returns whether the pod must be looked at again later. */
async function lookAt(pod: Shared<Pod>, context: ControllerContext): Promise<boolean> {
  const { nodeName } = pod.spec;
  if (!nodeName) {
    // Once it is marked as failed only finalizers keep it, whose owners see that.
    const done = isPodTerminal(pod) && pod.metadata.deletionGracePeriodSeconds === 0;
    if (pod.metadata.deletionTimestamp && !done) await remove(context, pod, undefined);
    return false;
  }
  const node = context.lister(Node).get(undefined, nodeName);
  const lost = missing.get(context)!;
  if (node) {
    lost.delete(nodeName);
    if (!pod.metadata.deletionTimestamp || !isOutOfService(node) || isConditionTrue(node.status.conditions, 'Ready')) {
      return false;
    }
    await remove(context, pod, undefined);
    return false;
  }
  const since = lost.get(nodeName) ?? context.clock.monotonic();
  lost.set(nodeName, since);
  if (context.clock.monotonic() - since < quarantineMs) return true;
  // The cache may not know a node that has only just joined.
  if (await context.client.find(Node, { name: nodeName })) return true;
  await remove(context, pod, 'PodGC: node no longer exists');
  return false;
}

/** Ends a pod at once; one that had not ended is marked as failed first, so that its owner counts it rightly. */
async function remove(context: ControllerContext, pod: Shared<Pod>, disruption: string | undefined): Promise<void> {
  const { client, clock, log } = context;
  try {
    if (!isPodTerminal(pod)) {
      const conditions = disruption
        ? withCondition(
            pod.status.conditions,
            {
              type: 'DisruptionTarget',
              status: 'True',
              reason: 'DeletionByPodGC',
              message: disruption,
              ...(pod.metadata.generation ? { observedGeneration: pod.metadata.generation } : {}),
            },
            clock.now(),
          )
        : pod.status.conditions;
      const marked = findCondition(conditions, 'DisruptionTarget');
      const patch = {
        status: {
          phase: 'Failed',
          ...(marked && disruption
            ? { conditions: [{ ...marked, lastTransitionTime: marked.lastTransitionTime ?? formatTime(clock.now()) }] }
            : {}),
        },
      };
      await client.patch(Pod, pod.metadata, patch, { type: 'strategic', subresource: 'status' });
    }
    await client.delete(Pod, pod.metadata, { gracePeriodSeconds: 0, preconditions: { uid: pod.metadata.uid } });
  } catch (error) {
    if (!isNotFound(error)) log.warn('cannot delete a pod that is due for collection', { pod: pod.metadata, error });
  }
}
