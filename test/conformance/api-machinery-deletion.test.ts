/** Upstream's conformance tests of the garbage collector and of namespaces, by their names. */
import { describe, expect, it } from 'vitest';
import { Deployment } from '../../src/api/apps/deployment.ts';
import { ReplicaSet } from '../../src/api/apps/replica-set.ts';
import { ConfigMap } from '../../src/api/core/config-map.ts';
import { Namespace } from '../../src/api/core/namespace.ts';
import { Pod } from '../../src/api/core/pod.ts';
import { ReplicationController } from '../../src/api/core/replication-controller.ts';
import { Service } from '../../src/api/core/service.ts';
import type { OwnerReference } from '../../src/api/types/meta-v1.ts';
import { appsCluster, podTemplate, type Scope } from './apps-cluster.ts';

const scopeOf = appsCluster();
const labels = { app: 'gc' };
const foreground = { propagationPolicy: 'Foreground' } as const;
const orphan = { propagationPolicy: 'Orphan' } as const;
const background = { propagationPolicy: 'Background' } as const;

/** A replication controller whose pods are all there. */
async function controllerWithPods(scope: Scope, name: string, replicas: number) {
  const created = await scope.client.create(ReplicationController, {
    metadata: { name, namespace: scope.namespace },
    spec: { replicas, selector: labels, template: podTemplate(labels) },
  });
  await scope.pass();
  expect(await scope.pods('app=gc')).toHaveLength(replicas);
  return created;
}

async function deploymentWithReplicaSet(scope: Scope): Promise<void> {
  await scope.client.create(Deployment, {
    metadata: { name: 'deployment', namespace: scope.namespace },
    spec: { replicas: 2, selector: { matchLabels: labels }, template: podTemplate(labels) },
  });
  await scope.pass();
  expect((await scope.client.list(ReplicaSet, { namespace: scope.namespace })).items).toHaveLength(1);
}

