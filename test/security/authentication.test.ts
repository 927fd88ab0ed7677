import { createHmac } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Namespace } from '../../src/api/core/namespace.ts';
import { Pod } from '../../src/api/core/pod.ts';
import { Secret } from '../../src/api/core/secret.ts';
import { ServiceAccount } from '../../src/api/core/service-account.ts';
import { createServiceAccountSigner } from '../../src/apiserver/authn/service-account-signer.ts';
import { realClock } from '../../src/base/clock.ts';
import { createAuthority, generateKeys, issueCertificate } from '../../src/base/pki.ts';
import { issuer, startWorld, type World } from './world.ts';

const self = '/apis/authentication.k8s.io/v1/selfsubjectreviews';
const selfReview = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' };
const bootstrapSecret = (id: string, data: Record<string, string>) => ({
  metadata: { namespace: 'kube-system', name: `bootstrap-token-${id}` },
  type: 'bootstrap.kubernetes.io/token',
  stringData: { 'token-id': id, 'token-secret': '0123456789abcdef', 'usage-bootstrap-authentication': 'true', ...data },
});

let world: World;
beforeAll(async () => {
  world = await startWorld({ tokenFile: 'static-token,carol,c-1,"ops,dev"\n' });
  await world.admin.create(Namespace, { metadata: { name: 'team-a' } });
  await world.admin.create(ServiceAccount, { metadata: { namespace: 'team-a', name: 'default' } });
  await world.admin.create(ServiceAccount, { metadata: { namespace: 'team-a', name: 'app' } });
});
afterAll(() => world.close());

const whoAmI = async (call: Parameters<World['call']>[1]) => {
  const answer = await world.call(self, { ...call, body: selfReview });
  return answer.status === 201 ? answer.body.status.userInfo : answer.status;
};

async function tokenFor(name: string, spec: object = {}): Promise<string> {
  const request = await world.admin.subresource<{ status: { token: string } }>(
    'create',
    ServiceAccount,
    { namespace: 'team-a', name, subresource: 'token' },
    { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', metadata: {}, spec: { audiences: [], ...spec } },
  );
  return request.status.token;
}

async function makePod(name: string) {
  return world.admin.create(Pod, {
    metadata: { namespace: 'team-a', name },
    spec: { serviceAccountName: 'app', containers: [{ name: 'c', image: 'i' }] },
  });
}

describe('anonymous callers', () => {
  it.each(['/healthz', '/livez', '/readyz'])('may ask %s', async (path) => {
    expect((await world.call(path)).status).toBe(200);
  });

  it.each([
    '/',
    '/api',
    '/apis',
    '/api/v1/namespaces',
    '/api/v1/namespaces/kube-system/secrets',
    '/apis/rbac.authorization.k8s.io/v1/clusterroles',
    '/openapi/v2',
    '/metrics',
    '/version',
    '/debug/pprof/',
    '/logs/',
    '/api/v1/nodes/n1/proxy/',
    '/healthz/../api/v1/secrets',
    '/healthz/%2e%2e/api/v1/secrets',
    '//healthz',
    '/livez/',
    '/apis/authentication.k8s.io/v1/tokenreviews',
  ])('get 401 from %s', async (path) => {
    const answer = await world.call(path);
    expect(answer.status).toBe(401);
    expect(answer.body?.kind).toBe('Status');
  });

  it('cannot write, watch or impersonate', async () => {
    expect(
      (
        await world.call('/api/v1/namespaces', {
          body: { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'x' } },
        })
      ).status,
    ).toBe(401);
    expect((await world.call('/api/v1/pods?watch=1')).status).toBe(401);
    expect((await world.call('/healthz', { headers: { 'Impersonate-User': 'admin' } })).status).toBe(403);
  });
});

