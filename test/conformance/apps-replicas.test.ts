import { describe, expect, test } from 'vitest';
import { Deployment } from '../../src/api/apps/deployment.ts';
import { ReplicaSet } from '../../src/api/apps/replica-set.ts';
import { Pod } from '../../src/api/core/pod.ts';
import { ReplicationController } from '../../src/api/core/replication-controller.ts';
import { ResourceQuota } from '../../src/api/core/resource-quota.ts';
import { appsCluster, podTemplate, type Scope, useCollection, useScale, useStatus } from './apps-cluster.ts';

const enter = appsCluster();
const labels = { name: 'e2e' };

const replicaSet = (s: Scope, replicas = 1, name = 'rs') =>
  s.client.create(ReplicaSet, {
    metadata: { namespace: s.namespace, name, labels },
    spec: { replicas, selector: { matchLabels: labels }, template: podTemplate(labels) },
  });

const controller = (s: Scope, replicas = 1) =>
  s.client.create(ReplicationController, {
    metadata: { namespace: s.namespace, name: 'rc', labels },
    spec: { replicas, selector: labels, template: podTemplate(labels) },
  });

const barePod = (s: Scope) =>
  s.client.create(Pod, {
    metadata: { namespace: s.namespace, name: 'bare', labels },
    spec: podTemplate(labels).spec,
  });

const ownersOf = (pod: { metadata: { ownerReferences?: readonly { name: string }[] } }) =>
  (pod.metadata.ownerReferences ?? []).map(({ name }) => name);

describe('[sig-apps] ReplicaSet', () => {
  test('should serve a basic image on each replica with a public image [Conformance]', async () => {
    const s = await enter();
    await replicaSet(s, 2);
    await s.pass();
    expect((await s.pods()).map((pod) => pod.status.phase)).toEqual(['Running', 'Running']);
  });

  test('should adopt matching pods on creation and release no longer matching pods [Conformance]', async () => {
    const s = await enter();
    await barePod(s);
    await replicaSet(s, 1);
    await s.pass();
    expect((await s.pods()).map((pod) => [pod.metadata.name, ownersOf(pod)])).toEqual([['bare', ['rs']]]);
    await s.client.patch(
      Pod,
      { namespace: s.namespace, name: 'bare' },
      { metadata: { labels: { name: 'other' } } },
      { type: 'merge' },
    );
    await s.pass();
    const all = await s.pods();
    expect(all).toHaveLength(2);
    expect(ownersOf(all.find((pod) => pod.metadata.name === 'bare')!)).toEqual([]);
  });

  test('Replicaset should have a working scale subresource [Conformance]', async () => {
    const s = await enter();
    await replicaSet(s);
    expect(await useScale(s, ReplicaSet, { namespace: s.namespace, name: 'rs' })).toEqual([1, 2, 4]);
    expect(await s.pods()).toHaveLength(4);
  });

  test('Replace and Patch tests [Conformance]', async () => {
    const s = await enter();
    const ref = { namespace: s.namespace, name: 'rs' };
    await replicaSet(s);
    await s.pass();
    const seen = await s.client.get(ReplicaSet, ref);
    await s.client.update(ReplicaSet, { ...seen, spec: { ...seen.spec, replicas: 2 } });
    await s.pass();
    expect((await s.client.get(ReplicaSet, ref)).status.readyReplicas).toBe(2);
    const patch = { spec: { replicas: 3, template: { spec: { containers: [{ name: 'main', image: 'pause:1' }] } } } };
    await s.client.patch(ReplicaSet, ref, patch, { type: 'strategic' });
    await s.pass();
    const last = await s.client.get(ReplicaSet, ref);
    expect(last.status.readyReplicas).toBe(3);
    expect(last.spec.template.spec.containers[0]!.image).toBe('pause:1');
  });

  test('should list and delete a collection of ReplicaSets [Conformance]', async () => {
    const s = await enter();
    await replicaSet(s, 3);
    await s.pass();
    expect(await useCollection(s, ReplicaSet, `name=e2e`)).toSatisfy(
      ([before, after]) => before >= 1 && after < before,
    );
    expect(await s.pods()).toHaveLength(0);
  });

  test('should validate Replicaset Status endpoints [Conformance]', async () => {
    const s = await enter();
    await replicaSet(s);
    await s.pass();
    expect(await useStatus(s, ReplicaSet, { namespace: s.namespace, name: 'rs' })).toContain('StatusPatched');
  });
});

