import { describe, expect, test } from 'vitest';
import { CronJob } from '../../src/api/batch/cron-job.ts';
import { Job } from '../../src/api/batch/job.ts';
import { Pod } from '../../src/api/core/pod.ts';
import { isTooManyRequests } from '../../src/api/machinery/status.ts';
import { PodDisruptionBudget } from '../../src/api/policy/pod-disruption-budget.ts';
import { appsCluster, podTemplate, type Scope, useCollection, useStatus } from './apps-cluster.ts';

const enter = appsCluster();

const jobTemplate = (sim: Record<string, string>, restartPolicy = 'Never') => {
  const template = podTemplate({}, { sim });
  return { ...template, spec: { ...template.spec, restartPolicy } };
};

describe('[sig-apps] Job', () => {
  const create = (s: Scope, spec: object = {}, sim: Record<string, string> = {}) =>
    s.client.create(Job, {
      metadata: { namespace: s.namespace, name: 'foo', labels: { job: s.namespace } },
      spec: { parallelism: 2, completions: 4, backoffLimit: 6, template: jobTemplate(sim), ...spec },
    } as never);
  const refOf = (s: Scope) => ({ namespace: s.namespace, name: 'foo' });
  const get = (s: Scope) => s.client.get(Job, refOf(s));
  const finished = async (s: Scope) =>
    (await get(s)).status.conditions?.filter((one) => one.status === 'True').map((one) => one.type);

  test('should run a job to completion when tasks sometimes fail and are locally restarted [Conformance]', async () => {
    const s = await enter();
    await create(s, { template: jobTemplate({ 'exit-codes': '1,0', 'run-duration': '1s' }, 'OnFailure') });
    await s.pass('600s');
    expect(await finished(s)).toContain('Complete');
    expect((await get(s)).status.succeeded).toBe(4);
    expect((await s.pods()).some((pod) => pod.status.containerStatuses![0]!.restartCount > 0)).toBe(true);
  });

  test('should create pods for an Indexed job with completion indexes and specified hostname [Conformance]', async () => {
    const s = await enter();
    await create(s, { completionMode: 'Indexed' }, { 'exit-codes': '0', 'run-duration': '1s' });
    await s.pass('60s');
    expect((await get(s)).status).toMatchObject({ succeeded: 4, completedIndexes: '0-3' });
    const pods = await s.pods();
    const indexes = pods.map((pod) => Number(pod.metadata.annotations!['batch.kubernetes.io/job-completion-index']));
    expect(indexes.sort()).toEqual([0, 1, 2, 3]);
    expect(pods.map((pod) => pod.spec.hostname).sort()).toEqual(['foo-0', 'foo-1', 'foo-2', 'foo-3']);
  });

  test('should allow to use the pod failure policy on exit code to fail the job early [Conformance]', async () => {
    const s = await enter();
    const podFailurePolicy = { rules: [{ action: 'FailJob', onExitCodes: { operator: 'In', values: [42] } }] };
    await create(s, { podFailurePolicy, backoffLimit: 100 }, { 'exit-code': '42', 'run-duration': '1s' });
    await s.pass('120s');
    expect(await finished(s)).toContain('Failed');
    expect((await get(s)).status.conditions?.find((one) => one.type === 'Failed')?.reason).toBe('PodFailurePolicy');
  });

  test('should allow to use a pod failure policy to ignore failure matching on DisruptionTarget condition [Conformance]', async () => {
    const s = await enter();
    const podFailurePolicy = {
      rules: [{ action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] }],
    };
    await create(s, { podFailurePolicy, backoffLimit: 0, completions: 2 }, { 'run-duration': '60s' });
    await s.pass('10s');
    for (const pod of await s.pods()) {
      const body = {
        apiVersion: 'policy/v1',
        kind: 'Eviction',
        metadata: { name: pod.metadata.name, namespace: s.namespace },
      };
      await s.client.subresource('create', Pod, { ...pod.metadata, subresource: 'eviction' }, body);
    }
    await s.pass('600s');
    expect(await finished(s)).toContain('Complete');
    expect((await get(s)).status.failed).toBeUndefined();
  });

  test('should adopt matching orphans and release non-matching pods [Conformance]', async () => {
    const s = await enter();
    await create(s, { completions: 8 }, { 'run-duration': '1h' });
    await s.pass();
    const [pod] = await s.pods();
    await s.client.patch(Pod, pod!.metadata, { metadata: { ownerReferences: null } }, { type: 'merge' });
    await s.pass();
    const owners = async () => (await s.client.get(Pod, pod!.metadata)).metadata.ownerReferences ?? [];
    expect(await owners()).toMatchObject([{ kind: 'Job', name: 'foo', controller: true }]);
    const labels = Object.fromEntries(Object.keys(pod!.metadata.labels!).map((key) => [key, null]));
    await s.client.patch(Pod, pod!.metadata, { metadata: { labels } }, { type: 'merge' });
    await s.pass();
    expect(await owners()).toEqual([]);
  });

  test('should delete a job [Conformance]', async () => {
    const s = await enter();
    await create(s, {}, { 'run-duration': '1h' });
    await s.pass();
    expect((await get(s)).status.active).toBe(2);
    await s.client.delete(Job, refOf(s), { propagationPolicy: 'Foreground' });
    await s.pass('60s');
    expect(await s.client.find(Job, refOf(s))).toBeUndefined();
    expect(await s.pods()).toEqual([]);
  });

  test('should manage the lifecycle of a job [Conformance]', async () => {
    const s = await enter();
    await create(s, { suspend: true }, { 'run-duration': '1s' });
    await s.client.patch(Job, refOf(s), { metadata: { labels: { foo: 'patched' } } }, { type: 'merge' });
    await s.pass();
    expect(await s.pods()).toEqual([]);
    const seen = await get(s);
    await s.client.update(Job, { ...seen, spec: { ...seen.spec, suspend: false } });
    await s.pass('120s');
    expect(await finished(s)).toContain('Complete');
    expect(await useCollection(s, Job, `job=${s.namespace}`)).toEqual([1, 0]);
  });

  test('should apply changes to a job status [Conformance]', async () => {
    const s = await enter();
    await create(s, {}, { 'run-duration': '1h' });
    await s.pass();
    expect(await useStatus(s, Job, refOf(s))).toContain('StatusPatched');
    const annotate = { metadata: { annotations: { patchedstatus: 'true' } } };
    await s.client.patch(Job, refOf(s), annotate, { type: 'merge', subresource: 'status' });
    expect((await get(s)).metadata.annotations?.['patchedstatus']).toBe('true');
  });
});

