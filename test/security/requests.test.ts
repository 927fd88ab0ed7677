/** Requests that say one thing to the authorizer and another to the server. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Namespace } from '../../src/api/core/namespace.ts';
import { Pod } from '../../src/api/core/pod.ts';
import { Secret } from '../../src/api/core/secret.ts';
import { ServiceAccount } from '../../src/api/core/service-account.ts';
import { Role } from '../../src/api/rbac/role.ts';
import { RoleBinding } from '../../src/api/rbac/role-binding.ts';
import type { CertificateAndKey } from '../../src/base/pki.ts';
import { startWorld, type World } from './world.ts';

let world: World;
let root: CertificateAndKey;
const rbac = 'rbac.authorization.k8s.io';
const hidden = 'kept-from-tess';

async function grant(user: string, rules: object[]): Promise<CertificateAndKey> {
  await world.admin.create(Role, { metadata: { namespace: 'team', name: user }, rules: rules as never });
  await world.admin.create(RoleBinding, {
    metadata: { namespace: 'team', name: user },
    roleRef: { apiGroup: rbac, kind: 'Role', name: user },
    subjects: [{ kind: 'User', apiGroup: rbac, name: user }],
  });
  return world.certificate(user);
}

beforeAll(async () => {
  world = await startWorld();
  root = world.certificate('root', ['system:masters']);
  for (const name of ['team', 'other']) {
    await world.admin.create(Namespace, { metadata: { name } });
    await world.admin.create(ServiceAccount, { metadata: { namespace: name, name: 'default' } });
    await world.admin.create(Secret, { metadata: { namespace: name, name: 'theirs' }, stringData: { p: hidden } });
  }
  await world.admin.create(Secret, { metadata: { namespace: 'team', name: 'mine' }, stringData: { p: 'my-own' } });
  await world.admin.create(Pod, {
    metadata: { namespace: 'team', name: 'p' },
    spec: { nodeName: 'n', containers: [{ name: 'c', image: 'i' }] },
  });
});
afterAll(() => world.close());

const base64 = (text: string) => Buffer.from(text).toString('base64');

describe('a user who may read one secret', () => {
  let tess: CertificateAndKey;
  const secrets = '/api/v1/namespaces/team/secrets';
  const select = (selector: string) => `fieldSelector=${encodeURIComponent(selector)}`;
  beforeAll(async () => {
    tess = await grant('tess', [
      { apiGroups: [''], resources: ['secrets'], resourceNames: ['mine'], verbs: ['get', 'list', 'watch'] },
    ]);
  });

  it.each([
    `${secrets}/mine`,
    `${secrets}?${select('metadata.name=mine')}`,
    `${secrets}/mine?watch=1&timeoutSeconds=1`,
    `${secrets}/mine?watch=1&timeoutSeconds=1&${select('metadata.name=mine')}`,
  ])('reads it at %s', async (path) => {
    const answer = await world.call(path, { certificate: tess });
    expect([answer.status, answer.text.includes(base64('my-own'))]).toEqual([200, true]);
  });

  it.each([
    secrets,
    `${secrets}/theirs`,
    `${secrets}?${select('type!=a\\,metadata.name=mine')}`,
    `${secrets}?${select('metadata.name!=mine')}`,
    `${secrets}?${select('metadata.name=theirs')}&${select('metadata.name=mine')}`,
    `${secrets}?${select('metadata.name=mine')}&${select('metadata.name=theirs')}`,
    `${secrets}?fieldSelector=&${select('metadata.name=mine')}`,
    `${secrets}?watch=1&timeoutSeconds=1&${select('type!=a\\,metadata.name=mine')}`,
    `${secrets}/mine?watch=1&timeoutSeconds=1&${select('metadata.name!=mine')}`,
    `${secrets}/mine?watch=1&timeoutSeconds=1&${select('type=Opaque')}`,
    `${secrets}/mine?watch=1&timeoutSeconds=1&${select('metadata.name=theirs')}`,
    `/api/v1/watch/namespaces/team/secrets/mine?timeoutSeconds=1&${select('metadata.name!=mine')}`,
    `/api/v1/watch/namespaces/team/secrets?timeoutSeconds=1`,
    `${secrets}?w%61tch=1&timeoutSeconds=1`,
    `/api/v1/secrets?${select('metadata.namespace=other,metadata.name=mine')}`,
  ])('reads no other at %s', async (path) => {
    const answer = await world.call(path, { certificate: tess });
    expect(answer.text).not.toContain(base64(hidden));
  });
});

describe('a user who may only watch', () => {
  it.each<[string, string]>([
    ['POST', '/api/v1/watch/namespaces/team/pods/p/exec?command=id'],
    ['GET', '/api/v1/watch/namespaces/team/pods/p/exec?command=id'],
    ['GET', '/api/v1/watch/namespaces/team/pods/p/log'],
    ['GET', '/api/v1/namespaces/team/pods/p/log?watch=1'],
    ['POST', '/api/v1/watch/namespaces/team/pods/p/attach'],
    ['POST', '/api/v1/watch/namespaces/team/pods/p/portforward'],
    ['GET', '/api/v1/watch/namespaces/team/pods/p/proxy/'],
    ['GET', '/api/v1/watch/namespaces/team/services/s/proxy/'],
  ])('reaches nothing by %s %s', async (method, path) => {
    const certificate = world.certificate('wendy');
    await grantOnce('wendy', ['watch']);
    const answer = await world.call(path, { method, certificate });
    expect([403, 404]).toContain(answer.status);
  });

  const granted = new Set<string>();
  async function grantOnce(user: string, verbs: string[]): Promise<void> {
    if (granted.has(user)) return;
    granted.add(user);
    await grant(user, [{ apiGroups: [''], resources: ['*', 'pods/*', 'services/*'], verbs }]);
  }

  it.each(['exec?command=id', 'attach', 'portforward'])(
    'and one who may change, but not create, has no %s',
    async (what) => {
      const certificate = world.certificate('upton');
      await grantOnce('upton', ['get', 'update', 'patch', 'delete']);
      for (const method of ['PUT', 'PATCH', 'DELETE', 'HEAD', 'GET']) {
        const answer = await world.call(`/api/v1/namespaces/team/pods/p/${what}`, {
          method,
          certificate,
          headers: { connection: 'Upgrade', upgrade: 'SPDY/3.1' },
        });
        expect([method, [403, 405].includes(answer.status)]).toEqual([method, true]);
      }
    },
  );
});

describe('dots and their encodings', () => {
  const dots = ['..', '%2e%2e', '%2E.', '..%2f..', '%2e%2e%2f', '..%5c', '%252e%252e', '..%00', '..;', '%c0%ae%c0%ae'];
  const places: [string, (dot: string) => string][] = [
    ['group', (dot) => `/apis/${dot}/v1/namespaces/other/secrets/theirs`],
    ['version', (dot) => `/api/${dot}/namespaces/other/secrets/theirs`],
    ['namespace', (dot) => `/api/v1/namespaces/team/${dot}/other/secrets/theirs`],
    ['namespace name', (dot) => `/api/v1/namespaces/${dot}/secrets/theirs`],
    ['slash in the namespace', (dot) => `/api/v1/namespaces/team%2f${dot}%2fother/secrets/theirs`],
    ['resource', (dot) => `/api/v1/namespaces/team/configmaps/${dot}/secrets/theirs`],
    ['name', (dot) => `/api/v1/namespaces/team/secrets/${dot}%2f${dot}%2fother%2fsecrets%2ftheirs`],
    ['subresource', (dot) => `/api/v1/namespaces/team/secrets/mine/${dot}/theirs`],
    ['before it all', (dot) => `/${dot}/api/v1/namespaces/other/secrets/theirs`],
    ['health path', (dot) => `/healthz/${dot}/api/v1/namespaces/other/secrets/theirs`],
    ['discovery', (dot) => `/openapi/v3/${dot}/${dot}/api/v1/namespaces/other/secrets`],
  ];

  it.each(places)('in the %s are names that there are not', async (_, path) => {
    // Even the one who may do everything: no path has two readings.
    for (const dot of dots) {
      const sent = path(dot);
      const answer = await world.call(sent, { certificate: root });
      expect([sent, answer.text.includes(base64(hidden))]).toEqual([sent, false]);
      expect([sent, answer.status >= 400 && answer.status < 500]).toEqual([sent, true]);
    }
  });

  it.each(['pods/p', 'services/s', 'pods/https:p:1'])('after the proxy of %s stay behind it', async (target) => {
    for (const dot of dots) {
      const answer = await world.call(`/api/v1/namespaces/team/${target}/proxy/${dot}/${dot}/${dot}/secrets/mine`, {
        certificate: root,
      });
      expect([dot, answer.status >= 400, answer.text.includes(base64('my-own'))]).toEqual([dot, true, false]);
    }
  });

  it.each(['..', '.', 'a/b', 'a%2fb', '../x', '', 'A', 'a\nb'])('make no name of %j', async (name) => {
    for (const kind of ['ConfigMap', 'Secret', 'Pod', 'Service']) {
      const answer = await world.call(`/api/v1/namespaces/team/${kind.toLowerCase()}s`, {
        certificate: root,
        body: {
          apiVersion: 'v1',
          kind,
          metadata: { name },
          spec: { containers: [{ name: 'c', image: 'i' }], ports: [{ port: 1 }] },
        },
      });
      expect([kind, answer.status >= 400]).toEqual([kind, true]);
    }
  });
});

describe('the request line', () => {
  it.each(['http://other.example/api/v1/namespaces/other/secrets', '*', 'api/v1/secrets', '//api/v1/secrets'])(
    'of %s leads to no secret',
    async (path) => {
      const answer = await world.call(path, { certificate: world.certificate('tess') });
      expect([answer.status >= 400, answer.text.includes(base64(hidden))]).toEqual([true, false]);
    },
  );

  it.each(['TRACE', 'OPTIONS', 'PROPFIND', 'LIST', 'WATCH'])('with the method %s gives nothing', async (method) => {
    for (const path of ['/api/v1/namespaces/other/secrets', '/api/v1/namespaces/other/secrets/theirs']) {
      const answer = await world
        .call(path, { method, certificate: world.certificate('tess') })
        .catch(() => ({ status: 400, text: '' }));
      expect([answer.status >= 400, answer.text.includes(base64(hidden))]).toEqual([true, false]);
    }
  });
});
