import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { readAuthenticationConfiguration } from '../../src/apiserver/authn/authentication-configuration.ts';
import type { TokenAuthenticator } from '../../src/apiserver/authn/bearer-token.ts';
import { createOidcAuthenticator } from '../../src/apiserver/authn/oidc.ts';
import { createTokenWebhookAuthenticator } from '../../src/apiserver/authn/token-webhook.ts';
import { createWebhookAuthorizer } from '../../src/apiserver/authz/webhook.ts';
import { realClock, VirtualClock } from '../../src/base/clock.ts';
import { certificateLifetimeMs, createAuthority, issueCertificate } from '../../src/base/pki.ts';

let server: Server;
let url: string;
const authority = createAuthority('idp', Date.now());
const routes = new Map<string, (body: string) => { status?: number; json: unknown }>();
const calls: string[] = [];

beforeAll(async () => {
  const pair = issueCertificate(authority, {
    subject: { commonName: 'idp-server' },
    usages: ['serverAuth'],
    ipAddresses: ['127.0.0.1'],
    notBefore: Date.now() - 60_000,
    notAfter: Date.now() + certificateLifetimeMs,
  });
  server = createServer(pair, (request, response) => {
    let text = '';
    request.on('data', (chunk) => {
      text += chunk;
    });
    request.on('end', () => {
      calls.push(request.url ?? '');
      const answer = routes.get(request.url ?? '')?.(text) ?? { status: 404, json: {} };
      response.writeHead(answer.status ?? 200, { 'content-type': 'application/json' }).end(JSON.stringify(answer.json));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});
beforeEach(() => {
  routes.clear();
  calls.length = 0;
});

describe('OIDC issuers', () => {
  let key: Awaited<ReturnType<typeof generateKeyPair>>['privateKey'];
  let keyId = 0;

  async function rotate(): Promise<void> {
    const pair = await generateKeyPair('RS256', { extractable: true });
    key = pair.privateKey;
    keyId++;
    const jwk = { ...(await exportJWK(pair.publicKey)), kid: `k${keyId}`, alg: 'RS256', use: 'sig' };
    routes.set('/keys', () => ({ json: { keys: [jwk] } }));
  }

  async function issuer(more: object = {}, clock = realClock): Promise<TokenAuthenticator> {
    routes.set('/.well-known/openid-configuration', () => ({ json: { issuer: url, jwks_uri: `${url}/keys` } }));
    await rotate();
    const configuration = readAuthenticationConfiguration({
      apiVersion: 'apiserver.config.k8s.io/v1',
      kind: 'AuthenticationConfiguration',
      jwt: [
        {
          issuer: { url, audiences: ['cluster'], certificateAuthority: authority.cert },
          claimMappings: { username: { claim: 'sub', prefix: 'oidc:' }, groups: { claim: 'groups', prefix: '' } },
          ...more,
        },
      ],
    });
    return createOidcAuthenticator(configuration.jwt![0]!, 'jwt[0]', clock);
  }

  const token = (claims: JWTPayload = {}, header: object = {}) =>
    new SignJWT({ iss: url, aud: 'cluster', sub: 'ann', exp: Math.floor(Date.now() / 1000) + 600, ...claims })
      .setProtectedHeader({ alg: 'RS256', kid: `k${keyId}`, ...header })
      .sign(key);
  const user = async (authenticator: TokenAuthenticator, claims: JWTPayload = {}) =>
    (await authenticator.authenticateToken(await token(claims), []))?.user;

  it('name users by claims', async () => {
    expect(await user(await issuer(), { groups: ['a', 'b'] })).toEqual({ name: 'oidc:ann', groups: ['a', 'b'] });
  });

  it('name users by expressions', async () => {
    const authenticator = await issuer({
      claimMappings: {
        username: { expression: "claims.email_verified ? 'm:' + claims.email : ''" },
        groups: { expression: "claims.roles.split(',')" },
        uid: { expression: 'claims.sub' },
        extra: [{ key: 'example.com/tenant', valueExpression: 'claims.tenant' }],
      },
      claimValidationRules: [{ expression: "claims.hd == 'example.com'", message: 'wrong domain' }],
      userValidationRules: [{ expression: "!user.username.startsWith('system:')", message: 'reserved' }],
    });
    const claims = { email: 'a@b', email_verified: true, roles: 'x,y', tenant: 't', hd: 'example.com' };
    expect(await user(authenticator, claims)).toEqual({
      name: 'm:a@b',
      uid: 'ann',
      groups: ['x', 'y'],
      extra: { 'example.com/tenant': ['t'] },
    });
    await expect(user(authenticator, { ...claims, hd: 'evil.com' })).rejects.toThrow('wrong domain');
    await expect(user(authenticator, { ...claims, email_verified: false })).rejects.toThrow(
      'the username is not a string, or empty',
    );
  });

  it.each<[string, JWTPayload]>([
    ['for another audience', { aud: 'other' }],
    ['that have expired', { exp: 1 }],
    ['that are not valid yet', { nbf: Math.floor(Date.now() / 1000) + 600 }],
    ['without a name', { sub: '' }],
    ['whose groups are no strings', { groups: [1] as never }],
  ])('refuse tokens %s', async (_, claims) => {
    await expect(user(await issuer(), claims)).rejects.toThrow();
  });

  it('leave tokens of others alone, and refuse forged ones', async () => {
    const authenticator = await issuer();
    expect(await authenticator.authenticateToken(await token({ iss: 'https://other' }), [])).toBeUndefined();
    expect(await authenticator.authenticateToken('not-a-token', [])).toBeUndefined();
    const [header, payload] = (await token()).split('.');
    await expect(authenticator.authenticateToken(`${header}.${payload}.AAAA`, [])).rejects.toThrow();
    const none = Buffer.from(JSON.stringify({ alg: 'none' })).toString('base64url');
    await expect(authenticator.authenticateToken(`${none}.${payload}.`, [])).rejects.toThrow();
  });

  it('have their keys fetched again when they change, but not on every bad token', async () => {
    const clock = new VirtualClock(Date.now());
    const authenticator = await issuer({}, clock);
    await user(authenticator);
    await rotate();
    await expect(user(authenticator)).rejects.toThrow();
    const before = calls.length;
    await expect(user(authenticator)).rejects.toThrow();
    expect(calls.length).toBe(before);
    await clock.advance(11_000);
    expect((await user(authenticator))?.name).toBe('oidc:ann');
  });

  it('must be who they say', async () => {
    const authenticator = await issuer();
    routes.set('/.well-known/openid-configuration', () => ({
      json: { issuer: 'https://evil', jwks_uri: `${url}/keys` },
    }));
    await expect(user(authenticator)).rejects.toThrow('is of the issuer');
  });

  const config = (jwt: object) => ({
    apiVersion: 'apiserver.config.k8s.io/v1',
    kind: 'AuthenticationConfiguration',
    jwt: [jwt],
  });
  const good = {
    issuer: { url: 'https://i', audiences: ['a'] },
    claimMappings: { username: { claim: 'sub', prefix: '' } },
  };
  it.each<[object, string]>([
    [{ ...good, issuer: { url: 'http://i', audiences: ['a'] } }, 'URL scheme must be https'],
    [{ ...good, issuer: { url: 'https://i', audiences: [] } }, 'audiences is required'],
    [{ ...good, issuer: { url: 'https://i', audiences: ['a', 'b'] } }, 'audienceMatchPolicy'],
    [{ ...good, claimMappings: { username: {} } }, 'claim or expression is required'],
    [{ ...good, claimMappings: { username: { claim: 'sub' } } }, 'prefix is required when claim is set'],
    [{ ...good, claimMappings: { username: { expression: 'claims.email' } } }, 'claims.email_verified must be used'],
  ])('%j is refused', (jwt, message) => {
    expect(() => readAuthenticationConfiguration(config(jwt))).toThrow(message);
  });

  it('with an expression that does not compile is refused', () => {
    const { jwt } = readAuthenticationConfiguration(
      config({ ...good, claimMappings: { username: { expression: 'claims.' } } }),
    );
    expect(() => createOidcAuthenticator(jwt![0]!, 'jwt[0]', realClock)).toThrow(
      'jwt[0].claimMappings.username.expression: compilation failed',
    );
  });
});

describe('token webhooks', () => {
  const authenticator = (more: object = {}) =>
    createTokenWebhookAuthenticator({
      target: { url: `${url}/review`, ca: authority.cert },
      clock: realClock,
      ...more,
    });

  it('name the user, and are asked once', async () => {
    routes.set('/review', (body) => ({
      json: {
        ...JSON.parse(body),
        status: {
          authenticated: JSON.parse(body).spec.token === 'good',
          user: { username: 'wes', groups: ['g'] },
          audiences: ['api'],
        },
      },
    }));
    const asked = authenticator();
    const results = await Promise.all([
      asked.authenticateToken('good', ['api']),
      asked.authenticateToken('good', ['api']),
    ]);
    expect(results[0]).toEqual({ user: { name: 'wes', groups: ['g'] }, audiences: ['api'] });
    await asked.authenticateToken('good', ['api']);
    expect(calls).toEqual(['/review']);
    await expect(asked.authenticateToken('bad', ['api'])).rejects.toThrow('does not know');
    await expect(asked.authenticateToken('good', ['other'])).rejects.toThrow('does not know');
  });

  it.each<[string, () => { status?: number; json: unknown }]>([
    ['fails', () => ({ status: 500, json: {} })],
    ['answers nonsense', () => ({ json: [] })],
    ['names nobody', () => ({ json: { status: { authenticated: true, user: {} } } })],
    ['redirects', () => ({ status: 302, json: {} })],
  ])('that %s authenticate nobody', async (_, answer) => {
    routes.set('/review', answer);
    await expect(authenticator().authenticateToken('x', [])).rejects.toThrow();
  });

  it('of another authority are not believed', async () => {
    const target = { url: `${url}/review`, ca: createAuthority('idp', Date.now()).cert };
    await expect(authenticator({ target }).authenticateToken('x', [])).rejects.toThrow();
  });
});

describe('authorization webhooks', () => {
  const attributes = {
    user: { name: 'wes', groups: ['g'] },
    verb: 'list',
    resourceRequest: true,
    resource: 'pods',
    namespace: 'a',
    labelSelector: 'x=y',
  };
  const webhook = (more: object = {}) =>
    createWebhookAuthorizer({ target: { url: `${url}/decide`, ca: authority.cert }, clock: realClock, ...more });

  it.each([
    [
      { allowed: true, reason: 'r' },
      { decision: 'Allow', reason: 'r' },
    ],
    [{ allowed: false }, { decision: 'NoOpinion', reason: '' }],
    [
      { allowed: false, denied: true, reason: 'never' },
      { decision: 'Deny', reason: 'never' },
    ],
  ])('%j means %j', async (status, expected) => {
    let spec: unknown;
    routes.set('/decide', (body) => {
      spec = JSON.parse(body).spec;
      return { json: { status } };
    });
    expect(await webhook().authorize(attributes)).toEqual(expected);
    expect(spec).toEqual({
      resourceAttributes: { namespace: 'a', verb: 'list', resource: 'pods', labelSelector: { rawSelector: 'x=y' } },
      user: 'wes',
      groups: ['g'],
    });
  });

  it('that fail have no opinion, or deny', async () => {
    routes.set('/decide', () => ({ status: 500, json: {} }));
    expect(await webhook().authorize(attributes)).toMatchObject({
      decision: 'NoOpinion',
      error: expect.stringContaining('500'),
    });
    expect(await webhook({ failurePolicy: 'Deny' }).authorize(attributes)).toMatchObject({ decision: 'Deny' });
    routes.set('/decide', () => ({ json: { status: { allowed: true, denied: true } } }));
    expect(await webhook().authorize(attributes)).toMatchObject({ decision: 'NoOpinion' });
  });

  it('are asked where their conditions say so', async () => {
    routes.set('/decide', () => ({ json: { status: { allowed: true } } }));
    const conditional = webhook({
      matchConditions: ["has(request.resourceAttributes) && request.resourceAttributes.namespace == 'b'"],
    });
    expect(await conditional.authorize(attributes)).toEqual({ decision: 'NoOpinion', reason: '' });
    expect(calls).toEqual([]);
    expect(await conditional.authorize({ ...attributes, namespace: 'b' })).toMatchObject({ decision: 'Allow' });
  });
});
