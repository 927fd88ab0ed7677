/** Upstream's conformance tests of resource quotas, by their names. */
import { describe, expect, it } from 'vitest';
import { ReplicaSet } from '../../src/api/apps/replica-set.ts';
import { ConfigMap } from '../../src/api/core/config-map.ts';
import { Pod } from '../../src/api/core/pod.ts';
import { ReplicationController } from '../../src/api/core/replication-controller.ts';
import { ResourceQuota } from '../../src/api/core/resource-quota.ts';
import { Secret } from '../../src/api/core/secret.ts';
import { Service } from '../../src/api/core/service.ts';
import type { KindRef, KubeObject } from '../../src/api/kind.ts';
import { appsCluster, podTemplate, type Scope } from './apps-cluster.ts';

const scopeOf = appsCluster(1);
const labels = { app: 'quota' };
const name = 'test-quota';

async function quota(scope: Scope, hard: Record<string, string>, more: { name?: string; scopes?: string[] } = {}) {
  await scope.client.create(ResourceQuota, {
    metadata: { name: more.name ?? name, namespace: scope.namespace },
    spec: { hard, ...(more.scopes ? { scopes: more.scopes as never } : {}) },
  });
  await scope.pass();
}

const status = async (scope: Scope, of = name) =>
  (await scope.client.get(ResourceQuota, { namespace: scope.namespace, name: of })).status;
const used = async (scope: Scope, resource: string, of = name) => (await status(scope, of)).used?.[resource];

interface Resources {
  readonly requests?: Record<string, string>;
  readonly limits?: Record<string, string>;
}

const createPod = (scope: Scope, podName: string, resources: Resources = {}, more: object = {}) =>
  scope.client.create(Pod, {
    metadata: { name: podName, namespace: scope.namespace },
    spec: { ...more, containers: [{ name: 'main', image: 'agnhost:1', resources }] },
  });

/** The counts of a resource before an object of the kind is created, while there is one, and after it was deleted. */
async function capture<T extends KubeObject>(scope: Scope, of: { kind: KindRef<T>; resource: string }, spec: object) {
  await quota(scope, { [of.resource]: '10', resourcequotas: '1' });
  const counts = [await used(scope, of.resource)];
  const ref = { namespace: scope.namespace, name: 'counted' };
  await scope.client.create(of.kind, { metadata: ref, ...spec } as never);
  await scope.pass();
  counts.push(await used(scope, of.resource));
  await scope.client.delete(of.kind, ref);
  await scope.pass('60s');
  counts.push(await used(scope, of.resource));
  return counts.map(Number);
}

