/** Preemption and its neighbours in a whole cluster. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Pod } from '../../src/api/core/pod.ts';
import { PodDisruptionBudget } from '../../src/api/policy/pod-disruption-budget.ts';
import { PriorityClass } from '../../src/api/scheduling/priority-class.ts';
import { type Cluster, startCluster } from '../../src/cluster/start.ts';

let cluster: Cluster;
beforeEach(async () => {
  cluster = await startCluster({
    clock: 'virtual',
    nodes: 2,
    seed: 3,
    nodeCapacity: { cpu: '2', memory: '8Gi', pods: '10' },
  });
  for (const [name, value] of [
    ['low', 1],
    ['middle', 50],
    ['high', 100],
  ] as const)
    await cluster.client.create(PriorityClass, { metadata: { name }, value });
  await cluster.client.create(PriorityClass, { metadata: { name: 'polite' }, value: 100, preemptionPolicy: 'Never' });
});
afterEach(() => cluster.stop());

const create = (
  name: string,
  priorityClassName: string,
  more: { cpu?: string; labels?: Record<string, string>; spec?: object } = {},
) =>
  cluster.client.create(Pod, {
    metadata: { name, namespace: 'default', labels: more.labels ?? {} },
    spec: {
      priorityClassName,
      terminationGracePeriodSeconds: 5,
      containers: [{ name: 'c', image: 'i', resources: { requests: { cpu: more.cpu ?? '2' } } }],
      ...more.spec,
    },
  });
const find = (name: string) => cluster.client.find(Pod, { namespace: 'default', name });
const nodeOf = async (name: string) => (await find(name))?.spec.nodeName;

describe('preemption', () => {
  it('takes the room of the least important pod, and says so to it', async () => {
    await create('a', 'low');
    await create('b', 'middle');
    await cluster.settle();
    const room = await nodeOf('a');
    await create('c', 'high');
    await cluster.advance('30s');
    expect(await nodeOf('c')).toBe(room);
    expect(await find('a')).toBeUndefined();
    expect(await nodeOf('b')).toBeDefined();
  });

  it('gives each of several preemptors a node of its own', async () => {
    for (const name of ['a', 'b']) await create(name, 'low');
    await cluster.settle();
    for (const name of ['c', 'd']) await create(name, 'high');
    await cluster.advance('30s');
    expect(new Set([await nodeOf('c'), await nodeOf('d')]).size).toBe(2);
  });

  it('does not preempt for pods that do not want it', async () => {
    for (const name of ['a', 'b']) await create(name, 'low');
    await cluster.settle();
    await create('c', 'polite');
    await cluster.advance('1m');
    expect(await nodeOf('c')).toBeUndefined();
    const condition = (await find('c'))!.status.conditions!.find((c) => c.type === 'PodScheduled');
    expect(condition?.message).toBe(
      '0/2 nodes are available: 2 Insufficient cpu. no new claims to deallocate, preemption: not eligible due to preemptionPolicy=Never.',
    );
  });

  it('breaks a budget only where there is no other way', async () => {
    await create('guarded', 'low', { labels: { app: 'guarded' } });
    await create('free', 'low', { labels: { app: 'free' } });
    await cluster.client.create(PodDisruptionBudget, {
      metadata: { name: 'guard', namespace: 'default' },
      spec: { minAvailable: 1, selector: { matchLabels: { app: 'guarded' } } },
    });
    await cluster.advance('10s');
    await create('c', 'high');
    await cluster.advance('30s');
    expect(await find('free')).toBeUndefined();
    expect(await nodeOf('guarded')).toBeDefined();
    await create('d', 'high');
    await cluster.advance('30s');
    expect(await nodeOf('d')).toBeDefined();
    expect(await find('guarded')).toBeUndefined();
  });

  it('keeps the promised room from less important pods that come meanwhile', async () => {
    for (const name of ['a', 'b']) await create(name, 'low');
    await cluster.settle();
    await create('high', 'high');
    await create('late', 'middle', { cpu: '2' });
    await cluster.advance('1m');
    expect(await nodeOf('high')).toBeDefined();
    expect(await nodeOf('late')).toBeDefined();
    expect(await nodeOf('late')).not.toBe(await nodeOf('high'));
  });
});

describe('readiness to be scheduled', () => {
  it('waits for the gates to be removed', async () => {
    await create('gated', 'low', { spec: { schedulingGates: [{ name: 'example.com/wait' }] } });
    await cluster.advance('10m');
    expect(await nodeOf('gated')).toBeUndefined();
    await cluster.client.patch(
      Pod,
      { namespace: 'default', name: 'gated' },
      { spec: { schedulingGates: null } },
      { type: 'merge' },
    );
    await cluster.settle();
    expect(await nodeOf('gated')).toBeDefined();
  });

  it('tries again when a pod leaves', async () => {
    for (const name of ['a', 'b', 'c']) await create(name, 'low');
    await cluster.settle();
    expect(await nodeOf('c')).toBeUndefined();
    await cluster.client.delete(Pod, { namespace: 'default', name: 'a' }, { gracePeriodSeconds: 0 });
    await cluster.settle();
    expect(await nodeOf('c')).toBeDefined();
  });
});
