/** Admission plugins that a cluster has only when it is told to, each by the cases that upstream documents. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ConfigMap } from '../../src/api/core/config-map.ts';
import { Namespace } from '../../src/api/core/namespace.ts';
import { Node } from '../../src/api/core/node.ts';
import { Pod } from '../../src/api/core/pod.ts';
import { Service } from '../../src/api/core/service.ts';
import { ClusterRole } from '../../src/api/rbac/cluster-role.ts';
import { ClusterRoleBinding } from '../../src/api/rbac/cluster-role-binding.ts';
import type { PodSpec, Toleration } from '../../src/api/types/core-v1.ts';
import type { DeepPartial } from '../../src/base/deep.ts';
import { pod, refused, startWorld, type World } from './world.ts';

let world: World;
let serial = 0;
const fresh = () => `p${++serial}`;

beforeAll(async () => {
  world = await startWorld({
    admission: {
      enable: [
        'DenyServiceExternalIPs',
        'LimitPodHardAntiAffinityTopology',
        'ExtendedResourceToleration',
        'OwnerReferencesPermissionEnforcement',
        'PodNodeSelector',
        'PodTolerationRestriction',
      ],
      configuration: {
        PodNodeSelector: {
          podNodeSelectorPluginConfig: { clusterDefaultNodeSelector: 'pool=shared', listed: 'pool=shared,disk=ssd' },
        },
        PodTolerationRestriction: {
          default: [{ key: 'shared', operator: 'Exists' }],
          whitelist: [
            { key: 'shared', operator: 'Exists' },
            { operator: 'Exists', effect: 'NoExecute' },
          ],
        },
      },
    },
  });
  await world.namespace('plain');
});
afterAll(() => world?.close());

describe('DenyServiceExternalIPs', () => {
  const ips = (...externalIPs: string[]) => ({ ports: [{ port: 80 }], externalIPs });

  it('refuses them on a new service and on one that is there', async () => {
    const { admin } = world;
    const ref = { namespace: 'plain', name: 's' };
    await expect(admin.create(Service, { metadata: ref, spec: ips('192.0.2.1') })).rejects.toEqual(
      refused('services "s" is forbidden: Use of external IPs is denied by admission control'),
    );
    await admin.create(Service, { metadata: ref, spec: ips() });
    const set = (...externalIPs: string[]) => admin.patch(Service, ref, { spec: { externalIPs } }, { type: 'merge' });
    await expect(set('192.0.2.1')).rejects.toEqual(refused('Use of external IPs'));
  });

  it.each<[string, string[], string[] | undefined, boolean]>([
    ['none', [], undefined, true],
    ['a new one', ['192.0.2.1'], undefined, false],
    ['the same', ['192.0.2.1', '192.0.2.2'], ['192.0.2.1', '192.0.2.2'], true],
    ['fewer', ['192.0.2.2'], ['192.0.2.1', '192.0.2.2'], true],
    ['another', ['192.0.2.3'], ['192.0.2.1', '192.0.2.2'], false],
    ['one more', ['192.0.2.1', '192.0.2.3'], ['192.0.2.1'], false],
  ])('of %s', async (_, now, before, allowed) => {
    const { denyServiceExternalIPs } = await import('../../src/apiserver/admission/deny-service-external-ips.ts');
    const about = (externalIPs: string[]) => ({ metadata: { name: 's' }, spec: { externalIPs } });
    const check = () =>
      denyServiceExternalIPs.create({} as never).validate!({
        resource: { group: '', version: 'v1', plural: 'services' },
        name: 's',
        object: about(now),
        oldObject: before && about(before),
      } as never);
    if (allowed) expect(check).not.toThrow();
    else expect(check).toThrow('Use of external IPs is denied');
  });
});

describe('LimitPodHardAntiAffinityTopology', () => {
  const spread = (topologyKey: string, kind: 'required' | 'preferred'): DeepPartial<PodSpec> => {
    const term = { topologyKey, labelSelector: { matchLabels: { app: 'x' } } };
    return {
      affinity: {
        podAntiAffinity:
          kind === 'required'
            ? { requiredDuringSchedulingIgnoredDuringExecution: [term] }
            : { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 1, podAffinityTerm: term }] },
      },
    };
  };
  it.each<[string, DeepPartial<PodSpec>, boolean]>([
    ['off nodes', spread('kubernetes.io/hostname', 'required'), true],
    ['off zones', spread('topology.kubernetes.io/zone', 'required'), false],
    ['off zones where possible', spread('topology.kubernetes.io/zone', 'preferred'), true],
  ])('of pods that keep each other %s', async (_, spec, allowed) => {
    const made = world.admin.create(Pod, pod('plain', fresh(), { ...spec, nodeSelector: { pool: 'shared' } }));
    if (allowed) await made;
    else await expect(made).rejects.toEqual(refused('but only key kubernetes.io/hostname is allowed'));
  });
});

describe('ExtendedResourceToleration', () => {
  const container = (...names: string[]) => {
    const amounts = Object.fromEntries(names.map((name) => [name, '1']));
    return { name: 'c', image: 'i', resources: { requests: amounts, limits: amounts } };
  };
  const wanted = (key: string) => ({ key, operator: 'Exists', effect: 'NoSchedule' });
  it.each<[string, DeepPartial<PodSpec>, Toleration[]]>([
    ['nothing', {}, []],
    ['what every node has', { containers: [container('memory', 'hugepages-2Mi')] }, []],
    ['devices', { containers: [container('b.com/x', 'a.com/gpu')] }, [wanted('a.com/gpu'), wanted('b.com/x')]],
    [
      'a device in an init container',
      { initContainers: [{ ...container('a.com/gpu'), name: 'i' }] },
      [wanted('a.com/gpu')],
    ],
    [
      'a device that it tolerates already',
      { containers: [container('a.com/gpu')], tolerations: [wanted('a.com/gpu')] },
      [wanted('a.com/gpu')],
    ],
  ])('for a pod that asks for %s', async (_, spec, tolerations) => {
    const { extendedResourceToleration } = await import(
      '../../src/apiserver/admission/extended-resource-toleration.ts'
    );
    const object = pod('plain', 'p', spec);
    extendedResourceToleration.create({} as never).mutate!({ object } as never);
    expect((object.spec as PodSpec).tolerations ?? []).toEqual(tolerations);
  });
});

describe('OwnerReferencesPermissionEnforcement', () => {
  const owner = (more: object = {}) => ({
    ...{ apiVersion: 'apps/v1', kind: 'Deployment', name: 'd', uid: 'u1' },
    ...more,
  });
  const map = (name: string, owners?: object[]) => ({
    metadata: { namespace: 'plain', name, ...(owners ? { ownerReferences: owners as never } : {}) },
  });
  const may = async (user: string, ...rules: [verbs: string, group: string, resources: string][]) => {
    const metadata = { name: `may:${user}` };
    await world.admin.create(ClusterRole, {
      metadata,
      rules: rules.map(([verbs, group, resources]) => ({
        ...{ verbs: verbs.split(' '), apiGroups: [group], resources: resources.split(' ') },
      })),
    });
    await world.admin.create(ClusterRoleBinding, {
      metadata,
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: metadata.name },
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: user }],
    });
  };

  beforeAll(async () => {
    const edit = 'get create update patch';
    await may('editor', [edit, '', 'configmaps']);
    await may('deleter', [`${edit} delete`, '', 'configmaps']);
    await may('finalizer', [`${edit} delete`, '', 'configmaps'], ['update', 'apps', 'deployments/finalizers']);
    await may('finalizer-of-all', [`${edit} delete`, '', 'configmaps'], ['update', '*', '*/finalizers']);
    await world.admin.create(ConfigMap, map('owned', [owner()]));
    await world.admin.create(ConfigMap, map('free'));
  });

  const blocking = owner({ blockOwnerDeletion: true });
  const set = (name: string, ownerReferences: object[]) => (user: string) =>
    world.as(user).patch(ConfigMap, { namespace: 'plain', name }, { metadata: { ownerReferences } }, {
      type: 'merge',
      dryRun: true,
    } as never);
  const create = (owners?: object[]) => (user: string) =>
    world.as(user).create(ConfigMap, map(fresh(), owners), { dryRun: true } as never);
  const cannotDelete = "cannot set an ownerRef on a resource you can't delete";
  const cannotBlock =
    "cannot set blockOwnerDeletion if an ownerReference refers to a resource you can't set finalizers on";

  it.each<[string, string, (user: string) => Promise<unknown>, string | undefined]>([
    ['editor', 'makes an object without owners', create(), undefined],
    ['editor', 'makes an object with an owner', create([owner()]), undefined],
    ['editor', 'makes an object that holds its owner back', create([blocking]), cannotBlock],
    ['editor', 'leaves owners as they are', set('owned', [owner()]), undefined],
    ['editor', 'adds an owner', set('free', [owner()]), cannotDelete],
    ['editor', 'takes an owner away', set('owned', []), cannotDelete],
    ['deleter', 'adds an owner', set('free', [owner()]), undefined],
    ['deleter', 'adds an owner that is held back', set('free', [blocking]), cannotBlock],
    ['deleter', 'holds an owner back from now on', set('owned', [blocking]), cannotBlock],
    ['finalizer', 'adds an owner that is held back', set('free', [blocking]), undefined],
    ['finalizer', 'holds back an owner of another kind', create([{ ...blocking, kind: 'ReplicaSet' }]), cannotBlock],
    [
      'finalizer',
      'holds back an owner of a kind that there is not',
      create([{ ...blocking, kind: 'NoSuch' }]),
      'cannot find RESTMapping for APIVersion apps/v1 Kind NoSuch',
    ],
    ['finalizer-of-all', 'holds back an owner of any kind', create([{ ...blocking, kind: 'NoSuch' }]), undefined],
  ])('%s %s', async (user, _, act, message) => {
    if (message) await expect(act(user)).rejects.toEqual(refused(message));
    else await act(user);
  });
});

