/** Two API servers on one store say in which versions they store objects, until they are gone. */
import { expect, test } from 'vitest';
import { CustomResourceDefinition } from '../../src/api/apiextensions/custom-resource-definition.ts';
import { StorageVersion } from '../../src/api/apiserverinternal/storage-version.ts';
import { Lease } from '../../src/api/coordination/lease.ts';
import { alwaysAllowAuthorizer } from '../../src/apiserver/authz/chain.ts';
import { createApiServer } from '../../src/apiserver/server.ts';
import { loopbackUser } from '../../src/apiserver/user.ts';
import { quiesce, VirtualClock } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/log.ts';
import { MetricsRegistry } from '../../src/base/metrics.ts';
import { seededRandom } from '../../src/base/random.ts';
import { createClient } from '../../src/client/client.ts';
import { startControllers } from '../../src/client/controller-runner.ts';
import { createInformerSet } from '../../src/client/informer-set.ts';
import { storageVersionCollector } from '../../src/controllers/storage-version-gc.ts';
import { createObjectCache } from '../../src/store/cache.ts';
import { openMemoryStore } from '../../src/store/memory.ts';

const clock = new VirtualClock();
const env = { clock, random: seededRandom(1), log: silentLogger };

async function serve(store: ReturnType<typeof openMemoryStore>, address: string) {
  const cache = createObjectCache(store, { clock, log: silentLogger, freeze: true });
  const server = await createApiServer({
    ...env,
    cache,
    metrics: new MetricsRegistry(),
    authorizer: alwaysAllowAuthorizer,
    sharedStore: true,
    flowControl: false,
    runtimeConfig: ['internal.apiserver.k8s.io/v1alpha1'],
    advertise: { address, port: 6443 },
  });
  return { server, client: createClient(server.direct(loopbackUser)) };
}

const boats = (storage: string) => ({
  group: 'example.com',
  scope: 'Namespaced',
  names: { kind: 'Boat', plural: 'boats' },
  versions: ['v1', 'v2'].map((name) => ({
    name,
    served: true,
    storage: name === storage,
    schema: { openAPIV3Schema: { type: 'object' } },
  })),
});

test('servers publish their versions, new custom ones too, and are taken out with their lease', async () => {
  const store = openMemoryStore();
  const [first, second] = [await serve(store, '10.0.0.1'), await serve(store, '10.0.0.2')];
  const { client } = first;
  const informers = createInformerSet(client, env);
  const controllers = startControllers([storageVersionCollector], {
    ...env,
    client,
    informers,
    metrics: new MetricsRegistry(),
    settings: { clusterName: 'test' },
  });
  const pass = (ms: number) => clock.advance(ms, () => informers.idle() && controllers.idle());
  await controllers.whenStarted();
  const statusOf = async (name: string) => (await client.get(StorageVersion, { name })).status;

  await pass(2000);
  const deployments = await statusOf('apps.deployments');
  expect(deployments).toMatchObject({
    commonEncodingVersion: 'apps/v1',
    conditions: [{ type: 'AllEncodingVersionsEqual', status: 'True', reason: 'CommonEncodingVersionSet' }],
  });
  expect(deployments.storageVersions).toHaveLength(2);
  expect((await statusOf('core.pods')).storageVersions?.[0]).toMatchObject({
    encodingVersion: 'v1',
    decodableVersions: ['v1'],
    servedVersions: ['v1'],
  });

  const definition = await client.create(CustomResourceDefinition, {
    metadata: { name: 'boats.example.com' },
    spec: boats('v1') as never,
  });
  await pass(2000);
  expect((await statusOf('example.com.boats')).commonEncodingVersion).toBe('example.com/v1');
  await client.patch(CustomResourceDefinition, definition.metadata, { spec: boats('v2') }, { type: 'merge' });
  await pass(2000);
  expect(await statusOf('example.com.boats')).toMatchObject({
    commonEncodingVersion: 'example.com/v2',
    storageVersions: [
      { encodingVersion: 'example.com/v2', decodableVersions: ['example.com/v1', 'example.com/v2'] },
      { encodingVersion: 'example.com/v2', servedVersions: ['example.com/v1', 'example.com/v2'] },
    ],
  });

  await second.server.close();
  await pass(2000);
  const left = (await client.list(Lease, { namespace: 'kube-system' })).items.map(({ metadata }) => metadata.name);
  expect((await statusOf('apps.deployments')).storageVersions?.map(({ apiServerID }) => apiServerID)).toEqual(left);

  await client.delete(Lease, { namespace: 'kube-system', name: left[0]! });
  await pass(100);
  expect((await client.list(StorageVersion)).items).toEqual([]);

  await controllers.stop();
  informers.stop();
  await first.server.close();
  await quiesce();
});
