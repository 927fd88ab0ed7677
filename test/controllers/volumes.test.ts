import { describe, expect, test } from 'vitest';
import { PersistentVolume } from '../../src/api/core/persistent-volume.ts';
import { PersistentVolumeClaim } from '../../src/api/core/persistent-volume-claim.ts';
import { Pod } from '../../src/api/core/pod.ts';
import { StorageClass } from '../../src/api/storage/storage-class.ts';
import { garbageCollector } from '../../src/controllers/garbage-collector/garbage-collector.ts';
import { persistentVolumeBinder } from '../../src/controllers/volumes/binder.ts';
import { ephemeralVolumeController } from '../../src/controllers/volumes/ephemeral.ts';
import { claimProtectionController, volumeProtectionController } from '../../src/controllers/volumes/protection.ts';
import { type Harness, startHarness } from './harness.ts';

const start = () =>
  startHarness({
    controllers: [
      persistentVolumeBinder,
      claimProtectionController,
      volumeProtectionController,
      ephemeralVolumeController,
      garbageCollector,
    ],
    nodes: 1,
  });

const volume = (h: Harness, name: string, size: string, spec: object = {}) =>
  h.client.create(PersistentVolume, {
    metadata: { name },
    spec: { capacity: { storage: size }, accessModes: ['ReadWriteOnce'], hostPath: { path: '/tmp/x' }, ...spec },
  });

const claim = (h: Harness, name: string, size: string, spec: object = {}) =>
  h.client.create(PersistentVolumeClaim, {
    metadata: { namespace: 'default', name },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: size } }, ...spec },
  });

const getClaim = (h: Harness, name: string) => h.client.get(PersistentVolumeClaim, { namespace: 'default', name });
const getVolume = (h: Harness, name: string) => h.client.get(PersistentVolume, { name });

describe('volumes and claims', () => {
  test('a claim gets the smallest volume that serves it, and both say so', async () => {
    await using h = await start();
    await volume(h, 'big', '10Gi');
    await volume(h, 'fit', '2Gi');
    await volume(h, 'small', '500Mi');
    await claim(h, 'data', '1Gi');
    await h.settle();
    expect((await getClaim(h, 'data')).spec.volumeName).toBe('fit');
    expect((await getClaim(h, 'data')).status).toMatchObject({ phase: 'Bound', capacity: { storage: '2Gi' } });
    expect((await getVolume(h, 'fit')).status.phase).toBe('Bound');
    expect((await getVolume(h, 'big')).status.phase).toBe('Available');
    const before = h.writes();
    await h.advance(3_600_000);
    expect(h.writes() - before).toBe(0);
  });

  test('a claim waits, and is bound when a volume comes', async () => {
    await using h = await start();
    await claim(h, 'data', '1Gi', { storageClassName: 'manual' });
    await h.settle();
    expect((await getClaim(h, 'data')).status.phase).toBe('Pending');
    await volume(h, 'other', '1Gi', { storageClassName: 'else' });
    await volume(h, 'right', '1Gi', { storageClassName: 'manual' });
    await h.settle();
    expect((await getClaim(h, 'data')).spec.volumeName).toBe('right');
  });

  test('a provisioner is asked at once, or when the pod has a node', async () => {
    await using h = await start();
    await h.client.create(StorageClass, { metadata: { name: 'fast' }, provisioner: 'example.com/fast' });
    await h.client.create(StorageClass, {
      metadata: { name: 'late' },
      provisioner: 'example.com/late',
      volumeBindingMode: 'WaitForFirstConsumer',
    });
    await claim(h, 'a', '1Gi', { storageClassName: 'fast' });
    await claim(h, 'b', '1Gi', { storageClassName: 'late' });
    await h.settle();
    const provisioner = async (name: string) =>
      (await getClaim(h, name)).metadata.annotations?.['volume.kubernetes.io/storage-provisioner'];
    expect(await provisioner('a')).toBe('example.com/fast');
    expect(await provisioner('b')).toBeUndefined();
    await h.client.patch(
      PersistentVolumeClaim,
      { namespace: 'default', name: 'b' },
      { metadata: { annotations: { 'volume.kubernetes.io/selected-node': 'node-0' } } },
      { type: 'merge' },
    );
    await h.settle();
    expect(await provisioner('b')).toBe('example.com/late');
  });

  test('a claim stays while a pod uses it, and its volume is released after it', async () => {
    await using h = await start();
    await volume(h, 'v', '1Gi', { persistentVolumeReclaimPolicy: 'Retain' });
    await claim(h, 'data', '1Gi');
    await h.client.create(Pod, {
      metadata: { namespace: 'default', name: 'user' },
      spec: {
        containers: [{ name: 'app', image: 'app:1' }],
        volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'data' } }],
      },
    });
    await h.settle();
    await h.client.delete(PersistentVolumeClaim, { namespace: 'default', name: 'data' });
    await h.settle();
    expect((await getClaim(h, 'data')).metadata.deletionTimestamp).toBeDefined();
    await h.client.delete(PersistentVolume, { name: 'v' });
    await h.settle();
    expect((await getVolume(h, 'v')).status.phase).toBe('Bound');
    await h.client.delete(Pod, { namespace: 'default', name: 'user' });
    await h.settle();
    expect(await h.client.find(PersistentVolumeClaim, { namespace: 'default', name: 'data' })).toBeUndefined();
    expect(await h.client.find(PersistentVolume, { name: 'v' })).toBeUndefined();
  });

  test('an ephemeral volume lives as long as its pod', async () => {
    await using h = await start();
    await h.client.create(Pod, {
      metadata: { namespace: 'default', name: 'p' },
      spec: {
        containers: [{ name: 'app', image: 'app:1' }],
        volumes: [
          {
            name: 'scratch',
            ephemeral: {
              volumeClaimTemplate: {
                metadata: {},
                spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
              },
            },
          },
        ],
      },
    });
    await h.settle();
    expect((await getClaim(h, 'p-scratch')).metadata.ownerReferences).toMatchObject([{ kind: 'Pod', name: 'p' }]);
    await h.client.delete(Pod, { namespace: 'default', name: 'p' });
    await h.settle();
    expect(await h.client.find(PersistentVolumeClaim, { namespace: 'default', name: 'p-scratch' })).toBeUndefined();
  });
});