describe('PodNodeSelector', () => {
  const annotation = 'scheduler.alpha.kubernetes.io/node-selector';
  beforeAll(async () => {
    await world.namespace('own', {}, { [annotation]: 'pool=own, zone=a' });
    await world.namespace('none', {}, { [annotation]: '' });
    await world.namespace('broken', {}, { [annotation]: 'not a selector' });
    await world.namespace('listed');
  });
  it.each<[string, Record<string, string> | undefined, Record<string, string> | string]>([
    ['plain', undefined, { pool: 'shared' }],
    ['plain', { disk: 'ssd' }, { pool: 'shared', disk: 'ssd' }],
    ['plain', { pool: 'mine' }, 'conflicts with its namespace node label selector'],
    ['own', { zone: 'a', x: 'y' }, { pool: 'own', zone: 'a', x: 'y' }],
    ['own', { zone: 'b' }, 'conflicts with its namespace node label selector'],
    ['none', { pool: 'mine' }, { pool: 'mine' }],
    ['listed', { disk: 'ssd' }, { pool: 'shared', disk: 'ssd' }],
    ['listed', { gpu: 'yes' }, 'conflict with its namespace whitelist'],
    ['broken', undefined, `the annotation ${annotation} of its namespace: invalid selector`],
  ])('in the namespace %s with %j', async (namespace, nodeSelector, wanted) => {
    const made = world.admin.create(Pod, pod(namespace, fresh(), nodeSelector ? { nodeSelector } : {}));
    if (typeof wanted === 'string') await expect(made).rejects.toEqual(refused(wanted));
    else expect((await made).spec.nodeSelector ?? {}).toEqual(wanted);
  });
});

