import { Job } from '../../api/batch/job.ts';
import { Pod } from '../../api/core/pod.ts';
import {
  type ControllerContext,
  defineController,
  keyOf,
  type ReconcileResult,
  splitKey,
  watches,
} from '../../client/reconcile.ts';
import { Expectations } from '../expectations.ts';
import { claimObjects, controllerOf, indexByController } from '../ownership.ts';
import { isPodTerminal } from '../pods/state.ts';
import { allow, recordEvents } from '../rbac-rules.ts';
import { matcherOf } from '../selector-cache.ts';
import { isFinished } from './conditions.ts';
import { removeFinalizer } from './finalizer.ts';
import { isTracked, type J, type P, trackingFinalizer } from './pods.ts';
import { type JobState, JobStep } from './step.ts';

/** Keys of pods that nobody counts any more begin with this; no object's key does. */
const podPrefix = 'pod:';
const states = new WeakMap<ControllerContext, JobState>();

/** Runs pods to completion: in parallel, by index, with limits on failures, and counts each of them exactly once. */
export const jobController = defineController<Job>({
  name: 'job-controller',
  for: Job,
  owns: [Pod],
  watches: [
    watches<Pod>({
      kind: Pod,
      keys(pod, context) {
        const owner = controllerOf(pod);
        if (owner) return isTracked(pod) && isOrphaned(pod, context) ? [`${podPrefix}${keyOf(pod)}`] : [];
        if (pod.metadata.deletionTimestamp) return isTracked(pod) ? [`${podPrefix}${keyOf(pod)}`] : [];
        return context
          .lister(Job)
          .list(pod.metadata.namespace)
          .filter((job) => matcherOf(job.spec.selector).matches(pod.metadata.labels))
          .map(keyOf);
      },
    }),
  ],
  rbac: [
    allow('get list watch update patch', 'batch', 'jobs'),
    allow('update', 'batch', 'jobs/status jobs/finalizers'),
    allow('list watch create delete patch', '', 'pods'),
    recordEvents,
  ],
  start(context) {
    states.set(context, {
      expectations: new Expectations(context.clock),
      written: new Expectations(context.clock),
      backoffs: new Map(),
    });
    indexByController(context.informers.informer(Pod));
    return undefined;
  },
  async reconcile(key, context) {
    if (key.startsWith(podPrefix)) return releaseOrphan(key.slice(podPrefix.length), context);
    const state = states.get(context)!;
    const job = context.lister(Job).byKey(key);
    if (!job) {
      state.expectations.forget(key);
      state.written.forget(key);
      state.backoffs.delete(key);
      const { namespace, name } = splitKey(key);
      const pods = context
        .lister(Pod)
        .list(namespace)
        .filter((pod) => isTracked(pod) && controllerOf(pod)?.kind === 'Job' && controllerOf(pod)?.name === name);
      await releaseOrphans(pods, { namespace, name }, context);
      return undefined;
    }
    if (job.spec.managedBy && job.spec.managedBy !== 'kubernetes.io/job-controller') return undefined;
    const informer = context.informers.informer(Pod);
    // Asked before the pods are read: what is seen then is at least as new as the last writes.
    const podsVisible = state.expectations.met(key, informer);
    const visible = state.written.met(key, context.informers.informer(Job)) && podsVisible;
    const pods = await claimObjects({
      client: context.client,
      owner: job,
      ownerKind: Job,
      kind: Pod,
      informer,
      matches: (labels) => matcherOf(job.spec.selector).matches(labels),
      finalizers: [trackingFinalizer],
      releaseFinalizers: [trackingFinalizer],
    });
    if (isFinished(job)) {
      state.expectations.forget(key);
      state.written.forget(key);
      state.backoffs.delete(key);
      for (const pod of pods) if (isTracked(pod)) await removeFinalizer(pod, context);
      return undefined;
    }
    const known = await knownPods(job, pods, context);
    return new JobStep(job, known, { key, context, state, visible }).run();
  },
});

/**
 * The pods as the job's status knows them. A cache that is older than the status may show pods that were counted already
 * with the finalizer that says they were not: then the server is asked.
 */
async function knownPods(job: J, pods: readonly P[], { client, informers }: ControllerContext): Promise<readonly P[]> {
  const isBehind = Number(informers.informer(Pod).resourceVersion) < Number(job.metadata.resourceVersion);
  const uncounted = (pod: P) => isTracked(pod) && isPodTerminal(pod);
  if (!isBehind || !pods.some(uncounted)) return pods;
  const labelSelector = matcherOf(job.spec.selector).toString();
  const { items } = await client.list(Pod, { namespace: job.metadata.namespace!, labelSelector });
  const stored = new Map(items.map((pod) => [pod.metadata.uid, pod]));
  return pods.flatMap((pod) => (uncounted(pod) ? (stored.get(pod.metadata.uid) ?? []) : [pod]));
}

/** Whether a tracked pod belongs to no job that could still count it. */
function isOrphaned(pod: P, context: ControllerContext): boolean {
  const owner = controllerOf(pod);
  if (owner?.kind !== 'Job') return false;
  const job = context.lister(Job).get(pod.metadata.namespace, owner.name);
  return job?.metadata.uid !== owner.uid || isFinished(job);
}

async function releaseOrphan(key: string, context: ControllerContext): Promise<ReconcileResult> {
  const pod = context.lister(Pod).byKey(key);
  if (!pod || !isTracked(pod)) return undefined;
  const owner = controllerOf(pod);
  if (owner) await releaseOrphans([pod], { namespace: pod.metadata.namespace, name: owner.name }, context);
  else await removeFinalizer(pod, context);
  return undefined;
}

/** Lets pods go that the job of a name does not count (any more). The server is asked: the cache of jobs may be behind that of pods. */
async function releaseOrphans(
  pods: readonly P[],
  where: { readonly namespace: string | undefined; readonly name: string },
  context: ControllerContext,
): Promise<void> {
  if (pods.length === 0) return;
  const job = await context.client.find(Job, where);
  for (const pod of pods) {
    if (!job || job.metadata.uid !== controllerOf(pod)?.uid || isFinished(job)) await removeFinalizer(pod, context);
  }
}
