/** The tests of upstream's conformance list about limits for each index and success policies, by name. */
import { describe, expect, test } from 'vitest';
import { Job } from '../../src/api/batch/job.ts';
import { appsCluster, podTemplate, type Scope } from './apps-cluster.ts';

const enter = appsCluster();

/** Odd indexes fail, even ones succeed; `fail` fails all. */
async function run(spec: object, fail: string): Promise<{ s: Scope; conditions: string[]; status: Job['status'] }> {
  const s = await enter();
  const template = podTemplate({}, { sim: { 'run-duration': '1s', 'fail-indexes': fail } });
  await s.client.create(Job, {
    metadata: { namespace: s.namespace, name: 'foo' },
    spec: {
      completionMode: 'Indexed',
      template: { ...template, spec: { ...template.spec, restartPolicy: 'Never' } },
      ...spec,
    },
  } as never);
  await s.pass('120s');
  const { status } = await s.client.get(Job, { namespace: s.namespace, name: 'foo' });
  const conditions = (status.conditions ?? [])
    .filter((one) => one.status === 'True')
    .map(({ type, reason }) => `${type}/${reason}`);
  return { s, conditions, status: status as Job['status'] };
}

describe('[sig-apps] Job', () => {
  const odd = '1,3';
  const succeeded = ['SuccessCriteriaMet/SuccessPolicy', 'Complete/SuccessPolicy'];

  test('with successPolicy should succeeded when all indexes succeeded [Conformance]', async () => {
    const { conditions, status } = await run(
      { parallelism: 2, completions: 2, backoffLimit: 6, successPolicy: { rules: [{ succeededCount: 2 }] } },
      '',
    );
    expect(conditions).toEqual(succeeded);
    expect(status).toMatchObject({ succeeded: 2, ready: 0, terminating: 0 });
    expect([status.active, status.failed]).toEqual([undefined, undefined]);
  });

  test.each([
    ['succeededIndexes', { succeededIndexes: '0' }],
    ['succeededCount', { succeededCount: 1 }],
  ])(
    'with successPolicy %s rule should succeeded even when some indexes remain pending [Conformance]',
    async (_rule, rule) => {
      const { conditions, status } = await run(
        { parallelism: 2, completions: 5, backoffLimit: 2 ** 31 - 1, successPolicy: { rules: [rule] } },
        odd,
      );
      expect(conditions).toEqual(succeeded);
      expect(status).toMatchObject({ completedIndexes: '0', succeeded: 1, ready: 0, terminating: 0 });
      expect(status.active).toBeUndefined();
    },
  );

  test('should execute all indexes despite some failing when using backoffLimitPerIndex [Conformance]', async () => {
    const { conditions, status } = await run({ parallelism: 2, completions: 4, backoffLimitPerIndex: 1 }, odd);
    expect(conditions).toEqual(['FailureTarget/FailedIndexes', 'Failed/FailedIndexes']);
    expect(status).toMatchObject({ failedIndexes: '1,3', completedIndexes: '0,2', failed: 4, succeeded: 2 });
  });

  test('should terminate job execution when the number of failed indexes exceeds maxFailedIndexes [Conformance]', async () => {
    const { conditions, status } = await run(
      { parallelism: 1, completions: 4, backoffLimitPerIndex: 0, maxFailedIndexes: 0 },
      '0,1,2,3',
    );
    expect(conditions).toEqual(['FailureTarget/MaxFailedIndexesExceeded', 'Failed/MaxFailedIndexesExceeded']);
    expect(status).toMatchObject({ failedIndexes: '0', failed: 1 });
  });

  test('should mark indexes as failed when the FailIndex action is matched in podFailurePolicy [Conformance]', async () => {
    const { conditions, status } = await run(
      {
        parallelism: 2,
        completions: 2,
        backoffLimitPerIndex: 1,
        podFailurePolicy: { rules: [{ action: 'FailIndex', onExitCodes: { operator: 'In', values: [1] } }] },
      },
      odd,
    );
    expect(conditions).toEqual(['FailureTarget/FailedIndexes', 'Failed/FailedIndexes']);
    expect(status).toMatchObject({ failedIndexes: '1', completedIndexes: '0', failed: 1, succeeded: 1 });
  });
});