describe('PodTolerationRestriction', () => {
  const list = (...tolerations: Toleration[]) => JSON.stringify(tolerations);
  const annotations = (defaults?: string, allowed?: string) => ({
    ...(defaults === undefined ? {} : { 'scheduler.alpha.kubernetes.io/defaultTolerations': defaults }),
    ...(allowed === undefined ? {} : { 'scheduler.alpha.kubernetes.io/tolerationsWhitelist': allowed }),
  });
  const own: Toleration = { key: 'own', operator: 'Equal', value: 'v', effect: 'NoSchedule' };
  const pressure: Toleration = { key: 'node.kubernetes.io/memory-pressure', operator: 'Exists', effect: 'NoSchedule' };
  const shared: Toleration = { key: 'shared', operator: 'Exists' };

  beforeAll(async () => {
    await world.namespace('gives', {}, annotations(list(own)));
    await world.namespace('gives-none', {}, annotations('', ''));
    await world.namespace(
      'limits',
      {},
      annotations('', list({ ...own, value: 'v' }, { operator: 'Exists', effect: 'NoExecute' })),
    );
    await world.namespace('bad', {}, annotations('{'));
  });

  it.each<[string, string, DeepPartial<PodSpec>, Toleration[] | string]>([
    ['plain', 'the cluster’s default', {}, [shared]],
    [
      'plain',
      'what the cluster’s covers',
      { tolerations: [{ key: 'shared', operator: 'Equal', value: 'x', effect: 'NoSchedule' }] },
      [shared],
    ],
    ['plain', 'what the cluster does not allow', { tolerations: [own] }, 'conflict with its cluster whitelist'],
    ['gives-none', 'anything, since an empty list allows all', { tolerations: [own] }, [own]],
    ['limits', 'what the namespace allows', { tolerations: [own] }, [own]],
    ['limits', 'another value', { tolerations: [{ ...own, value: 'w' }] }, 'conflict with its namespace whitelist'],
    [
      'limits',
      'a wider effect',
      { tolerations: [{ key: 'own', operator: 'Equal', value: 'v' }] },
      'conflict with its namespace whitelist',
    ],
    ['gives', 'the namespace’s default, which the cluster does not allow', {}, 'conflict with its cluster whitelist'],
    [
      'bad',
      'nothing that can be read',
      {},
      'the annotation scheduler.alpha.kubernetes.io/defaultTolerations of its namespace',
    ],
    [
      'gives-none',
      'memory pressure, when it asks for resources',
      { containers: [{ name: 'c', image: 'i', resources: { requests: { cpu: '1' } } }] },
      [pressure],
    ],
  ])('in the namespace %s: %s', async (namespace, _, spec, wanted) => {
    const made = world.admin.create(Pod, pod(namespace, fresh(), spec));
    if (typeof wanted === 'string') await expect(made).rejects.toEqual(refused(wanted));
    else {
      const added = (await made).spec.tolerations!.filter((one) => one.effect !== 'NoExecute');
      expect(added).toEqual(wanted);
    }
  });
});

