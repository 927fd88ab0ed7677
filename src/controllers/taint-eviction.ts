import { Node } from '../api/core/node.ts';
import { Pod } from '../api/core/pod.ts';
import type { Shared } from '../api/kind.ts';
import { isNotFound } from '../api/machinery/status.ts';
import { parseTime } from '../base/clock.ts';
import { type ControllerContext, defineController, keyOf, type ObjectKey, watches } from '../client/reconcile.ts';
import { withCondition } from './conditions.ts';
import { isPodTerminal } from './pods/state.ts';
import { allow, recordEvents } from './rbac-rules.ts';
import { indexByNode, podsOnNode } from './service-pods.ts';
import { evictionDelay } from './taints.ts';

/** Pods that have a time to leave, by key, with when their toleration began to count. */
const planned = new WeakMap<ControllerContext, Map<ObjectKey, number>>();

/** Deletes pods from nodes with a NoExecute taint that they do not tolerate, or no longer do. */
export const taintEvictionController = defineController({
  name: 'taint-eviction-controller',
  concurrency: 8,
  reads: [Pod, Node],
  watches: [
    watches<Pod>({
      kind: Pod,
      changed: (pod, old) => pod.spec.nodeName !== old.spec.nodeName || pod.spec.tolerations !== old.spec.tolerations,
      keys: (pod) => (pod.spec.nodeName ? [keyOf(pod)] : []),
    }),
    watches<Node>({
      kind: Node,
      changed: (node, old) =>
        noExecute(node).length + noExecute(old).length > 0 && node.spec.taints !== old.spec.taints,
      keys: (node, context) =>
        noExecute(node).length > 0 || planned.get(context)?.size
          ? podsOnNode(context, node.metadata.name).map(keyOf)
          : [],
    }),
  ],
  rbac: [
    allow('list watch get delete', '', 'pods'),
    allow('patch update', '', 'pods/status'),
    allow('get list watch', '', 'nodes'),
    recordEvents,
  ],
  start(context) {
    planned.set(context, new Map());
    indexByNode(context.informers.informer(Pod));
    return undefined;
  },
  async reconcile(key, context) {
    const plans = planned.get(context)!;
    const pod = context.lister(Pod).byKey(key);
    const node = pod?.spec.nodeName ? context.lister(Node).get(undefined, pod.spec.nodeName) : undefined;
    if (!pod || !node || isPodTerminal(pod) || pod.metadata.deletionTimestamp) {
      plans.delete(key);
      return undefined;
    }
    const taints = noExecute(node);
    const delay = taints.length ? evictionDelay(taints, pod.spec.tolerations) : undefined;
    if (delay === undefined) {
      if (plans.delete(key)) {
        context.events.event(pod, 'Normal', 'TaintManagerEviction', `Cancelling deletion of Pod ${key}`);
      }
      return undefined;
    }
    const now = context.clock.now();
    const start = startOf(taints, pod, { now, before: plans.get(key) });
    const leftMs = delay === 0 ? 0 : start + delay - now;
    if (leftMs > 0) {
      plans.set(key, start);
      return { requeueAfterMs: leftMs };
    }
    plans.delete(key);
    await evict(pod, context);
    return undefined;
  },
});

const none: readonly Shared<NonNullable<Node['spec']['taints']>[number]>[] = [];

function noExecute(node: Shared<Node>) {
  return node.spec.taints?.filter((taint) => taint.effect === 'NoExecute') ?? none;
}

/**
 * From when the toleration counts: the newest taint, or the pod when it came later. Not later than now, when others' clocks
 * are ahead, and from then on as it was found first.
 */
function startOf(
  taints: ReturnType<typeof noExecute>,
  pod: Shared<Pod>,
  { now, before }: { now: number; before: number | undefined },
): number {
  const times = taints.map((taint) => (taint.timeAdded ? parseTime(taint.timeAdded) : Number.NaN));
  const added = times.some(Number.isNaN) ? (before ?? now) : Math.max(...times);
  const start = Math.max(added, parseTime(pod.metadata.creationTimestamp));
  if (start <= now) return start;
  return before ?? now;
}

async function evict(pod: Shared<Pod>, { client, clock, events }: ControllerContext): Promise<void> {
  events.event(pod, 'Normal', 'TaintManagerEviction', `Marking for deletion Pod ${keyOf(pod)}`);
  const [condition] = withCondition(
    [],
    {
      type: 'DisruptionTarget',
      status: 'True',
      reason: 'DeletionByTaintManager',
      message: 'Taint manager: deleting due to NoExecute taint',
      ...(pod.metadata.generation ? { observedGeneration: pod.metadata.generation } : {}),
    },
    clock.now(),
  );
  try {
    await client.patch(
      Pod,
      pod.metadata,
      { metadata: { uid: pod.metadata.uid }, status: { conditions: [condition] } },
      { type: 'strategic', subresource: 'status' },
    );
    await client.delete(Pod, pod.metadata, { preconditions: { uid: pod.metadata.uid } });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}
