import { describe, expect, test } from 'vitest';
import type { Node } from '../../api/core/node.ts';
import type { Shared } from '../../api/kind.ts';
import { VirtualClock } from '../../base/clock.ts';
import { defaultRates, evictionRate, ZoneLimiter, zonesOf } from './zones.ts';

const nodes = (zone: string, ready: number, down: number): Shared<Node>[] =>
  Array.from({ length: ready + down }, (_, i) => ({
    metadata: { name: `${zone}-${i}`, labels: { 'topology.kubernetes.io/zone': zone } },
    status: { conditions: [{ type: 'Ready', status: i < ready ? 'True' : 'Unknown' }] },
  })) as unknown as Shared<Node>[];

const stateOf = (ready: number, down: number) => [...zonesOf(nodes('z', ready, down), defaultRates).values()][0]!.state;

describe('a zone', () => {
  test.each([
    [10, 0, 'Normal'],
    [1, 2, 'Normal'],
    [2, 3, 'PartialDisruption'],
    [5, 5, 'Normal'],
    [0, 1, 'FullDisruption'],
  ])('with %i nodes ready and %i down is in state %s', (ready, down, state) => {
    expect(stateOf(ready, down)).toBe(state);
  });

  test('that is partly down is given up slowly when it is large, and not at all when it is small', () => {
    const zones = zonesOf([...nodes('small', 4, 6), ...nodes('large', 20, 40), ...nodes('well', 3, 0)], defaultRates);
    const rate = (name: string) => evictionRate(zones, `:\u0000:${name}`, defaultRates);
    expect([rate('small'), rate('large'), rate('well')]).toEqual([0, 0.01, 0.1]);
  });
});

test('nodes of one zone are given up one after the other, those of another beside it', async () => {
  const clock = new VirtualClock();
  const limiter = new ZoneLimiter(clock);
  expect(limiter.take('a', 0.1)).toBe(0);
  expect(limiter.take('a', 0.1)).toBeCloseTo(10_000);
  expect(limiter.take('b', 0.1)).toBe(0);
  await clock.advance(10_000);
  expect(limiter.take('a', 0.1)).toBe(0);
  expect(limiter.take('a', 0)).toBeGreaterThan(0);
});