describe('[sig-apps] CronJob', () => {
  const create = (s: Scope, spec: object = {}, runDuration = '5m') =>
    s.client.create(CronJob, {
      metadata: { namespace: s.namespace, name: 'cron', labels: { cron: s.namespace } },
      spec: {
        schedule: '*/1 * * * ?',
        jobTemplate: { spec: { template: jobTemplate({ 'run-duration': runDuration }) } },
        ...spec,
      },
    } as never);
  const jobs = async (s: Scope) => (await s.client.list(Job, { namespace: s.namespace })).items;
  const active = async (s: Scope) =>
    (await s.client.get(CronJob, { namespace: s.namespace, name: 'cron' })).status.active ?? [];

  test('should schedule multiple jobs concurrently [Conformance]', async () => {
    const s = await enter();
    await create(s, { concurrencyPolicy: 'Allow' });
    await s.pass('130s');
    expect((await active(s)).length).toBeGreaterThan(1);
  });

  test('should not schedule jobs when suspended [Slow] [Conformance]', async () => {
    const s = await enter();
    await create(s, { suspend: true });
    await s.pass('300s');
    expect(await jobs(s)).toEqual([]);
  });

  test('should not schedule new jobs when ForbidConcurrent [Slow] [Conformance]', async () => {
    const s = await enter();
    await create(s, { concurrencyPolicy: 'Forbid' });
    await s.pass('200s');
    expect(await active(s)).toHaveLength(1);
    expect(await jobs(s)).toHaveLength(1);
  });

  test('should replace jobs when ReplaceConcurrent [Conformance]', async () => {
    const s = await enter();
    await create(s, { concurrencyPolicy: 'Replace' });
    await s.pass('70s');
    const [first] = await jobs(s);
    await s.pass('120s');
    const all = (await jobs(s)).filter((job) => !job.metadata.deletionTimestamp);
    expect(all).toHaveLength(1);
    expect(all[0]!.metadata.name).not.toBe(first!.metadata.name);
  });

  test('should support CronJob API operations [Conformance]', async () => {
    const s = await enter();
    await create(s, { suspend: true });
    const ref = { namespace: s.namespace, name: 'cron' };
    await s.client.patch(CronJob, ref, { metadata: { annotations: { patched: 'true' } } }, { type: 'merge' });
    const seen = await s.client.get(CronJob, ref);
    expect(seen.metadata.annotations?.['patched']).toBe('true');
    const at = '2026-01-01T00:00:00Z';
    await s.client.updateStatus(CronJob, { ...seen, status: { ...seen.status, lastScheduleTime: at } });
    expect((await s.client.get(CronJob, ref)).status.lastScheduleTime).toBe(at);
    expect(await useCollection(s, CronJob, `cron=${s.namespace}`)).toEqual([1, 0]);
  });
});

