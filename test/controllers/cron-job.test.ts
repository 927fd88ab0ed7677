import { describe, expect, test } from 'vitest';
import { CronJob } from '../../src/api/batch/cron-job.ts';
import { Job } from '../../src/api/batch/job.ts';
import { cronJobController } from '../../src/controllers/cron-job/cron-job.ts';
import { garbageCollector } from '../../src/controllers/garbage-collector/garbage-collector.ts';
import { jobController } from '../../src/controllers/job/job.ts';
import { type Harness, startHarness } from './harness.ts';

const tick = { namespace: 'default', name: 'tick' };
const minute = 60_000;
const start = () => startHarness({ controllers: [cronJobController, jobController, garbageCollector], nodes: 1 });

const create = (h: Harness, spec: object = {}) =>
  h.client.create(CronJob, {
    metadata: tick,
    spec: {
      schedule: '*/10 * * * *',
      jobTemplate: {
        spec: { template: { spec: { restartPolicy: 'Never', containers: [{ name: 'app', image: 'app:1' }] } } },
      },
      ...spec,
    },
  } as never);

const jobs = async (h: Harness) => (await h.client.list(Job, { namespace: 'default' })).items;
const status = async (h: Harness) => (await h.client.get(CronJob, tick)).status;

describe('a cron job', () => {
  test('makes a job at each time of its schedule and keeps the last three', async () => {
    await using h = await start();
    h.lifeOf = () => 'succeeded';
    const seen = new Set<string>();
    await create(h);
    for (let i = 0; i < 72; i++) {
      await h.advance(10 * minute);
      for (const job of await jobs(h)) seen.add(job.metadata.name);
    }
    expect(seen.size).toBeGreaterThanOrEqual(71);
    expect(await jobs(h)).toHaveLength(3);
    const s = await status(h);
    expect(s.active).toBeUndefined();
    expect(s.lastSuccessfulTime).toBeDefined();
  });

  test('names jobs by their time, so that one time never has two', async () => {
    await using h = await start();
    await create(h);
    await h.advance(10 * minute + 1000);
    const [job] = await jobs(h);
    expect(job!.metadata.name).toBe(`tick-${(Date.UTC(2026, 0, 1) + 10 * minute) / minute}`);
    expect(job!.metadata.annotations?.['batch.kubernetes.io/cronjob-scheduled-timestamp']).toBe('2026-01-01T00:10:00Z');
    expect((await status(h)).active).toMatchObject([{ kind: 'Job', name: job!.metadata.name }]);
  });

  test.each([
    ['Allow', 3],
    ['Forbid', 1],
    ['Replace', 1],
  ])('with concurrency policy %s has %i unfinished jobs after three times', async (concurrencyPolicy, expected) => {
    await using h = await start();
    await create(h, { concurrencyPolicy });
    await h.advance(31 * minute);
    expect(await jobs(h)).toHaveLength(expected);
    const [job] = await jobs(h);
    const last = concurrencyPolicy === 'Replace' ? 30 : 10;
    expect(job!.metadata.name).toBe(`tick-${(Date.UTC(2026, 0, 1) + last * minute) / minute}`);
  });

  test('starts nothing while it is suspended, and after a long time only the last time that it missed', async () => {
    await using h = await start();
    await create(h, { suspend: true });
    await h.advance(24 * 60 * minute + 5 * minute);
    expect(await jobs(h)).toHaveLength(0);
    await h.client.patch(CronJob, tick, { spec: { suspend: false } }, { type: 'merge' });
    await h.settle();
    expect(await jobs(h)).toHaveLength(1);
    expect((await status(h)).lastScheduleTime).toBe('2026-01-02T00:00:00Z');
  });

  test('lets a time pass that is older than its deadline', async () => {
    await using h = await start();
    await create(h, { suspend: true, startingDeadlineSeconds: 60 });
    await h.advance(25 * minute);
    await h.client.patch(CronJob, tick, { spec: { suspend: false } }, { type: 'merge' });
    await h.settle();
    expect(await jobs(h)).toHaveLength(0);
    await h.advance(6 * minute);
    expect(await jobs(h)).toHaveLength(1);
  });

  test('keeps to the clock of its time zone', async () => {
    await using h = await start();
    await create(h, { schedule: '30 9 * * *', timeZone: 'Asia/Kolkata' });
    await h.advance(24 * 60 * minute);
    expect((await status(h)).lastScheduleTime).toBe('2026-01-01T04:00:00Z');
    const [job] = await jobs(h);
    expect(job!.metadata.annotations?.['batch.kubernetes.io/cronjob-scheduled-timestamp']).toBe(
      '2026-01-01T09:30:00+05:30',
    );
  });
});
