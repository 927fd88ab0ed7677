import { describe, expect, test } from 'vitest';
import { CustomResourceDefinition } from '../../src/api/apiextensions/custom-resource-definition.ts';
import { Deployment } from '../../src/api/apps/deployment.ts';
import { ReplicaSet } from '../../src/api/apps/replica-set.ts';
import { ConfigMap } from '../../src/api/core/config-map.ts';
import { Namespace } from '../../src/api/core/namespace.ts';
import { Pod } from '../../src/api/core/pod.ts';
import { ServiceAccount } from '../../src/api/core/service-account.ts';
import type { KindRef, KubeObject, Shared } from '../../src/api/kind.ts';
import { deploymentController } from '../../src/controllers/deployment/deployment.ts';
import { garbageCollector } from '../../src/controllers/garbage-collector/garbage-collector.ts';
import { namespaceController } from '../../src/controllers/namespace/namespace.ts';
import { replicaSetController } from '../../src/controllers/replica-set.ts';
import { rootCaController } from '../../src/controllers/root-ca.ts';
import { serviceAccountController } from '../../src/controllers/service-account.ts';
import { type Harness, startHarness, template } from './harness.ts';

const controllers = [garbageCollector, deploymentController, replicaSetController];
const web = { namespace: 'default', name: 'web' };
const start = () => startHarness({ controllers, nodes: 2 });

const createWeb = (h: Harness) =>
  h.client.create(Deployment, {
    metadata: web,
    spec: { replicas: 3, selector: { matchLabels: { app: 'web' } }, template: template({ app: 'web' }) },
  });

const count = async <T extends KubeObject>(h: Harness, kind: KindRef<T>, namespace = 'default') =>
  (await h.client.list(kind, { namespace })).items.length;

const map = (h: Harness, name: string, owners: readonly object[] = [], more: object = {}) =>
  h.client.create(ConfigMap, { metadata: { namespace: 'default', name, ownerReferences: owners as never, ...more } });

const ref = (owner: Shared<KubeObject>, more: object = {}) => ({
  apiVersion: owner.apiVersion,
  kind: owner.kind,
  name: owner.metadata.name,
  uid: owner.metadata.uid,
  ...more,
});

const exists = async (h: Harness, name: string) =>
  (await h.client.find(ConfigMap, { namespace: 'default', name })) !== undefined;

describe('the garbage collector', () => {
  test('deletes what an owner leaves behind, down to its pods', async () => {
    await using h = await start();
    await createWeb(h);
    await h.settle();
    expect(await count(h, Pod)).toBe(3);
    await h.client.delete(Deployment, web, { propagationPolicy: 'Background' });
    await h.settle();
    expect(await count(h, Deployment)).toBe(0);
    expect(await count(h, ReplicaSet)).toBe(0);
    expect(await count(h, Pod)).toBe(0);
    const before = h.writes();
    await h.advance(3_600_000);
    expect(h.writes() - before).toBe(0);
  });

  test('in the foreground keeps the owner until its dependents are gone', async () => {
    await using h = await start();
    await createWeb(h);
    await h.settle();
    const [pod] = (await h.client.list(Pod, { namespace: 'default' })).items;
    h.frozen.add(pod!.metadata.name);
    await h.client.delete(Deployment, web, { propagationPolicy: 'Foreground' });
    await h.settle();
    expect((await h.client.get(Deployment, web)).metadata).toMatchObject({ finalizers: ['foregroundDeletion'] });
    expect(await count(h, Pod)).toBe(1);
    h.frozen.clear();
    await h.relive();
    expect(await count(h, Pod)).toBe(0);
    expect(await count(h, Deployment)).toBe(0);
  });

  test('orphans dependents when it is asked to', async () => {
    await using h = await start();
    await createWeb(h);
    await h.settle();
    await h.client.delete(Deployment, web, { propagationPolicy: 'Orphan' });
    await h.settle();
    expect(await count(h, Deployment)).toBe(0);
    const [set] = (await h.client.list(ReplicaSet, { namespace: 'default' })).items;
    expect(set!.metadata.ownerReferences ?? []).toEqual([]);
    expect(await count(h, Pod)).toBe(3);
  });

  test('deletes an object whose owner never was', async () => {
    await using h = await start();
    await map(h, 'lost', [{ apiVersion: 'v1', kind: 'ConfigMap', name: 'nobody', uid: 'no-such-uid' }]);
    await h.settle();
    expect(await exists(h, 'lost')).toBe(false);
  });

  test('keeps an object as long as one of its owners lives, and forgets the dead one', async () => {
    await using h = await start();
    const a = await map(h, 'a');
    const b = await map(h, 'b');
    await map(h, 'child', [ref(a), ref(b)]);
    await h.settle();
    await h.client.delete(ConfigMap, a.metadata);
    await h.settle();
    const child = await h.client.get(ConfigMap, { namespace: 'default', name: 'child' });
    expect(child.metadata.ownerReferences).toEqual([ref(b)]);
    await h.client.delete(ConfigMap, b.metadata);
    await h.settle();
    expect(await exists(h, 'child')).toBe(false);
  });

  test('takes an owner in another namespace for absent', async () => {
    await using h = await start();
    await h.client.create(Namespace, { metadata: { name: 'other' } });
    const owner = await h.client.create(ConfigMap, { metadata: { namespace: 'other', name: 'owner' } });
    await h.settle();
    await map(h, 'child', [ref(owner)]);
    await h.settle();
    expect(await exists(h, 'child')).toBe(false);
    expect(await count(h, ConfigMap, 'other')).toBe(1);
  });

  test('gets out of a circle of owners', async () => {
    await using h = await start();
    const a = await map(h, 'a');
    const b = await map(h, 'b', [ref(a, { blockOwnerDeletion: true })]);
    await h.client.patch(
      ConfigMap,
      a.metadata,
      { metadata: { ownerReferences: [ref(b, { blockOwnerDeletion: true })] } },
      { type: 'merge' },
    );
    await h.settle();
    await h.client.delete(ConfigMap, a.metadata, { propagationPolicy: 'Foreground' });
    await h.advance(60_000);
    expect(await exists(h, 'a')).toBe(false);
    expect(await exists(h, 'b')).toBe(false);
  });

  test('collects custom resources from when their definition is there', async () => {
    await using h = await start();
    await h.client.create(CustomResourceDefinition, {
      metadata: { name: 'widgets.test.io' },
      spec: {
        group: 'test.io',
        scope: 'Namespaced',
        names: { plural: 'widgets', kind: 'Widget' },
        versions: [
          {
            name: 'v1',
            served: true,
            storage: true,
            schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
          },
        ],
      },
    } as never);
    await h.advance(5_000);
    const widgets: KindRef = { group: 'test.io', version: 'v1', kind: 'Widget', plural: 'widgets', namespaced: true };
    const owner = await h.client.create(widgets, { metadata: { namespace: 'default', name: 'owner' } } as never);
    await h.client.create(widgets, {
      metadata: { namespace: 'default', name: 'child', ownerReferences: [ref(owner)] },
    } as never);
    await map(h, 'dependent', [ref(owner)]);
    await h.settle();
    await h.client.delete(widgets, { namespace: 'default', name: 'owner' }, { propagationPolicy: 'Background' });
    await h.settle();
    expect(await count(h, widgets)).toBe(0);
    expect(await exists(h, 'dependent')).toBe(false);
  });
});

