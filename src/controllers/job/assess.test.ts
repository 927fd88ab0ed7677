import { describe, expect, test } from 'vitest';
import { assess } from './assess.ts';
import { formatIndexes, parseIndexes } from './indexes.ts';
import { type J, type P, trackingFinalizer } from './pods.ts';
import { judgeFailure, metSuccessRule } from './policies.ts';

const job = (spec: object = {}, status: object = {}) =>
  ({
    metadata: { namespace: 'ns', name: 'j', uid: 'j' },
    spec: { template: { spec: {} }, ...spec },
    status,
  }) as unknown as J;

const pod = (
  uid: string,
  phase: string,
  more: {
    tracked?: boolean;
    index?: number;
    exitCode?: number;
    deleted?: boolean;
    failures?: number;
    condition?: string;
  } = {},
) =>
  ({
    metadata: {
      namespace: 'ns',
      name: uid,
      uid,
      ...(more.tracked === false ? {} : { finalizers: [trackingFinalizer] }),
      ...(more.deleted ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {}),
      annotations: {
        ...(more.index === undefined ? {} : { 'batch.kubernetes.io/job-completion-index': String(more.index) }),
        ...(more.failures === undefined
          ? {}
          : { 'batch.kubernetes.io/job-index-failure-count': String(more.failures) }),
      },
    },
    spec: {},
    status: {
      phase,
      ...(more.condition ? { conditions: [{ type: more.condition, status: 'True' }] } : {}),
      ...(more.exitCode === undefined
        ? {}
        : { containerStatuses: [{ name: 'c', restartCount: 0, state: { terminated: { exitCode: more.exitCode } } }] }),
    },
  }) as unknown as P;

const uids = (pods: readonly P[]) => pods.map((one) => one.metadata.uid);

describe('the count of a job', () => {
  test('notes pods that ended before it lets go of them', () => {
    const counts = assess(job({ completions: 3 }), [pod('a', 'Succeeded'), pod('b', 'Failed'), pod('c', 'Running')]);
    expect(counts.uncounted).toEqual({ succeeded: ['a'], failed: ['b'] });
    expect(counts.counters).toEqual({});
    expect(uids(counts.release)).toEqual(['a', 'b']);
    expect(counts).toMatchObject({ succeeded: 1, failed: 1 });
  });

  test('moves a pod to the counter when the finalizer is off, or the pod is gone', () => {
    const status = { succeeded: 5, uncountedTerminatedPods: { succeeded: ['a', 'gone'], failed: ['b'] } };
    const counts = assess(job({ completions: 9 }, status), [
      pod('a', 'Succeeded', { tracked: false }),
      pod('b', 'Failed'),
    ]);
    expect(counts.counters).toEqual({ succeeded: 7 });
    expect(counts.uncounted).toEqual({ succeeded: [], failed: ['b'] });
    expect(uids(counts.release)).toEqual(['b']);
    expect(counts).toMatchObject({ succeeded: 7, failed: 1 });
  });

  test('is the same when it is repeated before anything was written', () => {
    const pods = [pod('a', 'Succeeded'), pod('b', 'Failed')];
    expect(assess(job({ completions: 2 }), pods)).toEqual(assess(job({ completions: 2 }), pods));
  });

  test('takes a pod that is being deleted for failed, unless replacements wait for its end', () => {
    const going = pod('a', 'Running', { deleted: true });
    expect(assess(job(), [going]).failed).toBe(1);
    expect(assess(job({ podReplacementPolicy: 'Failed' }), [going])).toMatchObject({ failed: 0, terminating: 1 });
  });

  test('by index keeps indexes, not UIDs, of those that succeeded', () => {
    const spec = { completions: 4, completionMode: 'Indexed' };
    const counts = assess(job(spec, { completedIndexes: '0' }), [
      pod('a', 'Succeeded', { index: 0 }),
      pod('b', 'Succeeded', { index: 2 }),
      pod('c', 'Succeeded', { index: 9 }),
    ]);
    expect(formatIndexes(counts.succeededIndexes)).toBe('0,2');
    expect(counts.uncounted).toEqual({ succeeded: [], failed: [] });
    expect(uids(counts.release)).toEqual(['a', 'b', 'c']);
    expect(counts.succeeded).toBe(2);
  });

  test('with a limit for each index holds the last failure back until its replacement is there', () => {
    const spec = { completions: 2, completionMode: 'Indexed', backoffLimitPerIndex: 2 };
    const failed = pod('a', 'Failed', { index: 0, failures: 0 });
    expect(uids(assess(job(spec), [failed]).release)).toEqual([]);
    const replacement = pod('b', 'Running', { index: 0, failures: 1 });
    expect(uids(assess(job(spec), [failed, replacement]).release)).toEqual(['a']);
    const last = pod('c', 'Failed', { index: 0, failures: 2 });
    const done = assess(job(spec), [last]);
    expect(formatIndexes(done.failedIndexes)).toBe('0');
    expect(uids(done.release)).toEqual(['c']);
  });

  test('lets go of everything when the job is deleted', () => {
    const deleted = { ...job(), metadata: { ...job().metadata, deletionTimestamp: 'now' } } as J;
    expect(uids(assess(deleted, [pod('a', 'Running'), pod('b', 'Succeeded')]).release)).toEqual(['a', 'b']);
  });
});