describe('[sig-apps] ReplicationController', () => {
  test('should serve a basic image on each replica with a public image [Conformance]', async () => {
    const s = await enter();
    await controller(s, 2);
    await s.pass();
    expect((await s.pods()).map((pod) => pod.status.phase)).toEqual(['Running', 'Running']);
  });

  test('should surface a failure condition on a common issue like exceeded quota [Conformance]', async () => {
    const s = await enter();
    const ref = { namespace: s.namespace, name: 'rc' };
    await s.client.create(ResourceQuota, {
      metadata: { namespace: s.namespace, name: 'condition-test' },
      spec: { hard: { pods: '2' } },
    });
    await s.pass();
    await controller(s, 3);
    await s.pass('30s');
    const failure = async () =>
      (await s.client.get(ReplicationController, ref)).status.conditions?.find(({ type }) => type === 'ReplicaFailure');
    expect(await failure()).toMatchObject({ status: 'True', reason: 'FailedCreate' });
    await s.client.patch(ReplicationController, ref, { spec: { replicas: 2 } }, { type: 'merge' });
    await s.pass('30s');
    expect(await failure()).toBeUndefined();
    expect(await s.pods()).toHaveLength(2);
  });

  test('should adopt matching pods on creation [Conformance]', async () => {
    const s = await enter();
    await barePod(s);
    await controller(s, 1);
    await s.pass();
    expect((await s.pods()).map((pod) => [pod.metadata.name, ownersOf(pod)])).toEqual([['bare', ['rc']]]);
  });

  test('should release no longer matching pods [Conformance]', async () => {
    const s = await enter();
    await controller(s, 1);
    await s.pass();
    const [pod] = await s.pods();
    await s.client.patch(Pod, pod!.metadata, { metadata: { labels: { name: 'other' } } }, { type: 'merge' });
    await s.pass();
    const all = await s.pods();
    expect(all).toHaveLength(2);
    expect(ownersOf(all.find(({ metadata }) => metadata.name === pod!.metadata.name)!)).toEqual([]);
  });

  test('should get and update a ReplicationController scale [Conformance]', async () => {
    const s = await enter();
    await controller(s);
    expect(await useScale(s, ReplicationController, { namespace: s.namespace, name: 'rc' })).toEqual([1, 2, 4]);
  });

  test('should test the lifecycle of a ReplicationController [Conformance]', async () => {
    const s = await enter();
    const ref = { namespace: s.namespace, name: 'rc' };
    await controller(s);
    await s.pass();
    await s.client.patch(
      ReplicationController,
      ref,
      { metadata: { labels: { 'test-rc': 'patched' } } },
      { type: 'merge' },
    );
    expect(await useStatus(s, ReplicationController, ref)).toContain('StatusPatched');
    const patched = await s.client.list(ReplicationController, { labelSelector: 'test-rc=patched' });
    expect(patched.items).toHaveLength(1);
    await s.client.deleteCollection(ReplicationController, {
      namespace: s.namespace,
      labelSelector: 'test-rc=patched',
    });
    await s.pass();
    expect(await s.client.find(ReplicationController, ref)).toBeUndefined();
  });
});