describe('[sig-api-machinery] Garbage collector', () => {
  it('should delete pods created by rc when not orphaning', async () => {
    const scope = await scopeOf();
    await controllerWithPods(scope, 'simpletest.rc', 2);
    await scope.client.delete(ReplicationController, { namespace: scope.namespace, name: 'simpletest.rc' }, background);
    await scope.pass('60s');
    expect(await scope.pods()).toHaveLength(0);
  });

  it('should orphan pods created by rc if delete options say so', async () => {
    const scope = await scopeOf();
    await controllerWithPods(scope, 'simpletest.rc', 10);
    const ref = { namespace: scope.namespace, name: 'simpletest.rc' };
    await scope.client.delete(ReplicationController, ref, orphan);
    await scope.pass('30s');
    expect(await scope.client.find(ReplicationController, ref)).toBeUndefined();
    const pods = await scope.pods();
    expect(pods).toHaveLength(10);
    for (const pod of pods) expect(pod.metadata.ownerReferences ?? []).toEqual([]);
  });

  it('should delete RS created by deployment when not orphaning', async () => {
    const scope = await scopeOf();
    await deploymentWithReplicaSet(scope);
    await scope.client.delete(Deployment, { namespace: scope.namespace, name: 'deployment' }, background);
    await scope.pass('60s');
    expect((await scope.client.list(ReplicaSet, { namespace: scope.namespace })).items).toHaveLength(0);
    expect(await scope.pods()).toHaveLength(0);
  });

  it('should orphan RS created by deployment when deleteOptions.PropagationPolicy is Orphan', async () => {
    const scope = await scopeOf();
    await deploymentWithReplicaSet(scope);
    await scope.client.delete(Deployment, { namespace: scope.namespace, name: 'deployment' }, orphan);
    await scope.pass('60s');
    const { items } = await scope.client.list(ReplicaSet, { namespace: scope.namespace });
    expect(items).toHaveLength(1);
    expect(items[0]!.metadata.ownerReferences ?? []).toEqual([]);
    expect(await scope.pods()).toHaveLength(2);
  });

  it('should keep the rc around until all its pods are deleted if the deleteOptions says so', async () => {
    const scope = await scopeOf();
    await controllerWithPods(scope, 'simpletest.rc', 10);
    const ref = { namespace: scope.namespace, name: 'simpletest.rc' };
    const seen: number[] = [];
    const kept = await scope.client.get(Pod, { ...ref, name: (await scope.pods())[0]!.metadata.name });
    await scope.client.patch(
      Pod,
      { namespace: scope.namespace, name: kept.metadata.name },
      { metadata: { finalizers: ['example.com/slow'] } },
      { type: 'merge' },
    );
    await scope.client.delete(ReplicationController, ref, foreground);
    await scope.pass('60s');
    seen.push((await scope.pods()).length);
    const waiting = await scope.client.find(ReplicationController, ref);
    expect(waiting?.metadata.finalizers).toEqual(['foregroundDeletion']);
    await scope.client.patch(
      Pod,
      { namespace: scope.namespace, name: kept.metadata.name },
      { metadata: { finalizers: null } },
      { type: 'merge' },
    );
    await scope.pass('60s');
    seen.push((await scope.pods()).length);
    expect(await scope.client.find(ReplicationController, ref)).toBeUndefined();
    expect(seen).toEqual([1, 0]);
  });

  it("should not delete dependents that have both valid owner and owner that's waiting for dependents to be deleted", async () => {
    const scope = await scopeOf();
    const { namespace } = scope;
    await controllerWithPods(scope, 'simpletest-rc-to-be-deleted', 10);
    const stays = await scope.client.create(ReplicationController, {
      metadata: { name: 'simpletest-rc-to-stay', namespace },
      spec: { replicas: 0, selector: { another: 'key' }, template: podTemplate({ another: 'key' }) },
    });
    const owner = {
      apiVersion: 'v1',
      kind: 'ReplicationController',
      name: stays.metadata.name,
      uid: stays.metadata.uid,
    };
    const half = (await scope.pods()).slice(0, 5);
    for (const { metadata } of half)
      await scope.client.patch(
        Pod,
        { namespace, name: metadata.name },
        { metadata: { ownerReferences: [owner] } },
        { type: 'strategic' },
      );
    const ref = { namespace, name: 'simpletest-rc-to-be-deleted' };
    await scope.client.delete(ReplicationController, ref, foreground);
    await scope.pass('60s');
    expect(await scope.client.find(ReplicationController, ref)).toBeUndefined();
    const left = await scope.pods();
    expect(left.map(({ metadata }) => metadata.name)).toEqual(half.map(({ metadata }) => metadata.name));
    for (const { metadata } of left) {
      expect(metadata.deletionTimestamp).toBeUndefined();
      expect(metadata.ownerReferences).toMatchObject([owner]);
    }
  });

  it('should not be blocked by dependency circle', async () => {
    const scope = await scopeOf();
    const { namespace } = scope;
    const uids: string[] = [];
    for (const name of ['pod1', 'pod2', 'pod3']) {
      const pod = await scope.client.create(Pod, { metadata: { name, namespace }, spec: podTemplate({}).spec });
      uids.push(pod.metadata.uid);
    }
    for (const [name, owner] of [
      [1, 3],
      [2, 1],
      [3, 2],
    ] as const) {
      const reference: OwnerReference = {
        apiVersion: 'v1',
        kind: 'Pod',
        name: `pod${owner}`,
        uid: uids[owner - 1]!,
        controller: true,
        blockOwnerDeletion: true,
      };
      await scope.client.patch(
        Pod,
        { namespace, name: `pod${name}` },
        { metadata: { ownerReferences: [reference] } },
        { type: 'strategic' },
      );
    }
    await scope.pass();
    await scope.client.delete(Pod, { namespace, name: 'pod1' }, foreground);
    await scope.pass('120s');
    expect(await scope.pods()).toHaveLength(0);
  });
});

