import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ClusterRole } from '../../src/api/rbac/cluster-role.ts';
import { ClusterRoleBinding } from '../../src/api/rbac/cluster-role-binding.ts';
import type { Client } from '../../src/client/client.ts';
import { rbac, startTenants } from './tenants.ts';
import type { World } from './world.ts';

let world: World;
let admin: Client;

beforeAll(async () => {
  world = await startTenants();
  admin = world.admin;
});
afterAll(() => world.close());

describe('impersonation', () => {
  const self = '/apis/authentication.k8s.io/v1/selfsubjectreviews';
  const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' };
  const as = (headers: Record<string, string | string[]>, user = 'dana', groups: string[] = []) =>
    world.call(self, { certificate: world.certificate(user, groups), headers, body });

  beforeAll(async () => {
    await admin.create(ClusterRole, {
      metadata: { name: 'helpdesk' },
      rules: [
        { apiGroups: [''], resources: ['users'], resourceNames: ['bob'], verbs: ['impersonate'] },
        { apiGroups: [''], resources: ['groups'], resourceNames: ['dev'], verbs: ['impersonate'] },
        {
          apiGroups: ['authentication.k8s.io'],
          resources: ['userextras/scopes'],
          resourceNames: ['view'],
          verbs: ['impersonate'],
        },
      ],
    });
    await admin.create(ClusterRoleBinding, {
      metadata: { name: 'helpdesk' },
      roleRef: { apiGroup: rbac, kind: 'ClusterRole', name: 'helpdesk' },
      subjects: [{ kind: 'User', apiGroup: rbac, name: 'hal' }],
    });
  });

  it('is for those who may', async () => {
    const answer = await as(
      { 'Impersonate-User': 'bob', 'Impersonate-Group': ['dev'], 'Impersonate-Extra-Scopes': 'view' },
      'hal',
    );
    expect(answer.body.status.userInfo).toEqual({
      username: 'bob',
      groups: ['dev', 'system:authenticated'],
      extra: { scopes: ['view'] },
    });
  });

  it.each<[string, Record<string, string | string[]>, string]>([
    ['another user', { 'Impersonate-User': 'alice' }, 'cannot impersonate resource "users"'],
    [
      'another group',
      { 'Impersonate-User': 'bob', 'Impersonate-Group': 'system:masters' },
      'cannot impersonate resource "groups"',
    ],
    [
      'one group of two',
      { 'Impersonate-User': 'bob', 'Impersonate-Group': ['dev', 'system:masters'] },
      'cannot impersonate resource "groups"',
    ],
    [
      'a group hidden behind a comma',
      { 'Impersonate-User': 'bob', 'Impersonate-Group': 'dev, system:masters' },
      'cannot impersonate resource "groups"',
    ],
    ['a uid', { 'Impersonate-User': 'bob', 'Impersonate-Uid': '1' }, 'cannot impersonate resource "uids"'],
    [
      'another extra value',
      { 'Impersonate-User': 'bob', 'Impersonate-Extra-Scopes': 'edit' },
      'cannot impersonate resource "userextras/scopes"',
    ],
    [
      'a service account',
      { 'Impersonate-User': 'system:serviceaccount:kube-system:default' },
      'cannot impersonate resource "serviceaccounts"',
    ],
    ['the API server', { 'Impersonate-User': 'system:apiserver' }, 'cannot impersonate resource "users"'],
  ])('refuses %s', async (_, headers, message) => {
    const answer = await as(headers, 'hal');
    expect(answer.status).toBe(403);
    expect(answer.body.message).toContain(message);
  });

  it('needs a user', async () => {
    expect((await as({ 'Impersonate-Group': 'dev' }, 'hal')).status).toBe(400);
  });

  it('gives a service account its groups', async () => {
    const answer = await as({ 'Impersonate-User': 'system:serviceaccount:team-a:default' }, 'root', ['system:masters']);
    expect(answer.body.status.userInfo.groups).toEqual([
      'system:serviceaccounts',
      'system:serviceaccounts:team-a',
      'system:authenticated',
    ]);
  });
});

describe('access reviews', () => {
  it('say what the authorizer would', async () => {
    const review = async (spec: object, user = 'dana') =>
      (
        await world.call('/apis/authorization.k8s.io/v1/selfsubjectaccessreviews', {
          certificate: world.certificate(user),
          body: { apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectAccessReview', spec },
        })
      ).body;
    expect(
      (await review({ resourceAttributes: { verb: 'list', resource: 'pods', namespace: 'team-a' } })).status,
    ).toEqual({ allowed: true, reason: 'RBAC: allowed by RoleBinding "dev/team-a" of Role "dev" to User "dana"' });
    expect(
      (await review({ resourceAttributes: { verb: 'list', resource: 'pods', namespace: 'team-b' } })).status,
    ).toEqual({ allowed: false });
    expect((await review({ nonResourceAttributes: { verb: 'get', path: '/healthz' } })).status.allowed).toBe(true);
    expect(await review({})).toMatchObject({ code: 422, reason: 'Invalid' });
  });

  it('of others are for those who may ask', async () => {
    const body = {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SubjectAccessReview',
      spec: {
        user: 'dana',
        resourceAttributes: { verb: 'get', resource: 'secrets', name: 'password', namespace: 'team-a' },
      },
    };
    const ask = (user: string, groups: string[] = []) =>
      world.call('/apis/authorization.k8s.io/v1/subjectaccessreviews', {
        certificate: world.certificate(user, groups),
        body,
      });
    expect((await ask('dana')).status).toBe(403);
    expect((await ask('root', ['system:masters'])).body.status.allowed).toBe(true);
  });

  it('list the rules of the caller', async () => {
    const answer = await world.call('/apis/authorization.k8s.io/v1/selfsubjectrulesreviews', {
      certificate: world.certificate('dana'),
      body: { apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectRulesReview', spec: { namespace: 'team-a' } },
    });
    expect(answer.body.status.resourceRules).toContainEqual({
      apiGroups: [''],
      resources: ['secrets'],
      resourceNames: ['password'],
      verbs: ['get'],
    });
    expect(
      answer.body.status.nonResourceRules.some((r: { nonResourceURLs: string[] }) =>
        r.nonResourceURLs.includes('/healthz'),
      ),
    ).toBe(true);
  });
});
