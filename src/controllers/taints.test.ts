import { describe, expect, test } from 'vitest';
import { evictionDelay, tolerates, untolerated } from './taints.ts';

const taint = { key: 'k', value: 'v', effect: 'NoExecute' };

describe('a toleration', () => {
  test.each([
    [{ key: 'k', operator: 'Equal', value: 'v', effect: 'NoExecute' }, true],
    [{ key: 'k', value: 'v' }, true],
    [{ key: 'k', operator: 'Exists' }, true],
    [{ operator: 'Exists' }, true],
    [{ key: 'k', operator: 'Exists', effect: 'NoSchedule' }, false],
    [{ key: 'k', value: 'w' }, false],
    [{ key: 'l', operator: 'Exists' }, false],
  ])('%j covers the taint: %s', (toleration, covers) => {
    expect(tolerates(toleration, taint)).toBe(covers);
  });
});

test('only taints of the effects asked for count', () => {
  expect(untolerated([taint], [], ['NoSchedule'])).toBeUndefined();
  expect(untolerated([taint], [], ['NoSchedule', 'NoExecute'])).toBe(taint);
});

describe('a pod on a tainted node', () => {
  const all = { operator: 'Exists' };
  test.each([
    ['leaves at once without a toleration', [], 0],
    ['stays when it tolerates for ever', [all], undefined],
    [
      'leaves after the shortest time that it tolerates',
      [
        { ...all, tolerationSeconds: 60 },
        { key: 'k', operator: 'Exists', tolerationSeconds: 5 },
      ],
      5000,
    ],
    ['leaves at once when the time is negative', [{ ...all, tolerationSeconds: -1 }], 0],
  ])('%s', (_, tolerations, delay) => {
    expect(evictionDelay([taint], tolerations)).toBe(delay);
  });
});
