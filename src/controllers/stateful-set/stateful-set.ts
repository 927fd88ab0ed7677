import { ControllerRevision } from '../../api/apps/controller-revision.ts';
import { StatefulSet } from '../../api/apps/stateful-set.ts';
import { PersistentVolumeClaim } from '../../api/core/persistent-volume-claim.ts';
import { Pod } from '../../api/core/pod.ts';
import type { Shared } from '../../api/kind.ts';
import { isAlreadyExists, isNotFound } from '../../api/machinery/status.ts';
import type { StatefulSetStatus } from '../../api/types/apps-v1.ts';
import { deepEqual } from '../../base/deep.ts';
import {
  type ControllerContext,
  defineController,
  type ObjectKey,
  type ReconcileResult,
  watches,
} from '../../client/reconcile.ts';
import { syncRevision, templateOf, truncateHistory } from '../controller-revisions.ts';
import { Expectations } from '../expectations.ts';
import { adoptersOf, claimObjects, indexByController } from '../ownership.ts';
import { isNamespaceTerminating } from '../pods/control.ts';
import { isPodAvailable, isPodReady, nextAvailabilityMs, podOwnerCares } from '../pods/state.ts';
import { allow, recordEvents } from '../rbac-rules.ts';
import { nonZero } from '../replica-counts.ts';
import { matcherOf } from '../selector-cache.ts';
import { ensureClaims, hasStaleClaim, ownClaims } from './claims.ts';
import { missingIdentity, newPod, ordinalOf, podName, replicasOf, revisionOf } from './identity.ts';
import { inOrder, type Plan, planStep, type Revisions } from './plan.ts';

type Sts = Shared<StatefulSet>;

const recheckMs = 1_000;
const defaultHistory = 10;
const pending = new WeakMap<ControllerContext, Expectations<Pod>>();

/** Keeps pods with names, claims and an order: created from the lowest ordinal up, deleted and updated from the highest down. */
export const statefulSetController = defineController<StatefulSet>({
  name: 'statefulset-controller',
  for: StatefulSet,
  owns: [Pod],
  reads: [PersistentVolumeClaim, ControllerRevision],
  watches: [
    watches<Pod>({
      kind: Pod,
      changed: podOwnerCares,
      keys: (pod, context) =>
        adoptersOf(context, pod, {
          kind: StatefulSet,
          matches: (set) =>
            matcherOf(set.spec.selector).matches(pod.metadata.labels) && ordinalOf(set, pod) !== undefined,
        }),
    }),
  ],
  rbac: [
    allow('list watch', '', 'pods'),
    allow('get list watch', 'apps', 'statefulsets'),
    allow('update', 'apps', 'statefulsets/status statefulsets/finalizers'),
    allow('get create delete update patch', '', 'pods'),
    allow('get create delete update patch list watch', 'apps', 'controllerrevisions'),
    allow('get create list watch update delete', '', 'persistentvolumeclaims'),
    allow('update', '', 'pods/finalizers'),
    recordEvents,
  ],
  start(context) {
    pending.set(context, new Expectations(context.clock));
    indexByController(context.informers.informer(Pod));
    indexByController(context.informers.informer(ControllerRevision));
    return undefined;
  },
  async reconcile(key, context) {
    const set = context.lister(StatefulSet).byKey(key);
    const expectations = pending.get(context)!;
    if (!set) {
      expectations.forget(key);
      return undefined;
    }
    const { client, informers } = context;
    const podInformer = informers.informer(Pod);
    const visible = expectations.met(key, podInformer);
    const matches = (labels: Readonly<Record<string, string>> | undefined) =>
      matcherOf(set.spec.selector).matches(labels);
    const pods = await claimObjects({
      client,
      owner: set,
      ownerKind: StatefulSet,
      kind: Pod,
      informer: podInformer,
      matches,
      adoptable: (pod) => ordinalOf(set, pod) !== undefined,
    });
    const history = await claimObjects({
      client,
      owner: set,
      ownerKind: StatefulSet,
      kind: ControllerRevision,
      informer: informers.informer(ControllerRevision),
      matches,
    });
    return sync(set, pods, { context, key, history, expectations, visible });
  },
});

interface Look {
  readonly context: ControllerContext;
  readonly key: ObjectKey;
  readonly history: readonly Shared<ControllerRevision>[];
  readonly expectations: Expectations<Pod>;
  /** Whether the cache shows what earlier steps wrote. */
  readonly visible: boolean;
}