describe('[sig-api-machinery] ResourceQuota', () => {
  it('should create a ResourceQuota and ensure its status is promptly calculated.', async () => {
    const scope = await scopeOf();
    const hard = { cpu: '1', memory: '500Mi', pods: '5', services: '10', resourcequotas: '1' };
    await quota(scope, hard);
    expect(await status(scope)).toEqual({
      hard,
      used: { cpu: '0', memory: '0', pods: '0', services: '0', resourcequotas: '1' },
    });
  });

  it('should create a ResourceQuota and capture the life of a service.', async () => {
    const scope = await scopeOf();
    await quota(scope, { services: '2', 'services.nodeports': '1', 'services.loadbalancers': '1' });
    const create = (service: string, type: 'ClusterIP' | 'NodePort' | 'LoadBalancer') =>
      scope.client.create(Service, {
        metadata: { name: service, namespace: scope.namespace },
        spec: { type, ports: [{ port: 80 }] },
      });
    await create('clusterip', 'ClusterIP');
    await create('nodeport', 'NodePort');
    await expect(create('loadbalancer', 'LoadBalancer')).rejects.toThrow('exceeded quota');
    await scope.pass();
    expect((await status(scope)).used).toMatchObject({ services: '2', 'services.nodeports': '1' });
    for (const service of ['clusterip', 'nodeport'])
      await scope.client.delete(Service, { namespace: scope.namespace, name: service });
    await scope.pass('60s');
    expect((await status(scope)).used).toMatchObject({ services: '0', 'services.nodeports': '0' });
  });

  it('should create a ResourceQuota and capture the life of a secret.', async () => {
    const scope = await scopeOf();
    expect(await capture(scope, { kind: Secret, resource: 'secrets' }, { data: {} })).toEqual([0, 1, 0]);
  });

  it('should create a ResourceQuota and capture the life of a configMap.', async () => {
    const scope = await scopeOf();
    const [before, during, after] = await capture(scope, { kind: ConfigMap, resource: 'configmaps' }, { data: {} });
    // Each namespace has the cluster's root certificate in one already.
    expect([during! - before!, after]).toEqual([1, before]);
  });

  it('should create a ResourceQuota and capture the life of a replication controller.', async () => {
    const scope = await scopeOf();
    const spec = { spec: { replicas: 0, selector: labels, template: podTemplate(labels) } };
    const counts = await capture(scope, { kind: ReplicationController, resource: 'replicationcontrollers' }, spec);
    expect(counts).toEqual([0, 1, 0]);
  });

  it('should create a ResourceQuota and capture the life of a replica set.', async () => {
    const scope = await scopeOf();
    const spec = { spec: { replicas: 0, selector: { matchLabels: labels }, template: podTemplate(labels) } };
    const counts = await capture(scope, { kind: ReplicaSet, resource: 'count/replicasets.apps' }, spec);
    expect(counts).toEqual([0, 1, 0]);
  });

  it('should create a ResourceQuota and capture the life of a pod.', async () => {
    const scope = await scopeOf();
    const extended = 'example.com/dongle';
    await quota(scope, {
      pods: '5',
      cpu: '1',
      memory: '500Mi',
      'ephemeral-storage': '50Gi',
      [`requests.${extended}`]: '3',
    });
    const requests = { cpu: '500m', memory: '252Mi', 'ephemeral-storage': '30Gi', [extended]: '2' };
    await createPod(scope, 'fits', { requests, limits: { [extended]: '2' } });
    await scope.pass();
    const full = {
      pods: '1',
      cpu: '500m',
      memory: '252Mi',
      'ephemeral-storage': '30Gi',
      [`requests.${extended}`]: '2',
    };
    expect((await status(scope)).used).toEqual(full);
    await expect(
      createPod(scope, 'too-large', { requests: { cpu: '600m', memory: '100Mi', 'ephemeral-storage': '1Gi' } }),
    ).rejects.toThrow('exceeded quota: test-quota, requested: cpu=600m, used: cpu=500m, limited: cpu=1');
    await expect(
      createPod(scope, 'too-extended', {
        requests: { cpu: '100m', memory: '100Mi', 'ephemeral-storage': '1Gi', [extended]: '2' },
        limits: { [extended]: '2' },
      }),
    ).rejects.toThrow(`exceeded quota: test-quota, requested: requests.${extended}=2`);
    await expect(
      scope.client.patch(
        Pod,
        { namespace: scope.namespace, name: 'fits' },
        { spec: { containers: [{ name: 'main', resources: { requests: { cpu: '100m' } } }] } },
        { type: 'strategic' },
      ),
    ).rejects.toThrow('pod updates may not change fields other than');
    await scope.client.delete(Pod, { namespace: scope.namespace, name: 'fits' }, { gracePeriodSeconds: 0 });
    await scope.pass('60s');
    expect((await status(scope)).used).toEqual({
      pods: '0',
      cpu: '0',
      memory: '0',
      'ephemeral-storage': '0',
      [`requests.${extended}`]: '0',
    });
  });

  it('should verify ResourceQuota with terminating scopes.', async () => {
    const scope = await scopeOf();
    const hard = {
      pods: '5',
      'requests.cpu': '1',
      'requests.memory': '500Mi',
      'limits.cpu': '2',
      'limits.memory': '1Gi',
    };
    await quota(scope, hard, { name: 'terminating', scopes: ['Terminating'] });
    await quota(scope, hard, { name: 'not-terminating', scopes: ['NotTerminating'] });
    const resources = { requests: { cpu: '500m', memory: '200Mi' }, limits: { cpu: '1', memory: '400Mi' } };
    const counted = {
      pods: '1',
      'requests.cpu': '500m',
      'requests.memory': '200Mi',
      'limits.cpu': '1',
      'limits.memory': '400Mi',
    };
    for (const [into, other, more] of [
      ['not-terminating', 'terminating', {}],
      ['terminating', 'not-terminating', { activeDeadlineSeconds: 3600 }],
    ] as const) {
      await createPod(scope, 'scoped', resources, more);
      await scope.pass();
      expect((await status(scope, into)).used).toEqual(counted);
      expect(await used(scope, 'pods', other)).toBe('0');
      await scope.client.delete(Pod, { namespace: scope.namespace, name: 'scoped' }, { gracePeriodSeconds: 0 });
      await scope.pass('60s');
      expect(await used(scope, 'pods', into)).toBe('0');
    }
  });

  it('should verify ResourceQuota with best effort scope.', async () => {
    const scope = await scopeOf();
    await quota(scope, { pods: '5' }, { name: 'best-effort', scopes: ['BestEffort'] });
    await quota(scope, { pods: '5' }, { name: 'not-best-effort', scopes: ['NotBestEffort'] });
    for (const [into, other, resources] of [
      ['best-effort', 'not-best-effort', {}],
      ['not-best-effort', 'best-effort', { requests: { cpu: '5m' }, limits: { cpu: '10m' } }],
    ] as const) {
      await createPod(scope, 'scoped', resources);
      await scope.pass();
      expect([await used(scope, 'pods', into), await used(scope, 'pods', other)]).toEqual(['1', '0']);
      await scope.client.delete(Pod, { namespace: scope.namespace, name: 'scoped' }, { gracePeriodSeconds: 0 });
      await scope.pass('60s');
      expect(await used(scope, 'pods', into)).toBe('0');
    }
  });

  it('should be able to update and delete ResourceQuota.', async () => {
    const scope = await scopeOf();
    await quota(scope, { cpu: '1', memory: '500Mi' });
    const ref = { namespace: scope.namespace, name };
    const current = await scope.client.get(ResourceQuota, ref);
    expect(current.spec.hard).toEqual({ cpu: '1', memory: '500Mi' });
    await scope.client.update(ResourceQuota, {
      ...current,
      spec: { hard: { cpu: '2', memory: '1Gi' } },
    } as typeof current);
    expect((await scope.client.get(ResourceQuota, ref)).spec.hard).toEqual({ cpu: '2', memory: '1Gi' });
    await scope.client.delete(ResourceQuota, ref);
    expect(await scope.client.find(ResourceQuota, ref)).toBeUndefined();
  });

  it('should manage the lifecycle of a ResourceQuota', async () => {
    const scope = await scopeOf();
    const ref = { namespace: scope.namespace, name: 'e2e-quota' };
    const labelSelector = 'e2e=lifecycle';
    await scope.client.create(ResourceQuota, {
      metadata: { ...ref, labels: { e2e: 'lifecycle' } },
      spec: { hard: { cpu: '1', memory: '500Mi' } },
    });
    expect((await scope.client.list(ResourceQuota, { labelSelector })).items).toHaveLength(1);
    await scope.client.patch(
      ResourceQuota,
      ref,
      { metadata: { labels: { patched: 'true' } }, spec: { hard: { memory: '750Mi' } } },
      { type: 'strategic' },
    );
    const patched = await scope.client.get(ResourceQuota, ref);
    expect(patched.metadata.labels).toMatchObject({ patched: 'true' });
    expect(patched.spec.hard).toEqual({ cpu: '1', memory: '750Mi' });
    await scope.client.deleteCollection(ResourceQuota, { namespace: scope.namespace, labelSelector });
    expect((await scope.client.list(ResourceQuota, { labelSelector })).items).toHaveLength(0);
  });

  it('should apply changes to a resourcequota status', async () => {
    const scope = await scopeOf();
    await quota(scope, { cpu: '500m', memory: '500Mi' });
    const ref = { namespace: scope.namespace, name };
    expect((await status(scope)).hard).toEqual({ cpu: '500m', memory: '500Mi' });
    const current = await scope.client.get(ResourceQuota, ref);
    const hard = { cpu: '600m', memory: '600Mi' };
    await scope.client.updateStatus(ResourceQuota, { ...current, status: { hard } } as typeof current);
    expect((await status(scope)).hard).toEqual(hard);
    await scope.pass('10m');
    expect((await status(scope)).hard).toEqual({ cpu: '500m', memory: '500Mi' });
    await scope.client.patch(ResourceQuota, ref, { spec: { hard: { cpu: '1', memory: '1Gi' } } }, { type: 'merge' });
    await scope.pass();
    const got = await scope.client.subresource<ResourceQuota>('get', ResourceQuota, { ...ref, subresource: 'status' });
    expect(got.status.hard).toEqual({ cpu: '1', memory: '1Gi' });
    await scope.client.patch(
      ResourceQuota,
      ref,
      { spec: { hard: { cpu: '9' } }, status: { hard: { cpu: '2', memory: '2Gi' } } },
      { type: 'merge', subresource: 'status' },
    );
    expect((await status(scope)).hard).toEqual({ cpu: '2', memory: '2Gi' });
    expect((await scope.client.get(ResourceQuota, ref)).spec.hard).toEqual({ cpu: '1', memory: '1Gi' });
  });
});
