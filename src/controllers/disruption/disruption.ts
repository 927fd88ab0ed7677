import { Deployment } from '../../api/apps/deployment.ts';
import { ReplicaSet } from '../../api/apps/replica-set.ts';
import { StatefulSet } from '../../api/apps/stateful-set.ts';
import { Pod } from '../../api/core/pod.ts';
import { ReplicationController } from '../../api/core/replication-controller.ts';
import type { KindRef, KubeObject, Shared } from '../../api/kind.ts';
import { isConflict, isNotFound } from '../../api/machinery/status.ts';
import { PodDisruptionBudget } from '../../api/policy/pod-disruption-budget.ts';
import type { PodDisruptionBudgetStatus } from '../../api/types/policy-v1.ts';
import { parseTime } from '../../base/clock.ts';
import { deepEqual } from '../../base/deep.ts';
import {
  type ControllerContext,
  defineController,
  keyOf,
  type ObjectKey,
  type ReconcileResult,
  watches,
} from '../../client/reconcile.ts';
import { findCondition, withCondition } from '../conditions.ts';
import { isPodTerminal, podOwnerCares } from '../pods/state.ts';
import { allow, recordEvents } from '../rbac-rules.ts';
import { matcherOf } from '../selector-cache.ts';
import { countHealthy, deletionTimeoutMs, expectedCounts, pendingDisruptions } from './budget.ts';
import { expectedScale } from './scale.ts';

type Budget = Shared<PodDisruptionBudget>;

/** Keys of pods whose disruption may have come to nothing. */
const podPrefix = 'pod:';

const budgetsOf = (pod: Shared<Pod>, context: ControllerContext): ObjectKey[] =>
  context
    .lister(PodDisruptionBudget)
    .list(pod.metadata.namespace)
    .filter((budget) => matcherOf(budget.spec.selector).matches(pod.metadata.labels))
    .map(keyOf);

const inNamespace = (kind: KindRef) =>
  watches<KubeObject & { spec?: { replicas?: number } }>({
    kind: kind as KindRef<KubeObject>,
    changed: (object, old) => object.spec?.replicas !== old.spec?.replicas,
    keys: (object, context) => context.lister(PodDisruptionBudget).list(object.metadata.namespace).map(keyOf),
  });

/** Says how many pods of each PodDisruptionBudget may be evicted now. */
export const disruptionController = defineController<PodDisruptionBudget>({
  name: 'disruption-controller',
  for: PodDisruptionBudget,
  watches: [
    watches<Pod>({
      kind: Pod,
      changed: (pod, old) => podOwnerCares(pod, old) || isDisrupted(pod) !== isDisrupted(old),
      keys(pod, context, old) {
        const keys = budgetsOf(pod, context);
        if (old && old.metadata.labels !== pod.metadata.labels) keys.push(...budgetsOf(old, context));
        if (isDisrupted(pod) && !pod.metadata.deletionTimestamp) keys.push(`${podPrefix}${keyOf(pod)}`);
        return keys;
      },
    }),
    inNamespace(Deployment),
    inNamespace(ReplicaSet),
    inNamespace(StatefulSet),
    inNamespace(ReplicationController),
  ],
  rbac: [
    allow('get list watch', 'apps', 'deployments replicasets statefulsets'),
    allow('get list watch', '', 'replicationcontrollers pods'),
    allow('get list watch', 'policy', 'poddisruptionbudgets'),
    allow('update', 'policy', 'poddisruptionbudgets/status'),
    allow('patch update', '', 'pods/status'),
    allow('get', '*', '*/scale'),
    recordEvents,
  ],
  async reconcile(key, context) {
    if (key.startsWith(podPrefix)) return clearStale(key.slice(podPrefix.length), context);
    const budget = context.lister(PodDisruptionBudget).byKey(key);
    if (!budget || budget.metadata.deletionTimestamp) return undefined;
    try {
      return await sync(budget, context);
    } catch (error) {
      if (!isConflict(error)) await failSafe(budget, error as Error, context);
      throw error;
    }
  },
});

