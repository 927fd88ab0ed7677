/** Webhooks are called by the server: nobody must aim them at what the server alone can reach. */
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ValidatingWebhookConfiguration } from '../../src/api/admissionregistration/validating-webhook-configuration.ts';
import { CustomResourceDefinition } from '../../src/api/apiextensions/custom-resource-definition.ts';
import { ConfigMap } from '../../src/api/core/config-map.ts';
import { Namespace } from '../../src/api/core/namespace.ts';
import { Service } from '../../src/api/core/service.ts';
import type { CertificateAndKey } from '../../src/base/pki.ts';
import { certificateLifetimeMs, createAuthority, issueCertificate } from '../../src/base/pki.ts';
import { startWorld, type World } from './world.ts';

let world: World;
let root: CertificateAndKey;
let trap: Server;
let port: number;
let answered: { status: number; headers?: Record<string, string> } = { status: 500 };
const asked: string[] = [];
const authority = createAuthority('traps', Date.now());
const caBundle = Buffer.from(authority.cert).toString('base64');
const inside = 'what-only-the-server-may-read';

beforeAll(async () => {
  const pair = issueCertificate(authority, {
    subject: { commonName: 'trap' },
    usages: ['serverAuth'],
    ipAddresses: ['127.0.0.1'],
    dnsNames: ['localhost', 'hook.tenant.svc'],
    notBefore: Date.now() - 60_000,
    notAfter: Date.now() + certificateLifetimeMs,
  });
  trap = createServer(pair, (request, response) => {
    asked.push(request.url ?? '');
    response.writeHead(answered.status, answered.headers).end(inside);
  });
  await new Promise<void>((resolve) => trap.listen(0, '127.0.0.1', resolve));
  port = (trap.address() as AddressInfo).port;
  world = await startWorld();
  root = world.certificate('root', ['system:masters']);
  await world.admin.create(Namespace, { metadata: { name: 'tenant' } });
});
afterAll(async () => {
  await world.close();
  trap.closeAllConnections();
  await new Promise((resolve) => trap.close(resolve));
});

describe('an admission webhook of a service', () => {
  it.each(['127.0.0.1', 'localhost', '169.254.169.254', '0.0.0.0'])(
    'is not called where its tenant names %s as the service',
    async (externalName) => {
      asked.length = 0;
      await world.admin.create(Service, {
        metadata: { namespace: 'tenant', name: 'hook' },
        spec: { type: 'ExternalName', externalName, ports: [{ port }] },
      });
      await world.admin.create(ValidatingWebhookConfiguration, {
        metadata: { name: 'aimed' },
        webhooks: [
          {
            name: 'aimed.example.com',
            clientConfig: { service: { namespace: 'tenant', name: 'hook', port }, caBundle },
            rules: [{ operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['configmaps'] }],
            sideEffects: 'None',
            admissionReviewVersions: ['v1'],
          },
        ],
      });
      try {
        await expect(
          world.admin.create(ConfigMap, { metadata: { namespace: 'tenant', generateName: 'c-' } }),
        ).rejects.toMatchObject({ message: expect.stringContaining('webhooks may not be at') });
        expect(asked).toEqual([]);
      } finally {
        await world.admin.delete(ValidatingWebhookConfiguration, { name: 'aimed' });
        await world.admin.delete(Service, { namespace: 'tenant', name: 'hook' });
      }
    },
  );

  it.each(['127.0.0.1', '169.254.169.254', '0.0.0.0', '10.0.0.5', '::1'])(
    'gets no cluster IP of its tenant’s choice: %s',
    async (clusterIP) => {
      await expect(
        world.admin.create(Service, {
          metadata: { namespace: 'tenant', name: 'chosen' },
          spec: { clusterIP, ports: [{ port: 443 }] },
        }),
      ).rejects.toMatchObject({ reason: 'Invalid' });
    },
  );
});

