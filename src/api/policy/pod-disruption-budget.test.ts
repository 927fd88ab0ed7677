import { describe, expect, it } from 'vitest';
import { admitted, cells, createProblems } from '../admitted.ts';
import { PodDisruptionBudget } from './pod-disruption-budget.ts';

const budget = (spec: object) => admitted(PodDisruptionBudget, { spec });

describe('PodDisruptionBudget', () => {
  it.each<[string, object, string[]]>([
    ['fine', { minAvailable: '50%', selector: {} }, []],
    [
      'both bounds',
      { minAvailable: 1, maxUnavailable: 1 },
      [
        'spec: Invalid value: {"minAvailable":1,"maxUnavailable":1}: minAvailable and maxUnavailable cannot be both set',
      ],
    ],
    ['negative', { minAvailable: -1 }, ['spec.minAvailable: Invalid value: -1: must be greater than or equal to 0']],
    [
      'more than all',
      { maxUnavailable: '101%' },
      ['spec.maxUnavailable: Invalid value: "101%": must not be greater than 100%'],
    ],
    [
      'text',
      { maxUnavailable: 'some' },
      [
        "spec.maxUnavailable: Invalid value: \"some\": a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')",
      ],
    ],
    [
      'unknown policy',
      { unhealthyPodEvictionPolicy: 'Maybe' },
      [
        'spec.unhealthyPodEvictionPolicy: Unsupported value: "Maybe": supported values: "AlwaysAllow", "IfHealthyBudget"',
      ],
    ],
  ])('%s', (_, spec, problems) => {
    expect(createProblems(PodDisruptionBudget, budget(spec))).toEqual(problems);
  });

  it('shows its bounds', () => {
    expect(cells(PodDisruptionBudget, budget({ minAvailable: 0 }))).toMatchObject({
      'Min Available': '0',
      'Max Unavailable': 'N/A',
      'Allowed Disruptions': 0,
    });
  });
});
