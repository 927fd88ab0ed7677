/** Why a pod has no node, plugin by plugin, with what would help. */
import { expect, it } from 'vitest';
import { Node } from '../../src/api/core/node.ts';
import { Pod } from '../../src/api/core/pod.ts';
import { DeviceClass } from '../../src/api/resource/device-class.ts';
import { ResourceClaim } from '../../src/api/resource/resource-claim.ts';
import { VirtualClock } from '../../src/base/clock.ts';
import { seededRandom } from '../../src/base/random.ts';
import { startCluster } from '../../src/cluster/start.ts';
import { explainPlacement } from '../../src/scheduler/explain.ts';

it('explains missing claims, missing devices and features that nodes do not declare', async () => {
  await using cluster = await startCluster({ clock: 'virtual', nodes: 2, seed: 17 });
  const { client } = cluster;
  for (const name of ['node-1', 'node-2'])
    await client.patch(
      Node,
      { name },
      { status: { declaredFeatures: null } },
      { type: 'merge', subresource: 'status' },
    );
  const pod = await client.create(Pod, {
    metadata: { name: 'p', namespace: 'default' },
    spec: {
      containers: [
        {
          name: 'c',
          image: 'i',
          restartPolicy: 'Never',
          restartPolicyRules: [{ action: 'RestartAllContainers', exitCodes: { operator: 'In', values: [42] } }],
        },
      ],
      resourceClaims: [{ name: 'gpu', resourceClaimName: 'gpu' }],
    },
  });
  const explain = () => explainPlacement(client, pod, { clock: new VirtualClock(), random: seededRandom(1) });
  expect((await explain()).everywhere).toEqual([
    {
      plugin: 'DynamicResources',
      code: 'UnschedulableAndUnresolvable',
      reasons: ['resourceclaim "gpu" not found'],
      remedies: ['create the claims or claim templates that spec.resourceClaims names'],
    },
  ]);
  await client.create(DeviceClass, { metadata: { name: 'gpu' } });
  await client.create(ResourceClaim, {
    metadata: { name: 'gpu', namespace: 'default' },
    spec: { devices: { requests: [{ name: 'r', exactly: { deviceClassName: 'gpu' } }] } },
  });
  const { everywhere, nodes } = await explain();
  expect(everywhere).toEqual([]);
  expect(nodes.map(({ node }) => node).sort()).toEqual(['node-1', 'node-2']);
  for (const { objections } of nodes)
    expect(objections.map(({ plugin, reasons }) => [plugin, reasons])).toEqual([
      ['DynamicResources', ['cannot allocate all claims']],
      [
        'NodeDeclaredFeatures',
        ['node declared features check failed - unsatisfied requirements: RestartAllContainersOnContainerExits'],
      ],
    ]);
  expect(nodes[0]!.objections[0]!.remedies[0]).toContain('publish devices that its claims select');
});
