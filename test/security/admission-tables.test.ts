/** The cases that upstream documents of plugins which are on by default, where one decision depends on several things. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CertificateSigningRequest } from '../../src/api/certificates/certificate-signing-request.ts';
import { Node } from '../../src/api/core/node.ts';
import { PersistentVolume } from '../../src/api/core/persistent-volume.ts';
import { PersistentVolumeClaim } from '../../src/api/core/persistent-volume-claim.ts';
import { Pod } from '../../src/api/core/pod.ts';
import { ClusterRole } from '../../src/api/rbac/cluster-role.ts';
import { ClusterRoleBinding } from '../../src/api/rbac/cluster-role-binding.ts';
import type { Taint, Toleration } from '../../src/api/types/core-v1.ts';
import { eventRateLimit } from '../../src/apiserver/admission/event-rate-limit.ts';
import { VirtualClock } from '../../src/base/clock.ts';
import { createCertificateRequest, generateKeys } from '../../src/base/pki.ts';
import type { Client } from '../../src/client/client.ts';
import { pod, refused, startWorld, type World } from './world.ts';

let world: World;
let admin: Client;
let serial = 0;
const fresh = () => `x${++serial}`;

beforeAll(async () => {
  world = await startWorld();
  admin = world.admin;
  await world.namespace('plain');
});
afterAll(() => world?.close());

describe('DefaultTolerationSeconds', () => {
  const notReady = 'node.kubernetes.io/not-ready';
  const unreachable = 'node.kubernetes.io/unreachable';
  const added = (key: string): Toleration => ({ key, operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 });
  const own = (key: string, more: Toleration = {}): Toleration => ({
    key,
    operator: 'Exists',
    effect: 'NoExecute',
    ...more,
  });
  it.each<[string, Toleration[], Toleration[]]>([
    ['nothing', [], [added(notReady), added(unreachable)]],
    ['something else', [own('other')], [added(notReady), added(unreachable)]],
    ['one of both', [own(notReady, { tolerationSeconds: 5 })], [added(unreachable)]],
    ['both for ever', [own(notReady), own(unreachable)], []],
    ['one with no effect said', [{ key: unreachable, operator: 'Exists' }], [added(notReady)]],
    ['one with another effect', [{ ...own(notReady), effect: 'NoSchedule' }], [added(notReady), added(unreachable)]],
    ['everything', [{ operator: 'Exists' }], []],
  ])('of a pod that tolerates %s', async (_, given, wanted) => {
    const made = await admin.create(Pod, pod('plain', fresh(), { tolerations: given }));
    expect(made.spec.tolerations).toEqual([...given, ...wanted]);
  });
});

describe('TaintNodesByCondition', () => {
  const taint: Taint = { key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' };
  it.each<[string, Taint[], Taint[]]>([
    ['without taints', [], [taint]],
    ['with another taint', [{ key: 'a', effect: 'NoSchedule' }], [{ key: 'a', effect: 'NoSchedule' }, taint]],
    ['with that taint', [taint], [taint]],
    ['with it to another effect', [{ ...taint, effect: 'NoExecute' }], [{ ...taint, effect: 'NoExecute' }, taint]],
  ])('a node %s', async (_, given, wanted) => {
    const made = await admin.create(Node, { metadata: { name: fresh() }, spec: { taints: given } });
    expect(made.spec.taints).toEqual(wanted);
    const ref = { name: made.metadata.name };
    const again = await admin.patch(Node, ref, { spec: { taints: [] } }, { type: 'merge' });
    expect(again.spec.taints ?? []).toEqual([]);
  });
});

describe('StorageObjectInUseProtection', () => {
  const claim = (finalizers?: string[]) => ({
    metadata: { namespace: 'plain', name: fresh(), ...(finalizers ? { finalizers } : {}) },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
  });
  it.each<[string[] | undefined, string[]]>([
    [undefined, ['kubernetes.io/pvc-protection']],
    [['kubernetes.io/pvc-protection'], ['kubernetes.io/pvc-protection']],
    [['example.com/own'], ['example.com/own', 'kubernetes.io/pvc-protection']],
  ])('a claim with the finalizers %j', async (given, wanted) => {
    expect((await admin.create(PersistentVolumeClaim, claim(given))).metadata.finalizers).toEqual(wanted);
  });

  it('a volume has one of its own, which whoever may write it may take off', async () => {
    const made = await admin.create(PersistentVolume, {
      metadata: { name: 'v' },
      spec: { accessModes: ['ReadWriteOnce'], capacity: { storage: '1Gi' }, hostPath: { path: '/tmp/x' } },
    });
    expect(made.metadata.finalizers).toEqual(['kubernetes.io/pv-protection']);
    const bare = await admin.patch(
      PersistentVolume,
      { name: 'v' },
      { metadata: { finalizers: null } },
      { type: 'merge' },
    );
    expect(bare.metadata.finalizers).toBeUndefined();
  });
});

describe('CertificateApproval, CertificateSigning and CertificateSubjectRestriction', () => {
  const signer = 'kubernetes.io/kube-apiserver-client';
  const request = (signerName: string, ...organizations: string[]) => ({
    metadata: { name: fresh() },
    spec: {
      signerName,
      usages: ['client auth'],
      request: Buffer.from(
        createCertificateRequest(generateKeys().key, { subject: { commonName: 'c', organizations } }),
      ).toString('base64'),
    },
  });
  const may = async (user: string, verbs: string[], names?: string[]) => {
    const metadata = { name: `csr:${user}` };
    const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: metadata.name };
    await admin.create(ClusterRole, {
      metadata,
      rules: [
        {
          apiGroups: ['certificates.k8s.io'],
          resources: ['certificatesigningrequests/approval', 'certificatesigningrequests/status'],
          verbs: ['update'],
        },
        {
          apiGroups: ['certificates.k8s.io'],
          resources: ['signers'],
          verbs,
          ...(names ? { resourceNames: names } : {}),
        },
      ],
    });
    const subjects = [{ apiGroup: roleRef.apiGroup, kind: 'User', name: user }];
    await admin.create(ClusterRoleBinding, { metadata, roleRef, subjects });
  };
  beforeAll(async () => {
    await may('approver', ['approve'], [signer]);
    await may('domain-approver', ['approve'], ['kubernetes.io/*']);
    await may('other-approver', ['approve'], ['example.com/signer', 'kubernetes.io/kubelet-serving']);
    await may('signer', ['sign'], [signer]);
    await may('everywhere', ['approve', 'sign']);
  });

  it.each<[user: string, what: 'approval' | 'status', allowed: boolean]>([
    ['approver', 'approval', true],
    ['domain-approver', 'approval', true],
    ['other-approver', 'approval', false],
    ['signer', 'approval', false],
    ['everywhere', 'approval', true],
    ['approver', 'status', false],
    ['signer', 'status', true],
    ['everywhere', 'status', true],
  ])('%s, writing the %s: %s', async (user, what, allowed) => {
    const made = await admin.create(CertificateSigningRequest, request(signer));
    const status =
      what === 'approval'
        ? { conditions: [{ type: 'Approved', status: 'True', reason: 'r', message: 'm' }] }
        : { conditions: [{ type: 'Failed', status: 'True', reason: 'r', message: 'm' }] };
    const where = { name: made.metadata.name, subresource: what };
    const written = world.as(user).subresource('update', CertificateSigningRequest, where, { ...made, status });
    if (allowed) await written;
    else
      await expect(written).rejects.toEqual(
        refused(
          `user not permitted to ${what === 'approval' ? 'approve' : 'sign'} requests with signerName "${signer}"`,
        ),
      );
  });

  it.each<[string, string[], boolean]>([
    [signer, [], true],
    [signer, ['developers'], true],
    [signer, ['system:masters'], false],
    [signer, ['developers', 'system:masters'], false],
    ['example.com/signer', ['system:masters'], true],
  ])('of %s for the groups %j', async (signerName, groups, allowed) => {
    const made = admin.create(CertificateSigningRequest, request(signerName, ...groups));
    if (allowed) await made;
    else await expect(made).rejects.toEqual(refused('signer with system:masters group is not allowed'));
  });
});

describe('EventRateLimit', () => {
  const event = (namespace: string, user: string, source: string, about = 'a') => ({
    ...{
      operation: 'CREATE',
      resource: { group: '', version: 'v1', plural: 'events' },
      subresource: '',
      name: 'e',
      namespace,
    },
    user: { name: user, groups: [] },
    object: { metadata: { name: 'e' }, source: { component: source }, involvedObject: { name: about } },
  });
  const same = [event('n', 'u', 's'), event('n', 'u', 's'), event('n', 'u', 's')];
  it.each<[string, ReturnType<typeof event>[], number]>([
    ['Server', same, 2],
    ['Server', [event('n', 'u', 's'), event('m', 'v', 't'), event('o', 'w', 'r')], 2],
    ['Namespace', same, 2],
    ['Namespace', [event('n', 'u', 's'), event('n', 'v', 't'), event('m', 'v', 't')], 3],
    ['User', [event('n', 'u', 's'), event('m', 'u', 't'), event('o', 'u', 'r'), event('o', 'v', 'r')], 3],
    ['SourceAndObject', [event('n', 'u', 's'), event('n', 'v', 's'), event('n', 'w', 's')], 2],
    ['SourceAndObject', [event('n', 'u', 's', 'a'), event('n', 'u', 's', 'a'), event('n', 'u', 's', 'b')], 3],
  ])('of the type %s takes two of a kind at once', async (type, events, taken) => {
    const clock = new VirtualClock();
    const plugin = eventRateLimit.create({ clock, configuration: { limits: [{ type, qps: 1, burst: 2 }] } } as never);
    const outcome = (one: object): boolean => {
      try {
        plugin.validate!(one as never);
        return true;
      } catch (error) {
        expect(error).toMatchObject({
          reason: 'TooManyRequests',
          message: expect.stringContaining(`limit reached on type ${type}`),
        });
        return false;
      }
    };
    expect(events.map(outcome).filter(Boolean)).toHaveLength(taken);
    await clock.advance(1000);
    expect(outcome(events.at(-1)!)).toBe(true);
  });

  it.each([[undefined], [{ limits: [] }], [{ limits: [{ type: 'Server', qps: 0, burst: 1 }] }]])(
    'with the configuration %j is refused',
    (configuration) => {
      expect(() => eventRateLimit.create({ clock: new VirtualClock(), configuration } as never)).toThrow(
        'EventRateLimit',
      );
    },
  );
});
