import { describe, expect, it } from 'vitest';
import { admitted, cells, createProblems, updateProblems } from '../admitted.ts';
import { CronJob } from './cron-job.ts';
import { cronScheduleProblem } from './cron-schedule.ts';
import { Job } from './job.ts';

const template = { spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'i:1' }] } };
const job = (more: object = {}, metadata: object = {}) => admitted(Job, { metadata, spec: { template, ...more } });

describe('Job', () => {
  it('has defaults and selects its own pods', () => {
    expect(job()).toMatchObject({
      spec: {
        completions: 1,
        parallelism: 1,
        backoffLimit: 6,
        completionMode: 'NonIndexed',
        suspend: false,
        manualSelector: false,
        podReplacementPolicy: 'TerminatingOrFailed',
        selector: { matchLabels: { 'batch.kubernetes.io/controller-uid': 'uid-1' } },
        template: {
          metadata: {
            labels: {
              'job-name': 'x',
              'batch.kubernetes.io/job-name': 'x',
              'controller-uid': 'uid-1',
              'batch.kubernetes.io/controller-uid': 'uid-1',
            },
          },
        },
      },
    });
    expect(createProblems(Job, job())).toEqual([]);
  });

  it('with backoff for each index has no limit over all', () => {
    expect(job({ completionMode: 'Indexed', completions: 2, backoffLimitPerIndex: 1 }).spec.backoffLimit).toBe(
      2147483647,
    );
  });

  it.each<[string, object, string[]]>([
    [
      'pods that never end',
      { template: { spec: { containers: template.spec.containers } } },
      ['spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"'],
    ],
    [
      'negative parallelism',
      { parallelism: -1 },
      ['spec.parallelism: Invalid value: -1: must be greater than or equal to 0'],
    ],
    [
      'indexes without number',
      { completionMode: 'Indexed', parallelism: 1 },
      ['spec.completions: Required value: when completion mode is Indexed'],
    ],
    [
      'limits for indexes without indexes',
      { backoffLimitPerIndex: 1 },
      ['spec.backoffLimitPerIndex: Invalid value: 1: requires indexed completion mode'],
    ],
    [
      'a failure policy and restarts',
      { template: { spec: { ...template.spec, restartPolicy: 'OnFailure' } }, podFailurePolicy: { rules: [] } },
      [
        'spec.template.spec.restartPolicy: Invalid value: "OnFailure": only "Never" is supported when podFailurePolicy is specified',
      ],
    ],
    [
      'a rule about nothing',
      { podFailurePolicy: { rules: [{ action: 'Ignore' }] } },
      [
        'spec.podFailurePolicy.rules[0]: Invalid value: {"action":"Ignore"}: specifying one of OnExitCodes and OnPodConditions is required',
      ],
    ],
    [
      'exit code 0 as a failure',
      { podFailurePolicy: { rules: [{ action: 'FailJob', onExitCodes: { operator: 'In', values: [0] } }] } },
      ['spec.podFailurePolicy.rules[0].onExitCodes.values[0]: Invalid value: 0: must not be 0 for the In operator'],
    ],
    [
      'success of too few indexes',
      {
        completionMode: 'Indexed',
        completions: 3,
        successPolicy: { rules: [{ succeededIndexes: '0-1', succeededCount: 3 }] },
      },
      [
        'spec.successPolicy.rules[0].succeededCount: Invalid value: 3: must be less than or equal to 2 (the number of indexes in the specified succeededIndexes field)',
      ],
    ],
    [
      'a selector of its own making',
      { selector: { matchLabels: { a: 'b' } } },
      [
        'spec.template.metadata.labels: Invalid value: {"job-name":"x","batch.kubernetes.io/job-name":"x","controller-uid":"uid-1","batch.kubernetes.io/controller-uid":"uid-1"}: `selector` does not match template `labels`',
      ],
    ],
  ])('is refused with %s', (_, more, problems) => {
    expect(createProblems(Job, job(more))).toEqual(problems);
  });

  it('keeps its template, but for where a suspended one goes', () => {
    const place = (j: Job) => {
      j.spec.template.spec.nodeSelector = { a: 'b' };
    };
    expect(updateProblems(Job, job({ suspend: true }), place)).toEqual([]);
    expect(updateProblems(Job, job(), place)[0]).toMatch(/^spec.template: Invalid value: .*: field is immutable$/);
    const image = (j: Job) => {
      j.spec.template.spec.containers[0]!.image = 'i:2';
    };
    expect(updateProblems(Job, job({ suspend: true }), image)[0]).toMatch(
      /^spec.template: Invalid value: .*: field is immutable$/,
    );
  });

  it('goes elsewhere once its pods are gone', () => {
    const place = (j: Job) => {
      j.spec.template.spec.nodeSelector = { a: 'b' };
    };
    const suspended = (status: object) => {
      const object = job({ suspend: true });
      object.status = { startTime: '2026-01-01T00:00:00Z', ...status };
      return updateProblems(Job, object, place).length;
    };
    const conditions = [{ type: 'Suspended', status: 'True' }];
    expect(suspended({})).toBe(1);
    expect(suspended({ conditions })).toBe(0);
    expect(suspended({ conditions, active: 1 })).toBe(1);
  });

  it('grows with its parallelism when indexed', () => {
    const indexed = job({ completionMode: 'Indexed', completions: 2, parallelism: 2 });
    expect(
      updateProblems(Job, indexed, (j) => {
        j.spec.completions = 3;
        j.spec.parallelism = 3;
      }),
    ).toEqual([]);
    expect(
      updateProblems(Job, indexed, (j) => {
        j.spec.completions = 3;
      }),
    ).toEqual(['spec.completions: Invalid value: 3: can only be modified in tandem with spec.parallelism']);
  });

  it('shows state, completions and duration', () => {
    const object = job({ completions: 3 });
    object.status = { succeeded: 2, startTime: '2025-12-31T23:58:00Z' };
    expect(cells(Job, object)).toMatchObject({ Status: 'Running', Completions: '2/3', Duration: '2m' });
    object.status = {
      ...object.status,
      completionTime: '2025-12-31T23:58:30Z',
      conditions: [{ type: 'Complete', status: 'True' }],
    };
    expect(cells(Job, object)).toMatchObject({ Status: 'Complete', Duration: '30s' });
  });
});

