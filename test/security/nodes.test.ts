import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CertificateSigningRequest } from '../../src/api/certificates/certificate-signing-request.ts';
import { Lease } from '../../src/api/coordination/lease.ts';
import { ConfigMap } from '../../src/api/core/config-map.ts';
import { Node } from '../../src/api/core/node.ts';
import { Pod } from '../../src/api/core/pod.ts';
import { Secret } from '../../src/api/core/secret.ts';
import { ServiceAccount } from '../../src/api/core/service-account.ts';
import { createCertificateRequest, generateKeys } from '../../src/base/pki.ts';
import type { Client } from '../../src/client/client.ts';
import { startTenants } from './tenants.ts';
import { refused, type World } from './world.ts';

let world: World;
let admin: Client;

beforeAll(async () => {
  world = await startTenants();
  admin = world.admin;
});
afterAll(() => world.close());

describe('a machine with a join token', () => {
  const joining = () =>
    world.as('system:bootstrap:abcdef', 'system:bootstrappers', 'system:bootstrappers:timonel:node');

  it('may ask for a certificate', async () => {
    const request = createCertificateRequest(generateKeys().key, {
      subject: { commonName: 'system:node:n9', organizations: ['system:nodes'] },
    });
    const spec = {
      signerName: 'kubernetes.io/kube-apiserver-client-kubelet',
      usages: ['digital signature', 'client auth'],
      request: Buffer.from(request).toString('base64'),
    };
    await expect(
      joining().create(CertificateSigningRequest, { metadata: { name: 'n9' }, spec: spec as never }),
    ).resolves.toBeDefined();
  });

  it('may do nothing else', async () => {
    await expect(joining().list(Secret, { namespace: 'kube-system' })).rejects.toEqual(refused('cannot list'));
    await expect(joining().list(Node)).rejects.toEqual(refused('cannot list'));
    await expect(joining().create(Node, { metadata: { name: 'n9' } })).rejects.toEqual(refused('cannot create'));
    const other = world.as('system:bootstrap:abcdef', 'system:bootstrappers');
    await expect(other.list(CertificateSigningRequest)).rejects.toEqual(refused('cannot list'));
  });
});

