import { describe, expect, it } from 'vitest';
import { admitted, createProblems, updateProblems } from '../admitted.ts';
import { PriorityClass } from './priority-class.ts';

const priorityClass = (value: number, name = 'x', more: object = {}) =>
  admitted(PriorityClass, { metadata: { name }, value, ...more });

describe('PriorityClass', () => {
  it('preempts by default', () => expect(priorityClass(1).preemptionPolicy).toBe('PreemptLowerPriority'));

  it('leaves the highest values and the system names to the system', () => {
    expect(createProblems(PriorityClass, priorityClass(1_000_000_001))).toEqual([
      'value: Forbidden: maximum allowed value of a user defined priority is 1000000000',
    ]);
    expect(createProblems(PriorityClass, priorityClass(1, 'system-mine'))).toEqual([
      "metadata.name: Forbidden: priority class names with 'system-' prefix are reserved for system use only. error: system-mine is not a known system priority class",
    ]);
    expect(createProblems(PriorityClass, priorityClass(2_000_001_000, 'system-node-critical'))).toEqual([]);
  });

  it('keeps its value', () => {
    expect(
      updateProblems(PriorityClass, priorityClass(1), (c) => {
        c.value = 2;
      }),
    ).toEqual(['value: Forbidden: may not be changed in an update.']);
  });
});
