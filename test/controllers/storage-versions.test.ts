/** Objects of a custom resource whose storage version changes: old ones stay as they are until a migration writes them anew. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { CustomResourceDefinition } from '../../src/api/apiextensions/custom-resource-definition.ts';
import type { KindRef, KubeObject } from '../../src/api/kind.ts';
import { isInvalid, isNotFound } from '../../src/api/machinery/status.ts';
import { StorageVersionMigration } from '../../src/api/storagemigration/storage-version-migration.ts';
import { type Cluster, startCluster } from '../../src/cluster/start.ts';
import { openMemoryStore } from '../../src/store/memory.ts';

let cluster: Cluster;
let store: ReturnType<typeof openMemoryStore>;

const versionOf = (name: string, storage: string) => ({
  name,
  served: true,
  storage: name === storage,
  schema: {
    openAPIV3Schema: {
      type: 'object',
      properties: { spec: { type: 'object', properties: { size: { type: 'integer' } } } },
    },
  },
});
const versions = (storage: string) => [versionOf('v1', storage), versionOf('v2', storage)];
const definition = { name: 'boats.example.com' };
const Boat: KindRef<KubeObject & { spec?: { size: number } }> = {
  group: 'example.com',
  version: 'v1',
  kind: 'Boat',
  plural: 'boats',
  namespaced: true,
};

beforeEach(async () => {
  store = openMemoryStore();
  cluster = await startCluster({
    clock: 'virtual',
    seed: 3,
    nodes: 0,
    store,
    runtimeConfig: ['storagemigration.k8s.io/v1beta1'],
  });
  await cluster.client.create(CustomResourceDefinition, {
    metadata: definition,
    spec: {
      group: 'example.com',
      scope: 'Namespaced',
      names: { kind: 'Boat', plural: 'boats' },
      versions: versions('v1'),
    } as never,
  });
  await cluster.advance('5s');
});
afterEach(() => cluster.stop());

const stored = async (name: string) => {
  const entry = await store.get(`/registry/example.com/boats/default/${name}`);
  return entry && (JSON.parse(Buffer.from(entry.value).toString()) as { apiVersion: string }).apiVersion;
};

const migrate = (name: string, resource: { group: string; resource: string }) =>
  cluster.client.create(StorageVersionMigration, { metadata: { name }, spec: { resource } });
const conditionsOf = async (name: string) =>
  (await cluster.client.get(StorageVersionMigration, { name })).status.conditions?.map(
    ({ type, status, reason, message }) => `${type}=${status} ${reason} ${message}`.trim(),
  );

test('a migration writes all objects in the new version, and nothing else changes', async () => {
  const { client } = cluster;
  for (const name of ['ann', 'bea'])
    await client.create(Boat, { metadata: { namespace: 'default', name }, spec: { size: 3 } });
  await client.patch(CustomResourceDefinition, definition, { spec: { versions: versions('v2') } }, { type: 'merge' });
  await client.create(Boat, { metadata: { namespace: 'default', name: 'cleo' }, spec: { size: 3 } });
  await cluster.advance('5s');
  expect([await stored('ann'), await stored('bea'), await stored('cleo')]).toEqual([
    'example.com/v1',
    'example.com/v1',
    'example.com/v2',
  ]);
  const before = await client.get(Boat, { namespace: 'default', name: 'cleo' });

  await migrate('boats', { group: 'example.com', resource: 'boats' });
  await cluster.advance('5s');
  expect(await conditionsOf('boats')).toEqual([
    'Running=False StorageVersionMigrationInProgress',
    'Succeeded=True StorageVersionMigrationSucceeded',
  ]);
  expect([await stored('ann'), await stored('bea')]).toEqual(['example.com/v2', 'example.com/v2']);
  const { metadata, ...ann } = await client.get(Boat, { namespace: 'default', name: 'ann' });
  expect(ann).toEqual({ apiVersion: 'example.com/v1', kind: 'Boat', spec: { size: 3 } });
  expect(metadata.generation).toBe(1);
  expect(await client.get(Boat, { namespace: 'default', name: 'cleo' })).toEqual(before);

  // Now the old version can be given up.
  await client.patch(
    CustomResourceDefinition,
    definition,
    { status: { storedVersions: ['v2'] } },
    { type: 'merge', subresource: 'status' },
  );
  const left = { spec: { versions: [versionOf('v2', 'v2')] } };
  await client.patch(CustomResourceDefinition, definition, left, { type: 'merge' });
  await cluster.advance('5s');
  expect((await client.get({ ...Boat, version: 'v2' }, { namespace: 'default', name: 'ann' })).spec).toEqual({
    size: 3,
  });
});

test('a migration of what does not exist fails, but not before it could have come', async () => {
  await migrate('ships', { group: 'example.com', resource: 'ships' });
  await cluster.advance('50s');
  expect(await conditionsOf('ships')).toBeUndefined();
  await cluster.advance('20s');
  expect(await conditionsOf('ships')).toEqual([
    'Failed=True StorageVersionMigrationFailed resource does not exist in discovery',
  ]);
});

test('a migration cannot be turned to another resource', async () => {
  const made = await migrate('boats', { group: 'example.com', resource: 'boats' });
  const other = { spec: { resource: { resource: 'secrets', group: '' } } };
  const refused = await cluster.client
    .patch(StorageVersionMigration, made.metadata, other, { type: 'merge' })
    .catch((error: unknown) => error);
  expect(isInvalid(refused)).toBe(true);
  await cluster.advance('5s');
  expect(await conditionsOf('boats')).toContain('Succeeded=True StorageVersionMigrationSucceeded');
});

test('migrations are served on request only', async () => {
  await using plain = await startCluster({ clock: 'virtual', seed: 3, nodes: 0 });
  const refused = await plain.client.list(StorageVersionMigration).catch((error: unknown) => error);
  expect(isNotFound(refused)).toBe(true);
});
