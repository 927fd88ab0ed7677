import { describe, expect, test } from 'vitest';
import { Deployment } from '../../src/api/apps/deployment.ts';
import { ReplicaSet } from '../../src/api/apps/replica-set.ts';
import { Pod } from '../../src/api/core/pod.ts';
import { deploymentController } from '../../src/controllers/deployment/deployment.ts';
import { replicaSetController } from '../../src/controllers/replica-set.ts';
import { type Harness, startHarness, template } from './harness.ts';

const controllers = [deploymentController, replicaSetController];
const web = { namespace: 'default', name: 'web' };

const create = (h: Harness, spec: object = {}) =>
  h.client.create(Deployment, {
    metadata: web,
    spec: { replicas: 3, selector: { matchLabels: { app: 'web' } }, template: template({ app: 'web' }), ...spec },
  });

const setImage = (h: Harness, image: string) =>
  h.client.patch(
    Deployment,
    web,
    { spec: { template: { spec: { containers: [{ name: 'app', image }] } } } },
    { type: 'strategic' },
  );

const get = (h: Harness) => h.client.get(Deployment, web);
const sets = async (h: Harness) => (await h.client.list(ReplicaSet, { namespace: 'default' })).items;
const pods = async (h: Harness) => (await h.client.list(Pod, { namespace: 'default' })).items;
const condition = async (h: Harness, type: string) =>
  (await get(h)).status.conditions?.find((one) => one.type === type);

