/** Pod ranges of nodes: two families, and what happens when there is no range left. */
import { expect, test } from 'vitest';
import { Event } from '../../src/api/core/event.ts';
import { Node } from '../../src/api/core/node.ts';
import { nodeIpamController } from '../../src/controllers/node-ipam.ts';
import { startHarness } from './harness.ts';

const start = (podCidr: string, nodes: number) =>
  startHarness({ controllers: [nodeIpamController], nodes, settings: { podCidr } });
const rangesOf = async (h: Awaited<ReturnType<typeof start>>) =>
  [...(await h.client.list(Node)).items]
    .sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))
    .map(({ spec }) => [spec.podCIDR, ...(spec.podCIDRs ?? [])]);

test('a node gets a range of each family, the first of which is its own in the old field', async () => {
  await using h = await start('10.244.0.0/16,fd00:10:244::/56', 2);
  expect((await rangesOf(h)).sort()).toEqual([
    ['10.244.0.0/24', '10.244.0.0/24', 'fd00:10:244::/64'],
    ['10.244.1.0/24', '10.244.1.0/24', 'fd00:10:244:1::/64'],
  ]);
});

test('a node for which no range is left is told so, and gets the first that becomes free', async () => {
  await using h = await start('10.0.0.0/23', 3);
  const ranges = await rangesOf(h);
  const without = ranges.findIndex(([first]) => first === undefined);
  expect(ranges.filter(([first]) => first === undefined)).toHaveLength(1);
  await h.advance(5_000);
  const events = (await h.client.list(Event)).items.filter(({ reason }) => reason === 'CIDRNotAvailable');
  expect(events[0]).toMatchObject({
    type: 'Normal',
    involvedObject: { kind: 'Node', name: `node-${without}` },
    message: `Node node-${without} status is now: CIDRNotAvailable`,
  });
  const leaving = ranges.findIndex(([first]) => first === '10.0.1.0/24');
  await h.client.delete(Node, { name: `node-${leaving}` });
  await h.advance(70_000);
  expect((await rangesOf(h)).map(([first]) => first).sort()).toEqual(['10.0.0.0/24', '10.0.1.0/24']);
});

test('what a node has already is nobody else’s after a restart', async () => {
  await using h = await start('10.0.0.0/22', 2);
  const before = await rangesOf(h);
  await h.crash();
  await h.client.create(Node, { metadata: { name: 'node-9' } });
  await h.settle();
  const after = await rangesOf(h);
  expect(after.slice(0, 2)).toEqual(before);
  expect(new Set(after.map(([first]) => first)).size).toBe(3);
});
