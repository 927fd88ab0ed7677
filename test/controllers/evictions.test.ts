/** When pods must leave a tainted node, which ended pods go first, and when a job replaces pods that are going. */
import { describe, expect, test } from 'vitest';
import { Job } from '../../src/api/batch/job.ts';
import { Node } from '../../src/api/core/node.ts';
import { Pod } from '../../src/api/core/pod.ts';
import { formatTime } from '../../src/base/clock.ts';
import { jobController } from '../../src/controllers/job/job.ts';
import { podGcController } from '../../src/controllers/pod-gc.ts';
import { taintEvictionController } from '../../src/controllers/taint-eviction.ts';
import { type Harness, startHarness } from './harness.ts';

const pod = (h: Harness, name: string, spec: object = {}) =>
  h.client.create(Pod, {
    metadata: { namespace: 'default', name },
    spec: { nodeName: 'node-0', containers: [{ name: 'app', image: 'app:1' }], ...spec },
  });
const names = async (h: Harness) => (await h.client.list(Pod)).items.map(({ metadata }) => metadata.name).sort();

describe('a pod that tolerates a taint for a minute', () => {
  const tolerations = [{ key: 'k', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 60 }];
  const taint = async (h: Harness, timeAdded: number) => {
    const taints = [{ key: 'k', effect: 'NoExecute', timeAdded: formatTime(timeAdded) }];
    await h.client.patch(Node, { name: 'node-0' }, { spec: { taints } }, { type: 'merge' });
    await h.settle();
  };

  test.each([0, 600_000])('leaves after that minute, with the taint’s clock %i ms ahead', async (aheadMs) => {
    await using h = await startHarness({ controllers: [taintEvictionController], nodes: 1 });
    await pod(h, 'guest', { tolerations });
    await taint(h, h.clock.now() + aheadMs);
    await h.advance(55_000);
    expect(await names(h)).toEqual(['guest']);
    await h.advance(10_000);
    expect(await names(h)).toEqual([]);
  });

  test('does not begin anew when the controllers do', async () => {
    await using h = await startHarness({ controllers: [taintEvictionController], nodes: 1 });
    await pod(h, 'guest', { tolerations });
    await taint(h, h.clock.now());
    await h.advance(40_000);
    await h.crash();
    await h.advance(25_000);
    expect(await names(h)).toEqual([]);
  });
});

test('of too many pods that ended the evicted ones go first, then the oldest', async () => {
  await using h = await startHarness({
    controllers: [podGcController],
    nodes: 1,
    settings: { terminatedPodGcThreshold: 2 },
  });
  h.lifeOf = () => 'pending';
  for (const name of ['a', 'b', 'c']) {
    await pod(h, name);
    await h.advance(2000);
  }
  const end = (name: string, status: object) =>
    h.client.patch(Pod, { namespace: 'default', name }, { status }, { type: 'merge', subresource: 'status' });
  await end('a', { phase: 'Succeeded' });
  await end('b', { phase: 'Failed' });
  await end('c', { phase: 'Failed', reason: 'Evicted' });
  await h.advance(60_000);
  expect(await names(h)).toEqual(['a', 'b']);
  await pod(h, 'd');
  await end('d', { phase: 'Succeeded' });
  await h.advance(60_000);
  expect(await names(h)).toEqual(['b', 'd']);
});

describe('a job whose pod is going', () => {
  const begin = async (podReplacementPolicy: string) => {
    const h = await startHarness({ controllers: [jobController], nodes: 1 });
    await h.client.create(Job, {
      metadata: { namespace: 'default', name: 'sum' },
      spec: {
        podReplacementPolicy,
        template: { spec: { restartPolicy: 'Never', containers: [{ name: 'app', image: 'app:1' }] } },
      },
    } as never);
    await h.settle();
    const [first] = await names(h);
    h.frozen.add(first!);
    await h.client.delete(Pod, { namespace: 'default', name: first! });
    await h.advance(15_000);
    return { h, first: first! };
  };
  const statusOf = async (h: Harness) => (await h.client.get(Job, { namespace: 'default', name: 'sum' })).status;

  test('replaces it while it goes, where it may', async () => {
    const { h, first } = await begin('TerminatingOrFailed');
    await using _ = h;
    expect(await names(h)).toHaveLength(2);
    expect(await statusOf(h)).toMatchObject({ active: 1, terminating: 1, failed: 1 });
    expect(await names(h)).toContain(first);
  });

  test('waits until it has ended, where it must', async () => {
    const { h, first } = await begin('Failed');
    await using _ = h;
    expect(await names(h)).toEqual([first]);
    expect(await statusOf(h)).toMatchObject({ terminating: 1 });
    expect((await statusOf(h)).failed).toBeUndefined();
    const failed = { status: { phase: 'Failed' } };
    await h.client.patch(Pod, { namespace: 'default', name: first }, failed, { type: 'merge', subresource: 'status' });
    h.frozen.delete(first);
    await h.relive();
    await h.advance(15_000);
    expect(await statusOf(h)).toMatchObject({ active: 1, failed: 1, terminating: 0 });
  });
});