describe('namespaces that do not exist', () => {
  it('are made by NamespaceAutoProvision, but for dry runs', async () => {
    const other = await startWorld({ admission: { enable: ['NamespaceAutoProvision'] } });
    const map = (namespace: string) => ({ metadata: { namespace, name: 'm' } });
    await other.admin.create(ConfigMap, map('made'));
    expect((await other.admin.get(Namespace, { name: 'made' })).status.phase).toBe('Active');
    await expect(other.admin.create(ConfigMap, map('dry'), { dryRun: true } as never)).rejects.toMatchObject({
      reason: 'NotFound',
    });
    await other.close();
  });

  it('are refused by NamespaceExists where NamespaceLifecycle is not asked', async () => {
    const disable = ['NamespaceLifecycle', 'ServiceAccount'];
    const without = await startWorld({ admission: { disable } });
    await without.admin.create(ConfigMap, { metadata: { namespace: 'nowhere', name: 'm' } });
    await without.close();
    const withIt = await startWorld({ admission: { disable, enable: ['NamespaceExists'] } });
    await expect(
      withIt.admin.create(ConfigMap, { metadata: { namespace: 'nowhere', name: 'm' } }),
    ).rejects.toMatchObject({ reason: 'NotFound', message: 'namespaces "nowhere" not found' });
    await withIt.admin.create(ConfigMap, { metadata: { namespace: 'default', name: 'm' } });
    await withIt.close();
  });
});

describe('PodResizeValidator', () => {
  const resources = (cpu: string, memory = '1Gi') => ({ requests: { cpu, memory }, limits: { cpu, memory } });
  const node = (name: string, system: string) =>
    world.admin.create(Node, {
      metadata: { name, labels: { 'kubernetes.io/os': system } },
      status: { capacity: { cpu: '4', memory: '8Gi' }, allocatable: { cpu: '2', memory: '4Gi' } },
    });
  beforeAll(async () => {
    await node('linux', 'linux');
    await node('windows', 'windows');
  });
  it.each<[string, string, ReturnType<typeof resources>, string | undefined]>([
    ['linux', 'what the node can give', resources('2', '4Gi'), undefined],
    [
      'linux',
      'more than it ever can',
      resources('3', '5Gi'),
      "node didn't have enough allocatable resources: cpu, requested: 3000, allocatable: 2000; memory, requested: 5368709120, allocatable: 4294967296",
    ],
    [
      'windows',
      'anything',
      resources('1', '2Gi'),
      'pod resize is only supported on linux nodes, node "windows" is "windows"',
    ],
    ['gone', 'anything', resources('1', '2Gi'), 'node "gone" not found'],
  ])('on the node %s lets grow to %s', async (nodeName, _, wanted, message) => {
    const name = fresh();
    await world.admin.create(
      Pod,
      pod('gives-none', name, { nodeName, containers: [{ name: 'c', image: 'i', resources: resources('1') }] }),
    );
    const grown = world.admin.patch(
      Pod,
      { namespace: 'gives-none', name },
      { spec: { containers: [{ name: 'c', resources: wanted }] } },
      { type: 'strategic', subresource: 'resize' },
    );
    if (message) await expect(grown).rejects.toEqual(refused(message));
    else await grown;
  });
});

it('AlwaysDeny refuses all, AlwaysAdmit nothing', async () => {
  const other = await startWorld({ admission: { enable: ['AlwaysAdmit', 'AlwaysDeny'] } });
  const create = (client: World['admin']) =>
    client.create(ConfigMap, { metadata: { namespace: 'default', name: 'm' } });
  await expect(create(other.as('root', 'system:masters'))).rejects.toEqual(
    refused('admission control is denying all modifications'),
  );
  await create(other.admin);
  await other.close();
});

it('a plugin that nobody knows is named, with those that there are', async () => {
  await expect(startWorld({ admission: { enable: ['NoSuchPlugin'] } })).rejects.toThrow(
    /"NoSuchPlugin" is unknown; there are AlwaysAdmit, .*DenyServiceExternalIPs.*ValidatingAdmissionWebhook/,
  );
});
