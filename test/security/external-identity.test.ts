import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { imagePolicyWebhook } from '../../src/apiserver/admission/image-policy-webhook.ts';
import { readAuthenticationConfiguration } from '../../src/apiserver/authn/authentication-configuration.ts';
import type { TokenAuthenticator } from '../../src/apiserver/authn/bearer-token.ts';
import { createOidcAuthenticator } from '../../src/apiserver/authn/oidc.ts';
import { createTokenWebhookAuthenticator } from '../../src/apiserver/authn/token-webhook.ts';
import { createWebhookAuthorizer } from '../../src/apiserver/authz/webhook.ts';
import { realClock, VirtualClock } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/log.ts';
import { certificateLifetimeMs, createAuthority, issueCertificate } from '../../src/base/pki.ts';

let server: Server;
let url: string;
const authority = createAuthority('idp', Date.now());
type RouteAnswer = { status?: number; json?: unknown; text?: string };
const routes = new Map<string, (body: string) => RouteAnswer | Promise<RouteAnswer>>();
const calls: string[] = [];
const authorizations = new Map<string, string | undefined>();

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
    request.on('end', async () => {
      const path = request.url ?? '';
      calls.push(path);
      authorizations.set(path, request.headers.authorization);
      const answer = (await routes.get(path)?.(text)) ?? { status: 404, json: {} };
      response
        .writeHead(answer.status ?? 200, { 'content-type': 'application/json' })
        .end(answer.text ?? JSON.stringify(answer.json));
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
    return createOidcAuthenticator(configuration.jwt![0]!, clock);
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

  it('tell the token by its ID, and refuse a uid that is no text', async () => {
    const mapping = { username: { claim: 'sub', prefix: '' }, uid: { claim: 'number' } };
    const authenticator = await issuer({ claimMappings: mapping });
    expect(await user(authenticator, { jti: 'abc', number: '7' })).toEqual({
      name: 'ann',
      uid: '7',
      groups: [],
      extra: { 'authentication.kubernetes.io/credential-id': ['JTI=abc'] },
    });
    await expect(user(authenticator, { number: 7 })).rejects.toThrow('the uid is not a string');
  });

  it('are found elsewhere than below their name', async () => {
    const discoveryURL = `${url}/elsewhere`;
    const authenticator = await issuer({
      issuer: { url, discoveryURL, audiences: ['cluster'], certificateAuthority: authority.cert },
    });
    routes.delete('/.well-known/openid-configuration');
    routes.set('/elsewhere', () => ({ json: { issuer: url, jwks_uri: `${url}/keys` } }));
    expect((await user(authenticator))?.name).toBe('oidc:ann');
  });

  describe('that only point at the groups', () => {
    const pointing = (source: object = { endpoint: `${url}/groups`, access_token: 'key' }) => ({
      _claim_names: { groups: 'there' },
      _claim_sources: { there: source },
    });
    const answering = (claims: JWTPayload, header?: object) =>
      routes.set('/groups', async () => ({ text: await token(claims, header) }));

    it('have them fetched, with the access token of the source', async () => {
      const authenticator = await issuer();
      answering({ groups: ['far', 'away'] });
      expect((await user(authenticator, pointing()))?.groups).toEqual(['far', 'away']);
      expect(authorizations.get('/groups')).toBe('Bearer key');
      await user(authenticator, pointing({ endpoint: `${url}/groups` }));
      expect(authorizations.get('/groups')).toBeUndefined();
    });

    it('keep those that they have, and have none of a source without an endpoint', async () => {
      const authenticator = await issuer();
      expect((await user(authenticator, { ...pointing(), groups: ['near'] }))?.groups).toEqual(['near']);
      expect((await user(authenticator, pointing({ JWT: 'x' })))?.groups).toEqual([]);
      expect((await user(authenticator, { _claim_names: { roles: 'there' }, _claim_sources: {} }))?.groups).toEqual([]);
      expect(calls).not.toContain('/groups');
    });

    it('are let in by no other than the claim that groups are mapped from', async () => {
      const authenticator = await issuer({ claimMappings: { username: { claim: 'sub', prefix: '' } } });
      answering({ groups: ['far'] });
      expect((await user(authenticator, pointing()))?.groups).toEqual([]);
      expect(calls).not.toContain('/groups');
    });

    it.each<[string, () => JWTPayload, (() => void) | undefined]>([
      ['the sources are not there', () => ({ _claim_names: { groups: 'there' } }), undefined],
      ['the source is not there', () => ({ _claim_names: { groups: 'x' }, _claim_sources: {} }), undefined],
      [
        'the source is a name of JavaScript',
        () => ({ _claim_names: { groups: 'constructor' }, _claim_sources: {} }),
        undefined,
      ],
      ['the endpoint has no TLS', () => pointing({ endpoint: url.replace('https', 'http') }), undefined],
      ['nobody answers', () => pointing(), undefined],
      ['the answer is no token', () => pointing(), () => routes.set('/groups', () => ({ text: 'groups' }))],
      ['the answer is for another audience', () => pointing(), () => answering({ groups: ['x'], aud: 'other' })],
      ['the answer has expired', () => pointing(), () => answering({ groups: ['x'], exp: 1 })],
      [
        'the answer is of nobody who can be found',
        () => pointing(),
        () => answering({ groups: ['x'], iss: `${url}/no` }),
      ],
      ['the answer is signed by another key', () => pointing(), () => answering({ groups: ['x'] }, { kid: 'k0' })],
      ['the answer has no groups', () => pointing(), () => answering({})],
      ['the groups are no strings', () => pointing(), () => answering({ groups: [1] })],
    ])('are refused when %s', async (_, claims, prepare) => {
      const authenticator = await issuer();
      prepare?.();
      await expect(user(authenticator, claims())).rejects.toThrow();
    });
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
      resourceAttributes: {
        ...{ namespace: 'a', verb: 'list', resource: 'pods' },
        labelSelector: { requirements: [{ key: 'x', operator: 'In', values: ['y'] }] },
      },
      user: 'wes',
      groups: ['g'],
    });
  });

  it.each<[string, string, object]>([
    ['', '', {}],
    [
      'spec.nodeName=n,status.phase!=Running',
      'a,!b,c notin (d,e),f>1',
      {
        fieldSelector: {
          requirements: [
            { key: 'spec.nodeName', operator: 'In', values: ['n'] },
            { key: 'status.phase', operator: 'NotIn', values: ['Running'] },
          ],
        },
        labelSelector: {
          requirements: [
            { key: 'a', operator: 'Exists' },
            { key: 'b', operator: 'DoesNotExist' },
            { key: 'c', operator: 'NotIn', values: ['d', 'e'] },
          ],
        },
      },
    ],
    ['', 'a in (', {}],
  ])('are told of the selectors %j and %j as requirements', async (fieldSelector, labelSelector, wanted) => {
    let about: { resourceAttributes: object } | undefined;
    routes.set('/decide', (body) => {
      about = JSON.parse(body).spec;
      return { json: { status: { allowed: false } } };
    });
    await webhook().authorize({ ...attributes, fieldSelector, labelSelector });
    expect(about?.resourceAttributes).toEqual({ namespace: 'a', verb: 'list', resource: 'pods', ...wanted });
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

describe('image policy webhooks', () => {
  const plugin = (more: object = {}) =>
    imagePolicyWebhook.create({
      clock: realClock,
      log: silentLogger,
      configuration: { imagePolicy: { target: { url: `${url}/images`, ca: authority.cert }, ...more } },
    } as never);
  const about = (annotations: string[], subresource = '') => ({
    ...{
      operation: 'CREATE',
      resource: { group: '', version: 'v1', plural: 'pods' },
      subresource,
      namespace: 'n',
      name: 'p',
    },
    object: {
      metadata: { annotations: { 'mine.image-policy.k8s.io/ticket': '7', other: 'x' } },
      spec: {
        containers: [{ image: 'a' }],
        initContainers: [{ image: 'b' }],
        ephemeralContainers: [{ image: 'c' }],
      },
    },
    annotate: (key: string, value: string) => void annotations.push(`${key}=${value}`),
  });
  const decide = async (more: object = {}, subresource = '') => {
    const annotations: string[] = [];
    await plugin(more).validate!(about(annotations, subresource) as never);
    return annotations;
  };

  it('see the images and the annotations that are for them, and may note something', async () => {
    const seen: unknown[] = [];
    routes.set('/images', (body) => {
      seen.push(JSON.parse(body).spec);
      return { json: { status: { allowed: true, auditAnnotations: { 'by-ticket': 'yes' } } } };
    });
    expect(await decide()).toEqual(['imagepolicywebhook.image-policy.k8s.io/by-ticket=yes']);
    await decide({}, 'ephemeralcontainers');
    const annotations = { 'mine.image-policy.k8s.io/ticket': '7' };
    expect(seen).toEqual([
      { containers: [{ image: 'a' }, { image: 'b' }], annotations, namespace: 'n' },
      { containers: [{ image: 'c' }], annotations, namespace: 'n' },
    ]);
  });

  it.each<[string, object, object, string | string[]]>([
    ['no', { json: { status: { allowed: false } } }, {}, 'one or more images rejected by webhook backend'],
    ['no, since', { json: { status: { allowed: false, reason: 'old' } } }, {}, 'denied one or more images: old'],
    ['nothing', { json: {} }, {}, 'did not answer with an ImageReview'],
    ['an error', { status: 500, json: {} }, {}, 'Error contacting webhook: 500'],
    [
      'an error, where that lets pass',
      { status: 500, json: {} },
      { defaultAllow: true },
      ['imagepolicywebhook.image-policy.k8s.io/failed-open=true'],
    ],
    [
      'no, where errors let pass',
      { json: { status: { allowed: false } } },
      { defaultAllow: true },
      'rejected by webhook backend',
    ],
  ])('that say %s', async (_, answer, more, wanted) => {
    routes.set('/images', () => answer);
    if (typeof wanted === 'string') await expect(decide(more)).rejects.toThrow(wanted);
    else expect(await decide(more)).toEqual(wanted);
  });

  it('are asked once for the same images, for as long as the settings say', async () => {
    routes.set('/images', () => ({ json: { status: { allowed: true } } }));
    const running = plugin();
    for (let i = 0; i < 2; i++) await running.validate!(about([]) as never);
    expect(calls).toEqual(['/images']);
    for (const bad of [{ allowTTL: 0.5 }, { denyTTL: 3600 }, { target: undefined }])
      expect(() => plugin(bad)).toThrow('ImagePolicyWebhook');
  });
});
