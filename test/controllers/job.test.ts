import { describe, expect, test } from 'vitest';
import { Job } from '../../src/api/batch/job.ts';
import { Pod } from '../../src/api/core/pod.ts';
import { conflict } from '../../src/api/machinery/status.ts';
import { jobController } from '../../src/controllers/job/job.ts';
import { ttlAfterFinishedController } from '../../src/controllers/ttl-after-finished.ts';
import { type Harness, startHarness } from './harness.ts';

const sum = { namespace: 'default', name: 'sum' };
const start = () => startHarness({ controllers: [jobController, ttlAfterFinishedController], nodes: 2 });

const create = (h: Harness, spec: object = {}) =>
  h.client.create(Job, {
    metadata: sum,
    spec: {
      template: { spec: { restartPolicy: 'Never', containers: [{ name: 'app', image: 'app:1' }] } },
      ...spec,
    },
  } as never);

const get = (h: Harness) => h.client.get(Job, sum);
const pods = async (h: Harness) => (await h.client.list(Pod, { namespace: 'default' })).items;
const conditions = async (h: Harness) =>
  ((await get(h)).status.conditions ?? []).filter((c) => c.status === 'True').map((c) => `${c.type}/${c.reason}`);
const indexOf = (pod: { metadata: { annotations?: Readonly<Record<string, string>> } }) =>
  Number(pod.metadata.annotations?.['batch.kubernetes.io/job-completion-index']);

