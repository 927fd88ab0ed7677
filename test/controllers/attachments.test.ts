/** Volumes that one node may have at a time, and nodes that do not let go of theirs. */
import { describe, expect, test } from 'vitest';
import { Event } from '../../src/api/core/event.ts';
import { Node } from '../../src/api/core/node.ts';
import { PersistentVolume } from '../../src/api/core/persistent-volume.ts';
import { PersistentVolumeClaim } from '../../src/api/core/persistent-volume-claim.ts';
import { Pod } from '../../src/api/core/pod.ts';
import { VolumeAttachment } from '../../src/api/storage/volume-attachment.ts';
import { attachDetachController } from '../../src/controllers/volumes/attach-detach.ts';
import { persistentVolumeBinder } from '../../src/controllers/volumes/binder.ts';
import { type Harness, startHarness } from './harness.ts';

const volume = 'kubernetes.io/csi/csi.example.com^handle-1';

/** Two nodes that are well, and a volume with its claim. */
async function start(accessMode = 'ReadWriteOnce'): Promise<Harness> {
  const h = await startHarness({ controllers: [attachDetachController, persistentVolumeBinder], nodes: 2 });
  await h.client.create(PersistentVolume, {
    metadata: { name: 'v' },
    spec: {
      capacity: { storage: '1Gi' },
      accessModes: [accessMode],
      persistentVolumeReclaimPolicy: 'Retain',
      csi: { driver: 'csi.example.com', volumeHandle: 'handle-1' },
    },
  });
  await h.client.create(PersistentVolumeClaim, {
    metadata: { namespace: 'default', name: 'data' },
    spec: { accessModes: [accessMode], resources: { requests: { storage: '1Gi' } }, volumeName: 'v' },
  });
  for (const node of ['node-0', 'node-1']) await report(h, node, { ready: 'True' });
  return h;
}

async function report(h: Harness, node: string, { ready, inUse }: { ready: string; inUse?: string[] }): Promise<void> {
  const conditions = [{ type: 'Ready', status: ready }];
  const status = { conditions, ...(inUse ? { volumesInUse: inUse } : {}) };
  await h.client.patch(Node, { name: node }, { status }, { type: 'merge', subresource: 'status' });
  await h.settle();
}

async function use(h: Harness, name: string, nodeName: string): Promise<void> {
  await h.client.create(Pod, {
    metadata: { namespace: 'default', name },
    spec: {
      nodeName,
      containers: [{ name: 'app', image: 'app:1' }],
      volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'data' } }],
    },
  });
  await h.settle();
}

const nodesWith = async (h: Harness) =>
  (await h.client.list(VolumeAttachment)).items.map(({ spec }) => spec.nodeName).sort();
const leave = async (h: Harness, name: string) => {
  await h.client.delete(Pod, { namespace: 'default', name }, { gracePeriodSeconds: 0 });
  await h.settle();
};

describe('a volume', () => {
  test('for one node waits until the other has let go of it, and the pod is told', async () => {
    await using h = await start();
    await use(h, 'first', 'node-0');
    await report(h, 'node-0', { ready: 'True', inUse: [volume] });
    await use(h, 'second', 'node-1');
    expect(await nodesWith(h)).toEqual(['node-0']);
    await h.advance(60_000);
    const events = (await h.client.list(Event)).items.filter(({ reason }) => reason === 'FailedAttachVolume');
    expect(events.map(({ involvedObject, type, message }) => `${involvedObject.name} ${type} ${message}`)).toEqual([
      'second Warning Multi-Attach error for volume "v" Volume is already used by pod(s) first',
    ]);
    await leave(h, 'first');
    expect(await nodesWith(h)).toEqual(['node-0']);
    await report(h, 'node-0', { ready: 'True', inUse: [] });
    expect(await nodesWith(h)).toEqual(['node-1']);
  });

  test('that two nodes ask for at once goes to one of them', async () => {
    await using h = await start();
    await Promise.all([use(h, 'first', 'node-0'), use(h, 'second', 'node-1')]);
    expect(await nodesWith(h)).toHaveLength(1);
  });

  test('for many nodes goes to each that asks', async () => {
    await using h = await start('ReadWriteMany');
    await use(h, 'first', 'node-0');
    await use(h, 'second', 'node-1');
    expect(await nodesWith(h)).toEqual(['node-0', 'node-1']);
  });
});

describe('a node that does not let go of a volume', () => {
  const begin = async () => {
    const h = await start();
    await use(h, 'first', 'node-0');
    await report(h, 'node-0', { ready: 'True', inUse: [volume] });
    return h;
  };

  test('keeps it as long as the node is well', async () => {
    await using h = await begin();
    await leave(h, 'first');
    await h.advance(3_600_000);
    expect(await nodesWith(h)).toEqual(['node-0']);
  });

  test('loses it after six minutes when it is not well', async () => {
    await using h = await begin();
    await report(h, 'node-0', { ready: 'Unknown' });
    await leave(h, 'first');
    await h.advance(350_000);
    expect(await nodesWith(h)).toEqual(['node-0']);
    await h.advance(20_000);
    expect(await nodesWith(h)).toEqual([]);
  });

  test('loses it at once when it is out of service', async () => {
    await using h = await begin();
    await report(h, 'node-0', { ready: 'Unknown' });
    const taints = [{ key: 'node.kubernetes.io/out-of-service', value: 'nodeshutdown', effect: 'NoExecute' }];
    await h.client.patch(Node, { name: 'node-0' }, { spec: { taints } }, { type: 'merge' });
    await leave(h, 'first');
    expect(await nodesWith(h)).toEqual([]);
  });

  test('keeps it for six minutes when it is deleted, because it may still run', async () => {
    await using h = await begin();
    await h.client.delete(Node, { name: 'node-0' });
    await leave(h, 'first');
    await h.advance(350_000);
    expect(await nodesWith(h)).toEqual(['node-0']);
    await h.advance(20_000);
    expect(await nodesWith(h)).toEqual([]);
  });
});
