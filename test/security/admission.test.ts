import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LimitRange } from '../../src/api/core/limit-range.ts';
import { Namespace } from '../../src/api/core/namespace.ts';
import { Node } from '../../src/api/core/node.ts';
import { PersistentVolumeClaim } from '../../src/api/core/persistent-volume-claim.ts';
import { Pod } from '../../src/api/core/pod.ts';
import { Secret } from '../../src/api/core/secret.ts';
import { ServiceAccount } from '../../src/api/core/service-account.ts';
import type { Shared } from '../../src/api/kind.ts';
import { Ingress } from '../../src/api/networking/ingress.ts';
import { IngressClass } from '../../src/api/networking/ingress-class.ts';
import { RuntimeClass } from '../../src/api/node/runtime-class.ts';
import { PriorityClass } from '../../src/api/scheduling/priority-class.ts';
import { StorageClass } from '../../src/api/storage/storage-class.ts';
import type { PodSpec } from '../../src/api/types/core-v1.ts';
import type { DeepPartial } from '../../src/base/deep.ts';
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

describe('NamespaceLifecycle', () => {
  it('needs the namespace', async () => {
    await expect(admin.create(Pod, pod('nowhere', 'a'))).rejects.toMatchObject({
      reason: 'NotFound',
      message: 'namespaces "nowhere" not found',
    });
  });

  it.each(['default', 'kube-system', 'kube-public'])('keeps %s', async (name) => {
    await expect(admin.delete(Namespace, { name })).rejects.toEqual(refused('this namespace may not be deleted'));
  });

  it('takes nothing new into a namespace that goes away', async () => {
    await world.namespace('leaving');
    await admin.create(Secret, { metadata: { namespace: 'leaving', name: 'old', finalizers: ['example.com/keep'] } });
    await admin.delete(Namespace, { name: 'leaving' });
    await expect(admin.create(Secret, { metadata: { namespace: 'leaving', name: 'new' } })).rejects.toMatchObject({
      message:
        'secrets "new" is forbidden: unable to create new content in namespace leaving because it is being terminated',
      details: {
        causes: [
          {
            reason: 'NamespaceTerminating',
            message: 'namespace leaving is being terminated',
            field: 'metadata.namespace',
          },
        ],
      },
    });
    await expect(
      admin.patch(Secret, { namespace: 'leaving', name: 'old' }, { metadata: { finalizers: null } }, { type: 'merge' }),
    ).resolves.toBeDefined();
  });
});

describe('ServiceAccount', () => {
  it('gives a pod its account, token and pull secrets', async () => {
    await world.namespace('accounts');
    await admin.patch(
      ServiceAccount,
      { namespace: 'accounts', name: 'default' },
      { imagePullSecrets: [{ name: 'regcred' }] },
      { type: 'merge' },
    );
    const made = await admin.create(Pod, pod('accounts', 'a', { initContainers: [{ name: 'i', image: 'i' }] }));
    expect(made.spec.serviceAccountName).toBe('default');
    expect(made.spec.imagePullSecrets).toEqual([{ name: 'regcred' }]);
    const volume = made.spec.volumes![0]!;
    expect(volume.name).toMatch(/^kube-api-access-[a-z0-9]{5}$/);
    expect(volume.projected!.sources).toEqual([
      { serviceAccountToken: { path: 'token', expirationSeconds: 3607 } },
      { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
      {
        downwardAPI: {
          items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }],
        },
      },
    ]);
    for (const container of [...made.spec.containers, ...made.spec.initContainers!]) {
      expect(container.volumeMounts).toEqual([
        { name: volume.name, readOnly: true, mountPath: '/var/run/secrets/kubernetes.io/serviceaccount' },
      ]);
    }
  });

  it.each<[string, DeepPartial<PodSpec>]>([
    ['the pod', { automountServiceAccountToken: false }],
    [
      'a mount of its own',
      {
        containers: [
          {
            name: 'c',
            image: 'i',
            volumeMounts: [{ name: 'v', mountPath: '/var/run/secrets/kubernetes.io/serviceaccount' }],
          },
        ],
        volumes: [{ name: 'v', emptyDir: {} }],
      },
    ],
  ])('mounts none where %s says so', async (_, spec) => {
    const made = await admin.create(Pod, {
      ...pod('plain', '', spec),
      metadata: { namespace: 'plain', generateName: 'x-' },
    });
    expect(made.spec.volumes?.some((v) => v.name.startsWith('kube-api-access-')) ?? false).toBe(false);
  });

  it('refuses an account that does not exist', async () => {
    await expect(admin.create(Pod, pod('plain', 'b', { serviceAccountName: 'nobody' }))).rejects.toMatchObject({
      message:
        'pods "b" is forbidden: error looking up service account plain/nobody: serviceaccount "nobody" not found',
    });
  });

  it('holds accounts that are marked so to their own secrets', async () => {
    await admin.create(ServiceAccount, {
      metadata: {
        namespace: 'plain',
        name: 'strict',
        annotations: { 'kubernetes.io/enforce-mountable-secrets': 'true' },
      },
      secrets: [{ name: 'mine' }],
    });
    const with_ = (secretName: string) =>
      pod('plain', `s-${secretName}`, {
        serviceAccountName: 'strict',
        volumes: [{ name: 'v', secret: { secretName } }],
      });
    await expect(admin.create(Pod, with_('mine'))).resolves.toBeDefined();
    await expect(admin.create(Pod, with_('other'))).rejects.toEqual(
      refused('because service account "strict" does not reference that secret'),
    );
    const made = await admin.get(Pod, { namespace: 'plain', name: 's-mine' });
    const ephemeral = {
      ...made,
      spec: {
        ...made.spec,
        ephemeralContainers: [
          { name: 'e', image: 'i', env: [{ name: 'A', valueFrom: { secretKeyRef: { name: 'other', key: 'k' } } }] },
        ],
      },
    };
    await expect(
      admin.subresource(
        'update',
        Pod,
        { namespace: 'plain', name: 's-mine', subresource: 'ephemeralcontainers' },
        ephemeral,
      ),
    ).rejects.toEqual(refused('does not reference that secret'));
  });
});

