import { ControllerRevision } from '../../api/apps/controller-revision.ts';
import { DaemonSet } from '../../api/apps/daemon-set.ts';
import { Node } from '../../api/core/node.ts';
import { Pod } from '../../api/core/pod.ts';
import type { Shared } from '../../api/kind.ts';
import { isNotFound } from '../../api/machinery/status.ts';
import type { DaemonSetStatus } from '../../api/types/apps-v1.ts';
import { backoffDelay } from '../../base/backoff.ts';
import { deepEqual } from '../../base/deep.ts';
import {
  type ControllerContext,
  defineController,
  keyOf,
  type ObjectKey,
  type ReconcileResult,
  watches,
} from '../../client/reconcile.ts';
import { coalesceMs } from '../coalesce.ts';
import { revisionHashLabel, syncRevision, truncateHistory } from '../controller-revisions.ts';
import { Expectations } from '../expectations.ts';
import { adoptersOf, claimObjects, indexByController } from '../ownership.ts';
import { createPod, deletePod, isNamespaceTerminating, slowStart } from '../pods/control.ts';
import { isPodAvailable, isPodReady, nextAvailabilityMs, podOwnerCares } from '../pods/state.ts';
import { allow, recordEvents } from '../rbac-rules.ts';
import { nonZero } from '../replica-counts.ts';
import { matcherOf } from '../selector-cache.ts';
import { podForNode, verdictOn } from './placement.ts';
import { type DaemonFacts, type DaemonPlan, planPlacement, planUpdate, podsByNode } from './plan.ts';

/** Pods created or deleted in one step at most. */
const burst = 250;
const recheckMs = 1_000;
const defaultHistory = 10;
const failureBackoff = { initialMs: 1_000, maxMs: 900_000 };

interface State {
  readonly expectations: Expectations<Pod>;
  /** By set and node: failures in a row and when the next replacement may be made. */
  readonly failures: Map<string, { count: number; until: number }>;
}

const states = new WeakMap<ControllerContext, State>();

/** Keeps one pod on every node that wants it, and updates them node by node. */
export const daemonSetController = defineController<DaemonSet>({
  name: 'daemon-set-controller',
  for: DaemonSet,
  owns: [Pod],
  reads: [ControllerRevision],
  concurrency: 2,
  watches: [
    watches<Pod>({
      kind: Pod,
      changed: podOwnerCares,
      keys: (pod, context) =>
        adoptersOf(context, pod, {
          kind: DaemonSet,
          matches: (set) => matcherOf(set.spec.selector).matches(pod.metadata.labels),
        }),
    }),
    watches<Node>({
      kind: Node,
      changed: (node, old) =>
        node.metadata.labels !== old.metadata.labels || !deepEqual(node.spec.taints, old.spec.taints),
      keys: (node, context, old) =>
        context
          .lister(DaemonSet)
          .list()
          .filter((set) => !old || !deepEqual(verdictOn(set, node), verdictOn(set, old)))
          .map(keyOf),
    }),
  ],
  rbac: [
    allow('get list watch', 'apps', 'daemonsets'),
    allow('update', 'apps', 'daemonsets/status daemonsets/finalizers'),
    allow('list watch', '', 'nodes'),
    allow('list watch create delete patch', '', 'pods'),
    allow('create', '', 'pods/binding'),
    allow('get list watch create delete update patch', 'apps', 'controllerrevisions'),
    recordEvents,
  ],
  start(context) {
    states.set(context, { expectations: new Expectations(context.clock), failures: new Map() });
    indexByController(context.informers.informer(Pod));
    indexByController(context.informers.informer(ControllerRevision));
    return undefined;
  },
  async reconcile(key, context) {
    const set = context.lister(DaemonSet).byKey(key);
    const state = states.get(context)!;
    if (!set) {
      state.expectations.forget(key);
      return undefined;
    }
    if (matcherOf(set.spec.selector).everything) {
      const message = 'This daemon set is selecting all pods. A non-empty selector is required.';
      context.events.event(set, 'Warning', 'SelectingAll', message);
      return undefined;
    }
    if (set.metadata.deletionTimestamp) return undefined;
    return sync(set, { key, context, state });
  },
});

interface Look {
  readonly key: ObjectKey;
  readonly context: ControllerContext;
  readonly state: State;
}

