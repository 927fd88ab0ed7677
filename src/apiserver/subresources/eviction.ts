/** POST pods/NAME/eviction: a delete that pod disruption budgets must allow. */
import type { Pod } from '../../api/core/pod.ts';
import type { KubeObject, Shared } from '../../api/kind.ts';
import { labelSelectorMatcher } from '../../api/machinery/selectors.ts';
import { badRequest, isConflict, StatusError } from '../../api/machinery/status.ts';
import { structSchema } from '../../api/schema/schema.ts';
import type { DeleteOptions } from '../../api/types/meta-v1.ts';
import type { PodDisruptionBudget } from '../../api/types/policy-v1.ts';
import { formatTime } from '../../base/clock.ts';
import { mutableCopy } from '../../base/deep.ts';
import type { ApiContext } from '../context.ts';
import { Admission, mutate, validate } from '../verbs/admit.ts';
import { decodeBody } from '../verbs/body.ts';
import type { Answer, Call } from '../verbs/call.ts';
import { isDryRun } from '../verbs/call-options.ts';
import { deleteObject } from '../verbs/delete.ts';
import { currentEntry } from '../verbs/get.ts';
import { notAllowed } from '../verbs/refusals.ts';
import { changeObject } from '../verbs/update.ts';

type Budget = Shared<PodDisruptionBudget>;

/** How many pods a budget remembers as being evicted before it refuses more. */
const maxDisruptedPods = 2000;
const attempts = 10;

export async function evictPod(api: ApiContext, call: Call): Promise<Answer> {
  if (call.verb !== 'create') throw notAllowed(call);
  const eviction = decodeEviction(call);
  const { name } = eviction.metadata;
  if (name && name !== call.name)
    throw badRequest(
      `name in URL does not match name in Eviction object: ${JSON.stringify(call.name)} != ${JSON.stringify(name)}`,
    );
  const options: DeleteOptions = {
    ...(eviction['deleteOptions'] as DeleteOptions | undefined),
    kind: 'DeleteOptions',
    apiVersion: 'v1',
  };
  const dryRun = isDryRun(call.options) || Boolean(options.dryRun?.length);
  if (dryRun) options.dryRun = ['All'];
  const admission = new Admission(call, {
    operation: 'CREATE',
    object: eviction,
    dryRun,
    options: { kind: 'CreateOptions', apiVersion: 'meta.k8s.io/v1' },
  });
  await mutate(api, admission);
  await validate(api, admission);

  const pods = api.registry.resolve('', 'v1', 'pods')!;
  const podCall: Call = { ...call, resource: pods, subresource: '', verb: 'delete', body: undefined };
  let pod = currentEntry(podCall).object as unknown as Shared<Pod>;
  if (!ignoresBudget(pod)) {
    await spendBudget(api, call, { pod, dryRun });
    pod = currentEntry(podCall).object as unknown as Shared<Pod>;
    if (!dryRun) await markDisrupted(api, podCall);
  }
  await deleteObject(api, podCall, options);
  return { code: 201, object: { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 } };
}

function decodeEviction(call: Call): KubeObject & Record<string, unknown> {
  const { body } = call;
  const sent = body && 'object' in body ? (body.object as { apiVersion?: string }) : undefined;
  const legacy =
    sent?.apiVersion === 'policy/v1beta1' ||
    (body && 'bytes' in body && Buffer.from(body.bytes).includes('policy/v1beta1'));
  const schema = {
    struct: structSchema('policy/v1.Eviction'),
    apiVersion: legacy ? 'policy/v1beta1' : 'policy/v1',
    kind: 'Eviction',
  };
  return decodeBody(call, schema) as KubeObject & Record<string, unknown>;
}

/** A pod that does no work, or goes already, is no loss. */
function ignoresBudget(pod: Shared<Pod>): boolean {
  const { phase } = pod.status;
  return (
    phase === 'Succeeded' || phase === 'Failed' || phase === 'Pending' || pod.metadata.deletionTimestamp !== undefined
  );
}

const isReady = (pod: Shared<Pod>) =>
  (pod.status.conditions ?? []).some((condition) => condition.type === 'Ready' && condition.status === 'True');

function budgetsOf(api: ApiContext, pod: Shared<Pod>): Budget[] {
  const stored = api.registry.storage('policy', 'poddisruptionbudgets');
  if (!stored) return [];
  const found: Budget[] = [];
  for (const entry of stored.cache.snapshot().range(`${stored.prefix}${pod.metadata.namespace}/`)) {
    const budget = entry.object as unknown as Budget;
    if (labelSelectorMatcher(budget.spec.selector).matches(pod.metadata.labels)) found.push(budget);
  }
  return found;
}

