import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { MutatingWebhookConfiguration } from '../../src/api/admissionregistration/mutating-webhook-configuration.ts';
import { ValidatingWebhookConfiguration } from '../../src/api/admissionregistration/validating-webhook-configuration.ts';
import { ConfigMap } from '../../src/api/core/config-map.ts';
import { Namespace } from '../../src/api/core/namespace.ts';
import { certificateLifetimeMs, createAuthority, issueCertificate } from '../../src/base/pki.ts';
import type { Client } from '../../src/client/client.ts';
import { startWorld, type World } from './world.ts';

interface Review {
  readonly request: {
    readonly uid: string;
    readonly operation: string;
    // biome-ignore lint/suspicious/noExplicitAny: whatever the API server sends.
    readonly object: any;
    // biome-ignore lint/suspicious/noExplicitAny: whatever the API server sends.
    readonly oldObject: any;
    readonly dryRun: boolean;
    readonly userInfo: { username: string };
    readonly kind: object;
    readonly resource: object;
    readonly options: object | null;
  };
}

let world: World;
let admin: Client;
let server: Server;
let url: string;
const authority = createAuthority('hooks', Date.now());
const caBundle = Buffer.from(authority.cert).toString('base64');
const seen: { path: string; review: Review }[] = [];
/** What the webhook at a path answers; undefined never answers. */
const answers = new Map<string, (review: Review) => object | undefined>();

