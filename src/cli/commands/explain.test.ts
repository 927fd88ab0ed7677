import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ConfigMap } from '../../api/core/config-map.ts';
import { Node } from '../../api/core/node.ts';
import { Pod } from '../../api/core/pod.ts';
import { type Cluster, startCluster } from '../../cluster/start.ts';
import { explainObject } from './explain.ts';

let cluster: Cluster;
beforeAll(async () => {
  cluster = await startCluster({
    clock: 'virtual',
    nodes: 3,
    seed: 1,
    nodeCapacity: { cpu: '4', memory: '8Gi', pods: '110' },
  });
});
afterAll(() => cluster.stop());

const ask = async (target: string, more: object = {}) =>
  (
    await explainObject(cluster.client, target, {
      namespace: 'default',
      verb: 'get',
      clock: cluster.clock,
      random: { below: () => 0, next: () => 0 } as never,
      ...more,
    })
  ).join('\n');

const create = async (name: string, spec: object, metadata: object = {}) => {
  await cluster.client.create(Pod, {
    metadata: { name, namespace: 'default', ...metadata },
    spec: { containers: [{ name: 'c', image: 'i' }], ...spec },
  });
  await cluster.settle();
};

describe('timonel explain', () => {
  it('says node by node what would have to change for a pod to fit', async () => {
    await cluster.client.patch(Node, { name: 'node-1' }, { spec: { unschedulable: true } }, { type: 'merge' });
    await cluster.client.patch(
      Node,
      { name: 'node-2' },
      { spec: { taints: [{ key: 'gpu', value: 'yes', effect: 'NoSchedule' }] } },
      { type: 'merge' },
    );
    await cluster.settle();
    await create('big', { containers: [{ name: 'c', image: 'i', resources: { requests: { cpu: '5' } } }] });
    const text = await ask('pod/big');
    expect(text).toContain('Pod big has no node. It fits on 0 of 3 nodes.');
    expect(text).toContain('kubectl uncordon node-1');
    expect(text).toContain('tolerate the taint gpu=yes:NoSchedule, or take it from the node');
    expect(text).toContain('request at most 4 cpu, all that the node has (the pod wants 5)');
  });

  it('names gates', async () => {
    await create('gated', { schedulingGates: [{ name: 'example.com/wait' }] });
    expect(await ask('pod/gated')).toContain('waiting for scheduling gates: [example.com/wait]');
  });

  it('names the finalizer that blocks a deletion', async () => {
    await cluster.client.create(ConfigMap, {
      metadata: { name: 'held', namespace: 'default', finalizers: ['example.com/clean-up'] },
    });
    await cluster.client.delete(ConfigMap, { namespace: 'default', name: 'held' });
    expect(await ask('configmap/held')).toContain('example.com/clean-up');
  });

  it('names the container that is not ready', async () => {
    await create('slow', {}, { annotations: { 'sim.timonel.dev/ready': 'false' } });
    expect(await ask('pod/slow')).toContain('container c runs, but its readiness probe has not succeeded');
  });

  it('names the rule that a user lacks', async () => {
    const text = await ask('deployment/web', { as: 'jane', verb: 'delete' });
    expect(text).toContain('jane may not delete deployments.apps "web"');
    expect(text).toContain(
      'kubectl create role jane-delete-deployments --verb=delete --resource=deployments.apps -n default',
    );
  });

  it('refuses what names no object', async () => {
    await expect(ask('nonsense')).rejects.toThrow('names no object');
    await expect(ask('pod/absent')).rejects.toThrow('there is no Pod "absent"');
  });
});
