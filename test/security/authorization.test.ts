import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CertificateSigningRequest } from '../../src/api/certificates/certificate-signing-request.ts';
import { ConfigMap } from '../../src/api/core/config-map.ts';
import { Endpoints } from '../../src/api/core/endpoints.ts';
import { Pod } from '../../src/api/core/pod.ts';
import { Secret } from '../../src/api/core/secret.ts';
import { Service } from '../../src/api/core/service.ts';
import { EndpointSlice } from '../../src/api/discovery/endpoint-slice.ts';
import { ClusterRole } from '../../src/api/rbac/cluster-role.ts';
import { ClusterRoleBinding } from '../../src/api/rbac/cluster-role-binding.ts';
import { Role } from '../../src/api/rbac/role.ts';
import { RoleBinding } from '../../src/api/rbac/role-binding.ts';
import { createCertificateRequest, generateKeys } from '../../src/base/pki.ts';
import type { Client } from '../../src/client/client.ts';
import { rbac, startTenants } from './tenants.ts';
import { refused, type World } from './world.ts';

let world: World;
let admin: Client;

beforeAll(async () => {
  world = await startTenants();
  admin = world.admin;
});
afterAll(() => world.close());

describe('namespaces keep tenants apart', () => {
  const dana = () => world.as('dana');

  it('allows what is bound, where it is bound', async () => {
    await expect(dana().list(ConfigMap, { namespace: 'team-a' })).resolves.toBeDefined();
    await expect(dana().get(Secret, { namespace: 'team-a', name: 'password' })).resolves.toBeDefined();
  });

  it('refuses the rest, in upstream’s words', async () => {
    await expect(dana().list(ConfigMap, { namespace: 'team-b' })).rejects.toEqual(
      refused(
        'configmaps is forbidden: User "dana" cannot list resource "configmaps" in API group "" in the namespace "team-b"',
      ),
    );
    await expect(dana().list(ConfigMap)).rejects.toEqual(
      refused('User "dana" cannot list resource "configmaps" in API group "" at the cluster scope'),
    );
    await expect(dana().get(Secret, { namespace: 'team-a', name: 'unused' })).rejects.toEqual(
      refused(
        'secrets "unused" is forbidden: User "dana" cannot get resource "secrets" in API group "" in the namespace "team-a"',
      ),
    );
    await expect(dana().list(Secret, { namespace: 'team-a' })).rejects.toEqual(
      refused('cannot list resource "secrets"'),
    );
  });

  it('holds a pod’s token to its own namespace', async () => {
    const groups = ['system:serviceaccounts', 'system:serviceaccounts:team-a'];
    const pod = world.as('system:serviceaccount:team-a:default', ...groups);
    await expect(pod.list(Pod, { namespace: 'team-a' })).resolves.toBeDefined();
    await expect(pod.list(Pod, { namespace: 'team-b' })).rejects.toEqual(refused('team-b'));
    await expect(pod.get(Secret, { namespace: 'team-b', name: 'password' })).rejects.toEqual(refused('team-b'));
    const other = world.as(
      'system:serviceaccount:team-b:default',
      'system:serviceaccounts',
      'system:serviceaccounts:team-b',
    );
    await expect(other.list(Pod, { namespace: 'team-a' })).rejects.toEqual(refused('team-a'));
  });

  it.each([
    ['/api/v1/namespaces/team-a/../team-b/secrets'],
    ['/api/v1/namespaces/team-a/%2e%2e/team-b/secrets'],
    ['/api/v1/namespaces/team-a%2f..%2fteam-b/secrets'],
    ['/api/v1/namespaces/team-a/..%2fteam-b/secrets/password'],
    ['/api/v1/namespaces/team-b/secrets/password?namespace=team-a'],
    ['/api/v1//namespaces/team-b/secrets'],
    ['/api//v1/secrets'],
    ['/api/v1/namespaces/team-b/secrets/../configmaps/settings'],
    ['/API/V1/secrets'],
    ['/api/v1/watch/namespaces/team-b/secrets'],
    ['/api/v1/namespaces/team-b/secrets;x=1'],
    ['/api/v1/namespaces/%00/secrets'],
  ])('gives nothing of another namespace at %s', async (path) => {
    const answer = await world.call(path, { certificate: world.certificate('dana') });
    // An empty segment ends the resource's path: what is left is discovery, which every user may read.
    const harmless = answer.status >= 400 || answer.body?.kind === 'APIResourceList';
    expect([harmless, answer.text]).toEqual([true, expect.not.stringContaining('secret-value')]);
  });

  it('does not tell whether a secret exists', async () => {
    const get = (name: string) =>
      world.call(`/api/v1/namespaces/team-b/secrets/${name}`, { certificate: world.certificate('dana') });
    expect((await get('password')).status).toBe(403);
    expect((await get('nothing')).status).toBe(403);
  });
});

