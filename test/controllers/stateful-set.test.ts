import { describe, expect, test } from 'vitest';
import { StatefulSet } from '../../src/api/apps/stateful-set.ts';
import { PersistentVolumeClaim } from '../../src/api/core/persistent-volume-claim.ts';
import { Pod } from '../../src/api/core/pod.ts';
import { statefulSetController } from '../../src/controllers/stateful-set/stateful-set.ts';
import { type Harness, startHarness, template } from './harness.ts';

const db = { namespace: 'default', name: 'db' };

const create = (h: Harness, spec: object = {}) =>
  h.client.create(StatefulSet, {
    metadata: db,
    spec: {
      replicas: 3,
      serviceName: 'db',
      selector: { matchLabels: { app: 'db' } },
      template: template({ app: 'db' }),
      ...spec,
    },
  });

const start = () => startHarness({ controllers: [statefulSetController], nodes: 2 });
const patch = (h: Harness, spec: object) => h.client.patch(StatefulSet, db, { spec }, { type: 'merge' });
const image = (name: string) => ({ template: { spec: { containers: [{ name: 'app', image: name }] } } });
const setImage = (h: Harness, name: string) =>
  h.client.patch(StatefulSet, db, { spec: image(name) }, { type: 'strategic' });
const pods = async (h: Harness) =>
  [...(await h.client.list(Pod, { namespace: 'default' })).items].sort((a, b) =>
    a.metadata.name < b.metadata.name ? -1 : 1,
  );
const names = async (h: Harness) => (await pods(h)).map((pod) => pod.metadata.name);
const images = async (h: Harness) => (await pods(h)).map((pod) => pod.spec.containers[0]!.image);
const status = async (h: Harness) => (await h.client.get(StatefulSet, db)).status;

describe('a stateful set', () => {
  test('makes its pods one after the other, each with its name, labels, host name and claim', async () => {
    await using h = await start();
    h.lifeOf = (pod) => (pod.metadata.name === 'db-1' ? 'running' : 'ready');
    await create(h, {
      volumeClaimTemplates: [
        {
          metadata: { name: 'data' },
          spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
        },
      ],
    });
    await h.settle();
    expect(await names(h)).toEqual(['db-0', 'db-1']);
    h.lifeOf = () => 'ready';
    await h.relive();
    expect(await names(h)).toEqual(['db-0', 'db-1', 'db-2']);
    const [first] = await pods(h);
    expect(first).toMatchObject({
      metadata: { labels: { 'statefulset.kubernetes.io/pod-name': 'db-0', 'apps.kubernetes.io/pod-index': '0' } },
      spec: { hostname: 'db-0', subdomain: 'db' },
    });
    expect(first!.spec.volumes).toContainEqual({ name: 'data', persistentVolumeClaim: { claimName: 'data-db-0' } });
    const claims = (await h.client.list(PersistentVolumeClaim, { namespace: 'default' })).items;
    expect(claims.map((claim) => claim.metadata.name).sort()).toEqual(['data-db-0', 'data-db-1', 'data-db-2']);
    const s = await status(h);
    expect(s).toMatchObject({
      replicas: 3,
      readyReplicas: 3,
      currentReplicas: 3,
      updatedReplicas: 3,
      availableReplicas: 3,
    });
    expect(s.currentRevision).toBe(s.updateRevision);
    const before = h.writes();
    await h.advance(24 * 3_600_000);
    expect(h.writes() - before).toBe(0);
  });

  test('deletes from the highest ordinal down, and stops at one that is not well', async () => {
    await using h = await start();
    await create(h, { replicas: 4 });
    await h.settle();
    h.frozen.add('db-3');
    await patch(h, { replicas: 1 });
    await h.settle();
    expect((await pods(h)).filter((pod) => pod.metadata.deletionTimestamp).map((pod) => pod.metadata.name)).toEqual([
      'db-3',
    ]);
    h.frozen.clear();
    await h.relive();
    expect(await names(h)).toEqual(['db-0']);
  });

  test('updates from the highest ordinal down to the partition', async () => {
    await using h = await start();
    await create(h, { updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 2 } } });
    await h.settle();
    await setImage(h, 'app:2');
    await h.settle();
    expect(await images(h)).toEqual(['app:1', 'app:1', 'app:2']);
    expect(await status(h)).toMatchObject({ currentReplicas: 2, updatedReplicas: 1 });
    await h.client.delete(Pod, { namespace: 'default', name: 'db-0' });
    await h.settle();
    expect(await images(h)).toEqual(['app:1', 'app:1', 'app:2']);
    await patch(h, { updateStrategy: { rollingUpdate: { partition: 0 } } });
    await h.settle();
    expect(await images(h)).toEqual(['app:2', 'app:2', 'app:2']);
    const s = await status(h);
    expect(s.currentRevision).toBe(s.updateRevision);
    expect(s.currentReplicas).toBe(3);
  });

  test('does not go on with an update whose first pod does not get ready', async () => {
    await using h = await start();
    await create(h);
    await h.settle();
    h.lifeOf = (pod) => (pod.spec.containers[0]!.image === 'bad' ? 'running' : 'ready');
    await setImage(h, 'bad');
    await h.settle();
    expect(await images(h)).toEqual(['app:1', 'app:1', 'bad']);
  });

  test('with OnDelete waits for pods to be deleted by hand', async () => {
    await using h = await start();
    await create(h, { updateStrategy: { type: 'OnDelete' } });
    await h.settle();
    await setImage(h, 'app:2');
    await h.settle();
    expect(await images(h)).toEqual(['app:1', 'app:1', 'app:1']);
    await h.client.delete(Pod, { namespace: 'default', name: 'db-1' });
    await h.settle();
    expect(await images(h)).toEqual(['app:1', 'app:2', 'app:1']);
  });

  test('in parallel makes and deletes all at once', async () => {
    await using h = await start();
    h.lifeOf = () => 'running';
    await create(h, { podManagementPolicy: 'Parallel', ordinals: { start: 5 } });
    await h.settle();
    expect(await names(h)).toEqual(['db-5', 'db-6', 'db-7']);
    await patch(h, { replicas: 0 });
    await h.settle();
    expect(await names(h)).toEqual([]);
  });

  test('replaces a pod that failed under the same name', async () => {
    await using h = await start();
    await create(h);
    await h.settle();
    const uid = (await pods(h))[1]!.metadata.uid;
    h.lifeOf = (pod) => (pod.metadata.uid === uid ? 'failed' : 'ready');
    await h.relive();
    expect(await names(h)).toEqual(['db-0', 'db-1', 'db-2']);
    expect((await pods(h))[1]!.metadata.uid).not.toBe(uid);
  });

  test('goes back to an earlier template by bringing its revision to the front', async () => {
    await using h = await start();
    await create(h);
    await h.settle();
    const first = (await status(h)).updateRevision;
    await setImage(h, 'app:2');
    await h.settle();
    expect((await status(h)).updateRevision).not.toBe(first);
    await setImage(h, 'app:1');
    await h.settle();
    expect((await status(h)).updateRevision).toBe(first);
    expect(await images(h)).toEqual(['app:1', 'app:1', 'app:1']);
  });
});
