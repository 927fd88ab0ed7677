/** Upstream's conformance tests of sig-scheduling, by their names, on simulated nodes. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ReplicaSet } from '../../src/api/apps/replica-set.ts';
import { LimitRange } from '../../src/api/core/limit-range.ts';
import { Node } from '../../src/api/core/node.ts';
import { Pod } from '../../src/api/core/pod.ts';
import { PriorityClass } from '../../src/api/scheduling/priority-class.ts';
import { type Cluster, startCluster } from '../../src/cluster/start.ts';

let cluster: Cluster;
beforeEach(async () => {
  cluster = await startCluster({
    clock: 'virtual',
    nodes: 2,
    seed: 5,
    nodeCapacity: { cpu: '4', memory: '8Gi', pods: '30' },
  });
});
afterEach(() => cluster.stop());

const namespace = 'default';
const create = (name: string, spec: object, metadata: object = {}) =>
  cluster.client.create(Pod, {
    metadata: { name, namespace, ...metadata },
    spec: { containers: [{ name: 'c', image: 'pause' }], ...spec },
  });
const get = (name: string) => cluster.client.get(Pod, { namespace, name });
const requesting = (cpu: string, more: object = {}) => ({
  containers: [{ name: 'c', image: 'pause', resources: { requests: { cpu } } }],
  ...more,
});
const refusal = async (name: string) =>
  (await get(name)).status.conditions?.find((c) => c.type === 'PodScheduled' && c.status === 'False')?.message;

describe('[sig-scheduling] SchedulerPredicates [Serial]', () => {
  it('validates resource limits of pods that are allowed to run [Conformance]', async () => {
    for (const node of ['node-1', 'node-2']) await create(`filler-${node}`, requesting('3', { nodeName: node }));
    await cluster.settle();
    await create('additional', requesting('2'));
    await cluster.settle();
    expect(await refusal('additional')).toContain('2 Insufficient cpu');
  });

  it('validates that NodeSelector is respected if not matching [Conformance]', async () => {
    await create('restricted', { nodeSelector: { label: 'nonempty' } });
    await cluster.settle();
    expect(await refusal('restricted')).toContain("2 node(s) didn't match Pod's node affinity/selector");
  });

  it('validates that NodeSelector is respected if matching [Conformance]', async () => {
    await cluster.client.patch(Node, { name: 'node-2' }, { metadata: { labels: { key: '42' } } }, { type: 'merge' });
    await create('with-labels', { nodeSelector: { key: '42' } });
    await cluster.settle();
    expect((await get('with-labels')).spec.nodeName).toBe('node-2');
  });

  const withPort = (hostIP: string, protocol: string) => ({
    nodeSelector: { 'kubernetes.io/hostname': 'node-1' },
    containers: [{ name: 'c', image: 'pause', ports: [{ containerPort: 80, hostPort: 54321, hostIP, protocol }] }],
  });

  it('validates that there is no conflict between pods with same hostPort but different hostIP and protocol [Conformance]', async () => {
    await create('pod1', withPort('127.0.0.1', 'TCP'));
    await create('pod2', withPort('127.0.0.2', 'TCP'));
    await create('pod3', withPort('127.0.0.2', 'UDP'));
    await cluster.settle();
    for (const name of ['pod1', 'pod2', 'pod3']) expect((await get(name)).spec.nodeName).toBe('node-1');
  });

  it('validates that there exists conflict between pods with same hostPort and protocol but one using 0.0.0.0 hostIP [Conformance]', async () => {
    await create('pod4', withPort('0.0.0.0', 'TCP'));
    await cluster.settle();
    await create('pod5', withPort('127.0.0.1', 'TCP'));
    await cluster.settle();
    expect(await refusal('pod5')).toContain("1 node(s) didn't have free ports for the requested pod ports");
  });
});

describe('[sig-scheduling] SchedulerPreemption [Serial]', () => {
  beforeEach(async () => {
    for (const [name, value] of Object.entries({ low: 1, medium: 100, high: 1000, p1: 1, p2: 2, p3: 3, p4: 4 }))
      await cluster.client.create(PriorityClass, { metadata: { name }, value });
  });

  it('validates basic preemption works [Conformance]', async () => {
    await create('pod0', requesting('3', { priorityClassName: 'low' }));
    await create('pod1', requesting('3', { priorityClassName: 'medium' }));
    await cluster.settle();
    await create('preemptor', requesting('3', { priorityClassName: 'high' }));
    await cluster.advance('1m');
    expect((await get('preemptor')).spec.nodeName).toBeDefined();
    expect(await cluster.client.find(Pod, { namespace, name: 'pod0' })).toBeUndefined();
    expect((await get('pod1')).status.phase).toBe('Running');
  });

  it('validates lower priority pod preemption by critical pod [Conformance]', async () => {
    await create('pod0', requesting('3', { priorityClassName: 'low' }));
    await create('pod1', requesting('3', { priorityClassName: 'medium' }));
    await cluster.settle();
    await cluster.client.create(Pod, {
      metadata: { name: 'critical', namespace: 'kube-system' },
      spec: requesting('3', { priorityClassName: 'system-cluster-critical' }),
    });
    await cluster.advance('1m');
    const critical = await cluster.client.get(Pod, { namespace: 'kube-system', name: 'critical' });
    expect(critical.spec.nodeName).toBeDefined();
    expect(await cluster.client.find(Pod, { namespace, name: 'pod0' })).toBeUndefined();
  });

  it('validates pod disruption condition is added to the preempted pod [Conformance]', async () => {
    const finalizers = ['example.com/test-finalizer'];
    await create('victim', requesting('3', { priorityClassName: 'low', nodeName: 'node-1' }), { finalizers });
    await create('filler', requesting('3', { priorityClassName: 'high', nodeName: 'node-2' }));
    await cluster.settle();
    await create('preemptor', requesting('3', { priorityClassName: 'medium' }));
    await cluster.advance('10s');
    const victim = await get('victim');
    expect(victim.metadata.deletionTimestamp).toBeDefined();
    expect(victim.status.conditions?.find((c) => c.type === 'DisruptionTarget')).toMatchObject({
      status: 'True',
      reason: 'PreemptionByScheduler',
      message: 'default-scheduler: preempting to accommodate a higher priority pod',
    });
    await cluster.client.patch(
      Pod,
      { namespace, name: 'victim' },
      { metadata: { finalizers: null } },
      { type: 'merge' },
    );
    await cluster.advance('1m');
    expect((await get('preemptor')).spec.nodeName).toBe('node-1');
  });

  it('PreemptionExecutionPath runs ReplicaSets to verify preemption running path [Conformance]', async () => {
    const sets = { p1: 1, p2: 2, p3: 1 };
    for (const [priorityClassName, replicas] of Object.entries(sets))
      await cluster.client.create(ReplicaSet, {
        metadata: { name: `rs-${priorityClassName}`, namespace },
        spec: {
          replicas,
          selector: { matchLabels: { name: priorityClassName } },
          template: {
            metadata: { labels: { name: priorityClassName } },
            spec: requesting('1', { priorityClassName, nodeSelector: { 'kubernetes.io/hostname': 'node-1' } }),
          },
        },
      });
    await cluster.settle();
    await create(
      'rs-4',
      requesting('2', { priorityClassName: 'p4', nodeSelector: { 'kubernetes.io/hostname': 'node-1' } }),
    );
    await cluster.advance('2m');
    expect((await get('rs-4')).spec.nodeName).toBe('node-1');
    const ready = async (name: string) =>
      (await cluster.client.get(ReplicaSet, { namespace, name })).status.readyReplicas ?? 0;
    expect([await ready('rs-p1'), await ready('rs-p2'), await ready('rs-p3')]).toEqual([0, 1, 1]);
  });

  it('PriorityClass endpoints verify PriorityClass endpoints can be operated with different HTTP methods [Conformance]', async () => {
    const low = await cluster.client.get(PriorityClass, { name: 'low' });
    await cluster.client.patch(PriorityClass, { name: 'low' }, { description: 'patched' }, { type: 'merge' });
    expect((await cluster.client.get(PriorityClass, { name: 'low' })).description).toBe('patched');
    await expect(
      cluster.client.update(PriorityClass, { ...low, metadata: { ...low.metadata, resourceVersion: '' }, value: 7 }),
    ).rejects.toThrow(/may not be changed|immutable|Forbidden/);
    await cluster.client.delete(PriorityClass, { name: 'low' });
    expect(await cluster.client.find(PriorityClass, { name: 'low' })).toBeUndefined();
  });
});

describe('[sig-scheduling] LimitRange', () => {
  it('should create a LimitRange with defaults and ensure pod has those defaults applied. [Conformance]', async () => {
    await cluster.client.create(LimitRange, {
      metadata: { name: 'limit-range', namespace },
      spec: {
        limits: [
          {
            type: 'Container',
            min: { cpu: '50m', memory: '100Mi' },
            max: { cpu: '500m', memory: '500Mi' },
            default: { cpu: '500m', memory: '500Mi' },
            defaultRequest: { cpu: '100m', memory: '200Mi' },
          },
        ],
      },
    });
    await cluster.settle();
    await create('defaulted', {});
    expect((await get('defaulted')).spec.containers[0]!.resources).toEqual({
      requests: { cpu: '100m', memory: '200Mi' },
      limits: { cpu: '500m', memory: '500Mi' },
    });
    await expect(create('too-small', requesting('10m'))).rejects.toThrow(/minimum cpu usage per Container is 50m/);
  });

  it('should list, patch and delete a LimitRange by collection [Conformance]', async () => {
    const { client } = cluster;
    const labels = { 'e2e-limitrange-test': 'one' };
    const limits = [{ type: 'Container', max: { cpu: '500m' }, default: { cpu: '500m' } }] as const;
    for (const other of [namespace, 'kube-system'])
      await client.create(LimitRange, {
        metadata: { name: 'e2e-limitrange', namespace: other, labels },
        spec: { limits: limits.map((limit) => ({ ...limit })) },
      });
    const selector = { labelSelector: 'e2e-limitrange-test=one' };
    expect((await client.list(LimitRange, selector)).items).toHaveLength(2);
    const patched = await client.patch(
      LimitRange,
      { namespace, name: 'e2e-limitrange' },
      {
        metadata: { labels: { 'e2e-limitrange-test': 'patched' } },
        spec: { limits: [{ type: 'Container', max: { cpu: '600m' } }] },
      },
      { type: 'strategic' },
    );
    expect(patched.metadata.labels).toEqual({ 'e2e-limitrange-test': 'patched' });
    expect(patched.spec.limits[0]!.max).toEqual({ cpu: '600m' });
    await client.deleteCollection(LimitRange, { namespace, labelSelector: 'e2e-limitrange-test=patched' });
    expect((await client.list(LimitRange, { namespace, labelSelector: 'e2e-limitrange-test' })).items).toEqual([]);
    expect((await client.list(LimitRange, selector)).items).toHaveLength(1);
  });
});
