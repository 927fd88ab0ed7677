import { describe, expect, it } from 'vitest';
import { admitted } from '../admitted.ts';
import type { Shared } from '../kind.ts';
import { fieldErrorMessage } from '../machinery/field-error.ts';
import { parseIndexList } from './index-list.ts';
import { Job } from './job.ts';

const template = { spec: { containers: [{ name: 'c', image: 'i' }], restartPolicy: 'Never' } };
const job = (status: object, spec: object = {}) => {
  const made = admitted(Job, { spec: { template, ...spec } });
  made.status = status as Job['status'];
  return made as Shared<Job>;
};
const problems = (status: object, old: object = {}, spec: object = {}) =>
  Job.validateStatusUpdate!(job(status, spec), job(old, spec)).map(fieldErrorMessage);
const conditions = (...types: string[]) => types.map((type) => ({ type, status: 'True' }));
const startTime = '2026-01-01T00:00:00Z';
const completionTime = '2026-01-01T01:00:00Z';
const complete = { startTime, completionTime, conditions: conditions('SuccessCriteriaMet', 'Complete') };
const failed = { startTime, conditions: conditions('FailureTarget', 'Failed') };
const indexed = { completionMode: 'Indexed', completions: 10, parallelism: 2, backoffLimitPerIndex: 1 };

describe('a job’s status', () => {
  it.each<[string, object, object, object, string[]]>([
    ['ends well', complete, { startTime }, {}, []],
    ['ends badly', failed, { startTime }, {}, []],
    ['stays as it is, even when it is odd', { ...complete, active: 1 }, { ...complete, active: 1 }, {}, []],
    [
      'does not end both ways',
      { ...complete, conditions: conditions('Complete', 'Failed') },
      { startTime },
      {},
      [
        'status.conditions: Invalid value: cannot set Complete=True and Failed=true conditions',
        'status.conditions: Invalid value: cannot set Failed=True condition without the FailureTarget=true condition',
        'status.conditions: Invalid value: cannot set Complete=True condition without the SuccessCriteriaMet=true condition',
      ],
    ],
    [
      'does not go both ways',
      { startTime, conditions: conditions('SuccessCriteriaMet', 'FailureTarget') },
      { startTime },
      {},
      ['status.conditions: Invalid value: cannot set FailureTarget=True and SuccessCriteriaMet=true conditions'],
    ],
    [
      'does not begin again',
      { startTime },
      failed,
      {},
      [
        'status.conditions: Invalid value: cannot disable the terminal Failed=True condition',
        'status.conditions: Invalid value: cannot disable the terminal FailureTarget=True condition',
      ],
    ],
    [
      'has no pods left at the end',
      { ...failed, active: 1, ready: 2, terminating: 1, uncountedTerminatedPods: { failed: ['u'] } },
      { startTime },
      {},
      [
        'status.ready: Invalid value: 2: cannot set more ready pods than active',
        'status.active: Invalid value: 1: active>0 is invalid for finished job',
        'status.terminating: Invalid value: 1: terminating>0 is invalid for finished job',
        'status.uncountedTerminatedPods: Invalid value: {"failed":["u"]}: uncountedTerminatedPods needs to be empty for finished job',
      ],
    ],
    [
      'began before it ended',
      { conditions: complete.conditions },
      {},
      {},
      [
        'status.startTime: Required value: startTime is required for finished job',
        'status.completionTime: Required value: completionTime is required for Complete jobs',
      ],
    ],
    [
      'ended after it began, once',
      { ...complete, completionTime: '2025-12-31T00:00:00Z' },
      complete,
      {},
      [
        'status.completionTime: Invalid value: "2025-12-31T00:00:00Z": completionTime cannot be set before startTime',
        'status.completionTime: Invalid value: "2025-12-31T00:00:00Z": completionTime cannot be mutated',
      ],
    ],
    [
      'has no time of completion without it',
      { startTime, completionTime },
      { startTime },
      {},
      [
        `status.completionTime: Invalid value: "${completionTime}": cannot set completionTime when there is no Complete=True condition`,
      ],
    ],
    [
      'forgets its start only while it is suspended',
      {},
      { startTime },
      {},
      ['status.startTime: Required value: startTime cannot be removed for unsuspended job'],
    ],
    ['forgets its start while it is suspended', {}, { startTime }, { suspend: true }, []],
    ['starts anew when it goes on', { startTime: completionTime }, { startTime }, {}, []],
    [
      'counts upwards',
      { succeeded: 1, failed: 1 },
      { succeeded: 2, failed: 2 },
      {},
      [
        'status.failed: Invalid value: 1: cannot decrease the failed counter',
        'status.succeeded: Invalid value: 1: cannot decrease the succeeded counter',
      ],
    ],
    ['counts fewer after it was scaled down', { succeeded: 1 }, { succeeded: 2 }, { ...indexed, parallelism: 10 }, []],
    ['has indexes', { completedIndexes: '0,2-4', failedIndexes: '1,5' }, {}, indexed, []],
    [
      'has no index in both lists, and none beyond the last',
      { completedIndexes: '0-4,12', failedIndexes: '3' },
      {},
      indexed,
      ['status.completedIndexes: Invalid value: "0-4,12": error parsing completedIndexes: too large index: "12"'],
    ],
    [
      'has no index in both lists',
      { completedIndexes: '0-4', failedIndexes: '3' },
      {},
      indexed,
      ['status.failedIndexes: Invalid value: "3": failedIndexes and completedIndexes overlap at index: 3'],
    ],
    [
      'has indexes only when the job has',
      { completedIndexes: '0', failedIndexes: '1' },
      {},
      {},
      [
        'status.completedIndexes: Invalid value: "0": cannot set non-empty completedIndexes when non-indexed completion mode',
        'status.failedIndexes: Invalid value: "1": cannot set non-null failedIndexes when backoffLimitPerIndex is null',
      ],
    ],
    [
      'counts each pod once',
      { uncountedTerminatedPods: { succeeded: ['a', ''], failed: ['a'] } },
      {},
      {},
      [
        'status.uncountedTerminatedPods.succeeded[1]: Invalid value: "": must not be empty',
        'status.uncountedTerminatedPods.failed[0]: Duplicate value: "a"',
      ],
    ],
  ])('%s', (_what, status, old, spec, expected) => {
    expect(problems(status, old, spec)).toEqual(expected);
  });
});

describe('a list of indexes', () => {
  it.each([
    [
      '0,2-4',
      [
        [0, 0],
        [2, 4],
      ],
    ],
    ['', []],
    ['4-2', 'non-increasing order, previous: 4, current: 2'],
    ['2,1', 'non-increasing order, previous: 2, current: 1'],
    ['a', 'cannot convert string to integer for index: "a"'],
    [
      '1-2-3',
      `the fragment "1-2-3" violates the requirement that an index interval can have at most two parts separated by '-'`,
    ],
  ])('%s', (text, expected) => {
    expect(parseIndexList(text, 10)).toEqual(expected);
  });
});