describe('DefaultTolerationSeconds', () => {
  it('adds what is missing', async () => {
    const made = await admin.create(
      Pod,
      pod('plain', 'tol', {
        tolerations: [{ key: 'node.kubernetes.io/not-ready', effect: 'NoExecute', operator: 'Exists' }],
      }),
    );
    expect(made.spec.tolerations).toEqual([
      { key: 'node.kubernetes.io/not-ready', effect: 'NoExecute', operator: 'Exists' },
      { key: 'node.kubernetes.io/unreachable', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 },
    ]);
    const all = await admin.create(Pod, pod('plain', 'tol-all', { tolerations: [{ operator: 'Exists' }] }));
    expect(all.spec.tolerations).toHaveLength(1);
  });
});

describe('Priority', () => {
  it('resolves classes, and the default', async () => {
    await admin.create(PriorityClass, { metadata: { name: 'high' }, value: 1000, preemptionPolicy: 'Never' });
    const high = await admin.create(Pod, pod('plain', 'p-high', { priorityClassName: 'high' }));
    expect(high.spec).toMatchObject({ priority: 1000, preemptionPolicy: 'Never' });
    const none = await admin.create(Pod, pod('plain', 'p-none'));
    expect(none.spec).toMatchObject({ priority: 0, preemptionPolicy: 'PreemptLowerPriority' });
    await admin.create(PriorityClass, { metadata: { name: 'usual' }, value: 5, globalDefault: true });
    const usual = await admin.create(Pod, pod('plain', 'p-usual'));
    expect(usual.spec).toMatchObject({ priority: 5, priorityClassName: 'usual' });
    await expect(
      admin.create(PriorityClass, { metadata: { name: 'second' }, value: 6, globalDefault: true }),
    ).rejects.toEqual(refused('PriorityClass usual is already marked as default. Only one default can exist'));
  });

  it.each<[DeepPartial<PodSpec>, string]>([
    [{ priorityClassName: 'nope' }, 'no PriorityClass with name nope was found'],
    [
      { priorityClassName: 'high', priority: 7 },
      'the integer value of priority (7) must not be provided in pod spec; priority admission controller computed 1000 from the given PriorityClass name',
    ],
    [
      { priorityClassName: 'high', preemptionPolicy: 'PreemptLowerPriority' },
      'the string value of PreemptionPolicy (PreemptLowerPriority) must not be provided in pod spec',
    ],
  ])('refuses %j', async (spec, message) => {
    await expect(admin.create(Pod, pod('plain', 'p-bad', spec))).rejects.toEqual(refused(message));
  });

  it('has the system classes', async () => {
    expect((await admin.get(PriorityClass, { name: 'system-node-critical' })).value).toBe(2_000_001_000);
  });
});