describe('client certificates', () => {
  it('name the user and the groups', async () => {
    const user = await whoAmI({ certificate: world.certificate('alice', ['dev']) });
    expect(user).toMatchObject({ username: 'alice', groups: ['dev', 'system:authenticated'] });
    expect(user.extra['authentication.kubernetes.io/credential-id'][0]).toMatch(/^X509SHA256=[0-9a-f]{64}$/);
  });

  it.each<[string, () => ReturnType<World['certificate']>]>([
    [
      'of another authority with the same name',
      () =>
        issueCertificate(createAuthority('kubernetes', Date.now()), {
          subject: { commonName: 'admin', organizations: ['system:masters'] },
          usages: ['clientAuth'],
          notBefore: Date.now() - 1000,
          notAfter: Date.now() + 1e8,
        }),
    ],
    [
      'that has expired',
      () =>
        world.certificate('alice', ['system:masters'], {
          notBefore: Date.now() - 7200_000,
          notAfter: Date.now() - 3600_000,
        }),
    ],
    [
      'that is not valid yet',
      () =>
        world.certificate('alice', ['system:masters'], {
          notBefore: Date.now() + 3600_000,
          notAfter: Date.now() + 7200_000,
        }),
    ],
    ['meant for servers only', () => world.certificate('alice', ['system:masters'], { usages: ['serverAuth'] })],
    [
      'of the front proxy',
      () =>
        issueCertificate(world.frontProxyCa, {
          subject: { commonName: 'admin', organizations: ['system:masters'] },
          usages: ['clientAuth'],
          notBefore: Date.now() - 1000,
          notAfter: Date.now() + 1e8,
        }),
    ],
    ['without a name', () => world.certificate('', ['system:masters'])],
  ])('%s give no identity', async (_, certificate) => {
    const result = await whoAmI({ certificate: certificate() }).catch((error: Error) => error.message);
    expect(typeof result === 'string' || result === 401).toBe(true);
  });

  it('keep a line break in the name', async () => {
    const user = await whoAmI({ certificate: world.certificate('eve\nO=system:masters') });
    expect(user.groups).toEqual(['system:authenticated']);
  });
});

describe('front-proxy headers', () => {
  const proxy = (name = 'front-proxy-client', ca = world.frontProxyCa) =>
    issueCertificate(ca, {
      subject: { commonName: name },
      usages: ['clientAuth'],
      notBefore: Date.now() - 1000,
      notAfter: Date.now() + 1e8,
    });
  const headers = {
    'X-Remote-User': 'bob',
    'X-Remote-Group': ['dev', 'a, system:masters'],
    'X-Remote-Extra-Scopes': 'x',
  };

  it('are believed of the front proxy, each group as it stands', async () => {
    const user = await whoAmI({ certificate: proxy(), headers });
    expect(user).toMatchObject({ username: 'bob', extra: { scopes: ['x'] } });
    expect(user.groups).toEqual(['dev', 'a, system:masters', 'system:authenticated']);
  });

  it.each<[string, () => Parameters<World['call']>[1]]>([
    ['nobody', () => ({ headers })],
    [
      'a holder of a certificate of the client authority',
      () => ({ headers, certificate: proxy('front-proxy-client', world.ca) }),
    ],
    ['another name of the front-proxy authority', () => ({ headers, certificate: proxy('somebody') })],
    ['a service account', () => ({ headers, token: 'x.y.z' })],
  ])('are not believed of %s', async (_, call) => {
    const user = await whoAmI(call());
    expect(user === 401 || user.username !== 'bob').toBe(true);
  });
});

