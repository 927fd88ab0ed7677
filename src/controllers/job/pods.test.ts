import { expect, test } from 'vitest';
import { formatTime } from '../../base/clock.ts';
import { finishedAt, type P } from './pods.ts';

const now = Date.UTC(2026, 0, 1);
const ended = (at: number) =>
  ({
    metadata: {},
    status: { containerStatuses: [{ state: { terminated: { exitCode: 1, finishedAt: formatTime(at) } } }] },
  }) as unknown as P;

test('a pod ended when its last container did', () => {
  expect(finishedAt(ended(now - 30_000), now)).toBe(now - 30_000);
});

test('a node whose clock is ahead does not hold back the next try', () => {
  expect(finishedAt(ended(now + 300_000), now)).toBe(now);
});