async function sync(budget: Budget, context: ControllerContext): Promise<ReconcileResult> {
  const { lister, events, clock } = context;
  const matcher = matcherOf(budget.spec.selector);
  const pods = lister(Pod)
    .list(budget.metadata.namespace)
    .filter((pod) => matcher.matches(pod.metadata.labels) && !isPodTerminal(pod));
  if (pods.length === 0) events.event(budget, 'Normal', 'NoPods', 'No matching pods found');
  const needsScale = budget.spec.maxUnavailable !== undefined || typeof budget.spec.minAvailable === 'string';
  let scale = 0;
  if (needsScale) {
    try {
      const found = await expectedScale(pods, context);
      scale = found.scale;
      if (found.unmanaged.length) {
        const message = `Pods selected by this PodDisruptionBudget (selector: ${matcher}) were found to be unmanaged. As a result, the status of the PDB cannot be calculated correctly, which may result in undefined behavior. To account for these pods please set ".spec.minAvailable" field of the PDB to an integer value.`;
        events.event(budget, 'Warning', 'UnmanagedPods', message);
      }
    } catch (error) {
      const message = `Failed to calculate the number of expected pods: ${(error as Error).message}`;
      events.event(budget, 'Warning', 'CalculateExpectedPodCountFailed', message);
      throw error;
    }
  }
  const now = clock.now();
  const { expected, desired } = expectedCounts(budget.spec, { pods: pods.length, scale });
  const { pending, overdue, recheckMs } = pendingDisruptions(budget.status.disruptedPods, pods, now);
  for (const pod of overdue) {
    events.event(pod, 'Warning', 'NotDeleted', `Pod was expected by PDB ${keyOf(budget)} to be deleted but it wasn't`);
  }
  const healthy = countHealthy(pods, pending);
  const allowed = expected > 0 ? Math.max(0, healthy - desired) : 0;
  await write(budget, context, {
    ...(budget.metadata.generation ? { observedGeneration: budget.metadata.generation } : {}),
    ...(Object.keys(pending).length ? { disruptedPods: pending } : {}),
    disruptionsAllowed: allowed,
    currentHealthy: healthy,
    desiredHealthy: desired,
    expectedPods: expected,
    conditions: withCondition(
      budget.status.conditions,
      {
        type: 'DisruptionAllowed',
        status: allowed > 0 ? 'True' : 'False',
        reason: allowed > 0 ? 'SufficientPods' : 'InsufficientPods',
        message: '',
        lastTransitionTime: '',
        ...(budget.metadata.generation ? { observedGeneration: budget.metadata.generation } : {}),
      },
      now,
    ),
  });
  return recheckMs === undefined ? undefined : { requeueAfterMs: recheckMs };
}

/** When nothing can be said, nothing is allowed. */
async function failSafe(budget: Budget, error: Error, context: ControllerContext): Promise<void> {
  await write(budget, context, {
    ...budget.status,
    disruptionsAllowed: 0,
    conditions: withCondition(
      budget.status.conditions,
      {
        type: 'DisruptionAllowed',
        status: 'False',
        reason: 'SyncFailed',
        message: error.message,
        lastTransitionTime: '',
        ...(budget.metadata.generation ? { observedGeneration: budget.metadata.generation } : {}),
      },
      context.clock.now(),
    ),
  });
}

async function write(
  budget: Budget,
  { client }: ControllerContext,
  status: Shared<PodDisruptionBudgetStatus>,
): Promise<void> {
  if (deepEqual(status, budget.status)) return;
  try {
    await client.updateStatus(PodDisruptionBudget, { ...budget, status });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}

const isDisrupted = (pod: Shared<Pod>): boolean =>
  findCondition(pod.status.conditions, 'DisruptionTarget')?.status === 'True';

/** A pod that was to be disrupted and still lives two minutes later is not disrupted. */
async function clearStale(key: ObjectKey, { lister, client, clock }: ControllerContext): Promise<ReconcileResult> {
  const pod = lister(Pod).byKey(key);
  const condition = findCondition(pod?.status.conditions, 'DisruptionTarget');
  if (!pod || condition?.status !== 'True' || pod.metadata.deletionTimestamp || isPodTerminal(pod)) return undefined;
  const now = clock.now();
  const left = parseTime(condition.lastTransitionTime ?? pod.metadata.creationTimestamp) + deletionTimeoutMs - now;
  if (left > 0) return { requeueAfterMs: left };
  const { reason: _, message: __, ...rest } = condition;
  const [cleared] = withCondition([condition], { ...rest, status: 'False' }, now);
  try {
    const patch = {
      metadata: { uid: pod.metadata.uid },
      status: { conditions: [{ ...cleared, reason: null, message: null }] },
    };
    await client.patch(Pod, pod.metadata, patch, { type: 'strategic', subresource: 'status' });
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
  return undefined;
}
