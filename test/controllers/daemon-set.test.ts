import { describe, expect, test } from 'vitest';
import { DaemonSet } from '../../src/api/apps/daemon-set.ts';
import { Node } from '../../src/api/core/node.ts';
import { Pod } from '../../src/api/core/pod.ts';
import { daemonSetController } from '../../src/controllers/daemon-set/daemon-set.ts';
import { type Harness, nodeName, startHarness, template } from './harness.ts';

const agent = { namespace: 'default', name: 'agent' };
const start = (nodes = 3) => startHarness({ controllers: [daemonSetController], nodes });

const create = (h: Harness, spec: object = {}) =>
  h.client.create(DaemonSet, {
    metadata: agent,
    spec: { selector: { matchLabels: { app: 'agent' } }, template: template({ app: 'agent' }), ...spec },
  });

const pods = async (h: Harness) => (await h.client.list(Pod, { namespace: 'default' })).items;
const places = async (h: Harness) => (await pods(h)).map((pod) => pod.spec.nodeName).sort();
const status = async (h: Harness) => (await h.client.get(DaemonSet, agent)).status;
const setImage = (h: Harness, image: string) =>
  h.client.patch(
    DaemonSet,
    agent,
    { spec: { template: { spec: { containers: [{ name: 'app', image }] } } } },
    { type: 'strategic' },
  );

describe('a daemon set', () => {
  test('has one pod on each node, new nodes too, and none where it may not be', async () => {
    await using h = await start();
    await create(h);
    await h.settle();
    expect(await places(h)).toEqual(['node-0', 'node-1', 'node-2']);
    expect(await status(h)).toMatchObject({
      desiredNumberScheduled: 3,
      currentNumberScheduled: 3,
      numberReady: 3,
      numberAvailable: 3,
      updatedNumberScheduled: 3,
      numberMisscheduled: 0,
    });
    await h.client.create(Node, { metadata: { name: nodeName(3) } });
    await h.settle();
    expect(await places(h)).toHaveLength(4);
    await h.client.patch(
      Node,
      { name: nodeName(0) },
      { spec: { taints: [{ key: 'gpu', effect: 'NoExecute' }] } },
      { type: 'merge' },
    );
    await h.settle();
    expect(await places(h)).toEqual(['node-1', 'node-2', 'node-3']);
    const before = h.writes();
    await h.advance(24 * 3_600_000);
    expect(h.writes() - before).toBe(0);
  });

  test('stays on nodes in trouble', async () => {
    await using h = await start(1);
    await create(h);
    await h.client.patch(
      Node,
      { name: nodeName(0) },
      {
        spec: {
          unschedulable: true,
          taints: [
            { key: 'node.kubernetes.io/unreachable', effect: 'NoExecute' },
            { key: 'node.kubernetes.io/unschedulable', effect: 'NoSchedule' },
          ],
        },
      },
      { type: 'merge' },
    );
    await h.settle();
    expect(await places(h)).toEqual(['node-0']);
  });

  test('goes where its node selector leads', async () => {
    await using h = await start();
    const wanted = template({ app: 'agent' });
    await create(h, { template: { ...wanted, spec: { ...wanted.spec, nodeSelector: { disk: 'ssd' } } } });
    await h.settle();
    expect(await places(h)).toEqual([]);
    await h.client.patch(Node, { name: nodeName(1) }, { metadata: { labels: { disk: 'ssd' } } }, { type: 'merge' });
    await h.settle();
    expect(await places(h)).toEqual(['node-1']);
    await h.client.patch(Node, { name: nodeName(1) }, { metadata: { labels: { disk: null } } }, { type: 'merge' });
    await h.settle();
    expect(await places(h)).toEqual([]);
  });

  test('updates one node after the other and stops when the new pod is not well', async () => {
    await using h = await start();
    await create(h);
    await h.settle();
    h.lifeOf = (pod) => (pod.spec.containers[0]!.image === 'bad' ? 'running' : 'ready');
    await setImage(h, 'bad');
    await h.settle();
    expect((await pods(h)).filter((pod) => pod.spec.containers[0]!.image === 'bad')).toHaveLength(1);
    await setImage(h, 'app:3');
    await h.settle();
    expect((await pods(h)).map((pod) => pod.spec.containers[0]!.image)).toEqual(['app:3', 'app:3', 'app:3']);
  });

  test('with surge starts the new pod before it stops the old one', async () => {
    await using h = await start();
    await create(h, { updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } } });
    await h.settle();
    h.lifeOf = (pod) => (pod.spec.containers[0]!.image === 'app:2' ? 'running' : 'ready');
    await setImage(h, 'app:2');
    await h.settle();
    expect(await pods(h)).toHaveLength(4);
    h.lifeOf = () => 'ready';
    await h.relive();
    expect((await pods(h)).map((pod) => pod.spec.containers[0]!.image)).toEqual(['app:2', 'app:2', 'app:2']);
  });

  test('replaces failed pods, later each time', async () => {
    await using h = await start(1);
    await create(h);
    await h.settle();
    h.lifeOf = () => 'failed';
    await h.relive();
    await h.advance(60_000);
    const before = h.writes();
    await h.advance(60_000);
    expect(h.writes() - before).toBeLessThan(60);
    h.lifeOf = () => 'ready';
    await h.advance(1_000_000);
    expect(await status(h)).toMatchObject({ numberReady: 1 });
  });
});
