import { expect, test } from 'vitest';
import type { Shared } from '../../api/kind.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import { crowdingRank, podDeletionCost, podsToDelete } from './deletion-order.ts';

const now = Date.UTC(2026, 0, 10);
const time = (agoMs: number) => new Date(now - agoMs).toISOString();
const day = 86_400_000;

const pod = (
  name: string,
  more: { node?: string; phase?: string; readyMs?: number; cost?: string; restarts?: number; ageMs?: number } = {},
) =>
  ({
    metadata: {
      name,
      uid: name,
      creationTimestamp: time(more.ageMs ?? day),
      ...(more.cost === undefined ? {} : { annotations: { 'controller.kubernetes.io/pod-deletion-cost': more.cost } }),
    },
    spec: more.node === undefined ? {} : { nodeName: more.node },
    status: {
      phase: more.phase ?? 'Running',
      ...(more.readyMs === undefined
        ? {}
        : { conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: time(more.readyMs) }] }),
      containerStatuses: [{ restartCount: more.restarts ?? 0 }],
    },
  }) as unknown as Shared<Pod>;

const first = (pods: Shared<Pod>[]) =>
  podsToDelete(pods, 1, { rank: crowdingRank(pods), now }).map((one) => one.metadata.name)[0];

const settled = { node: 'n', readyMs: day };

test.each([
  ['one without a node', pod('x'), pod('a', settled)],
  ['one that is pending', pod('x', { node: 'm', phase: 'Pending' }), pod('a', settled)],
  ['one that is not ready', pod('x', { node: 'm' }), pod('a', settled)],
  ['a cheap one', pod('x', { ...settled, node: 'm', cost: '-5' }), pod('a', settled)],
  ['one that became ready last', pod('x', { node: 'm', readyMs: 60_000 }), pod('a', settled)],
  ['one that restarted most', pod('x', { ...settled, node: 'm', restarts: 3 }), pod('a', settled)],
  ['the youngest', pod('x', { ...settled, node: 'm', ageMs: 60_000 }), pod('a', settled)],
])('%s goes first', (_, expected, other) => {
  expect(first([other, expected])).toBe('x');
  expect(first([expected, other])).toBe('x');
});

test('of a node with many replicas one goes before one that stands alone', () => {
  expect(first([pod('alone', { node: 'a', readyMs: day }), pod('x1', settled), pod('x2', settled)])).toMatch(/^x/);
});

test('a cost that is no whole number is none', () => {
  expect(
    ['10', '-3', '1.5', '+7', '007', 'x', '99999999999'].map((cost) => podDeletionCost(pod('p', { cost }))),
  ).toEqual([10, -3, 0, 7, 0, 0, 0]);
});
