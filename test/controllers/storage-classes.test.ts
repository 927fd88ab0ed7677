/** Claims without a class, and claims that wait for their pod. */
import { expect, test } from 'vitest';
import { Event } from '../../src/api/core/event.ts';
import { PersistentVolume } from '../../src/api/core/persistent-volume.ts';
import { PersistentVolumeClaim } from '../../src/api/core/persistent-volume-claim.ts';
import { Pod } from '../../src/api/core/pod.ts';
import { StorageClass } from '../../src/api/storage/storage-class.ts';
import { persistentVolumeBinder } from '../../src/controllers/volumes/binder.ts';
import { type Harness, startHarness } from './harness.ts';

const data = { namespace: 'default', name: 'data' };
const start = () => startHarness({ controllers: [persistentVolumeBinder] });
const claim = async (h: Harness, more: object = {}) => {
  await h.client.create(PersistentVolumeClaim, {
    metadata: data,
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, ...more },
  });
  await h.settle();
};
const storageClass = async (h: Harness, name: string, more: object = {}) => {
  const annotations = { 'storageclass.kubernetes.io/is-default-class': 'true' };
  await h.client.create(StorageClass, { metadata: { name, annotations }, provisioner: 'p.example.com', ...more });
  await h.settle();
};
const classOf = async (h: Harness) => (await h.client.get(PersistentVolumeClaim, data)).spec.storageClassName;
const eventsOf = async (h: Harness) =>
  (await h.client.list(Event)).items.map(({ reason, message }) => `${reason} ${message}`);

test('a claim that came before the default class gets it when it comes', async () => {
  await using h = await start();
  await claim(h);
  expect(await eventsOf(h)).toContain(
    'FailedBinding no persistent volumes available for this claim and no storage class is set',
  );
  await storageClass(h, 'standard');
  expect(await classOf(h)).toBe('standard');
  const { annotations } = (await h.client.get(PersistentVolumeClaim, data)).metadata;
  expect(annotations?.['volume.kubernetes.io/storage-provisioner']).toBe('p.example.com');
});

test('of several default classes the newest counts', async () => {
  await using h = await start();
  await storageClass(h, 'a-old');
  await h.advance(5000);
  await storageClass(h, 'b-new');
  await claim(h);
  expect(await classOf(h)).toBe('b-new');
});

test('a claim that wants no class keeps none, and a volume without one comes first', async () => {
  await using h = await start();
  await storageClass(h, 'standard');
  await claim(h, { storageClassName: '' });
  expect(await classOf(h)).toBe('');
  await h.client.delete(PersistentVolumeClaim, data);
  await h.client.create(PersistentVolume, {
    metadata: { name: 'v' },
    spec: { capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'], hostPath: { path: '/v' } },
  });
  await h.settle();
  await claim(h);
  expect(await classOf(h)).toBeUndefined();
  expect((await h.client.get(PersistentVolumeClaim, data)).spec.volumeName).toBe('v');
});

test('a claim that waits for its pod says which', async () => {
  await using h = await start();
  await storageClass(h, 'late', { volumeBindingMode: 'WaitForFirstConsumer' });
  h.lifeOf = () => 'pending';
  for (const name of ['b', 'a'])
    await h.client.create(Pod, {
      metadata: { namespace: 'default', name },
      spec: {
        containers: [{ name: 'app', image: 'app:1' }],
        volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'data' } }],
      },
    });
  await h.settle();
  await claim(h, { storageClassName: 'late' });
  expect(await eventsOf(h)).toContain('WaitForPodScheduled waiting for pods a,b to be scheduled');
});
