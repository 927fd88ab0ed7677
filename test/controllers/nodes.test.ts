import { describe, expect, test } from 'vitest';
import { Lease } from '../../src/api/coordination/lease.ts';
import { Node } from '../../src/api/core/node.ts';
import { Pod } from '../../src/api/core/pod.ts';
import { formatMicroTime, formatTime } from '../../src/base/clock.ts';
import { nodeIpamController } from '../../src/controllers/node-ipam.ts';
import { nodeLifecycleController } from '../../src/controllers/node-lifecycle/node-lifecycle.ts';
import { podGcController } from '../../src/controllers/pod-gc.ts';
import { taintEvictionController } from '../../src/controllers/taint-eviction.ts';
import { type Harness, nodeName, startHarness } from './harness.ts';

/** Nodes whose kubelets renew their leases every ten seconds, but for those in `silent`. */
async function start(nodes: number) {
  const h = await startHarness({
    controllers: [nodeLifecycleController, taintEvictionController, podGcController, nodeIpamController],
    nodes,
    settings: { podCidr: '10.244.0.0/16' },
  });
  const silent = new Set<string>();
  const names = Array.from({ length: nodes }, (_, i) => nodeName(i));
  for (const name of names) {
    const at = formatTime(h.clock.now());
    await h.client.patch(
      Node,
      { name },
      {
        status: {
          conditions: [
            {
              type: 'Ready',
              status: 'True',
              lastHeartbeatTime: at,
              lastTransitionTime: at,
              reason: 'KubeletReady',
              message: '',
            },
          ],
        },
      },
      { type: 'strategic', subresource: 'status' },
    );
    await h.client.create(Lease, {
      metadata: { namespace: 'kube-node-lease', name },
      spec: { holderIdentity: name, renewTime: formatMicroTime(h.clock.now()) },
    });
  }
  const beat = h.clock.every(10_000, () => {
    for (const name of names) {
      if (silent.has(name)) continue;
      const patch = { spec: { renewTime: formatMicroTime(h.clock.now()) } };
      void h.client.patch(Lease, { namespace: 'kube-node-lease', name }, patch, { type: 'merge' });
    }
  });
  await h.settle();
  return { h, silent, beat };
}

const tolerating = (seconds: number) =>
  ['not-ready', 'unreachable'].map((name) => ({
    key: `node.kubernetes.io/${name}`,
    operator: 'Exists',
    effect: 'NoExecute',
    tolerationSeconds: seconds,
  }));

const pod = (h: Harness, name: string, node: string, spec: object = {}) =>
  h.client.create(Pod, {
    metadata: { namespace: 'default', name },
    spec: { nodeName: node, containers: [{ name: 'app', image: 'app:1' }], ...spec },
  });

const taints = async (h: Harness, name: string) =>
  ((await h.client.get(Node, { name })).spec.taints ?? [])
    .map(({ key, effect }) => `${key.replace('node.kubernetes.io/', '')}:${effect}`)
    .sort();
const ready = async (h: Harness, name: string) =>
  (await h.client.get(Node, { name })).status.conditions?.find((one) => one.type === 'Ready');