describe('an editor of a namespace', () => {
  beforeAll(async () => {
    await admin.create(RoleBinding, {
      metadata: { namespace: 'team-a', name: 'editor' },
      roleRef: { apiGroup: rbac, kind: 'ClusterRole', name: 'system:aggregate-to-edit' },
      subjects: [{ kind: 'User', apiGroup: rbac, name: 'edith' }],
    });
  });

  it('points no service at the pods of others: endpoints are not his to write', async () => {
    const edith = world.as('edith');
    const metadata = { namespace: 'team-a', name: 's' };
    await edith.create(Service, { metadata, spec: { ports: [{ port: 80 }] } });
    const other = '10.244.7.7';
    await expect(
      edith.create(Endpoints, { metadata, subsets: [{ addresses: [{ ip: other }], ports: [{ port: 80 }] }] }),
    ).rejects.toEqual(refused('cannot create resource "endpoints" in API group "" in the namespace "team-a"'));
    await expect(
      edith.create(EndpointSlice, { metadata, addressType: 'IPv4', endpoints: [{ addresses: [other] }], ports: [] }),
    ).rejects.toEqual(refused('cannot create resource "endpointslices" in API group "discovery.k8s.io"'));
  });
});

describe('nobody grants what he does not hold', () => {
  const dana = () => world.as('dana');
  const role = (name: string, rules: object[]) => ({ metadata: { namespace: 'team-a', name }, rules: rules as never });
  const bind = (name: string, kind: string, to: string, user = 'dana') => ({
    metadata: { namespace: 'team-a', name },
    roleRef: { apiGroup: rbac, kind, name: to },
    subjects: [{ kind: 'User', apiGroup: rbac, name: user }],
  });

  it('lets roles be made of what the maker holds', async () => {
    await dana().create(Role, role('readers', [{ apiGroups: [''], resources: ['pods'], verbs: ['get', 'list'] }]));
    await dana().create(RoleBinding, bind('readers', 'Role', 'readers', 'erin'));
    await expect(world.as('erin').list(Pod, { namespace: 'team-a' })).resolves.toBeDefined();
  });

  it.each<[string, object[], string]>([
    [
      'another verb',
      [{ apiGroups: [''], resources: ['pods'], verbs: ['get', 'deletecollection'] }],
      '{APIGroups:[""], Resources:["pods"], Verbs:["deletecollection"]}',
    ],
    ['every verb', [{ apiGroups: [''], resources: ['pods'], verbs: ['*'] }], 'Verbs:["*"]'],
    [
      'another resource',
      [{ apiGroups: [''], resources: ['secrets'], verbs: ['get'] }],
      '{APIGroups:[""], Resources:["secrets"], Verbs:["get"]}',
    ],
    ['a subresource', [{ apiGroups: [''], resources: ['pods/exec'], verbs: ['create'] }], 'pods/exec'],
    [
      'another name',
      [{ apiGroups: [''], resources: ['secrets'], resourceNames: ['unused'], verbs: ['get'] }],
      'ResourceNames:["unused"]',
    ],
    ['every group', [{ apiGroups: ['*'], resources: ['pods'], verbs: ['get'] }], 'APIGroups:["*"]'],
  ])('refuses a role with %s', async (_, rules, missing) => {
    const attempt = dana().create(Role, role('more', rules));
    await expect(attempt).rejects.toEqual(
      refused(
        'user "dana" (groups=["system:authenticated"]) is attempting to grant RBAC permissions not currently held:',
      ),
    );
    await expect(dana().create(Role, role('more', rules))).rejects.toEqual(refused(missing));
  });

  it('refuses widening a role, by update and by patch', async () => {
    await dana().create(Role, role('grows', [{ apiGroups: [''], resources: ['pods'], verbs: ['get'] }]));
    const patch = [{ op: 'add', path: '/rules/-', value: { apiGroups: ['*'], resources: ['*'], verbs: ['*'] } }];
    await expect(dana().patch(Role, { namespace: 'team-a', name: 'grows' }, patch, { type: 'json' })).rejects.toEqual(
      refused('not currently held'),
    );
    const label = { metadata: { labels: { x: 'y' } } };
    await expect(
      dana().patch(Role, { namespace: 'team-a', name: 'grows' }, label, { type: 'merge' }),
    ).resolves.toBeDefined();
  });

  it('refuses bindings to a role that gives more', async () => {
    await expect(dana().create(RoleBinding, bind('up', 'ClusterRole', 'cluster-admin'))).rejects.toEqual(
      refused('not currently held'),
    );
    await expect(dana().create(RoleBinding, bind('up', 'ClusterRole', 'system:node'))).rejects.toEqual(
      refused('not currently held'),
    );
    await expect(dana().create(RoleBinding, bind('up', 'ClusterRole', 'not-made-yet'))).rejects.toMatchObject({
      reason: 'NotFound',
    });
    await expect(
      dana().create(ClusterRoleBinding, { ...bind('up', 'ClusterRole', 'view'), metadata: { name: 'up' } }),
    ).rejects.toEqual(refused('clusterrolebindings'));
  });

  it('refuses adding a subject to a strong binding', async () => {
    await admin.create(RoleBinding, bind('strong', 'ClusterRole', 'cluster-admin', 'root'));
    const patch = [{ op: 'add', path: '/subjects/-', value: { kind: 'User', apiGroup: rbac, name: 'dana' } }];
    await expect(
      dana().patch(RoleBinding, { namespace: 'team-a', name: 'strong' }, patch, { type: 'json' }),
    ).rejects.toEqual(refused('not currently held'));
  });

  it('allows it with the verbs escalate and bind', async () => {
    await admin.create(
      Role,
      role('may-bind', [
        { apiGroups: [rbac], resources: ['clusterroles'], resourceNames: ['system:kube-dns'], verbs: ['bind'] },
        { apiGroups: [rbac], resources: ['roles'], verbs: ['escalate'] },
        { apiGroups: [rbac], resources: ['roles', 'rolebindings'], verbs: ['create'] },
      ]),
    );
    await admin.create(RoleBinding, bind('may-bind', 'Role', 'may-bind', 'bea'));
    const bea = world.as('bea');
    await expect(bea.create(RoleBinding, bind('dns', 'ClusterRole', 'system:kube-dns', 'x'))).resolves.toBeDefined();
    await expect(bea.create(RoleBinding, bind('dns2', 'ClusterRole', 'system:node', 'x'))).rejects.toEqual(
      refused('not currently held'),
    );
    await expect(
      bea.create(Role, role('anything', [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }])),
    ).resolves.toBeDefined();
  });

  it('keeps aggregation rules to cluster admins', async () => {
    await admin.create(ClusterRole, {
      metadata: { name: 'role-maker' },
      rules: [{ apiGroups: [rbac], resources: ['clusterroles'], verbs: ['create'] }],
    });
    await admin.create(ClusterRoleBinding, {
      metadata: { name: 'role-maker' },
      roleRef: { apiGroup: rbac, kind: 'ClusterRole', name: 'role-maker' },
      subjects: [{ kind: 'User', apiGroup: rbac, name: 'max' }],
    });
    const aggregated = {
      metadata: { name: 'sum' },
      aggregationRule: { clusterRoleSelectors: [{ matchLabels: { a: 'b' } }] },
    };
    await expect(world.as('max').create(ClusterRole, aggregated)).rejects.toEqual(
      refused('must have cluster-admin privileges to use an aggregationRule'),
    );
  });
});

