/** Nodes whose clocks are off, and nodes that are wrongly taken for lost. */
import { expect, test } from 'vitest';
import { Deployment } from '../../src/api/apps/deployment.ts';
import { Node } from '../../src/api/core/node.ts';
import { Pod } from '../../src/api/core/pod.ts';
import { startCluster } from '../../src/cluster/start.ts';

const web = { namespace: 'default', name: 'web' };
const hourMs = 3_600_000;

test.each([hourMs, -hourMs])(
  'a node whose clock is %i ms off is not given up, and its pods end in time',
  async (skewMs) => {
    await using cluster = await startCluster({ clock: 'virtual', nodes: 1, seed: 4, nodeLeaseSeconds: 40 });
    const { client, clock } = cluster;
    cluster.nodes!.setClock('node-1', skewMs);
    await client.create(Deployment, {
      metadata: web,
      spec: {
        replicas: 1,
        selector: { matchLabels: { app: 'web' } },
        template: {
          metadata: { labels: { app: 'web' }, annotations: { 'sim.timonel.dev/stop-delay': '20s' } },
          spec: { containers: [{ name: 'c', image: 'x' }] },
        },
      },
    });
    await cluster.advance('10m');
    const node = await client.get(Node, { name: 'node-1' });
    expect(node.spec.taints).toBeUndefined();
    expect(node.status.conditions?.find(({ type }) => type === 'Ready')?.status).toBe('True');
    const [pod] = (await client.list(Pod)).items;
    const offMs = Date.parse(pod!.status.startTime!) - Date.parse(pod!.metadata.creationTimestamp);
    expect(Math.abs(offMs - skewMs)).toBeLessThan(2000);

    const askedAt = clock.now();
    await client.delete(Deployment, web);
    await cluster.advance('19s');
    expect((await client.list(Pod)).items).toHaveLength(1);
    await cluster.advance('10s');
    expect((await client.list(Pod)).items).toEqual([]);
    expect(clock.now() - askedAt).toBe(29_000);
  },
);

test('a node that answers says so when it is taken for lost', async () => {
  await using cluster = await startCluster({ clock: 'virtual', nodes: 2, seed: 4 });
  const conditions = [{ type: 'Ready', status: 'Unknown', reason: 'NodeStatusUnknown' }];
  const unknown = { status: { conditions } };
  await cluster.client.patch(Node, { name: 'node-1' }, unknown, { type: 'strategic', subresource: 'status' });
  await cluster.advance('1m');
  const node = await cluster.client.get(Node, { name: 'node-1' });
  expect(node.status.conditions?.find(({ type }) => type === 'Ready')?.status).toBe('True');
  expect(node.spec.taints).toBeUndefined();
});