describe('a namespace', () => {
  const all = [namespaceController, serviceAccountController, rootCaController, ...controllers];
  const settings = { rootCa: 'PEM' };

  test('gets its service account and the root certificate, again when they are deleted', async () => {
    await using h = await startHarness({ controllers: all, settings });
    await h.client.create(Namespace, { metadata: { name: 'team' } });
    await h.settle();
    expect(await h.client.find(ServiceAccount, { namespace: 'team', name: 'default' })).toBeDefined();
    const ca = { namespace: 'team', name: 'kube-root-ca.crt' };
    expect((await h.client.get(ConfigMap, ca)).data).toEqual({ 'ca.crt': 'PEM' });
    await h.client.delete(ServiceAccount, { namespace: 'team', name: 'default' });
    await h.client.delete(ConfigMap, ca);
    await h.settle();
    expect(await h.client.find(ServiceAccount, { namespace: 'team', name: 'default' })).toBeDefined();
    expect(await h.client.find(ConfigMap, ca)).toBeDefined();
  });

  test('is emptied and goes away when it is deleted', async () => {
    await using h = await startHarness({ controllers: all, nodes: 1, settings, admission: true });
    await h.client.create(Namespace, { metadata: { name: 'team' } });
    await h.client.create(Deployment, {
      metadata: { namespace: 'team', name: 'web' },
      spec: { replicas: 2, selector: { matchLabels: { app: 'web' } }, template: template({ app: 'web' }) },
    });
    await h.client.create(ConfigMap, {
      metadata: { namespace: 'team', name: 'held', finalizers: ['example.com/hold'] },
    });
    await h.settle();
    await h.client.delete(Namespace, { name: 'team' });
    await h.advance(30_000);
    const left = await h.client.get(Namespace, { name: 'team' });
    expect(left.status.phase).toBe('Terminating');
    const message = (type: string) => left.status.conditions?.find((one) => one.type === type)?.message;
    expect(message('NamespaceContentRemaining')).toBe(
      'Some resources are remaining: configmaps. has 1 resource instances',
    );
    expect(message('NamespaceFinalizersRemaining')).toBe(
      'Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances',
    );
    await h.client.patch(
      ConfigMap,
      { namespace: 'team', name: 'held' },
      { metadata: { finalizers: null } },
      { type: 'merge' },
    );
    await h.advance(30_000);
    expect(await h.client.find(Namespace, { name: 'team' })).toBeUndefined();
    expect(await count(h, Pod, 'team')).toBe(0);
  });
});