describe('service-account tokens', () => {
  it('name the account', async () => {
    const user = await whoAmI({ token: await tokenFor('app') });
    expect(user).toMatchObject({
      username: 'system:serviceaccount:team-a:app',
      groups: ['system:serviceaccounts', 'system:serviceaccounts:team-a', 'system:authenticated'],
    });
  });

  it('end with their pod', async () => {
    const pod = await makePod('bound');
    const token = await tokenFor('app', {
      boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: 'bound', uid: pod.metadata.uid },
    });
    expect((await whoAmI({ token })).extra['authentication.kubernetes.io/pod-name']).toEqual(['bound']);
    await world.admin.delete(Pod, { namespace: 'team-a', name: 'bound' }, { gracePeriodSeconds: 0 });
    expect(await whoAmI({ token })).toBe(401);
    await makePod('bound');
    expect(await whoAmI({ token })).toBe(401);
  });

  it('end with their secret and with their account, also when a new one has the name', async () => {
    await world.admin.create(ServiceAccount, { metadata: { namespace: 'team-a', name: 'gone' } });
    await world.admin.create(Secret, { metadata: { namespace: 'team-a', name: 'tie' } });
    const plain = await tokenFor('gone');
    const tied = await tokenFor('gone', { boundObjectRef: { kind: 'Secret', apiVersion: 'v1', name: 'tie' } });
    await world.admin.delete(Secret, { namespace: 'team-a', name: 'tie' });
    expect(await whoAmI({ token: tied })).toBe(401);
    expect((await whoAmI({ token: plain })).username).toBe('system:serviceaccount:team-a:gone');
    await world.admin.delete(ServiceAccount, { namespace: 'team-a', name: 'gone' });
    expect(await whoAmI({ token: plain })).toBe(401);
    await world.admin.create(ServiceAccount, { metadata: { namespace: 'team-a', name: 'gone' } });
    expect(await whoAmI({ token: plain })).toBe(401);
  });

  it('are for their audience', async () => {
    const token = await tokenFor('app', { audiences: ['vault'] });
    expect(await whoAmI({ token })).toBe(401);
    const review = (audiences: string[]) =>
      world.call('/apis/authentication.k8s.io/v1/tokenreviews', {
        certificate: world.certificate('admin', ['system:masters']),
        body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec: { token, audiences } },
      });
    expect((await review(['vault'])).body.status).toMatchObject({ authenticated: true, audiences: ['vault'] });
    const refused = (await review(['other'])).body.status;
    expect(refused.authenticated).not.toBe(true);
    expect(refused.user.username).toBeUndefined();
  });

  it.each([
    [
      'a pod of another account',
      { boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: 'other' } },
      'different serviceaccount',
    ],
    [
      'a kind that nothing is bound to',
      { boundObjectRef: { kind: 'ConfigMap', apiVersion: 'v1', name: 'x' } },
      'cannot bind token',
    ],
    ['five minutes', { expirationSeconds: 300 }, 'less than 10 minutes'],
    ['a pod that does not exist', { boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: 'nope' } }, 'not found'],
  ])('are not issued for %s', async (_, spec, message) => {
    await world.admin
      .create(Pod, {
        metadata: { namespace: 'team-a', name: 'other' },
        spec: { serviceAccountName: 'default', containers: [{ name: 'c', image: 'i' }] },
      })
      .catch(() => undefined);
    await expect(tokenFor('app', spec)).rejects.toThrow(message);
  });

  it('are refused when forged', async () => {
    const good = await tokenFor('app');
    const [header, payload, signature] = good.split('.') as [string, string, string];
    const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString());
    const publicKey = JSON.stringify(world.signer.jwks().keys[0]);
    const hmac = (input: string) => createHmac('sha256', publicKey).update(input).digest('base64url');
    const hsHeader = encode({ alg: 'HS256', typ: 'JWT' });
    const forged: Record<string, string> = {
      'alg none': `${encode({ alg: 'none' })}.${payload}.`,
      'alg none, signature kept': `${encode({ alg: 'none' })}.${payload}.${signature}`,
      'alg HS256 with the public key': `${hsHeader}.${payload}.${hmac(`${hsHeader}.${payload}`)}`,
      'claims changed': `${header}.${encode({ ...claims, sub: 'system:serviceaccount:kube-system:default' })}.${signature}`,
      'signature cut': `${header}.${payload}.${signature.slice(0, -4)}`,
      'signature of another token': `${header}.${payload}.${(await tokenFor('default')).split('.')[2]}`,
      'no signature': `${header}.${payload}`,
      'jwk in the header': `${encode({ alg: 'ES256', jwk: world.signer.jwks().keys[0]! })}.${payload}.${signature}`,
      'unknown critical header': `${encode({ alg: 'ES256', crit: ['x'], x: 1 })}.${payload}.${signature}`,
      'trailing dot': `${good}.`,
    };
    for (const [what, token] of Object.entries(forged)) expect([what, await whoAmI({ token })]).toEqual([what, 401]);
  });

  it('are refused of another key with the same issuer, expired, and without expiry', async () => {
    const account = await world.admin.get(ServiceAccount, { namespace: 'team-a', name: 'app' });
    const claims = {
      iss: issuer,
      aud: [issuer],
      sub: 'system:serviceaccount:team-a:app',
      'kubernetes.io': { namespace: 'team-a', serviceaccount: { name: 'app', uid: account.metadata.uid } },
    };
    const seconds = Math.floor(Date.now() / 1000);
    const other = createServiceAccountSigner({ issuers: [issuer], key: generateKeys().key, clock: realClock });
    expect(await whoAmI({ token: await other.sign({ ...claims, exp: seconds + 600 }) })).toBe(401);
    expect((await whoAmI({ token: await world.signer.sign({ ...claims, exp: seconds + 600 }) })).username).toBe(
      'system:serviceaccount:team-a:app',
    );
    expect(await whoAmI({ token: await world.signer.sign({ ...claims, exp: seconds - 1 }) })).toBe(401);
    expect(
      await whoAmI({ token: await world.signer.sign({ ...claims, exp: seconds + 600, nbf: seconds + 300 }) }),
    ).toBe(401);
    expect(await whoAmI({ token: await world.signer.sign(claims) })).toBe(401);
    const mixed = { ...claims, exp: seconds + 600, sub: 'system:serviceaccount:kube-system:admin' };
    expect(await whoAmI({ token: await world.signer.sign(mixed) })).toBe(401);
  });
});