describe('[sig-apps] DisruptionController', () => {
  const labels = { foo: 'bar' };
  const create = (s: Scope, spec: object) =>
    s.client.create(PodDisruptionBudget, {
      metadata: { namespace: s.namespace, name: 'foo', labels: { pdb: s.namespace } },
      spec: { selector: { matchLabels: labels }, ...spec },
    });
  const refOf = (s: Scope) => ({ namespace: s.namespace, name: 'foo' });
  const pod = (s: Scope, name: string) =>
    s.client.create(Pod, { metadata: { namespace: s.namespace, name, labels }, spec: podTemplate(labels).spec });
  const evict = (s: Scope, name: string) => {
    const body = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name, namespace: s.namespace } };
    return s.client.subresource('create', Pod, { namespace: s.namespace, name, subresource: 'eviction' }, body);
  };

  test('should create a PodDisruptionBudget [Conformance]', async () => {
    const s = await enter();
    await create(s, { minAvailable: '1%' });
    const seen = await s.client.get(PodDisruptionBudget, refOf(s));
    await s.client.update(PodDisruptionBudget, { ...seen, spec: { ...seen.spec, minAvailable: '2%' } });
    await s.client.patch(PodDisruptionBudget, refOf(s), { spec: { minAvailable: '3%' } }, { type: 'strategic' });
    expect((await s.client.get(PodDisruptionBudget, refOf(s))).spec.minAvailable).toBe('3%');
    await s.client.delete(PodDisruptionBudget, refOf(s));
    expect(await s.client.find(PodDisruptionBudget, refOf(s))).toBeUndefined();
  });

  test('should observe PodDisruptionBudget status updated [Conformance]', async () => {
    const s = await enter();
    await create(s, { minAvailable: 1 });
    for (const name of ['a', 'b', 'c']) await pod(s, name);
    await s.pass();
    expect((await s.client.get(PodDisruptionBudget, refOf(s))).status.disruptionsAllowed).toBe(2);
  });

  test('should update/patch PodDisruptionBudget status [Conformance]', async () => {
    const s = await enter();
    await create(s, { minAvailable: 1 });
    await s.pass();
    const seen = await s.client.get(PodDisruptionBudget, refOf(s));
    const disruptedPods = { pod: '2026-01-01T00:00:00Z' };
    const updated = await s.client.updateStatus(PodDisruptionBudget, {
      ...seen,
      status: { ...seen.status, disruptedPods },
    });
    expect(updated.status.disruptedPods).toEqual(disruptedPods);
    const patched = await s.client.patch(
      PodDisruptionBudget,
      refOf(s),
      { status: { disruptedPods: { pod2: '2026-01-01T00:00:00Z' } } },
      { type: 'merge', subresource: 'status' },
    );
    expect(Object.keys(patched.status.disruptedPods ?? {})).toContain('pod2');
  });

  test('should block an eviction until the PDB is updated to allow it [Conformance]', async () => {
    const s = await enter();
    for (const name of ['a', 'b', 'c']) await pod(s, name);
    await create(s, { minAvailable: 3 });
    await s.pass();
    await expect(evict(s, 'a')).rejects.toSatisfy(isTooManyRequests);
    await s.client.patch(PodDisruptionBudget, refOf(s), { spec: { minAvailable: 2 } }, { type: 'merge' });
    await s.pass();
    await evict(s, 'a');
    await expect(evict(s, 'b')).rejects.toSatisfy(isTooManyRequests);
    await s.pass('60s');
    expect((await s.pods()).map((one) => one.metadata.name)).toEqual(['b', 'c']);
    await s.client.deleteCollection(PodDisruptionBudget, { namespace: s.namespace });
    await evict(s, 'b');
    await s.pass('60s');
    expect((await s.pods()).map((one) => one.metadata.name)).toEqual(['c']);
  });

  test('Listing PodDisruptionBudgets for all namespaces should list and delete a collection of PodDisruptionBudgets [Conformance]', async () => {
    const s = await enter();
    await create(s, { minAvailable: 1 });
    expect(await useCollection(s, PodDisruptionBudget, `pdb=${s.namespace}`)).toEqual([1, 0]);
  });
});