async function sync(set: Sts, pods: readonly Shared<Pod>[], look: Look): Promise<ReconcileResult> {
  const { context, history } = look;
  const { client, clock } = context;
  const { revision: update, collisionCount } = await syncRevision(
    {
      client,
      owner: set,
      kind: StatefulSet,
      template: set.spec.template,
      labels: set.spec.template.metadata.labels ?? {},
      collisionCount: set.status.collisionCount ?? 0,
    },
    history,
  );
  const current = history.find(({ metadata }) => metadata.name === set.status.currentRevision) ?? update;
  const revisions: Revisions = { current: current.metadata.name, update: update.metadata.name };
  const now = clock.now();
  let failure: unknown;
  if (look.visible && !set.metadata.deletionTimestamp) {
    const templates = { [revisions.current]: templateOf(current), [revisions.update]: templateOf(update) };
    try {
      await carryOut(planStep(set, pods, { revisions, now }), set, { ...look, templates });
    } catch (error) {
      if (!isNamespaceTerminating(error)) failure = error;
    }
  }
  const status = statusOf(set, pods, { revisions, collisionCount, now });
  if (!deepEqual(status, set.status)) {
    try {
      await client.updateStatus(StatefulSet, { ...set, status });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }
  if (failure) throw failure;
  const live = new Set([revisions.current, revisions.update, ...pods.map(revisionOf)]);
  if (set.status.currentRevision) live.add(set.status.currentRevision);
  const limit = set.spec.revisionHistoryLimit ?? defaultHistory;
  if (!set.metadata.deletionTimestamp) await truncateHistory(client, history, { live, limit });
  if (!look.visible) return { requeueAfterMs: recheckMs };
  const next = nextAvailabilityMs(pods, set.spec.minReadySeconds ?? 0, now);
  return next === undefined ? undefined : { requeueAfterMs: next };
}

async function carryOut(
  plan: Plan,
  set: Sts,
  look: Look & { readonly templates: Readonly<Record<string, Shared<StatefulSet>['spec']['template']>> },
): Promise<void> {
  const { context, key, expectations } = look;
  const { client, events } = context;
  const name = set.metadata.name;
  for (const { pod, ordinal } of plan.keep) {
    const labels = missingIdentity(set, ordinal, pod);
    if (labels && !pod.metadata.deletionTimestamp) {
      const patch = { metadata: { uid: pod.metadata.uid, labels } };
      await client.patch(Pod, pod.metadata, patch, { type: 'merge' });
    }
    if (pod.status.phase === 'Pending' && !pod.metadata.deletionTimestamp) await ensureClaims(context, set, ordinal);
    await ownClaims(context, set, pod, ordinal);
  }
  for (const { pod, why } of plan.remove) {
    if (why === 'failed' || why === 'succeeded') {
      const reason = why === 'failed' ? 'RecreatingFailedPod' : 'RecreatingTerminatedPod';
      const state = why === 'failed' ? 'failed' : 'terminated';
      const message = `StatefulSet ${set.metadata.namespace}/${name} is recreating ${state} Pod ${pod.metadata.name}`;
      events.event(set, why === 'failed' ? 'Warning' : 'Normal', reason, message);
    }
    const what = `delete Pod ${pod.metadata.name} in StatefulSet ${name}`;
    try {
      await client.delete(Pod, pod.metadata, { preconditions: { uid: pod.metadata.uid } });
      events.event(set, 'Normal', 'SuccessfulDelete', `${what} successful`);
    } catch (error) {
      if (!isNotFound(error)) {
        events.event(set, 'Warning', 'FailedDelete', `${what} failed error: ${(error as Error).message}`);
        throw error;
      }
    }
    expectations.deleted(key, pod);
  }
  for (const { ordinal, revision } of plan.create) {
    if (hasStaleClaim(context, set, ordinal) || !(await ensureClaims(context, set, ordinal))) continue;
    const what = `create Pod ${podName(set, ordinal)} in StatefulSet ${name}`;
    try {
      const pod = await client.create(Pod, newPod(set, ordinal, { template: look.templates[revision]!, revision }));
      expectations.created(key, pod);
      events.event(set, 'Normal', 'SuccessfulCreate', `${what} successful`);
    } catch (error) {
      // Another pod has the name, or the cache is behind: its events bring this step back.
      if (isAlreadyExists(error)) continue;
      if (!isNamespaceTerminating(error)) {
        events.event(set, 'Warning', 'FailedCreate', `${what} failed error: ${(error as Error).message}`);
      }
      throw error;
    }
  }
}

/** The status that the pods give, and the end of an update when all are of its revision and ready. */
export function statusOf(
  set: Sts,
  pods: readonly Shared<Pod>[],
  { revisions, collisionCount, now }: { revisions: Revisions; collisionCount: number; now: number },
): Shared<StatefulSetStatus> {
  const minReady = set.spec.minReadySeconds ?? 0;
  const mine = inOrder(set, pods).map(({ pod }) => pod);
  const live = mine.filter((pod) => !pod.metadata.deletionTimestamp);
  const ready = mine.filter((pod) => pod.status.phase === 'Running' && isPodReady(pod));
  const updated = live.filter((pod) => revisionOf(pod) === revisions.update).length;
  let current = live.filter((pod) => revisionOf(pod) === revisions.current).length;
  let currentRevision = revisions.current;
  const wanted = replicasOf(set);
  const done = mine.length === wanted && updated === wanted && ready.length === wanted;
  if (set.spec.updateStrategy.type === 'RollingUpdate' && currentRevision !== revisions.update && done) {
    current = updated;
    currentRevision = revisions.update;
  }
  const { conditions } = set.status;
  return {
    ...nonZero({
      observedGeneration: set.metadata.generation ?? 0,
      readyReplicas: ready.length,
      currentReplicas: current,
      updatedReplicas: updated,
    }),
    replicas: mine.length,
    availableReplicas: ready.filter((pod) => isPodAvailable(pod, minReady, now)).length,
    currentRevision,
    updateRevision: revisions.update,
    collisionCount,
    ...(conditions ? { conditions } : {}),
  };
}