async function spendBudget(
  api: ApiContext,
  call: Call,
  { pod, dryRun }: { pod: Shared<Pod>; dryRun: boolean },
): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    const budgets = budgetsOf(api, pod);
    if (budgets.length > 1)
      throw new StatusError(
        'InternalError',
        'Internal error occurred: This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.',
      );
    const budget = budgets[0];
    if (!budget) return;
    if (!isReady(pod)) {
      if (budget.spec.unhealthyPodEvictionPolicy === 'AlwaysAllow') return;
      const { currentHealthy = 0, desiredHealthy = 0 } = budget.status;
      if (currentHealthy >= desiredHealthy && desiredHealthy > 0) return;
    }
    checkBudget(budget, call.name);
    if (dryRun) return;
    try {
      await takeOne(api, call, budget);
      return;
    } catch (error) {
      if (!isConflict(error) || attempt >= attempts) throw error;
    }
  }
}

function checkBudget(budget: Budget, podName: string): void {
  const { name, generation = 0 } = budget.metadata;
  const {
    observedGeneration = 0,
    disruptionsAllowed = 0,
    disruptedPods,
    currentHealthy = 0,
    desiredHealthy = 0,
  } = budget.status;
  const refuse = (message: string, cause: string, retryAfterSeconds: number) =>
    new StatusError('TooManyRequests', message, {
      causes: [{ reason: 'DisruptionBudget', message: cause }],
      ...(retryAfterSeconds ? { retryAfterSeconds } : {}),
    });
  const budgetMessage = "Cannot evict pod as it would violate the pod's disruption budget.";
  if (observedGeneration < generation)
    throw refuse(budgetMessage, `The disruption budget ${name} is still being processed by the server.`, 10);
  if (disruptionsAllowed < 0)
    throw new StatusError(
      'Forbidden',
      `pods ${JSON.stringify(podName)} is forbidden: pdb disruptions allowed is negative`,
    );
  if (Object.keys(disruptedPods ?? {}).length > maxDisruptedPods)
    throw new StatusError(
      'Forbidden',
      `pods ${JSON.stringify(podName)} is forbidden: DisruptedPods map too big - too many evictions not confirmed by PDB controller`,
    );
  if (disruptionsAllowed === 0)
    throw refuse(
      budgetMessage,
      `The disruption budget ${name} needs ${desiredHealthy} healthy pods and has ${currentHealthy} currently`,
      0,
    );
}

async function takeOne(api: ApiContext, call: Call, budget: Budget): Promise<void> {
  const resource = api.registry.resolve('policy', 'v1', 'poddisruptionbudgets')!;
  const budgetCall: Call = {
    ...call,
    resource,
    name: budget.metadata.name,
    subresource: 'status',
    verb: 'patch',
    body: undefined,
  };
  await changeObject(api, budgetCall, {
    apply(old) {
      const next = mutableCopy(old) as unknown as PodDisruptionBudget;
      if (old.metadata.resourceVersion !== budget.metadata.resourceVersion)
        checkBudget(old as unknown as Budget, call.name);
      next.status.disruptionsAllowed = (next.status.disruptionsAllowed ?? 0) - 1;
      next.status.disruptedPods = { ...next.status.disruptedPods, [call.name]: formatTime(api.clock.now()) };
      next.metadata.resourceVersion = '';
      return next as unknown as KubeObject;
    },
    scope: 'as-applied',
    recordFields: true,
    optionsKind: 'UpdateOptions',
  });
}

/** Says on the pod why it goes (DisruptionTarget). */
async function markDisrupted(api: ApiContext, call: Call): Promise<void> {
  const now = formatTime(api.clock.now());
  await changeObject(
    api,
    { ...call, subresource: 'status', verb: 'patch' },
    {
      apply(old) {
        const pod = mutableCopy(old) as unknown as Pod;
        pod.metadata.resourceVersion = '';
        const conditions = (pod.status.conditions ?? []).filter((condition) => condition.type !== 'DisruptionTarget');
        pod.status.conditions = [
          ...conditions,
          {
            type: 'DisruptionTarget',
            status: 'True',
            reason: 'EvictionByEvictionAPI',
            message: 'Eviction API: evicting',
            lastTransitionTime: now,
          },
        ];
        return pod as unknown as KubeObject;
      },
      scope: 'as-applied',
      recordFields: true,
      optionsKind: 'UpdateOptions',
    },
  );
}
