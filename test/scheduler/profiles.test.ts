import { expect, it } from 'vitest';
import { Pod } from '../../src/api/core/pod.ts';
import { startCluster } from '../../src/cluster/start.ts';
import { parseSchedulerConfig } from '../../src/scheduler/config.ts';

const configuration = `
apiVersion: kubescheduler.config.k8s.io/v1
kind: KubeSchedulerConfiguration
profiles:
- schedulerName: default-scheduler
- schedulerName: packing
  plugins:
    multiPoint:
      disabled: [{name: NodeResourcesBalancedAllocation}, {name: PodTopologySpread}]
  pluginConfig:
  - name: NodeResourcesFit
    args: {scoringStrategy: {type: MostAllocated, resources: [{name: cpu, weight: 1}]}}
`;

it('places pods by the profile that they name, and leaves those of unknown schedulers alone', async () => {
  await using cluster = await startCluster({
    clock: 'virtual',
    nodes: 3,
    seed: 1,
    schedulerConfig: parseSchedulerConfig(configuration),
  });
  const create = (name: string, schedulerName: string) =>
    cluster.client.create(Pod, {
      metadata: { name, namespace: 'default' },
      spec: { schedulerName, containers: [{ name: 'c', image: 'i', resources: { requests: { cpu: '1' } } }] },
    });
  for (const [prefix, schedulerName] of [
    ['packed', 'packing'],
    ['spread', 'default-scheduler'],
  ] as const)
    for (let i = 0; i < 4; i++) {
      await create(`${prefix}-${i}`, schedulerName);
      await cluster.settle();
    }
  await create('foreign', 'somebody-else');
  await cluster.advance('1m');
  const { items } = await cluster.client.list(Pod, { namespace: 'default' });
  const nodes = (prefix: string) =>
    new Set(items.filter((p) => p.metadata.name.startsWith(prefix)).map((p) => p.spec.nodeName));
  expect(nodes('packed-').size).toBe(1);
  expect(nodes('spread-').size).toBeGreaterThan(1);
  expect(nodes('foreign')).toEqual(new Set([undefined]));
});