describe('LimitRanger', () => {
  beforeAll(async () => {
    await world.namespace('limited');
    await admin.create(LimitRange, {
      metadata: { namespace: 'limited', name: 'limits' },
      spec: {
        limits: [
          {
            type: 'Container',
            default: { cpu: '500m' },
            defaultRequest: { cpu: '100m', memory: '10Mi' },
            min: { cpu: '50m' },
            max: { cpu: '1' },
            maxLimitRequestRatio: { cpu: '8' },
          },
          { type: 'Pod', max: { cpu: '2' } },
          { type: 'PersistentVolumeClaim', min: { storage: '1Gi' }, max: { storage: '10Gi' } },
        ],
      },
    });
  });
  const sized = (name: string, requests: Record<string, string>, limits: Record<string, string>, count = 1) =>
    pod('limited', name, {
      containers: Array.from({ length: count }, (_, i) => ({
        name: `c${i}`,
        image: 'i',
        resources: { requests, limits },
      })),
    });

  it('sets defaults and says so', async () => {
    const made = await admin.create(Pod, pod('limited', 'open'));
    expect(made.spec.containers[0]!.resources).toEqual({
      requests: { cpu: '100m', memory: '10Mi' },
      limits: { cpu: '500m' },
    });
    expect(made.metadata.annotations).toMatchObject({
      'kubernetes.io/limit-ranger':
        'LimitRanger plugin set: cpu, memory request for container c; cpu limit for container c',
    });
  });

  it.each<[Record<string, string>, Record<string, string>, number, string]>([
    [{ cpu: '10m' }, { cpu: '50m' }, 1, 'minimum cpu usage per Container is 50m, but request is 10m'],
    [{ cpu: '500m' }, { cpu: '2' }, 1, 'maximum cpu usage per Container is 1, but limit is 2'],
    [
      { cpu: '100m' },
      { cpu: '1' },
      1,
      'cpu max limit to request ratio per Container is 8, but provided ratio is 10.000000',
    ],
    [{ cpu: '800m' }, { cpu: '900m' }, 3, 'maximum cpu usage per Pod is 2, but limit is 2700m'],
  ])('refuses %j to %j (%d containers)', async (requests, limits, count, message) => {
    await expect(admin.create(Pod, sized('bad', requests, limits, count))).rejects.toEqual(refused(message));
  });

  it('limits claims', async () => {
    const claim = (name: string, storage: string) => ({
      metadata: { namespace: 'limited', name },
      spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage } } },
    });
    await expect(admin.create(PersistentVolumeClaim, claim('small', '1Mi'))).rejects.toEqual(
      refused('minimum storage usage per PersistentVolumeClaim is 1Gi, but request is 1Mi'),
    );
    await expect(admin.create(PersistentVolumeClaim, claim('big', '11Gi'))).rejects.toEqual(
      refused('maximum storage usage per PersistentVolumeClaim is 10Gi, but request is 11Gi'),
    );
  });
});

