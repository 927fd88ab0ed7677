import { describe, expect, it } from 'vitest';
import { Deployment } from '../../src/api/apps/deployment.ts';
import { Node } from '../../src/api/core/node.ts';
import { Pod } from '../../src/api/core/pod.ts';
import { startCluster } from '../../src/cluster/start.ts';

describe('a node that falls silent', () => {
  it.each([{ nodeLeaseSeconds: 40 }, {}])(
    'is missed within a minute and its pods move on, with %o',
    async (options) => {
      await using cluster = await startCluster({ clock: 'virtual', nodes: 2, seed: 5, ...options });
      const { client, nodes } = cluster;
      await client.create(Deployment, {
        metadata: { name: 'web', namespace: 'default' },
        spec: {
          replicas: 4,
          selector: { matchLabels: { app: 'web' } },
          template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'c', image: 'x' }] } },
        },
      });
      await cluster.advance('1h');
      const ready = async () =>
        (await client.get(Node, { name: 'node-1' })).status.conditions?.find((c) => c.type === 'Ready')?.status;
      expect(await ready()).toBe('True');
      nodes!.fail('node-1');
      await cluster.advance('70s');
      expect(await ready()).toBe('Unknown');
      await cluster.advance('6m');
      const alive = (await client.list(Pod)).items.filter((pod) => !pod.metadata.deletionTimestamp);
      expect(alive.map((pod) => pod.spec.nodeName)).toEqual(['node-2', 'node-2', 'node-2', 'node-2']);
      await nodes!.recover('node-1');
      await cluster.advance('1m');
      expect(await ready()).toBe('True');
      expect((await client.get(Node, { name: 'node-1' })).spec.taints).toBeUndefined();
      expect((await client.list(Pod)).items).toHaveLength(4);
    },
  );
});
