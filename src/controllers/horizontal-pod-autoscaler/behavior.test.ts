import { describe, expect, test } from 'vitest';
import { type History, limitSize, type SizeFacts } from './behavior.ts';

const second = 1000;
const history = (more: Partial<History> = {}): History => ({ recommendations: [], changes: [], ...more });

const size = (facts: Partial<SizeFacts>) =>
  limitSize({
    current: 10,
    desired: 10,
    min: 1,
    max: 100,
    behavior: undefined,
    history: history(),
    now: 1_000_000,
    ...facts,
  });

describe('the size that an autoscaler may set', () => {
  test('at most doubles, or becomes four, without policies', () => {
    expect(size({ desired: 50 })).toMatchObject({ replicas: 20, limited: { status: 'True', reason: 'ScaleUpLimit' } });
    expect(size({ current: 1, desired: 50 })).toMatchObject({ replicas: 4 });
    expect(size({ desired: 15 })).toMatchObject({ replicas: 15, limited: { status: 'False' } });
  });

  test('stays within the limits of its autoscaler', () => {
    expect(size({ desired: 15, max: 12 })).toMatchObject({ replicas: 12, limited: { reason: 'TooManyReplicas' } });
    expect(size({ desired: 0, min: 3 })).toMatchObject({ replicas: 3, limited: { reason: 'TooFewReplicas' } });
  });

  test('shrinks only to the highest recommendation of the last five minutes', () => {
    const now = 1_000_000;
    const recommendations = [
      { at: now - 301 * second, replicas: 10 },
      { at: now - 200 * second, replicas: 8 },
      { at: now - 10 * second, replicas: 4 },
    ];
    const result = size({ desired: 2, now, history: history({ recommendations }) });
    expect(result).toMatchObject({ replicas: 8, stabilized: { reason: 'ScaleDownStabilized' } });
  });

  test('grows no faster than its policies allow, changes of the period included', () => {
    const now = 1_000_000;
    const behavior = { scaleUp: { policies: [{ type: 'Pods', value: 4, periodSeconds: 60 }] } };
    expect(size({ desired: 50, behavior, now })).toMatchObject({ replicas: 14, limited: { reason: 'ScaleUpLimit' } });
    const changes = [{ at: now - 30 * second, by: 3 }];
    expect(size({ desired: 50, behavior, now, history: history({ changes }) })).toMatchObject({ replicas: 11 });
    const old = [{ at: now - 61 * second, by: 3 }];
    expect(size({ desired: 50, behavior, now, history: history({ changes: old }) })).toMatchObject({ replicas: 14 });
  });

  test('takes the furthest of several policies, or the nearest, or none', () => {
    const policies = [
      { type: 'Pods', value: 4, periodSeconds: 60 },
      { type: 'Percent', value: 100, periodSeconds: 60 },
    ];
    const up = (selectPolicy?: string) =>
      size({ desired: 50, behavior: { scaleUp: { policies, ...(selectPolicy ? { selectPolicy } : {}) } } }).replicas;
    expect(up()).toBe(20);
    expect(up('Min')).toBe(14);
    expect(up('Disabled')).toBe(10);
    const down = (selectPolicy: string) =>
      size({
        desired: 1,
        behavior: {
          scaleDown: {
            stabilizationWindowSeconds: 0,
            selectPolicy,
            policies: [{ type: 'Percent', value: 10, periodSeconds: 60 }],
          },
        },
      }).replicas;
    expect(down('Max')).toBe(9);
    expect(down('Disabled')).toBe(10);
  });

  test('grows only to the lowest recommendation of the window for growing', () => {
    const now = 1_000_000;
    const recommendations = [{ at: now - 20 * second, replicas: 11 }];
    const behavior = { scaleUp: { stabilizationWindowSeconds: 60, policies: [] } };
    const result = size({ desired: 30, now, behavior, history: history({ recommendations }) });
    expect(result.stabilized.reason).toBe('ScaleUpStabilized');
  });
});