describe('[sig-apps] Deployment', () => {
  const deployment = (s: Scope, spec: object = {}) =>
    s.client.create(Deployment, {
      metadata: { namespace: s.namespace, name: 'web', labels },
      spec: { replicas: 1, selector: { matchLabels: labels }, template: podTemplate(labels), ...spec },
    });
  const refOf = (s: Scope) => ({ namespace: s.namespace, name: 'web' });
  const setImage = (s: Scope, image: string) =>
    s.client.patch(
      Deployment,
      refOf(s),
      { spec: { template: { spec: { containers: [{ name: 'main', image }] } } } },
      { type: 'strategic' },
    );
  const sets = async (s: Scope) => (await s.client.list(ReplicaSet, { namespace: s.namespace })).items;
  const revision = async (s: Scope) =>
    (await s.client.get(Deployment, refOf(s))).metadata.annotations?.['deployment.kubernetes.io/revision'];

  test('RollingUpdateDeployment should delete old pods and create new ones [Conformance]', async () => {
    const s = await enter();
    await s.client.create(ReplicaSet, {
      metadata: {
        namespace: s.namespace,
        name: 'old',
        labels,
        annotations: { 'deployment.kubernetes.io/revision': '3546343826724305832' },
      },
      spec: {
        replicas: 1,
        selector: { matchLabels: { ...labels, pod: 'httpd' } },
        template: podTemplate({ ...labels, pod: 'httpd' }),
      },
    });
    await s.pass();
    await deployment(s, { template: podTemplate(labels, { image: 'agnhost:2' }) });
    await s.pass('30s');
    expect((await s.pods()).map((pod) => pod.spec.containers[0]!.image)).toEqual(['agnhost:2']);
    expect((await sets(s)).find((rs) => rs.metadata.name === 'old')!.spec.replicas).toBe(0);
  });

  test('RecreateDeployment should delete old pods and create new ones [Conformance]', async () => {
    const s = await enter();
    await deployment(s, { strategy: { type: 'Recreate' } });
    await s.pass();
    expect(await revision(s)).toBe('1');
    await setImage(s, 'agnhost:2');
    await s.pass('60s');
    expect(await revision(s)).toBe('2');
    expect((await s.pods()).map((pod) => pod.spec.containers[0]!.image)).toEqual(['agnhost:2']);
  });

  test('deployment should delete old replica sets [Conformance]', async () => {
    const s = await enter();
    await s.client.create(ReplicaSet, {
      metadata: { namespace: s.namespace, name: 'old', labels },
      spec: {
        replicas: 1,
        selector: { matchLabels: { ...labels, pod: 'x' } },
        template: podTemplate({ ...labels, pod: 'x' }),
      },
    });
    await s.pass();
    await deployment(s, { revisionHistoryLimit: 0, template: podTemplate(labels, { image: 'agnhost:2' }) });
    await s.pass('60s');
    expect((await sets(s)).map((rs) => rs.spec.template.spec.containers[0]!.image)).toEqual(['agnhost:2']);
  });

  test('deployment should support rollover [Conformance]', async () => {
    const s = await enter();
    await deployment(s, { replicas: 2 });
    await s.pass();
    const stuck = podTemplate(labels, { image: 'stuck:1', sim: { ready: 'false' } });
    await s.client.patch(Deployment, refOf(s), { spec: { template: stuck } }, { type: 'strategic' });
    await s.pass();
    await s.client.patch(
      Deployment,
      refOf(s),
      { spec: { template: podTemplate(labels, { image: 'agnhost:3', sim: { ready: 'true' } }) } },
      { type: 'strategic' },
    );
    await s.pass('60s');
    expect((await s.pods()).map((pod) => pod.spec.containers[0]!.image)).toEqual(['agnhost:3', 'agnhost:3']);
    expect((await sets(s)).filter((rs) => rs.spec.replicas !== 0)).toHaveLength(1);
  });

  test('deployment should support proportional scaling [Conformance]', async () => {
    const s = await enter();
    await deployment(s, { replicas: 10, strategy: { rollingUpdate: { maxSurge: 3, maxUnavailable: 2 } } });
    await s.pass();
    const stuck = podTemplate(labels, { image: 'stuck:404', sim: { ready: 'false' } });
    await s.client.patch(Deployment, refOf(s), { spec: { template: stuck } }, { type: 'strategic' });
    await s.pass();
    const sizes = async () => (await sets(s)).map((rs) => rs.spec.replicas).sort((a, b) => a! - b!);
    expect(await sizes()).toEqual([5, 8]);
    await s.client.patch(Deployment, refOf(s), { spec: { replicas: 30 } }, { type: 'merge' });
    await s.pass();
    expect(await sizes()).toEqual([13, 20]);
  });

  test('Deployment should have a working scale subresource [Conformance]', async () => {
    const s = await enter();
    await deployment(s);
    expect(await useScale(s, Deployment, refOf(s))).toEqual([1, 2, 4]);
    expect((await s.client.get(Deployment, refOf(s))).status.availableReplicas).toBe(4);
  });

  test('should run the lifecycle of a Deployment [Conformance]', async () => {
    const s = await enter();
    await deployment(s);
    await s.pass();
    await s.client.patch(
      Deployment,
      refOf(s),
      { metadata: { labels: { 'test-deployment': 'patched' } }, spec: { replicas: 2 } },
      { type: 'strategic' },
    );
    await s.pass();
    expect((await s.client.get(Deployment, refOf(s))).status.readyReplicas).toBe(2);
    const listed = await s.client.list(Deployment, { labelSelector: 'test-deployment=patched' });
    expect(listed.items).toHaveLength(1);
    await s.client.deleteCollection(Deployment, { namespace: s.namespace, labelSelector: 'test-deployment=patched' });
    await s.pass();
    expect(await s.client.find(Deployment, refOf(s))).toBeUndefined();
    expect(await s.pods()).toHaveLength(0);
  });

  test('should validate Deployment Status endpoints [Conformance]', async () => {
    const s = await enter();
    await deployment(s);
    await s.pass();
    expect(await useStatus(s, Deployment, refOf(s))).toContain('StatusPatched');
  });
});