describe('defaults of classes', () => {
  it('choose the newest default storage class', async () => {
    const marked = { 'storageclass.kubernetes.io/is-default-class': 'true' };
    await admin.create(StorageClass, { metadata: { name: 'slow' }, provisioner: 'p' });
    const claim = (name: string, spec: object = {}) => ({
      metadata: { namespace: 'plain', name },
      spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, ...spec },
    });
    expect((await admin.create(PersistentVolumeClaim, claim('before'))).spec.storageClassName).toBeUndefined();
    await admin.create(StorageClass, { metadata: { name: 'fast', annotations: marked }, provisioner: 'p' });
    const made = await admin.create(PersistentVolumeClaim, claim('with'));
    expect(made.spec.storageClassName).toBe('fast');
    expect(made.metadata.finalizers).toEqual(['kubernetes.io/pvc-protection']);
    expect(
      (await admin.create(PersistentVolumeClaim, claim('none', { storageClassName: '' }))).spec.storageClassName,
    ).toBe('');
  });

  it('choose the default ingress class', async () => {
    await admin.create(IngressClass, {
      metadata: { name: 'web', annotations: { 'ingressclass.kubernetes.io/is-default-class': 'true' } },
      spec: { controller: 'example.com/web' },
    });
    const ingress = (name: string, annotations: Record<string, string> = {}) => ({
      metadata: { namespace: 'plain', name, annotations },
      spec: { defaultBackend: { service: { name: 's', port: { number: 80 } } } },
    });
    expect((await admin.create(Ingress, ingress('a'))).spec.ingressClassName).toBe('web');
    expect(
      (await admin.create(Ingress, ingress('b', { 'kubernetes.io/ingress.class': 'old' }))).spec.ingressClassName,
    ).toBeUndefined();
  });

  it('take runtime classes’ overhead', async () => {
    await admin.create(RuntimeClass, {
      metadata: { name: 'vm' },
      handler: 'kata',
      overhead: { podFixed: { memory: '64Mi' } },
      scheduling: { nodeSelector: { kata: 'yes' } },
    });
    const made = await admin.create(Pod, pod('plain', 'vm', { runtimeClassName: 'vm' }));
    expect(made.spec).toMatchObject({ overhead: { memory: '64Mi' }, nodeSelector: { kata: 'yes' } });
    await expect(admin.create(Pod, pod('plain', 'vm2', { runtimeClassName: 'nope' }))).rejects.toEqual(
      refused('pod rejected: RuntimeClass "nope" not found'),
    );
    await expect(
      admin.create(Pod, pod('plain', 'vm3', { runtimeClassName: 'vm', nodeSelector: { kata: 'no' } })),
    ).rejects.toEqual(
      refused('conflict: runtimeClass.scheduling.nodeSelector[kata] = yes; pod.spec.nodeSelector[kata] = no'),
    );
    await expect(admin.create(Pod, pod('plain', 'vm4', { overhead: { memory: '1Mi' } }))).rejects.toEqual(
      refused('Pod Overhead set without corresponding RuntimeClass'),
    );
  });

  it('label pods with the zone of their node', async () => {
    await admin.create(Node, {
      metadata: {
        name: 'zoned',
        labels: { 'topology.kubernetes.io/zone': 'z1', 'topology.kubernetes.io/region': 'r1' },
      },
    });
    await admin.create(Pod, pod('plain', 'zoned'));
    await admin.subresource(
      'create',
      Pod,
      { namespace: 'plain', name: 'zoned', subresource: 'binding' },
      { apiVersion: 'v1', kind: 'Binding', metadata: { name: 'zoned' }, target: { kind: 'Node', name: 'zoned' } },
    );
    const bound = await admin.get(Pod, { namespace: 'plain', name: 'zoned' });
    expect(bound.spec.nodeName).toBe('zoned');
    expect(bound.metadata.labels).toEqual({
      'topology.kubernetes.io/zone': 'z1',
      'topology.kubernetes.io/region': 'r1',
    });
  });

  it('taint new nodes', async () => {
    const node = await admin.create(Node, { metadata: { name: 'fresh' } });
    expect(node.spec.taints).toEqual([{ key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' }]);
  });
});

describe('PersistentVolumeClaimResize', () => {
  it('lets bound claims of expandable classes grow', async () => {
    await admin.create(StorageClass, { metadata: { name: 'grows' }, provisioner: 'p', allowVolumeExpansion: true });
    for (const storageClassName of ['grows', 'slow']) {
      const name = `c-${storageClassName}`;
      await admin.create(PersistentVolumeClaim, {
        metadata: { namespace: 'plain', name },
        spec: {
          storageClassName,
          accessModes: ['ReadWriteOnce'],
          volumeName: 'v',
          resources: { requests: { storage: '1Gi' } },
        },
      });
      const grow = () =>
        admin.patch(
          PersistentVolumeClaim,
          { namespace: 'plain', name },
          { spec: { resources: { requests: { storage: '2Gi' } } } },
          { type: 'merge' },
        );
      await expect(grow()).rejects.toMatchObject({ reason: expect.stringMatching(/Forbidden|Invalid/) });
      await admin.patch(
        PersistentVolumeClaim,
        { namespace: 'plain', name },
        { status: { phase: 'Bound', capacity: { storage: '1Gi' }, accessModes: ['ReadWriteOnce'] } },
        { type: 'merge', subresource: 'status' },
      );
      if (storageClassName === 'grows') await expect(grow()).resolves.toBeDefined();
      else await expect(grow()).rejects.toEqual(refused('only dynamically provisioned pvc can be resized'));
    }
  });
});

describe('plugins on request', () => {
  it('pull always', async () => {
    const other = await startWorld({
      admission: {
        enable: ['AlwaysPullImages', 'EventRateLimit'],
        configuration: { EventRateLimit: { limits: [{ type: 'Namespace', qps: 1, burst: 2 }] } },
      },
    });
    try {
      const made: Shared<Pod> = await other.admin
        .create(ServiceAccount, { metadata: { namespace: 'default', name: 'sa' } })
        .then(() =>
          other.admin.create(
            Pod,
            pod('default', 'a', {
              serviceAccountName: 'sa',
              containers: [{ name: 'c', image: 'i', imagePullPolicy: 'IfNotPresent' }],
            }),
          ),
        );
      expect(made.spec.containers[0]!.imagePullPolicy).toBe('Always');
      const event = (i: number) =>
        other.call('/api/v1/namespaces/default/events', {
          certificate: other.certificate('root', ['system:masters']),
          body: {
            apiVersion: 'v1',
            kind: 'Event',
            metadata: { name: `e${i}`, namespace: 'default' },
            involvedObject: { kind: 'Pod', name: 'a', namespace: 'default' },
            reason: 'R',
            message: 'm',
            type: 'Normal',
          },
        });
      const codes = [(await event(1)).status, (await event(2)).status, (await event(3)).status];
      expect(codes).toEqual([201, 201, 429]);
    } finally {
      await other.close();
    }
  });

  it('must be known', async () => {
    await expect(startWorld({ admission: { enable: ['NoSuchPlugin'] } })).rejects.toThrow('"NoSuchPlugin" is unknown');
  });
});