describe('nodes', () => {
  test('that are heard of are left alone', async () => {
    const { h } = await start(3);
    await using _ = h;
    const before = h.writes();
    await h.advance(600_000);
    // Nothing but the leases themselves.
    expect(h.writes() - before).toBe(3 * 60);
    expect(await taints(h, 'node-0')).toEqual([]);
  });

  test('that fall silent are unknown after fifty seconds, tainted, and their pods leave when they no longer tolerate it', async () => {
    const { h, silent } = await start(3);
    await using _ = h;
    await pod(h, 'patient', 'node-0', { tolerations: tolerating(300) });
    await pod(h, 'loyal', 'node-0', { tolerations: [{ operator: 'Exists' }] });
    await h.settle();
    silent.add('node-0');
    h.frozen.add('patient').add('loyal');
    await h.advance(45_000);
    expect((await ready(h, 'node-0'))!.status).toBe('True');
    await h.advance(20_000);
    expect(await ready(h, 'node-0')).toMatchObject({ status: 'Unknown', reason: 'NodeStatusUnknown' });
    expect(await taints(h, 'node-0')).toEqual(['unreachable:NoExecute', 'unreachable:NoSchedule']);
    const patient = () => h.client.get(Pod, { namespace: 'default', name: 'patient' });
    expect((await patient()).status.conditions?.find((one) => one.type === 'Ready')?.status).toBe('False');
    await h.advance(240_000);
    expect((await patient()).metadata.deletionTimestamp).toBeUndefined();
    await h.advance(60_000);
    expect((await patient()).metadata.deletionTimestamp).toBeDefined();
    expect((await patient()).status.conditions?.find((one) => one.type === 'DisruptionTarget')).toMatchObject({
      status: 'True',
      reason: 'DeletionByTaintManager',
    });
    const loyal = await h.client.get(Pod, { namespace: 'default', name: 'loyal' });
    expect(loyal.metadata.deletionTimestamp).toBeUndefined();
  });

  test('that come back in time lose their taints, and their pods stay', async () => {
    const { h, silent } = await start(3);
    await using _ = h;
    await pod(h, 'patient', 'node-0', { tolerations: tolerating(300) });
    await h.settle();
    silent.add('node-0');
    await h.advance(120_000);
    expect(await taints(h, 'node-0')).toHaveLength(2);
    silent.delete('node-0');
    const at = formatTime(h.clock.now());
    await h.client.patch(
      Node,
      { name: 'node-0' },
      { status: { conditions: [{ type: 'Ready', status: 'True', lastHeartbeatTime: at, lastTransitionTime: at }] } },
      { type: 'strategic', subresource: 'status' },
    );
    await h.advance(600_000);
    expect(await taints(h, 'node-0')).toEqual([]);
    expect(
      (await h.client.get(Pod, { namespace: 'default', name: 'patient' })).metadata.deletionTimestamp,
    ).toBeUndefined();
  });

  test('are given up one in ten seconds, and none when all fall silent at once', async () => {
    const { h, silent } = await start(6);
    await using _ = h;
    for (const name of ['node-0', 'node-1', 'node-2']) silent.add(name);
    const evicting = async () => {
      const all = (await h.client.list(Node)).items;
      return all.filter((node) => node.spec.taints?.some(({ effect }) => effect === 'NoExecute')).length;
    };
    await h.advance(62_000);
    const first = await evicting();
    expect(first).toBeGreaterThanOrEqual(1);
    expect(first).toBeLessThanOrEqual(2);
    await h.advance(40_000);
    expect(await evicting()).toBe(3);
    for (const name of ['node-3', 'node-4', 'node-5']) silent.add(name);
    await h.advance(120_000);
    expect(await evicting()).toBe(0);
    expect(await taints(h, 'node-5')).toEqual(['unreachable:NoSchedule']);
  });

  test('get a range each, and give it back', async () => {
    const { h } = await start(3);
    await using _ = h;
    const ranges = async () => (await h.client.list(Node)).items.map((node) => node.spec.podCIDR).sort();
    expect(await ranges()).toEqual(['10.244.0.0/24', '10.244.1.0/24', '10.244.2.0/24']);
    await h.client.delete(Node, { name: 'node-1' });
    await h.settle();
    await h.client.create(Node, { metadata: { name: 'node-9' } });
    await h.settle();
    expect(new Set(await ranges()).size).toBe(3);
  });

  test('that are gone take their pods with them', async () => {
    const { h } = await start(2);
    await using _ = h;
    await pod(h, 'orphan', 'node-0');
    await h.settle();
    h.frozen.add('orphan');
    await h.client.delete(Node, { name: 'node-0' });
    await h.advance(30_000);
    expect(await h.client.find(Pod, { namespace: 'default', name: 'orphan' })).toBeDefined();
    await h.advance(60_000);
    expect(await h.client.find(Pod, { namespace: 'default', name: 'orphan' })).toBeUndefined();
  });

  test('have a taint for each condition that keeps new pods away', async () => {
    const { h } = await start(2);
    await using _ = h;
    const at = formatTime(h.clock.now());
    await h.client.patch(
      Node,
      { name: 'node-0' },
      {
        status: {
          conditions: [{ type: 'MemoryPressure', status: 'True', lastHeartbeatTime: at, lastTransitionTime: at }],
        },
      },
      { type: 'strategic', subresource: 'status' },
    );
    await h.client.patch(Node, { name: 'node-0' }, { spec: { unschedulable: true } }, { type: 'merge' });
    await h.settle();
    expect(await taints(h, 'node-0')).toEqual(['memory-pressure:NoSchedule', 'unschedulable:NoSchedule']);
    await h.client.patch(Node, { name: 'node-0' }, { spec: { unschedulable: null } }, { type: 'merge' });
    await h.settle();
    expect(await taints(h, 'node-0')).toEqual(['memory-pressure:NoSchedule']);
  });
});