describe('certificate signing requests', () => {
  const request = (commonName: string, organizations: string[] = []) =>
    Buffer.from(createCertificateRequest(generateKeys().key, { subject: { commonName, organizations } })).toString(
      'base64',
    );
  const csr = (name: string, spec: object) => ({
    metadata: { name },
    spec: { usages: ['client auth'], ...spec } as never,
  });

  beforeAll(async () => {
    await admin.create(ClusterRole, {
      metadata: { name: 'csr' },
      rules: [
        {
          apiGroups: ['certificates.k8s.io'],
          resources: [
            'certificatesigningrequests',
            'certificatesigningrequests/approval',
            'certificatesigningrequests/status',
          ],
          verbs: ['*'],
        },
      ],
    });
    await admin.create(ClusterRoleBinding, {
      metadata: { name: 'csr' },
      roleRef: { apiGroup: rbac, kind: 'ClusterRole', name: 'csr' },
      subjects: [{ kind: 'User', apiGroup: rbac, name: 'cleo' }],
    });
  });

  it('do not ask for system:masters', async () => {
    const spec = { signerName: 'kubernetes.io/kube-apiserver-client', request: request('me', ['system:masters']) };
    await expect(world.as('cleo').create(CertificateSigningRequest, csr('masters', spec))).rejects.toEqual(
      refused('use of kubernetes.io/kube-apiserver-client signer with system:masters group is not allowed'),
    );
  });

  it('are approved and signed by those who may act for the signer', async () => {
    const cleo = world.as('cleo');
    await cleo.create(
      CertificateSigningRequest,
      csr('mine', { signerName: 'kubernetes.io/kube-apiserver-client', request: request('me') }),
    );
    const found = await cleo.get(CertificateSigningRequest, { name: 'mine' });
    const approved = {
      ...found,
      status: { conditions: [{ type: 'Approved', status: 'True', reason: 'x', message: 'y' }] },
    };
    await expect(
      cleo.subresource('update', CertificateSigningRequest, { name: 'mine', subresource: 'approval' }, approved),
    ).rejects.toEqual(
      refused('user not permitted to approve requests with signerName "kubernetes.io/kube-apiserver-client"'),
    );
    const signed = { ...found, status: { certificate: Buffer.from(world.ca.cert).toString('base64') } };
    await expect(
      cleo.subresource('update', CertificateSigningRequest, { name: 'mine', subresource: 'status' }, signed),
    ).rejects.toEqual(refused('user not permitted to sign requests'));
  });

  it('of a node name itself', async () => {
    const n1 = world.as('system:node:n1', 'system:nodes');
    const spec = {
      signerName: 'kubernetes.io/kube-apiserver-client-kubelet',
      usages: ['digital signature', 'client auth'],
    };
    await expect(
      n1.create(
        CertificateSigningRequest,
        csr('n2', { ...spec, request: request('system:node:n2', ['system:nodes']) }),
      ),
    ).rejects.toEqual(refused('can only create a node CSR with CN=system:node:n1'));
    await expect(
      n1.create(
        CertificateSigningRequest,
        csr('n1', { ...spec, request: request('system:node:n1', ['system:nodes']) }),
      ),
    ).resolves.toBeDefined();
  });
});