describe('[sig-api-machinery] Namespaces [Serial]', () => {
  it('should ensure that all pods are removed when a namespace is deleted', async () => {
    const scope = await scopeOf();
    const { namespace, client } = scope;
    await client.create(Pod, { metadata: { name: 'test-pod', namespace }, spec: podTemplate({}).spec });
    await scope.pass();
    await client.delete(Namespace, { name: namespace });
    await scope.pass('120s');
    expect(await client.find(Namespace, { name: namespace })).toBeUndefined();
    await client.create(Namespace, { metadata: { name: namespace } });
    await scope.pass();
    expect(await scope.pods()).toHaveLength(0);
  });

  it('should ensure that all services are removed when a namespace is deleted', async () => {
    const scope = await scopeOf();
    const { namespace, client } = scope;
    await client.create(Service, { metadata: { name: 'test-service', namespace }, spec: { ports: [{ port: 80 }] } });
    await client.delete(Namespace, { name: namespace });
    await scope.pass('120s');
    expect(await client.find(Namespace, { name: namespace })).toBeUndefined();
    await client.create(Namespace, { metadata: { name: namespace } });
    expect((await client.list(Service, { namespace })).items).toHaveLength(0);
  });

  it('should patch a Namespace', async () => {
    const { client, namespace } = await scopeOf();
    await client.patch(
      Namespace,
      { name: namespace },
      { metadata: { labels: { testLabel: 'testValue' } } },
      { type: 'strategic' },
    );
    expect((await client.get(Namespace, { name: namespace })).metadata.labels).toMatchObject({
      testLabel: 'testValue',
    });
  });

  it('should apply changes to a namespace status', async () => {
    const { client, namespace } = await scopeOf();
    const ref = { name: namespace };
    expect(
      (await client.subresource<Namespace>('get', Namespace, { ...ref, subresource: 'status' })).status.phase,
    ).toBe('Active');
    const condition = (type: string) => ({ type, status: 'True', reason: 'E2E', message: 'Set by an e2e test' });
    await client.patch(
      Namespace,
      ref,
      { metadata: { annotations: { patched: 'true' } }, status: { conditions: [condition('StatusPatch')] } },
      { type: 'merge', subresource: 'status' },
    );
    const patched = await client.get(Namespace, ref);
    expect(patched.status.conditions).toMatchObject([condition('StatusPatch')]);
    const conditions = [...patched.status.conditions!, condition('StatusUpdate')];
    await client.updateStatus(Namespace, { ...patched, status: { ...patched.status, conditions } } as typeof patched);
    expect((await client.get(Namespace, ref)).status.conditions).toHaveLength(2);
  });

  it('should apply an update to a Namespace', async () => {
    const { client, namespace } = await scopeOf();
    const current = await client.get(Namespace, { name: namespace });
    const metadata = { ...current.metadata, labels: { ...current.metadata.labels, updated: 'yes' } };
    await client.update(Namespace, { ...current, metadata } as typeof current);
    expect((await client.get(Namespace, { name: namespace })).metadata.labels).toMatchObject({ updated: 'yes' });
  });

  it('should apply a finalizer to a Namespace', async () => {
    const { client, namespace } = await scopeOf();
    const ref = { name: namespace };
    const fake = 'e2e.example.com/fakeFinalizer';
    const finalize = async (change: (finalizers: readonly string[]) => string[]) => {
      const current = await client.get(Namespace, ref);
      const spec = { finalizers: change(current.spec.finalizers ?? []) };
      await client.subresource('update', Namespace, { ...ref, subresource: 'finalize' }, { ...current, spec });
      return (await client.get(Namespace, ref)).spec.finalizers;
    };
    expect(await finalize((finalizers) => [...finalizers, fake])).toEqual(['kubernetes', fake]);
    expect(await finalize((finalizers) => finalizers.filter((each) => each !== fake))).toEqual(['kubernetes']);
  });
});

describe('[sig-api-machinery] OrderedNamespaceDeletion', () => {
  it('namespace deletion should delete pod first', async () => {
    const scope = await scopeOf();
    const { namespace, client } = scope;
    const held = { finalizers: ['example.com/held'] };
    await client.create(Pod, { metadata: { name: 'held', namespace, ...held }, spec: podTemplate({}).spec });
    await client.create(ConfigMap, { metadata: { name: 'waits', namespace } });
    await scope.pass();
    await client.delete(Namespace, { name: namespace });
    await scope.pass('60s');
    expect((await client.get(Pod, { namespace, name: 'held' })).metadata.deletionTimestamp).toBeDefined();
    expect((await client.get(ConfigMap, { namespace, name: 'waits' })).metadata.deletionTimestamp).toBeUndefined();
    await client.patch(Pod, { namespace, name: 'held' }, { metadata: { finalizers: null } }, { type: 'merge' });
    await scope.pass('120s');
    expect(await client.find(ConfigMap, { namespace, name: 'waits' })).toBeUndefined();
    expect(await client.find(Namespace, { name: namespace })).toBeUndefined();
  });
});