describe('a node', () => {
  const node = (name = 'n1') => world.as(`system:node:${name}`, 'system:nodes');

  beforeAll(async () => {
    for (const name of ['n1', 'n2']) await admin.create(Node, { metadata: { name } });
    await admin.create(Pod, {
      metadata: { namespace: 'team-a', name: 'on-n1' },
      spec: {
        nodeName: 'n1',
        containers: [{ name: 'c', image: 'i', envFrom: [{ secretRef: { name: 'password' } }] }],
        volumes: [{ name: 'v', configMap: { name: 'settings' } }],
      },
    });
    await admin.create(Pod, {
      metadata: { namespace: 'team-b', name: 'on-n2' },
      spec: { nodeName: 'n2', containers: [{ name: 'c', image: 'i', envFrom: [{ secretRef: { name: 'password' } }] }] },
    });
  });

  it('reads what its pods need', async () => {
    await expect(node().get(Secret, { namespace: 'team-a', name: 'password' })).resolves.toBeDefined();
    await expect(node().get(ConfigMap, { namespace: 'team-a', name: 'settings' })).resolves.toBeDefined();
    await expect(node().get(ServiceAccount, { namespace: 'team-a', name: 'default' })).resolves.toBeDefined();
    await expect(node().get(Pod, { namespace: 'team-a', name: 'on-n1' })).resolves.toBeDefined();
    await expect(node().list(Pod, { fieldSelector: 'spec.nodeName=n1' })).resolves.toBeDefined();
    await expect(node().get(Node, { name: 'n1' })).resolves.toBeDefined();
  });

  it.each<[string, (client: Client) => Promise<unknown>, string]>([
    [
      'a secret of its namespace that no pod uses',
      (c) => c.get(Secret, { namespace: 'team-a', name: 'unused' }),
      "no relationship found between node 'n1' and this object",
    ],
    [
      'a secret of another node’s pod',
      (c) => c.get(Secret, { namespace: 'team-b', name: 'password' }),
      'no relationship found',
    ],
    ['all secrets', (c) => c.list(Secret, { namespace: 'team-a' }), 'No Object name found'],
    ['secrets cluster-wide', (c) => c.list(Secret), 'can only read namespaced object of this type'],
    ['another node’s pod', (c) => c.get(Pod, { namespace: 'team-b', name: 'on-n2' }), 'no relationship found'],
    ['all pods', (c) => c.list(Pod), 'can only list/watch pods with spec.nodeName field selector'],
    ['another node’s pods', (c) => c.list(Pod, { fieldSelector: 'spec.nodeName=n2' }), 'can only list/watch pods'],
    ['pods not on n2', (c) => c.list(Pod, { fieldSelector: 'spec.nodeName!=n2' }), 'can only list/watch pods'],
    ['another node', (c) => c.get(Node, { name: 'n2' }), "node 'n1' cannot read 'n2', only its own Node object"],
    [
      'another account',
      (c) => c.get(ServiceAccount, { namespace: 'team-b', name: 'default' }),
      'no relationship found',
    ],
    [
      'another node’s lease',
      (c) => c.get(Lease, { namespace: 'kube-node-lease', name: 'n2' }),
      'can only access node lease with the same name',
    ],
    [
      'a lease elsewhere',
      (c) => c.get(Lease, { namespace: 'kube-system', name: 'n1' }),
      'can only access leases in the "kube-node-lease"',
    ],
  ])('does not read %s', async (_, attempt, message) => {
    await expect(attempt(node())).rejects.toEqual(refused(message));
  });

  it.each<[string, (client: Client) => Promise<unknown>, string]>([
    [
      'another node',
      (c) => c.patch(Node, { name: 'n2' }, { metadata: { annotations: { a: 'b' } } }, { type: 'merge' }),
      'node "n1" is not allowed to modify node "n2"',
    ],
    [
      'its own taints',
      (c) => c.patch(Node, { name: 'n1' }, { spec: { taints: [] } }, { type: 'merge' }),
      'is not allowed to modify taints',
    ],
    [
      'labels that isolate nodes',
      (c) =>
        c.patch(
          Node,
          { name: 'n1' },
          { metadata: { labels: { 'node-restriction.kubernetes.io/tier': 'x' } } },
          { type: 'merge' },
        ),
      'is not allowed to modify the following labels: node-restriction.kubernetes.io/tier',
    ],
    [
      'role labels',
      (c) =>
        c.patch(
          Node,
          { name: 'n1' },
          { metadata: { labels: { 'node-role.kubernetes.io/control-plane': '' } } },
          { type: 'merge' },
        ),
      'node-role.kubernetes.io/control-plane',
    ],
    [
      'another node’s pod status',
      (c) =>
        c.patch(
          Pod,
          { namespace: 'team-b', name: 'on-n2' },
          { status: { phase: 'Failed' } },
          { type: 'merge', subresource: 'status' },
        ),
      'can only update pod status for pods with spec.nodeName set to itself',
    ],
    [
      'labels of its pods',
      (c) =>
        c.patch(
          Pod,
          { namespace: 'team-a', name: 'on-n1' },
          { metadata: { labels: { a: 'b' } } },
          { type: 'merge', subresource: 'status' },
        ),
      'cannot update labels through pod status',
    ],
    [
      'another node’s pod by deleting it',
      (c) => c.delete(Pod, { namespace: 'team-b', name: 'on-n2' }),
      'can only delete pods with spec.nodeName set to itself',
    ],
    [
      'pods that are not mirrors',
      (c) =>
        c.create(Pod, {
          metadata: { namespace: 'team-a', name: 'made' },
          spec: { nodeName: 'n1', containers: [{ name: 'c', image: 'i' }] },
        }),
      'can only create mirror pods',
    ],
    [
      'mirror pods that read a secret',
      (c) =>
        c.create(Pod, {
          metadata: { namespace: 'team-a', name: 'mirror', annotations: { 'kubernetes.io/config.mirror': 'x' } },
          spec: {
            nodeName: 'n1',
            containers: [{ name: 'c', image: 'i' }],
            volumes: [{ name: 's', secret: { secretName: 'unused' } }],
          },
        }),
      'secrets',
    ],
    [
      'another node’s lease',
      (c) => c.create(Lease, { metadata: { namespace: 'kube-node-lease', name: 'n2' } }),
      'same name as the requesting node',
    ],
    [
      'a new node of another name',
      (c) => c.create(Node, { metadata: { name: 'n3' } }),
      'node "n1" is not allowed to modify node "n3"',
    ],
  ])('does not write %s', async (_, attempt, message) => {
    await expect(attempt(node())).rejects.toEqual(refused(message));
  });

  const token = (client: Client, namespace: string, spec: object) =>
    client.subresource(
      'create',
      ServiceAccount,
      { namespace, name: 'default', subresource: 'token' },
      { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', metadata: {}, spec: { audiences: [], ...spec } },
    );

  it('gets tokens bound to its own pods only', async () => {
    const mine = await admin.get(Pod, { namespace: 'team-a', name: 'on-n1' });
    const others = await admin.get(Pod, { namespace: 'team-b', name: 'on-n2' });
    const ref = (pod: { metadata: { name: string; uid: string } }) => ({
      boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: pod.metadata.name, uid: pod.metadata.uid },
    });
    await expect(token(node(), 'team-a', ref(mine))).resolves.toMatchObject({ status: { token: expect.any(String) } });
    await expect(token(node(), 'team-a', {})).rejects.toEqual(refused('node requested token not bound to a pod'));
    await expect(token(node(), 'team-b', ref(others))).rejects.toEqual(refused('no relationship found'));
    await expect(token(node(), 'team-a', { ...ref(mine), audiences: ['vault'] })).rejects.toEqual(
      refused('audience "vault" not found in pod spec volume'),
    );
  });

  it('writes its own lease and status', async () => {
    await expect(
      node().create(Lease, { metadata: { namespace: 'kube-node-lease', name: 'n1' } }),
    ).resolves.toBeDefined();
    await expect(
      node().patch(
        Pod,
        { namespace: 'team-a', name: 'on-n1' },
        { status: { message: 'm' } },
        { type: 'merge', subresource: 'status' },
      ),
    ).resolves.toBeDefined();
    await expect(
      node().patch(
        Node,
        { name: 'n1' },
        { status: { nodeInfo: { kernelVersion: 'x' } } },
        { type: 'merge', subresource: 'status' },
      ),
    ).resolves.toBeDefined();
  });

  it('that is only in the group is nobody', async () => {
    await expect(world.as('mallory', 'system:nodes').list(Node)).rejects.toEqual(refused('mallory'));
  });
});