describe('the failure policy', () => {
  const policy = (...rules: object[]) => job({ podFailurePolicy: { rules } });

  test('goes by exit codes, of one container or of all', () => {
    const rule = { action: 'FailJob', onExitCodes: { operator: 'In', values: [3, 42] } };
    expect(judgeFailure(policy(rule), pod('a', 'Failed', { exitCode: 42 }))).toMatchObject({
      action: 'FailJob',
      message: 'Container c for pod ns/a failed with exit code 42 matching FailJob rule at index 0',
    });
    expect(judgeFailure(policy(rule), pod('a', 'Failed', { exitCode: 1 })).action).toBeUndefined();
    const other = { ...rule, onExitCodes: { ...rule.onExitCodes, containerName: 'other' } };
    expect(judgeFailure(policy(other), pod('a', 'Failed', { exitCode: 42 })).action).toBeUndefined();
    const not = { action: 'Count', onExitCodes: { operator: 'NotIn', values: [42] } };
    expect(judgeFailure(policy(not), pod('a', 'Failed', { exitCode: 1 })).action).toBe('Count');
    expect(judgeFailure(policy(not), pod('a', 'Failed', { exitCode: 0 })).action).toBeUndefined();
  });

  test('ignores what it is told to, the first rule first', () => {
    const ignore = { action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] };
    const fail = { action: 'FailJob', onExitCodes: { operator: 'In', values: [1] } };
    const evicted = pod('a', 'Failed', { exitCode: 1, condition: 'DisruptionTarget' });
    expect(judgeFailure(policy(ignore, fail), evicted)).toMatchObject({ counts: false, action: 'Ignore' });
    expect(judgeFailure(policy(fail, ignore), evicted).action).toBe('FailJob');
    expect(assess(policy(ignore), [evicted])).toMatchObject({ failed: 0 });
  });
});

describe('the success policy', () => {
  test.each([
    [{ succeededIndexes: '0-1' }, '0,1,3', true],
    [{ succeededIndexes: '0-1' }, '0,3', false],
    [{ succeededCount: 2 }, '1,4', true],
    [{ succeededCount: 3 }, '1,4', false],
    [{ succeededIndexes: '0-3', succeededCount: 2 }, '1,2,4', true],
    [{ succeededIndexes: '0-3', succeededCount: 3 }, '1,2,4', false],
  ])('%j with indexes %s succeeded is met: %s', (rule, done, met) => {
    const of = job({ completions: 5, completionMode: 'Indexed', successPolicy: { rules: [rule] } });
    expect(metSuccessRule(of, parseIndexes(done, 5)) !== undefined).toBe(met);
  });
});

describe('index sets', () => {
  test.each(['', '0', '1,3', '0,1', '0-2', '1,3-5,7', '0,1,4-9'])('%j is read and written alike', (text) => {
    expect(formatIndexes(parseIndexes(text, 100))).toBe(text);
  });

  test('leave out what the job does not have, and rubbish', () => {
    expect([...parseIndexes('1,3-9,x,-2,5-4', 5)]).toEqual([1, 3, 4]);
  });
});
