import { describe, expect, test } from 'vitest';
import type { Deployment } from '../../api/apps/deployment.ts';
import type { ReplicaSet } from '../../api/apps/replica-set.ts';
import type { Shared } from '../../api/kind.ts';
import {
  activeOrLatest,
  desiredAnnotation,
  fenceposts,
  isScalingEvent,
  maxAnnotation,
  newSetSize,
  oldSetSizes,
  proportionalSizes,
} from './rollout-math.ts';

const deployment = (replicas: number, rollingUpdate: object = {}, type = 'RollingUpdate') =>
  ({
    metadata: { name: 'd' },
    spec: { replicas, strategy: { type, rollingUpdate } },
    status: {},
  }) as unknown as Shared<Deployment>;

let age = 0;
const set = (replicas: number, available = replicas, annotations: Record<string, string> = {}) =>
  ({
    metadata: { name: `rs-${age}`, creationTimestamp: new Date(1e12 + 1000 * age++).toISOString(), annotations },
    spec: { replicas },
    status: { replicas, availableReplicas: available },
  }) as unknown as Shared<ReplicaSet>;

describe('surge and unavailability', () => {
  test.each([
    [10, { maxSurge: '25%', maxUnavailable: '25%' }, { maxSurge: 3, maxUnavailable: 2 }],
    [1, { maxSurge: '25%', maxUnavailable: '25%' }, { maxSurge: 1, maxUnavailable: 0 }],
    [10, { maxSurge: 0, maxUnavailable: 0 }, { maxSurge: 0, maxUnavailable: 1 }],
    [10, { maxSurge: 0, maxUnavailable: '5%' }, { maxSurge: 0, maxUnavailable: 1 }],
    [3, { maxSurge: 1, maxUnavailable: 5 }, { maxSurge: 1, maxUnavailable: 3 }],
  ])('of %i replicas with %j are %j', (replicas, rolling, expected) => {
    expect(fenceposts(deployment(replicas, rolling))).toEqual(expected);
  });

  test('do not exist for Recreate', () => {
    expect(fenceposts(deployment(10, { maxSurge: 5 }, 'Recreate'))).toEqual({ maxSurge: 0, maxUnavailable: 0 });
  });
});

describe('the newest set', () => {
  test('grows into the surge and no further', () => {
    const d = deployment(10, { maxSurge: 2, maxUnavailable: 0 });
    const fresh = set(0);
    expect(newSetSize(d, [set(10), fresh], fresh)).toBe(2);
    const grown = set(2, 0);
    expect(newSetSize(d, [set(10), grown], grown)).toBe(2);
    expect(newSetSize(d, [set(8), grown], grown)).toBe(4);
  });

  test('waits for the pods of a set that was told to shrink', () => {
    const d = deployment(10, { maxSurge: 2, maxUnavailable: 2 });
    const shrinking = set(8);
    const grown = set(2);
    const all = (pods: number) => [{ ...shrinking, status: { ...shrinking.status, replicas: pods } }, grown];
    expect(newSetSize(d, all(10), grown)).toBe(2);
    expect(newSetSize(d, all(8), grown)).toBe(4);
  });

  test('never grows beyond the wanted size, and shrinks to it', () => {
    const d = deployment(3, { maxSurge: 5 });
    const fresh = set(2);
    expect(newSetSize(d, [fresh], fresh)).toBe(3);
    const large = set(7);
    expect(newSetSize(d, [large], large)).toBe(3);
  });
});

describe('old sets', () => {
  test('lose pods that are not available first, whatever their age', () => {
    const d = deployment(10, { maxSurge: 0, maxUnavailable: 2 });
    const sick = set(2, 0);
    const well = set(8);
    const sizes = oldSetSizes(d, [well, sick], set(0));
    expect(sizes.get(sick)).toBe(0);
    expect(sizes.get(well)).toBeUndefined();
  });

  test('keep as many as must stay available while the new pods are not', () => {
    const d = deployment(10, { maxSurge: 2, maxUnavailable: 0 });
    const old = set(10);
    expect(oldSetSizes(d, [old], set(2, 0)).size).toBe(0);
    expect(oldSetSizes(d, [old], set(2, 1)).get(old)).toBe(9);
    expect(oldSetSizes(d, [old], set(2, 2)).get(old)).toBe(8);
  });

  test('do not count pods as available that are about to go', () => {
    const d = deployment(4, { maxSurge: 0, maxUnavailable: 1 });
    // Scaled to 3 a moment ago; its status still says four.
    const stale = set(3, 4);
    expect(oldSetSizes(d, [stale], set(0)).get(stale)).toBeUndefined();
  });
});

describe('a change of size in the middle of a rollout', () => {
  const of = (replicas: number, max: number) => set(replicas, replicas, { [maxAnnotation]: String(max) });

  test('is shared in proportion, the largest set taking what is left', () => {
    const d = deployment(30, { maxSurge: 3, maxUnavailable: 2 });
    const [a, b] = [of(8, 13), of(5, 13)];
    const sizes = proportionalSizes(d, [a, b]);
    expect([sizes.get(a), sizes.get(b)]).toEqual([20, 13]);
  });

  test('to zero takes everything', () => {
    const d = deployment(0);
    const [a, b] = [of(8, 13), of(5, 13)];
    expect([...proportionalSizes(d, [a, b]).values()]).toEqual([0, 0]);
  });

  test('is seen by the size that the sets were annotated with', () => {
    const annotated = set(3, 3, { [desiredAnnotation]: '3' });
    expect(isScalingEvent(deployment(3), [annotated])).toBe(false);
    expect(isScalingEvent(deployment(4), [annotated])).toBe(true);
    expect(isScalingEvent(deployment(4), [set(0, 0, { [desiredAnnotation]: '3' })])).toBe(false);
  });

  test('falls to the only active set, or the latest when none is', () => {
    const [older, newer] = [set(0), set(0)];
    const active = set(2);
    expect(activeOrLatest(undefined, [older, newer])).toBe(newer);
    expect(activeOrLatest(newer, [active])).toBe(active);
    expect(activeOrLatest(active, [set(1)])).toBeUndefined();
  });
});