beforeAll(async () => {
  const pair = issueCertificate(authority, {
    subject: { commonName: 'hook' },
    usages: ['serverAuth'],
    ipAddresses: ['127.0.0.1'],
    dnsNames: ['localhost'],
    notBefore: Date.now() - 60_000,
    notAfter: Date.now() + certificateLifetimeMs,
  });
  server = createServer(pair, (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const path = new URL(request.url ?? '/', 'https://x').pathname;
      const review = JSON.parse(Buffer.concat(chunks).toString()) as Review;
      seen.push({ path, review });
      if (path === '/redirect') {
        response.writeHead(307, { location: '/allow' }).end();
        return;
      }
      const answer = answers.get(path)?.(review);
      if (!answer) return;
      const wrapped =
        'raw' in answer
          ? answer.raw
          : {
              apiVersion: 'admission.k8s.io/v1',
              kind: 'AdmissionReview',
              response: { uid: review.request.uid, allowed: true, ...answer },
            };
      response.setHeader('content-type', 'application/json');
      response.end(typeof wrapped === 'string' ? wrapped : JSON.stringify(wrapped));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  world = await startWorld();
  admin = world.admin;
  await admin.create(Namespace, { metadata: { name: 'hooked', labels: { team: 'a' } } });
});

afterAll(async () => {
  await world.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

afterEach(async () => {
  await admin.deleteCollection(MutatingWebhookConfiguration, {});
  await admin.deleteCollection(ValidatingWebhookConfiguration, {});
  seen.length = 0;
});

const rules = [
  {
    operations: ['CREATE', 'UPDATE', 'DELETE'],
    apiGroups: [''],
    apiVersions: ['v1'],
    resources: ['configmaps'],
    scope: 'Namespaced',
  },
];
const hook = (path: string, more: object = {}) => ({
  name: `${path.slice(1).replace(/[^a-z]/g, '') || 'x'}.example.com`,
  clientConfig: { url: `${url}${path}`, caBundle },
  rules,
  sideEffects: 'None',
  admissionReviewVersions: ['v1'],
  ...more,
});

let serial = 0;
async function configure(kind: 'validating' | 'mutating', ...webhooks: object[]): Promise<void> {
  const name = `c${serial++}`;
  const draft = { metadata: { name }, webhooks: webhooks as never };
  await (kind === 'validating'
    ? admin.create(ValidatingWebhookConfiguration, draft)
    : admin.create(MutatingWebhookConfiguration, draft));
}

const make = (data: Record<string, string> = {}, metadata: object = {}) =>
  admin.create(ConfigMap, { metadata: { namespace: 'hooked', generateName: 'm-', ...metadata }, data });
const patch = (operations: object[]) => ({
  patchType: 'JSONPatch',
  patch: Buffer.from(JSON.stringify(operations)).toString('base64'),
});

describe('validating webhooks', () => {
  it('see the request and refuse it in their own words', async () => {
    answers.set('/no', () => ({ allowed: false, status: { message: 'not today', code: 409, reason: 'Conflict' } }));
    await configure('validating', hook('/no'));
    await expect(make({ a: 'b' })).rejects.toMatchObject({
      code: 409,
      reason: 'Conflict',
      message: 'admission webhook "no.example.com" denied the request: not today',
    });
    const { request } = seen[0]!.review;
    expect(request).toMatchObject({
      operation: 'CREATE',
      object: { data: { a: 'b' } },
      oldObject: null,
      dryRun: false,
      kind: { group: '', version: 'v1', kind: 'ConfigMap' },
      resource: { group: '', version: 'v1', resource: 'configmaps' },
    });
    answers.set('/no', () => ({ allowed: false }));
    await expect(make()).rejects.toMatchObject({
      code: 400,
      message: 'admission webhook "no.example.com" denied the request without explanation',
    });
  });

  it('see the right old object on update and delete', async () => {
    answers.set('/allow', () => ({}));
    const made = await make({ v: '1' });
    await configure('validating', hook('/allow'));
    await admin.update(ConfigMap, { ...made, data: { v: '2' } });
    await admin.delete(ConfigMap, { namespace: 'hooked', name: made.metadata.name });
    expect(
      seen.map(({ review: { request } }) => [request.operation, request.object?.data?.v, request.oldObject?.data?.v]),
    ).toEqual([
      ['UPDATE', '2', '1'],
      ['DELETE', undefined, '2'],
    ]);
  });

  it.each<[string, object, string]>([
    ['time out', hook('/hang', { timeoutSeconds: 1 }), 'context deadline exceeded'],
    ['redirect', hook('/redirect'), 'status 307'],
    ['answer with something else', hook('/junk'), 'expected webhook response'],
    ['answer for another request', hook('/uid'), 'expected response.uid'],
    [
      'have another certificate',
      hook('/allow', {
        clientConfig: {
          url: 'PLACEHOLDER',
          caBundle: Buffer.from(createAuthority('other', Date.now()).cert).toString('base64'),
        },
      }),
      'failed to call webhook',
    ],
    [
      'are a service that is not there',
      hook('/allow', { clientConfig: { service: { namespace: 'hooked', name: 'nope' }, caBundle } }),
      'service "nope" not found',
    ],
  ])('that %s fail the request, unless failures are ignored', async (_, webhook, message) => {
    answers.set('/junk', () => ({ raw: 'hello' }));
    answers.set('/uid', () => ({ uid: 'another' }));
    answers.set('/allow', () => ({}));
    const given = webhook as { clientConfig: { url?: string } };
    if (given.clientConfig.url === 'PLACEHOLDER') given.clientConfig.url = `${url}/allow`;
    if (given.clientConfig.url?.startsWith('undefined'))
      given.clientConfig.url = given.clientConfig.url.replace('undefined', url);
    await configure('validating', webhook);
    await expect(make()).rejects.toMatchObject({
      code: 500,
      message: expect.stringMatching(/^Internal error occurred: failed calling webhook "/),
    });
    await expect(make()).rejects.toMatchObject({ message: expect.stringContaining(message) });
    await admin.deleteCollection(ValidatingWebhookConfiguration, {});
    await configure('validating', { ...webhook, failurePolicy: 'Ignore' });
    await expect(make()).resolves.toBeDefined();
  });

  it('that refuse are heard even if failures are ignored', async () => {
    answers.set('/no', () => ({ allowed: false }));
    await configure('validating', hook('/no', { failurePolicy: 'Ignore' }));
    await expect(make()).rejects.toMatchObject({ message: expect.stringContaining('denied the request') });
  });

  it.each<[string, object]>([
    ['another namespace’s label', { namespaceSelector: { matchLabels: { team: 'b' } } }],
    ['another object’s label', { objectSelector: { matchLabels: { x: 'y' } } }],
    ['another resource', { rules: [{ ...rules[0], resources: ['secrets'] }] }],
    ['another operation', { rules: [{ ...rules[0], operations: ['DELETE'] }] }],
    ['cluster scope', { rules: [{ ...rules[0], scope: 'Cluster' }] }],
    [
      'a condition',
      { matchConditions: [{ name: 'not-me', expression: "request.userInfo.username != 'system:apiserver'" }] },
    ],
    ['subresources', { rules: [{ ...rules[0], resources: ['*/status'] }] }],
  ])('that want %s are not asked', async (_, more) => {
    answers.set('/no', () => ({ allowed: false }));
    await configure('validating', hook('/no', more));
    await expect(make()).resolves.toBeDefined();
    expect(seen).toEqual([]);
  });

  it('with a condition that cannot be evaluated follow their failure policy', async () => {
    answers.set('/allow', () => ({}));
    const matchConditions = [{ name: 'bad', expression: 'object.nothing.here' }];
    await configure(
      'validating',
      hook('/allow', { matchConditions: [{ name: 'bad', expression: 'object.nothing == 1' }] }),
    );
    await expect(make()).rejects.toMatchObject({ message: expect.stringContaining('no such key: nothing') });
    await expect(
      configure('validating', hook('/allow', { matchConditions: [{ name: 'c', expression: 'nope(' }] })),
    ).rejects.toMatchObject({
      reason: 'Invalid',
      message: expect.stringContaining('webhooks[0].matchConditions[0].expression'),
    });
    expect(matchConditions).toHaveLength(1);
  });

  it('never see the configuration of webhooks', async () => {
    answers.set('/no', () => ({ allowed: false }));
    await configure(
      'validating',
      hook('/no', {
        rules: [{ operations: ['*'], apiGroups: ['*'], apiVersions: ['*'], resources: ['*/*'], scope: '*' }],
      }),
    );
    await expect(admin.list(ValidatingWebhookConfiguration)).resolves.toBeDefined();
    await expect(admin.deleteCollection(ValidatingWebhookConfiguration, {})).resolves.toBeUndefined();
    expect(seen).toEqual([]);
  });

  it('with side effects are not run dry', async () => {
    answers.set('/allow', () => ({}));
    await configure('validating', hook('/allow', { sideEffects: 'None' }));
    await admin.create(ConfigMap, { metadata: { namespace: 'hooked', name: 'dry' } }, { dryRun: true });
    expect(seen[0]!.review.request.dryRun).toBe(true);
  });

  it('add warnings', async () => {
    answers.set('/allow', () => ({ warnings: ['mind the gap'] }));
    await configure('validating', hook('/allow'));
    const answer = await world.call('/api/v1/namespaces/hooked/configmaps', {
      certificate: world.certificate('root', ['system:masters']),
      body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { generateName: 'w-' } },
    });
    expect(answer.headers['warning']).toContain('mind the gap');
  });
});

describe('mutating webhooks', () => {
  it('change objects one after the other, in the order of names', async () => {
    answers.set('/a', () => patch([{ op: 'add', path: '/data/order', value: 'a' }]));
    answers.set('/b', ({ request }) =>
      patch([{ op: 'replace', path: '/data/order', value: `${request.object.data.order}b` }]),
    );
    await configure('mutating', hook('/a'), hook('/b'));
    expect((await make({ x: '' })).data).toEqual({ x: '', order: 'ab' });
  });

  it('cannot make what validation would refuse', async () => {
    answers.set('/a', () => patch([{ op: 'add', path: '/data/bad~1key', value: 'x' }]));
    await configure('mutating', hook('/a'));
    await expect(make({ x: '' })).rejects.toMatchObject({ reason: 'Invalid' });
  });

  it.each<[string, object]>([
    ['that does not apply', patch([{ op: 'remove', path: '/data/nope' }])],
    ['of another type', { patchType: 'MergePatch', patch: 'e30=' }],
    ['that is no JSON', { patchType: 'JSONPatch', patch: 'e30' }],
  ])('with a patch %s fail the request', async (_, answer) => {
    answers.set('/a', () => answer);
    await configure('mutating', hook('/a'));
    await expect(make({ x: '' })).rejects.toMatchObject({ code: 500, message: expect.stringContaining('bad patch') });
  });

  it('are asked again where a later one changed the object', async () => {
    answers.set('/first', ({ request }) =>
      patch([{ op: 'add', path: '/data/seen', value: Object.keys(request.object.data).sort().join('') }]),
    );
    answers.set('/second', () => patch([{ op: 'add', path: '/data/z', value: '1' }]));
    await configure('mutating', hook('/first', { reinvocationPolicy: 'IfNeeded' }), hook('/second'));
    expect((await make({ x: '' })).data).toEqual({ x: '', z: '1', seen: 'seenxz' });
    expect(seen.map(({ path }) => path)).toEqual(['/first', '/second', '/first']);
  });
});