describe('a job', () => {
  test('runs its pods to completion, counts them and lets go of them', async () => {
    await using h = await start();
    h.lifeOf = () => 'succeeded';
    await create(h, { completions: 5, parallelism: 2 });
    await h.settle();
    const job = await get(h);
    expect(job.status).toMatchObject({ succeeded: 5, uncountedTerminatedPods: {}, ready: 0, terminating: 0 });
    expect(job.status.active).toBeUndefined();
    expect(job.status.completionTime).toBeDefined();
    expect(await conditions(h)).toEqual(['SuccessCriteriaMet/CompletionsReached', 'Complete/CompletionsReached']);
    const all = await pods(h);
    expect(all).toHaveLength(5);
    expect(all.every((pod) => !pod.metadata.finalizers?.length)).toBe(true);
    const before = h.writes();
    await h.advance(3_600_000);
    expect(h.writes() - before).toBe(0);
  });

  test('lets go of a pod at last though its finalizer is not taken off at the first tries', async () => {
    let refused = 0;
    await using h = await startHarness({
      controllers: [jobController],
      nodes: 1,
      intercept({ verb, kind, name = '', subresource }) {
        if (verb !== 'patch' || kind.kind !== 'Pod' || subresource || refused++ >= 5) return undefined;
        throw conflict(kind, name, 'it was changed');
      },
    });
    h.lifeOf = () => 'succeeded';
    await create(h);
    await h.settle();
    expect(refused).toBeGreaterThan(0);
    expect(await conditions(h)).toContain('Complete/CompletionsReached');
    expect((await pods(h)).flatMap((pod) => pod.metadata.finalizers ?? [])).toEqual([]);
  });

  test('never has more active pods than its parallelism', async () => {
    await using h = await start();
    h.lifeOf = () => 'ready';
    await create(h, { completions: 10, parallelism: 3 });
    await h.settle();
    expect((await get(h)).status).toMatchObject({ active: 3, ready: 3 });
    expect(await pods(h)).toHaveLength(3);
    await h.client.patch(Job, sum, { spec: { parallelism: 1 } }, { type: 'merge' });
    await h.settle();
    expect((await get(h)).status).toMatchObject({ active: 1 });
  });

  test('retries further and further apart until its backoff limit', async () => {
    await using h = await start();
    h.lifeOf = () => 'failed';
    await create(h, { backoffLimit: 2 });
    await h.settle();
    expect((await get(h)).status.failed).toBe(1);
    await h.advance(9_000);
    expect(await pods(h)).toHaveLength(1);
    await h.advance(2_000);
    expect(await pods(h)).toHaveLength(2);
    await h.advance(30_000);
    expect((await get(h)).status.failed).toBe(3);
    expect(await conditions(h)).toEqual(['FailureTarget/BackoffLimitExceeded', 'Failed/BackoffLimitExceeded']);
  });

  test('ends at its deadline and deletes what runs', async () => {
    await using h = await start();
    await create(h, { activeDeadlineSeconds: 30, completions: 2, parallelism: 2 });
    await h.settle();
    expect(await pods(h)).toHaveLength(2);
    await h.advance(31_000);
    expect(await conditions(h)).toEqual(['FailureTarget/DeadlineExceeded', 'Failed/DeadlineExceeded']);
    expect(await pods(h)).toHaveLength(0);
  });

  test('gives every index its pod, and completes by index', async () => {
    await using h = await start();
    h.lifeOf = (pod) => (indexOf(pod) === 2 ? 'ready' : 'succeeded');
    await create(h, { completions: 4, parallelism: 4, completionMode: 'Indexed' });
    await h.settle();
    const job = await get(h);
    expect(job.status).toMatchObject({ active: 1, succeeded: 3, completedIndexes: '0,1,3' });
    const env = (await pods(h))[0]!.spec.containers[0]!.env;
    expect(env?.[0]?.name).toBe('JOB_COMPLETION_INDEX');
    h.lifeOf = () => 'succeeded';
    await h.relive();
    expect((await get(h)).status).toMatchObject({ succeeded: 4, completedIndexes: '0-3' });
  });

  test('counts failures for each index on its own', async () => {
    await using h = await start();
    h.lifeOf = (pod) => (indexOf(pod) === 1 ? 'failed' : 'succeeded');
    await create(h, { completions: 3, parallelism: 3, completionMode: 'Indexed', backoffLimitPerIndex: 1 });
    await h.advance(60_000);
    const job = await get(h);
    expect(job.status).toMatchObject({ succeeded: 2, failed: 2, failedIndexes: '1', completedIndexes: '0,2' });
    expect(await conditions(h)).toEqual(['FailureTarget/FailedIndexes', 'Failed/FailedIndexes']);
  });

  test('fails as a whole when its failure policy says so, and ignores what it is told to', async () => {
    await using h = await start();
    h.lifeOf = () => 'failed';
    await create(h, {
      backoffLimit: 5,
      podFailurePolicy: { rules: [{ action: 'FailJob', onExitCodes: { operator: 'In', values: [1] } }] },
    });
    await h.settle();
    expect(await conditions(h)).toEqual(['FailureTarget/PodFailurePolicy', 'Failed/PodFailurePolicy']);
    expect((await get(h)).status.conditions!.at(-1)!.message).toMatch(
      /^Container app for pod default\/sum-\w+ failed with exit code 1 matching FailJob rule at index 0$/,
    );
  });

  test('is complete when its success policy is met, and stops the rest', async () => {
    await using h = await start();
    h.lifeOf = (pod) => (indexOf(pod) === 0 ? 'succeeded' : 'ready');
    await create(h, {
      completions: 3,
      parallelism: 3,
      completionMode: 'Indexed',
      successPolicy: { rules: [{ succeededIndexes: '0' }] },
    });
    await h.settle();
    expect(await conditions(h)).toEqual(['SuccessCriteriaMet/SuccessPolicy', 'Complete/SuccessPolicy']);
    expect(await pods(h)).toHaveLength(1);
  });

  test('has no pods while it is suspended', async () => {
    await using h = await start();
    await create(h, { suspend: true, parallelism: 2 });
    await h.settle();
    expect(await pods(h)).toHaveLength(0);
    expect(await conditions(h)).toEqual(['Suspended/JobSuspended']);
    await h.client.patch(Job, sum, { spec: { suspend: false } }, { type: 'merge' });
    await h.settle();
    expect(await pods(h)).toHaveLength(2);
    expect(await conditions(h)).toEqual([]);
    expect((await get(h)).status.startTime).toBeDefined();
    await h.client.patch(Job, sum, { spec: { suspend: true } }, { type: 'merge' });
    await h.settle();
    expect(await pods(h)).toHaveLength(0);
    expect((await get(h)).status.startTime).toBeUndefined();
  });

  test('that somebody else manages is left alone', async () => {
    await using h = await start();
    await create(h, { managedBy: 'example.com/other' });
    await h.settle();
    expect(await pods(h)).toHaveLength(0);
  });

  test('lets go of its pods when it is deleted', async () => {
    await using h = await start();
    await create(h);
    await h.settle();
    await h.client.delete(Job, sum, { propagationPolicy: 'Background' });
    await h.settle();
    expect((await pods(h)).every((pod) => !pod.metadata.finalizers?.length)).toBe(true);
  });

  test('is deleted some time after it ended', async () => {
    await using h = await start();
    h.lifeOf = () => 'succeeded';
    await create(h, { ttlSecondsAfterFinished: 100 });
    await h.advance(99_000);
    expect((await get(h)).metadata.deletionTimestamp).toBeUndefined();
    await h.advance(2_000);
    const job = await h.client.find(Job, sum);
    expect(job === undefined || job.metadata.deletionTimestamp !== undefined).toBe(true);
  });
});