describe('a deployment', () => {
  test('comes up, is numbered, and then nothing is written any more', async () => {
    await using h = await startHarness({ controllers, nodes: 2 });
    await create(h);
    await h.settle();
    const d = await get(h);
    expect(d.status).toMatchObject({
      observedGeneration: 1,
      replicas: 3,
      readyReplicas: 3,
      availableReplicas: 3,
      updatedReplicas: 3,
    });
    expect(d.status.unavailableReplicas).toBeUndefined();
    expect(d.metadata.annotations?.['deployment.kubernetes.io/revision']).toBe('1');
    expect(d.metadata.generation).toBe(1);
    expect(await condition(h, 'Available')).toMatchObject({ status: 'True', reason: 'MinimumReplicasAvailable' });
    expect(await condition(h, 'Progressing')).toMatchObject({ status: 'True', reason: 'NewReplicaSetAvailable' });
    const before = h.writes();
    await h.advance(24 * 3_600_000);
    expect(h.writes() - before).toBe(0);
  });

  test('replaces pods within its surge and unavailability', async () => {
    await using h = await startHarness({ controllers, nodes: 2 });
    await create(h, {
      replicas: 10,
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 2, maxUnavailable: 1 } },
    });
    await h.settle();
    let fewest = 10;
    let most = 10;
    const seen = new Map((await pods(h)).map((pod) => [pod.metadata.uid, pod]));
    const count = () => {
      const live = [...seen.values()].filter((pod) => !pod.metadata.deletionTimestamp);
      const ready = live.filter((pod) => pod.status.conditions?.some((c) => c.type === 'Ready' && c.status === 'True'));
      most = Math.max(most, live.length);
      fewest = Math.min(fewest, ready.length);
    };
    h.client.watch(
      Pod,
      { namespace: 'default', resourceVersion: (await h.client.list(Pod)).metadata.resourceVersion! },
      {
        onEvents(events) {
          for (const { type, object } of events) {
            if (type === 'DELETED') seen.delete(object.metadata.uid);
            else seen.set(object.metadata.uid, object);
            count();
          }
        },
        onEnd() {},
      },
    );
    await setImage(h, 'app:2');
    await h.settle();
    expect((await pods(h)).map((pod) => pod.spec.containers[0]!.image)).toEqual(new Array(10).fill('app:2'));
    expect(most).toBeLessThanOrEqual(12);
    expect(fewest).toBeGreaterThanOrEqual(9);
    expect((await sets(h)).map((rs) => rs.spec.replicas).sort()).toEqual([0, 10]);
    expect((await get(h)).metadata.annotations?.['deployment.kubernetes.io/revision']).toBe('2');
  });

  test('keeps the old pods while the new ones do not get ready, and says so after the deadline', async () => {
    await using h = await startHarness({ controllers, nodes: 2 });
    await create(h, { replicas: 4, progressDeadlineSeconds: 60 });
    await h.settle();
    h.lifeOf = (pod) => (pod.spec.containers[0]!.image === 'app:2' ? 'running' : 'ready');
    await setImage(h, 'app:2');
    await h.settle();
    const status = (await get(h)).status;
    expect(status).toMatchObject({ availableReplicas: 3, updatedReplicas: 2, unavailableReplicas: 2 });
    await h.advance(120_000);
    expect(await condition(h, 'Progressing')).toMatchObject({ status: 'False', reason: 'ProgressDeadlineExceeded' });
    await setImage(h, 'app:1');
    await h.settle();
    expect(await condition(h, 'Progressing')).toMatchObject({ status: 'True', reason: 'NewReplicaSetAvailable' });
    const d = await get(h);
    expect(d.metadata.annotations?.['deployment.kubernetes.io/revision']).toBe('3');
    const current = (await sets(h)).find((rs) => rs.spec.replicas === 4)!;
    expect(current.metadata.annotations?.['deployment.kubernetes.io/revision-history']).toBe('1');
  });

  test('with Recreate never runs old and new pods together', async () => {
    await using h = await startHarness({ controllers, nodes: 2 });
    await create(h, { strategy: { type: 'Recreate' } });
    await h.settle();
    for (const pod of await pods(h)) h.frozen.add(pod.metadata.name);
    await setImage(h, 'app:2');
    await h.settle();
    expect((await pods(h)).every((pod) => pod.spec.containers[0]!.image === 'app:1')).toBe(true);
    h.frozen.clear();
    await h.relive();
    expect((await pods(h)).map((pod) => pod.spec.containers[0]!.image)).toEqual(['app:2', 'app:2', 'app:2']);
  });

  test('shares a change of size between its sets in the middle of a rollout', async () => {
    await using h = await startHarness({ controllers, nodes: 2 });
    await create(h, { replicas: 10, strategy: { rollingUpdate: { maxSurge: 3, maxUnavailable: 2 } } });
    await h.settle();
    h.lifeOf = (pod) => (pod.spec.containers[0]!.image === 'app:2' ? 'running' : 'ready');
    await setImage(h, 'app:2');
    await h.settle();
    const sizes = async () => (await sets(h)).map((rs) => rs.spec.replicas!).sort((a, b) => a - b);
    expect(await sizes()).toEqual([5, 8]);
    await h.client.patch(Deployment, web, { spec: { replicas: 30 } }, { type: 'merge' });
    await h.settle();
    expect(await sizes()).toEqual([13, 20]);
  });

  test('does not roll while it is paused, but scales', async () => {
    await using h = await startHarness({ controllers, nodes: 2 });
    await create(h, { paused: true, replicas: 1 });
    await h.settle();
    expect(await sets(h)).toHaveLength(0);
    expect(await condition(h, 'Progressing')).toMatchObject({ status: 'Unknown', reason: 'DeploymentPaused' });
    await h.client.patch(Deployment, web, { spec: { paused: false } }, { type: 'merge' });
    await h.settle();
    await h.client.patch(Deployment, web, { spec: { paused: true, replicas: 4 } }, { type: 'merge' });
    await setImage(h, 'app:2');
    await h.settle();
    expect((await pods(h)).map((pod) => pod.spec.containers[0]!.image)).toEqual(new Array(4).fill('app:1'));
  });

  test('keeps as many old sets as its history limit says', async () => {
    await using h = await startHarness({ controllers, nodes: 2 });
    await create(h, { revisionHistoryLimit: 2 });
    await h.settle();
    for (let i = 2; i <= 6; i++) {
      await setImage(h, `app:${i}`);
      await h.settle();
    }
    const images = (await sets(h)).map((rs) => rs.spec.template.spec.containers[0]!.image).sort();
    expect(images).toEqual(['app:4', 'app:5', 'app:6']);
  });

  test('counts a collision of hashes and takes another name', async () => {
    await using h = await startHarness({ controllers, nodes: 1 });
    const d = await create(h);
    await h.settle();
    const [first] = await sets(h);
    await h.client.delete(Deployment, web, { propagationPolicy: 'Orphan' });
    await h.client.patch(
      ReplicaSet,
      first!.metadata,
      { metadata: { ownerReferences: null }, spec: { template: { metadata: { labels: { other: 'x' } } } } },
      { type: 'merge' },
    );
    await h.settle();
    await h.client.patch(Deployment, web, { metadata: { finalizers: null } }, { type: 'merge' }).catch(() => undefined);
    await h.settle();
    await h.client.create(Deployment, { metadata: web, spec: d.spec as never });
    await h.settle();
    expect((await get(h)).status.availableReplicas).toBe(3);
  });
});