describe('CronJob', () => {
  const cron = (more: object = {}, metadata: object = {}) =>
    admitted(CronJob, { metadata, spec: { schedule: '*/5 * * * *', jobTemplate: { spec: { template } }, ...more } });

  it('has defaults', () => {
    expect(cron().spec).toMatchObject({
      concurrencyPolicy: 'Allow',
      suspend: false,
      successfulJobsHistoryLimit: 3,
      failedJobsHistoryLimit: 1,
    });
    expect(createProblems(CronJob, cron())).toEqual([]);
    expect(cells(CronJob, cron())).toMatchObject({
      Schedule: '*/5 * * * *',
      Timezone: '<none>',
      Suspend: 'False',
      Active: 0,
      'Last Schedule': '<none>',
    });
  });

  it.each<[string, object, object, string[]]>([
    ['no schedule', { schedule: '' }, {}, ['spec.schedule: Required value']],
    [
      'a schedule that is none',
      { schedule: 'soon' },
      {},
      ['spec.schedule: Invalid value: "soon": expected exactly 5 fields, found 1: [soon]'],
    ],
    [
      'an unknown zone',
      { timeZone: 'Mars/Olympus' },
      {},
      ['spec.timeZone: Invalid value: "Mars/Olympus": unknown time zone Mars/Olympus'],
    ],
    [
      'the local zone',
      { timeZone: 'Local' },
      {},
      [
        'spec.timeZone: Invalid value: "Local": timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones',
      ],
    ],
    [
      'a long name',
      {},
      { name: 'a'.repeat(53) },
      [`metadata.name: Invalid value: "${'a'.repeat(53)}": must be no more than 52 characters`],
    ],
    [
      'an unknown policy',
      { concurrencyPolicy: 'Maybe' },
      {},
      ['spec.concurrencyPolicy: Unsupported value: "Maybe": supported values: "Allow", "Forbid", "Replace"'],
    ],
  ])('is refused with %s', (_, more, metadata, problems) => {
    expect(createProblems(CronJob, cron(more, metadata))).toEqual(problems);
  });
});

describe('cron schedules', () => {
  it.each([
    '* * * * *',
    '0 0 1 jan sun',
    '*/15 0-6,22 ? * MON-FRI',
    '@daily',
    '@every 1h30m',
    'TZ=Europe/Madrid 0 8 * * *',
  ])('%s is one', (text) => {
    expect(cronScheduleProblem(text)).toBeUndefined();
  });

  it.each([
    ['* * * *', 'expected exactly 5 fields, found 4: [* * * *]'],
    ['60 * * * *', 'end of range (60) above maximum (59): 60'],
    ['* * 0 * *', 'beginning of range (0) below minimum (1): 0'],
    ['5-1 * * * *', 'beginning of range (5) beyond end of range (1): 5-1'],
    ['*/0 * * * *', 'step of range should be a positive number: */0'],
    ['a * * * *', 'failed to parse int from a: strconv.Atoi: parsing "a": invalid syntax'],
    ['@fortnightly', 'unrecognized descriptor: @fortnightly'],
    ['@every soon', 'failed to parse duration @every soon: time: invalid duration "soon"'],
  ])('%s is not: %s', (text, problem) => {
    expect(cronScheduleProblem(text)).toBe(problem);
  });
});