describe('join tokens', () => {
  it('authenticate as long as they are meant to', async () => {
    await world.admin.create(Secret, bootstrapSecret('abcdef', { 'auth-extra-groups': 'system:bootstrappers:team' }));
    const user = await whoAmI({ token: 'abcdef.0123456789abcdef' });
    expect(user).toMatchObject({ username: 'system:bootstrap:abcdef' });
    expect(user.groups).toEqual(['system:bootstrappers', 'system:bootstrappers:team', 'system:authenticated']);
    expect(await whoAmI({ token: 'abcdef.0123456789abcdee' })).toBe(401);
    await world.admin.delete(Secret, { namespace: 'kube-system', name: 'bootstrap-token-abcdef' });
    expect(await whoAmI({ token: 'abcdef.0123456789abcdef' })).toBe(401);
  });

  it.each([
    ['expired1', 'expi01', { expiration: '2020-01-01T00:00:00Z' }],
    ['with an expiry that is no time', 'expi02', { expiration: 'never' }],
    ['not for authentication', 'sign01', { 'usage-bootstrap-authentication': 'false' }],
    ['with the group system:masters', 'grp001', { 'auth-extra-groups': 'system:masters' }],
    ['of another id', 'other1', { 'token-id': 'abcdef' }],
  ])('%s are refused', async (_, id, data) => {
    await world.admin.create(Secret, bootstrapSecret(id, data));
    expect(await whoAmI({ token: `${id}.0123456789abcdef` })).toBe(401);
  });

  it('of another type of secret are refused', async () => {
    await world.admin.create(Secret, { ...bootstrapSecret('type01', {}), type: 'Opaque' });
    expect(await whoAmI({ token: 'type01.0123456789abcdef' })).toBe(401);
  });
});

describe('other credentials', () => {
  it('static tokens name their user', async () => {
    expect(await whoAmI({ token: 'static-token' })).toMatchObject({
      username: 'carol',
      uid: 'c-1',
      groups: ['ops', 'dev', 'system:authenticated'],
    });
  });

  it.each(['', ' ', 'static-toke', 'static-token ', 'Bearer static-token', 'a.b.c', '\u00e4'])(
    'the token %j is refused',
    async (token) => {
      const answer = await world.call('/healthz', {
        headers: { authorization: `Bearer ${Buffer.from(token).toString('latin1')}` },
      });
      // A bad token is refused even where no token is needed.
      expect(answer.status).toBe(token.trim() === 'static-token' ? 200 : 401);
    },
  );

  it('a bad token does not fall back to the certificate’s absence', async () => {
    expect((await world.call('/healthz', { token: 'nope' })).status).toBe(401);
  });
});

describe('tokens kept in secrets', () => {
  it('are good as long as the secret holds them', async () => {
    const account = await world.admin.get(ServiceAccount, { namespace: 'team-a', name: 'app' });
    const prefix = 'kubernetes.io/serviceaccount';
    const token = await world.signer.sign({
      iss: 'kubernetes/serviceaccount',
      sub: 'system:serviceaccount:team-a:app',
      [`${prefix}/namespace`]: 'team-a',
      [`${prefix}/secret.name`]: 'legacy',
      [`${prefix}/service-account.name`]: 'app',
      [`${prefix}/service-account.uid`]: account.metadata.uid,
    });
    expect(await whoAmI({ token })).toBe(401);
    const draft = (kept: string) => ({
      metadata: {
        namespace: 'team-a',
        name: 'legacy',
        annotations: {
          'kubernetes.io/service-account.name': 'app',
          'kubernetes.io/service-account.uid': account.metadata.uid,
        },
      },
      type: 'kubernetes.io/service-account-token',
      data: { token: Buffer.from(kept).toString('base64') },
    });
    const ref = { namespace: 'team-a', name: 'legacy' };
    await world.admin.create(Secret, draft(token));
    expect((await whoAmI({ token })).username).toBe('system:serviceaccount:team-a:app');
    await world.admin.patch(
      Secret,
      ref,
      { metadata: { labels: { 'kubernetes.io/legacy-token-invalid-since': '2026-01-01' } } },
      { type: 'merge' },
    );
    expect(await whoAmI({ token })).toBe(401);
    await world.admin.delete(Secret, ref);
    expect(await whoAmI({ token })).toBe(401);
    await world.admin.create(Secret, draft(`${token}x`));
    expect(await whoAmI({ token })).toBe(401);
  });
});