describe('a conversion webhook', () => {
  let serial = 0;
  const definition = (clientConfig: object) => {
    const plural = `things${serial++}`;
    const version = (name: string, storage: boolean) => ({
      name,
      served: true,
      storage,
      schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } as never },
    });
    return {
      metadata: { name: `${plural}.reach.example` },
      spec: {
        group: 'reach.example',
        scope: 'Namespaced',
        names: { plural, kind: `Thing${serial}`, singular: plural, listKind: `Thing${serial}List` },
        versions: [version('v1', true), version('v2', false)],
        conversion: {
          strategy: 'Webhook',
          webhook: { clientConfig: clientConfig as never, conversionReviewVersions: ['v1'] },
        },
      },
    };
  };

  it.each<[string, object]>([
    ['plain HTTP', { url: 'http://127.0.0.1/x' }],
    ['a file', { url: 'file:///etc/passwd' }],
    ['credentials', { url: 'https://user:pass@127.0.0.1/x' }],
    ['a query', { url: 'https://127.0.0.1/x?command=id' }],
    ['a fragment', { url: 'https://127.0.0.1/x#y' }],
    ['no URL', { url: 'https://' }],
    ['a path with dots', { service: { namespace: 'tenant', name: 's', path: '/../secrets' } }],
    ['a path with a line break', { service: { namespace: 'tenant', name: 's', path: '/a\r\nx: y' } }],
    ['no service name', { service: { namespace: 'tenant', name: '' } }],
    ['a port that is none', { service: { namespace: 'tenant', name: 's', port: 70_000 } }],
    ['both', { url: 'https://a.example/', service: { namespace: 'tenant', name: 's' } }],
  ])('with %s is refused', async (_, clientConfig) => {
    await expect(world.admin.create(CustomResourceDefinition, definition(clientConfig))).rejects.toMatchObject({
      reason: 'Invalid',
    });
  });

  async function converted(clientConfig: object): Promise<{ status: number; text: string }> {
    const draft = definition(clientConfig);
    await world.admin.create(CustomResourceDefinition, draft);
    const base = `/apis/reach.example/v1/namespaces/tenant/${draft.spec.names.plural}`;
    const later = base.replace('/v1/', '/v2/');
    for (const path of [base, later])
      await expect.poll(async () => (await world.call(path, { certificate: root })).status).toBe(200);
    const body = { apiVersion: 'reach.example/v1', kind: draft.spec.names.kind, metadata: { name: 'x' } };
    expect((await world.call(base, { certificate: root, body })).status).toBe(201);
    return world.call(`${later}/x`, { certificate: root });
  }

  it('tells the caller nothing of what its target said', async () => {
    answered = { status: 500 };
    const answer = await converted({ url: `https://127.0.0.1:${port}/admin`, caBundle });
    expect([answer.status, answer.text.includes(inside)]).toEqual([500, false]);
    expect(answer.text).toContain('the webhook answered 500');
    answered = { status: 200 };
    const other = await converted({ url: `https://127.0.0.1:${port}/admin`, caBundle });
    expect([other.status, other.text.includes(inside)]).toEqual([500, false]);
  });

  it('is not followed elsewhere', async () => {
    asked.length = 0;
    answered = { status: 307, headers: { location: `https://127.0.0.1:${port}/elsewhere` } };
    const answer = await converted({ url: `https://127.0.0.1:${port}/convert`, caBundle });
    expect(answer.status).toBe(500);
    expect(new Set(asked)).toEqual(new Set(['/convert']));
  });

  it('is not called at an external name', async () => {
    asked.length = 0;
    await world.admin.create(Service, {
      metadata: { namespace: 'tenant', name: 'named' },
      spec: { type: 'ExternalName', externalName: 'localhost' },
    });
    const answer = await converted({ service: { namespace: 'tenant', name: 'named', port }, caBundle });
    expect(answer.status).toBe(500);
    expect(asked).toEqual([]);
  });

  it('of another authority is not believed', async () => {
    asked.length = 0;
    const other = Buffer.from(createAuthority('other', Date.now()).cert).toString('base64');
    const answer = await converted({ url: `https://127.0.0.1:${port}/convert`, caBundle: other });
    expect(answer.status).toBe(500);
    expect(asked).toEqual([]);
  });
});
