import { describe, expect, test } from 'vitest';
import type { Pod } from '../../api/core/pod.ts';
import type { Shared } from '../../api/kind.ts';
import { formatTime } from '../../base/clock.ts';
import { byAverage, bySingleValue, byUtilization, type PodUsage } from './ratio.ts';

const now = Date.UTC(2026, 0, 2);
const tolerances = { up: 0.1, down: 0.1 };

const pod = (name: string, more: { ready?: boolean; ageMs?: number; phase?: string } = {}): Shared<Pod> => {
  const since = formatTime(now - (more.ageMs ?? 3_600_000));
  return {
    metadata: { namespace: 'ns', name },
    spec: {},
    status: {
      phase: more.phase ?? 'Running',
      startTime: since,
      conditions: [{ type: 'Ready', status: more.ready === false ? 'False' : 'True', lastTransitionTime: since }],
    },
  } as unknown as Shared<Pod>;
};

const figures = (usage: Record<string, number>): Map<string, PodUsage> =>
  new Map(Object.entries(usage).map(([name, milli]) => [name, { milli, timestamp: now, windowMs: 60_000 }]));

const facts = (pods: Shared<Pod>[], usage: Record<string, number>) => ({
  pods,
  usage: figures(usage),
  now,
  isCpu: true,
  current: pods.length,
  tolerances,
});

const requests = (pods: Shared<Pod>[], milli: number) => new Map(pods.map((one) => [one.metadata.name, milli]));

describe('replicas by utilization', () => {
  test('grow and shrink in proportion to the target', () => {
    const pods = ['a', 'b', 'c'].map((name) => pod(name));
    const of = (usage: number) =>
      byUtilization(facts(pods, { a: usage, b: usage, c: usage }), requests(pods, 1000), 50);
    expect(of(1000)).toMatchObject({ replicas: 6, utilization: 100, averageMilli: 1000 });
    expect(of(250)).toMatchObject({ replicas: 2, utilization: 25 });
    expect(of(540).replicas).toBe(3);
    expect(of(460).replicas).toBe(3);
  });

  test('count a pod without figures as idle on the way up and as busy on the way down', () => {
    const pods = ['a', 'b', 'c', 'd'].map((name) => pod(name));
    const usage = (milli: number) => ({ a: milli, b: milli, c: milli });
    expect(byUtilization(facts(pods, usage(1000)), requests(pods, 1000), 50).replicas).toBe(6);
    expect(byUtilization(facts(pods, usage(200)), requests(pods, 1000), 50).replicas).toBe(4);
  });

  test('count a pod that is not ready yet as idle on the way up, and not at all otherwise', () => {
    const pods = [pod('a'), pod('b'), pod('new', { ready: false, ageMs: 20_000 })];
    const usage = { a: 1000, b: 1000, new: 1000 };
    expect(byUtilization(facts(pods, usage), requests(pods, 1000), 50).replicas).toBe(4);
    const calm = { a: 100, b: 100, new: 1000 };
    expect(byUtilization(facts(pods, calm), requests(pods, 1000), 50).replicas).toBe(1);
  });

  test('leave out pods that failed or are going', () => {
    const pods = [pod('a'), pod('b'), pod('dead', { phase: 'Failed' })];
    expect(byUtilization(facts(pods, { a: 500, b: 500, dead: 0 }), requests(pods, 1000), 50).replicas).toBe(3);
  });

  test('cannot be told without figures', () => {
    expect(() => byUtilization(facts([pod('a')], {}), new Map(), 50)).toThrow(/did not receive metrics/);
  });
});

describe('replicas by value', () => {
  test('follow the average of the pods', () => {
    const pods = ['a', 'b'].map((name) => pod(name));
    expect(byAverage({ ...facts(pods, { a: 20_000, b: 40_000 }), isCpu: false }, 10_000)).toEqual({
      replicas: 6,
      averageMilli: 30_000,
    });
  });

  test('follow one figure for all', () => {
    const pods = ['a', 'b', 'c'].map((name) => pod(name));
    const calculation = { current: 3, reported: 3, pods, tolerances };
    expect(bySingleValue(20_000, { value: '10' }, calculation)).toEqual({ replicas: 6, current: { value: '20' } });
    expect(bySingleValue(10_500, { value: '10' }, calculation).replicas).toBe(3);
    expect(bySingleValue(70_000, { averageValue: '10' }, calculation)).toEqual({
      replicas: 7,
      current: { averageValue: '23334m' },
    });
    expect(bySingleValue(31_000, { averageValue: '10' }, calculation).replicas).toBe(3);
  });

  test('follow what is there, not what is wished for, where the figure is shared among pods', () => {
    const calculation = { current: 5, reported: 2, pods: [], tolerances };
    expect(bySingleValue(20_000, { averageValue: '10' }, calculation)).toEqual({
      replicas: 2,
      current: { averageValue: '10' },
    });
  });

  test('begin with one figure where there is nothing yet', () => {
    const calculation = { current: 0, reported: 0, pods: [], tolerances };
    expect(bySingleValue(25_000, { value: '10' }, calculation).replicas).toBe(3);
    expect(() => bySingleValue(25_000, { value: '10' }, { ...calculation, current: 1 })).toThrow(
      'unable to calculate ready pods: no pods returned by selector while calculating replica count',
    );
  });
});
