import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PersistentVolumeClaim } from '../../src/api/core/persistent-volume-claim.ts';
import { Pod } from '../../src/api/core/pod.ts';
import { ResourceQuota } from '../../src/api/core/resource-quota.ts';
import { Secret } from '../../src/api/core/secret.ts';
import { Service } from '../../src/api/core/service.ts';
import { PriorityClass } from '../../src/api/scheduling/priority-class.ts';
import type { Client } from '../../src/client/client.ts';
import { pod, refused, startWorld, type World } from './world.ts';

let world: World;
let admin: Client;

beforeAll(async () => {
  world = await startWorld();
  admin = world.admin;
  await world.namespace('plain');
});
afterAll(() => world.close());

beforeAll(async () => {
  await admin.create(PriorityClass, { metadata: { name: 'high' }, value: 1000 });
});

describe('ResourceQuota', () => {
  async function quota(ns: string, spec: object, labels = {}): Promise<void> {
    await world.namespace(ns, labels);
    const made = await admin.create(ResourceQuota, { metadata: { namespace: ns, name: 'q' }, spec: spec as never });
    const used = Object.fromEntries(Object.keys(made.spec.hard ?? {}).map((name) => [name, '0']));
    await admin.updateStatus(ResourceQuota, { ...made, status: { hard: made.spec.hard!, used } });
  }
  const used = async (ns: string) => (await admin.get(ResourceQuota, { namespace: ns, name: 'q' })).status.used;
  const sized = (ns: string, name: string, cpu = '100m') =>
    pod(ns, name, {
      containers: [
        { name: 'c', image: 'i', resources: { requests: { cpu, memory: '1Mi' }, limits: { cpu, memory: '1Mi' } } },
      ],
    });

  it('counts and refuses', async () => {
    await quota('q-basic', {
      hard: {
        pods: '2',
        'requests.cpu': '250m',
        services: '1',
        'services.nodeports': '0',
        'count/secrets': '1',
        'requests.storage': '5Gi',
      },
    });
    await admin.create(Pod, sized('q-basic', 'a'));
    expect(await used('q-basic')).toMatchObject({ pods: '1', 'requests.cpu': '100m' });
    await expect(admin.create(Pod, sized('q-basic', 'b', '200m'))).rejects.toMatchObject({
      message:
        'pods "b" is forbidden: exceeded quota: q, requested: requests.cpu=200m, used: requests.cpu=100m, limited: requests.cpu=250m',
    });
    await expect(admin.create(Pod, pod('q-basic', 'c'))).rejects.toEqual(
      refused('failed quota: q: must specify requests.cpu for: c'),
    );
    await admin.create(Pod, sized('q-basic', 'd'));
    await expect(admin.create(Pod, sized('q-basic', 'e', '10m'))).rejects.toEqual(
      refused('exceeded quota: q, requested: pods=1, used: pods=2, limited: pods=2'),
    );
    await admin.create(Secret, { metadata: { namespace: 'q-basic', name: 'one' } });
    await expect(admin.create(Secret, { metadata: { namespace: 'q-basic', name: 'two' } })).rejects.toEqual(
      refused('exceeded quota: q, requested: count/secrets=1, used: count/secrets=1, limited: count/secrets=1'),
    );
    await admin.create(Service, { metadata: { namespace: 'q-basic', name: 's' }, spec: { ports: [{ port: 80 }] } });
    await expect(
      admin.patch(Service, { namespace: 'q-basic', name: 's' }, { spec: { type: 'NodePort' } }, { type: 'merge' }),
    ).rejects.toEqual(refused('services.nodeports=1'));
    await expect(
      admin.create(PersistentVolumeClaim, {
        metadata: { namespace: 'q-basic', name: 'p' },
        spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '6Gi' } } },
      }),
    ).rejects.toEqual(refused('requests.storage=6Gi'));
  });

  it('is exact when many come at once', async () => {
    await quota('q-race', { hard: { 'count/secrets': '10' } });
    const results = await Promise.allSettled(
      Array.from({ length: 40 }, (_, i) => admin.create(Secret, { metadata: { namespace: 'q-race', name: `s${i}` } })),
    );
    expect(results.filter((r) => r.status === 'fulfilled')).toHaveLength(10);
    expect(await used('q-race')).toEqual({ 'count/secrets': '10' });
    for (const result of results)
      if (result.status === 'rejected') expect(result.reason.message).toContain('exceeded quota: q');
  });

  it('takes nothing for dry runs and for requests that fail later', async () => {
    await quota('q-dry', { hard: { 'count/secrets': '1' } });
    await admin.create(Secret, { metadata: { namespace: 'q-dry', name: 'a' } }, { dryRun: true });
    expect(await used('q-dry')).toEqual({ 'count/secrets': '0' });
    await admin.create(Secret, { metadata: { namespace: 'q-dry', name: 'a' } });
    await expect(admin.create(Secret, { metadata: { namespace: 'q-dry', name: 'a' } })).rejects.toBeDefined();
    expect(await used('q-dry')).toEqual({ 'count/secrets': '1' });
  });

  it('counts what its scopes select', async () => {
    await quota('q-scope', { hard: { pods: '0' }, scopes: ['BestEffort'] });
    await expect(admin.create(Pod, pod('q-scope', 'best'))).rejects.toEqual(
      refused('exceeded quota: q, requested: pods=1, used: pods=0, limited: pods=0'),
    );
    await expect(admin.create(Pod, sized('q-scope', 'burst'))).resolves.toBeDefined();
    await quota('q-class', {
      hard: { pods: '0' },
      scopeSelector: { matchExpressions: [{ scopeName: 'PriorityClass', operator: 'In', values: ['high'] }] },
    });
    await expect(admin.create(Pod, pod('q-class', 'high', { priorityClassName: 'high' }))).rejects.toEqual(
      refused('exceeded quota'),
    );
    await expect(admin.create(Pod, pod('q-class', 'none'))).resolves.toBeDefined();
  });

  it('refuses while nobody has counted yet', async () => {
    await world.namespace('q-new');
    await admin.create(ResourceQuota, { metadata: { namespace: 'q-new', name: 'q' }, spec: { hard: { pods: '1' } } });
    await expect(admin.create(Pod, pod('q-new', 'a'))).rejects.toEqual(
      refused('status unknown for quota: q, resources: pods'),
    );
  });
});
