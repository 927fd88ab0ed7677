/** What becomes of claims when their set shrinks or goes, where ordinals begin, and updates that take several pods at a time. */
import { describe, expect, test } from 'vitest';
import { StatefulSet } from '../../src/api/apps/stateful-set.ts';
import { PersistentVolumeClaim } from '../../src/api/core/persistent-volume-claim.ts';
import { Pod } from '../../src/api/core/pod.ts';
import { garbageCollector } from '../../src/controllers/garbage-collector/garbage-collector.ts';
import { statefulSetController } from '../../src/controllers/stateful-set/stateful-set.ts';
import { claimProtectionController } from '../../src/controllers/volumes/protection.ts';
import { type Harness, startHarness, template } from './harness.ts';

const db = { namespace: 'default', name: 'db' };
const start = () =>
  startHarness({ controllers: [statefulSetController, garbageCollector, claimProtectionController], nodes: 2 });
const create = async (h: Harness, spec: object) => {
  await h.client.create(StatefulSet, {
    metadata: db,
    spec: {
      replicas: 3,
      serviceName: 'db',
      selector: { matchLabels: { app: 'db' } },
      template: template({ app: 'db' }),
      volumeClaimTemplates: [
        {
          metadata: { name: 'data' },
          spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
        },
      ],
      ...spec,
    } as never,
  });
  await h.advance(30_000);
};
const scale = async (h: Harness, replicas: number) => {
  await h.client.patch(StatefulSet, db, { spec: { replicas } }, { type: 'merge' });
  await h.advance(30_000);
};
const claims = async (h: Harness) =>
  (await h.client.list(PersistentVolumeClaim, { namespace: 'default' })).items
    .map(({ metadata }) => metadata.name)
    .sort();
const pods = async (h: Harness) =>
  [...(await h.client.list(Pod, { namespace: 'default' })).items].sort((a, b) =>
    a.metadata.name < b.metadata.name ? -1 : 1,
  );
const all = ['data-db-0', 'data-db-1', 'data-db-2'];

describe('the claims of a stateful set', () => {
  test.each([
    ['Retain', 'Retain', all, all],
    ['Retain', 'Delete', ['data-db-0'], ['data-db-0']],
    ['Delete', 'Retain', all, []],
    ['Delete', 'Delete', ['data-db-0'], []],
  ])('when deleted: %s, when scaled: %s', async (whenDeleted, whenScaled, afterShrinking, afterDeletion) => {
    await using h = await start();
    await create(h, { persistentVolumeClaimRetentionPolicy: { whenDeleted, whenScaled } });
    expect(await claims(h)).toEqual(all);
    await scale(h, 1);
    expect(await claims(h)).toEqual(afterShrinking);
    await h.client.delete(StatefulSet, db);
    await h.advance(60_000);
    expect(await pods(h)).toEqual([]);
    expect(await claims(h)).toEqual(afterDeletion);
  });

  test('come anew when the set grows again after they were deleted', async () => {
    await using h = await start();
    await create(h, { persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain', whenScaled: 'Delete' } });
    const uidOf = async () =>
      (await h.client.get(PersistentVolumeClaim, { namespace: 'default', name: 'data-db-2' })).metadata.uid;
    const first = await uidOf();
    await scale(h, 1);
    await scale(h, 3);
    expect(await claims(h)).toEqual(all);
    expect(await uidOf()).not.toBe(first);
    const owners = (await h.client.list(PersistentVolumeClaim, { namespace: 'default' })).items.flatMap(
      ({ metadata }) => metadata.ownerReferences ?? [],
    );
    expect(owners).toEqual([]);
  });
});

test('ordinals begin where the set says, also when that is changed', async () => {
  await using h = await start();
  await create(h, { replicas: 2, ordinals: { start: 5 }, volumeClaimTemplates: [] });
  const names = async () => (await pods(h)).map(({ metadata }) => metadata.name);
  expect(await names()).toEqual(['db-5', 'db-6']);
  const [first] = await pods(h);
  expect(first!.metadata.labels?.['apps.kubernetes.io/pod-index']).toBe('5');
  await h.client.patch(StatefulSet, db, { spec: { ordinals: { start: 6 } } }, { type: 'merge' });
  await h.advance(30_000);
  expect(await names()).toEqual(['db-6', 'db-7']);
});

describe('an update', () => {
  const update = async (h: Harness) => {
    h.lifeOf = (pod) => (pod.spec.containers[0]!.image === 'app:2' ? 'running' : 'ready');
    const image = { spec: { template: { spec: { containers: [{ name: 'app', image: 'app:2' }] } } } };
    await h.client.patch(StatefulSet, db, image, { type: 'strategic' });
    await h.advance(60_000);
    return (await pods(h)).map(({ spec }) => spec.containers[0]!.image);
  };

  test.each([
    [2, ['app:1', 'app:1', 'app:1', 'app:2', 'app:2']],
    ['50%', ['app:1', 'app:1', 'app:2', 'app:2', 'app:2']],
  ])('takes %s pods at a time, from the highest ordinal down', async (maxUnavailable, expected) => {
    await using h = await start();
    await create(h, {
      replicas: 5,
      podManagementPolicy: 'Parallel',
      volumeClaimTemplates: [],
      updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable } },
    });
    expect(await update(h)).toEqual(expected);
  });

  test('counts pods that are down anyway among those that it may take', async () => {
    await using h = await start();
    h.lifeOf = (pod) => (pod.metadata.name === 'db-1' ? 'running' : 'ready');
    await create(h, {
      replicas: 5,
      podManagementPolicy: 'Parallel',
      volumeClaimTemplates: [],
      updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 2 } },
    });
    // db-1 is replaced, because that makes nothing worse, and one more.
    expect(await update(h)).toEqual(['app:1', 'app:2', 'app:1', 'app:1', 'app:2']);
  });
});
