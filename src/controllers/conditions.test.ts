import { describe, expect, test } from 'vitest';
import { withCondition, withoutCondition } from './conditions.ts';

const now = Date.UTC(2026, 0, 2);
interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
  readonly lastTransitionTime?: string;
}

const old: readonly Condition[] = [
  { type: 'A', status: 'True', reason: 'R', message: 'm', lastTransitionTime: '2026-01-01T00:00:00Z' },
  { type: 'B', status: 'False', lastTransitionTime: '2026-01-01T00:00:00Z' },
];

describe('conditions', () => {
  test('come back unchanged when nothing differs', () => {
    expect(withCondition(old, { type: 'A', status: 'True', reason: 'R', message: 'm' }, now)).toBe(old);
    expect(withoutCondition(old, 'C')).toBe(old);
  });

  test('keep their transition time while the status stays', () => {
    const [a] = withCondition(old, { type: 'A', status: 'True', reason: 'Other', message: 'm' }, now);
    expect(a).toMatchObject({ reason: 'Other', lastTransitionTime: '2026-01-01T00:00:00Z' });
  });

  test('get a new one when it changes, in their old place', () => {
    const list = withCondition(old, { type: 'A', status: 'False' }, now);
    expect(list.map(({ type }) => type)).toEqual(['A', 'B']);
    expect(list[0]).toMatchObject({ status: 'False', lastTransitionTime: '2026-01-02T00:00:00Z' });
  });

  test('are added at the end and taken out', () => {
    expect(withCondition(old, { type: 'C', status: 'True' }, now).map(({ type }) => type)).toEqual(['A', 'B', 'C']);
    expect(withoutCondition(old, 'A').map(({ type }) => type)).toEqual(['B']);
    expect(withCondition<Condition>(undefined, { type: 'C', status: 'True' }, now)).toHaveLength(1);
  });
});