async function sync(set: Shared<DaemonSet>, look: Look): Promise<ReconcileResult> {
  const { key, context, state } = look;
  const { client, informers, clock, lister } = context;
  const podInformer = informers.informer(Pod);
  const visible = state.expectations.met(key, podInformer);
  const claim = {
    client,
    owner: set,
    ownerKind: DaemonSet,
    matches: (labels: Readonly<Record<string, string>> | undefined) => matcherOf(set.spec.selector).matches(labels),
  };
  const history = await claimObjects({
    ...claim,
    kind: ControllerRevision,
    informer: informers.informer(ControllerRevision),
  });
  const { revision, collisionCount } = await syncRevision(
    {
      client,
      owner: set,
      kind: DaemonSet,
      template: set.spec.template,
      labels: set.spec.template.metadata.labels ?? {},
      collisionCount: set.status.collisionCount ?? 0,
    },
    history,
  );
  const hash = revision.metadata.labels?.[revisionHashLabel] ?? '';
  const pods = await claimObjects({ ...claim, kind: Pod, informer: podInformer });
  const now = clock.now();
  const facts: DaemonFacts = {
    nodes: lister(Node).list(),
    byNode: podsByNode(pods),
    hash,
    now,
    mayReplace: (node) => (state.failures.get(`${key}/${node}`)?.until ?? 0) <= clock.monotonic(),
  };
  let failure: unknown;
  if (visible) {
    const placement = planPlacement(set, facts);
    const moved = placement.create.length + placement.remove.length > 0;
    const rolls = !moved && set.spec.updateStrategy.type === 'RollingUpdate';
    failure = await carryOut(set, rolls ? planUpdate(set, facts) : placement, { ...look, hash });
  }
  const status = statusOf(set, facts, collisionCount);
  if (!deepEqual(status, set.status)) {
    try {
      await client.updateStatus(DaemonSet, { ...set, status });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }
  if (failure) throw failure;
  const live = new Set(
    history
      .filter((one) =>
        pods.some((pod) => pod.metadata.labels?.[revisionHashLabel] === one.metadata.labels?.[revisionHashLabel]),
      )
      .map((one) => one.metadata.name),
  ).add(revision.metadata.name);
  await truncateHistory(client, history, { live, limit: set.spec.revisionHistoryLimit ?? defaultHistory });
  const again = nextLookMs(set, pods, { look, visible, now });
  return {
    ...(again === undefined ? {} : { requeueAfterMs: again }),
    coalesceMs: coalesceMs(facts.nodes.length),
  };
}

/** The next thing that happens by time alone: a pod becomes available, a failed one may be replaced. */
function nextLookMs(
  set: Shared<DaemonSet>,
  pods: readonly Shared<Pod>[],
  { look, visible, now }: { look: Look; visible: boolean; now: number },
): number | undefined {
  const { key, context, state } = look;
  if (!visible) return recheckMs;
  const waits = [nextAvailabilityMs(pods, set.spec.minReadySeconds ?? 0, now)];
  for (const [id, { until }] of state.failures) {
    const left = until - context.clock.monotonic();
    if (id.startsWith(`${key}/`) && left > 0) waits.push(left);
  }
  const known = waits.filter((wait) => wait !== undefined);
  return known.length ? Math.min(...known) : undefined;
}

async function carryOut(
  set: Shared<DaemonSet>,
  plan: DaemonPlan,
  look: Look & { readonly hash: string },
): Promise<unknown> {
  const { key, context, state, hash } = look;
  const { events, clock } = context;
  const ended = new Set(plan.ended);
  for (const pod of ended) {
    const failed = pod.status.phase === 'Failed';
    const where = `${pod.metadata.namespace}/${pod.metadata.name} on node ${pod.spec.nodeName ?? ''}`;
    const message = `Found ${failed ? 'failed' : 'succeeded'} daemon pod ${where}, will try to ${failed ? 'kill' : 'delete'} it`;
    events.event(set, failed ? 'Warning' : 'Normal', failed ? 'FailedDaemonPod' : 'SucceededDaemonPod', message);
    if (!failed) continue;
    const id = `${key}/${pod.spec.nodeName}`;
    const count = (state.failures.get(id)?.count ?? 0) + 1;
    state.failures.set(id, { count, until: clock.monotonic() + backoffDelay(failureBackoff, count - 1) });
  }
  const removal = Promise.allSettled(
    plan.remove.slice(0, burst).map(async (pod) => {
      if (await deletePod(context, set, pod)) state.expectations.deleted(key, pod);
    }),
  );
  const nodes = plan.create.slice(0, burst);
  const { error } = await slowStart(nodes.length, async (at) => {
    state.expectations.created(key, await createPod(context, set, podForNode(set, nodes[at]!, hash)));
  });
  const failedRemoval = (await removal).find((result) => result.status === 'rejected');
  if (error && !isNamespaceTerminating(error)) return error;
  return failedRemoval?.reason;
}

/** Counts by node, as upstream's: of several pods on a node the oldest is looked at. */
export function statusOf(set: Shared<DaemonSet>, facts: DaemonFacts, collisionCount: number): Shared<DaemonSetStatus> {
  const minReady = set.spec.minReadySeconds ?? 0;
  const counts = { desired: 0, current: 0, misscheduled: 0, ready: 0, updated: 0, available: 0 };
  for (const node of facts.nodes) {
    const { shouldRun } = verdictOn(set, node);
    const pods = facts.byNode.get(node.metadata.name) ?? [];
    if (!shouldRun) {
      if (pods.length) counts.misscheduled++;
      continue;
    }
    counts.desired++;
    const pod = [...pods].sort((a, b) => (a.metadata.creationTimestamp < b.metadata.creationTimestamp ? -1 : 1))[0];
    if (!pod) continue;
    counts.current++;
    if (isPodReady(pod)) {
      counts.ready++;
      if (isPodAvailable(pod, minReady, facts.now)) counts.available++;
    }
    if (pod.metadata.labels?.[revisionHashLabel] === facts.hash) counts.updated++;
  }
  const { conditions } = set.status;
  return {
    currentNumberScheduled: counts.current,
    numberMisscheduled: counts.misscheduled,
    desiredNumberScheduled: counts.desired,
    numberReady: counts.ready,
    ...nonZero({
      observedGeneration: set.metadata.generation ?? 0,
      updatedNumberScheduled: counts.updated,
      numberAvailable: counts.available,
      numberUnavailable: counts.desired - counts.available,
    }),
    ...(collisionCount ? { collisionCount } : {}),
    ...(conditions ? { conditions } : {}),
  };
}
