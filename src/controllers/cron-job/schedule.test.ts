import { describe, expect, test } from 'vitest';
import { parseSchedule } from './schedule.ts';

const at = (text: string) => Date.parse(text);
const next = (schedule: string, from: string, zone?: string) =>
  new Date(parseSchedule(schedule, zone).next(at(from))!).toISOString();

describe('a cron schedule', () => {
  test.each([
    ['*/15 * * * *', '2026-01-01T00:00:00Z', '2026-01-01T00:15:00.000Z'],
    ['0 0 31 * *', '2026-02-01T00:00:00Z', '2026-03-31T00:00:00.000Z'],
    ['@hourly', '2026-01-01T00:30:00Z', '2026-01-01T01:00:00.000Z'],
    ['30 6 * jan mon-fri', '2026-01-02T07:00:00Z', '2026-01-05T06:30:00.000Z'],
    ['*/1 * * * ?', '2026-01-01T00:00:30Z', '2026-01-01T00:01:00.000Z'],
    ['@every 1h30m', '2026-01-01T00:00:00Z', '2026-01-01T01:30:00.000Z'],
    ['@every 1.5h', '2026-01-01T00:00:00Z', '2026-01-01T01:30:00.000Z'],
    ['TZ=Asia/Tokyo 0 9 * * *', '2026-01-01T12:00:00Z', '2026-01-02T00:00:00.000Z'],
    // With both days restricted either will do.
    ['0 0 13 * fri', '2026-01-10T00:00:00Z', '2026-01-13T00:00:00.000Z'],
  ])('%s after %s is due at %s', (schedule, from, expected) => {
    expect(next(schedule, from)).toBe(expected);
  });

  test('is meant in its time zone, summer time included', () => {
    expect(next('0 9 * * *', '2026-03-28T12:00:00Z', 'Europe/Berlin')).toBe('2026-03-29T07:00:00.000Z');
    expect(next('0 9 * * *', '2026-03-27T12:00:00Z', 'Europe/Berlin')).toBe('2026-03-28T08:00:00.000Z');
  });

  test.each([
    // In spring two o'clock does not come, and what is due then is left out.
    ['0 2 * * *', '2012-03-10T12:00:00Z', ['2012-03-12T06:00:00.000Z', '2012-03-13T06:00:00.000Z']],
    ['0 3 * * *', '2012-03-10T12:00:00Z', ['2012-03-11T07:00:00.000Z', '2012-03-12T07:00:00.000Z']],
    ['0 * * * *', '2012-03-11T05:30:00Z', ['2012-03-11T06:00:00.000Z', '2012-03-11T07:00:00.000Z']],
    // In autumn one o'clock comes twice.
    [
      '0 1 * * *',
      '2012-11-04T04:00:00Z',
      ['2012-11-04T05:00:00.000Z', '2012-11-04T06:00:00.000Z', '2012-11-05T06:00:00.000Z'],
    ],
    ['0 2 * * *', '2012-11-04T04:00:00Z', ['2012-11-04T07:00:00.000Z', '2012-11-05T07:00:00.000Z']],
    [
      '30 1 4 11 *',
      '2012-11-04T04:00:00Z',
      ['2012-11-04T05:30:00.000Z', '2012-11-04T06:30:00.000Z', '2013-11-04T06:30:00.000Z'],
    ],
    [
      '*/30 1 * * *',
      '2012-11-04T05:10:00Z',
      ['2012-11-04T05:30:00.000Z', '2012-11-04T06:00:00.000Z', '2012-11-04T06:30:00.000Z'],
    ],
    ['0 0 29 2 *', '2021-01-01T00:00:00Z', ['2024-02-29T05:00:00.000Z']],
  ])('%s in New York after %s is due when clocks show it', (text, from, expected) => {
    const schedule = parseSchedule(text, 'America/New_York');
    const due: string[] = [];
    for (let time: number | undefined = at(from); due.length < expected.length; ) {
      time = schedule.next(time!);
      due.push(new Date(time!).toISOString());
    }
    expect(due).toEqual(expected);
  });

  test.each(['* * * *', '* * * * * *', '61 * * * *', 'often', '@every soon'])('%s is refused', (schedule) => {
    expect(() => parseSchedule(schedule)).toThrow();
  });

  test('tells the last of the times that were missed', () => {
    const schedule = parseSchedule('*/10 * * * *');
    const recent = (from: string, now: string) => schedule.mostRecent(at(from), at(now));
    expect(recent('2026-01-01T00:00:00Z', '2026-01-01T00:09:59Z')).toBeUndefined();
    expect(recent('2026-01-01T00:00:00Z', '2026-01-01T00:35:00Z')).toEqual({
      at: at('2026-01-01T00:30:00Z'),
      missed: 3,
    });
    const year = recent('2026-01-01T00:00:00Z', '2026-12-31T23:55:00Z')!;
    expect(year.at).toBe(at('2026-12-31T23:50:00Z'));
    expect(year.missed).toBeGreaterThan(100);
  });
});
