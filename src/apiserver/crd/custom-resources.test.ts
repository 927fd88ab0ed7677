import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CustomResourceDefinition } from '../../api/apiextensions/custom-resource-definition.ts';
import { realClock } from '../../base/clock.ts';
import { createAuthority, issueCertificate } from '../../base/pki.ts';
import { startTestServer, type TestServer } from '../test-server.ts';

let running: TestServer;
beforeAll(async () => {
  running = await startTestServer();
});
afterAll(async () => {
  await running[Symbol.asyncDispose]();
});

type Schema = Record<string, unknown>;

const definition = (plural: string, kind: string, versions: object[], more: object = {}) => ({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: `${plural}.example.com` },
  spec: {
    group: 'example.com',
    scope: 'Namespaced',
    names: { plural, kind, shortNames: [plural.slice(0, 3)] },
    versions,
    ...more,
  },
});
const version = (name: string, spec: Schema, more: object = {}) => ({
  name,
  served: true,
  storage: true,
  schema: {
    openAPIV3Schema: {
      type: 'object',
      properties: { spec, status: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
    },
  },
  ...more,
});
const crds = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const path = (plural: string, v = 'v1') => `/apis/example.com/${v}/namespaces/default/${plural}`;

async function define(body: object): Promise<void> {
  const { status, json } = await running.http('POST', crds, { body });
  expect(json.message ?? status).toBe(201);
  await established((body as { metadata: { name: string } }).metadata.name);
}

async function established(name: string): Promise<void> {
  for (;;) {
    const found = await running.client.find(CustomResourceDefinition, { name });
    const up = found?.status.conditions?.some((c) => c.type === 'Established' && c.status === 'True');
    const { group, names, versions } = found!.spec;
    if (up && versions.every((v) => !v.served || running.server.kinds.resolve(group, v.name, names.plural))) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const merge = (body: object) => ({ body, type: 'application/merge-patch+json' });

describe('a custom resource', () => {
  beforeAll(() =>
    define(
      definition('crontabs', 'CronTab', [
        version(
          'v1',
          {
            type: 'object',
            required: ['cronSpec'],
            'x-kubernetes-validations': [
              { rule: 'self.replicas <= self.maxReplicas', message: 'replicas must not exceed maxReplicas' },
              {
                rule: 'self.replicas >= oldSelf.replicas',
                messageExpression: "'cannot shrink below ' + (oldSelf.replicas == 6 ? 'six' : 'what it was')",
              },
            ],
            properties: {
              cronSpec: { type: 'string', pattern: '^(\\d+|\\*)$' },
              replicas: { type: 'integer', minimum: 0, default: 1 },
              maxReplicas: { type: 'integer', default: 10 },
              port: { 'x-kubernetes-int-or-string': true },
              mode: { type: 'string', enum: ['Fast', 'Slow'] },
              list: {
                type: 'array',
                'x-kubernetes-list-type': 'map',
                'x-kubernetes-list-map-keys': ['name'],
                items: {
                  type: 'object',
                  required: ['name'],
                  properties: { name: { type: 'string' }, value: { type: 'string', maxLength: 3 } },
                },
              },
            },
          },
          {
            subresources: {
              status: {},
              scale: { specReplicasPath: '.spec.replicas', statusReplicasPath: '.status.replicas' },
            },
            additionalPrinterColumns: [{ name: 'Spec', type: 'string', jsonPath: '.spec.cronSpec' }],
            selectableFields: [{ jsonPath: '.spec.mode' }],
          },
        ),
      ]),
    ),
  );

  it('is pruned and defaulted, and served as table', async () => {
    const { status, json, headers } = await running.http('POST', path('crontabs'), {
      body: { metadata: { name: 'first' }, spec: { cronSpec: '*', unknown: 1, port: 'http', mode: 'Fast' } },
    });
    expect(status).toBe(201);
    expect(json.spec).toEqual({ cronSpec: '*', replicas: 1, maxReplicas: 10, port: 'http', mode: 'Fast' });
    expect(json).toMatchObject({ apiVersion: 'example.com/v1', kind: 'CronTab', metadata: { generation: 1 } });
    expect(headers['warning']).toContain('unknown field');
    const table = await running.http('GET', path('crontabs'), {
      headers: { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' },
    });
    expect(table.json.rows[0].cells).toEqual(['first', '*']);
  });

  it.each<[string, object, string]>([
    ['a missing field', {}, 'spec.cronSpec: Required value'],
    [
      'a pattern',
      { cronSpec: 'x' },
      `spec.cronSpec: Invalid value: "x": spec.cronSpec in body should match '^(\\d+|\\*)$'`,
    ],
    [
      'a type',
      { cronSpec: '*', replicas: '1' },
      'spec.replicas: Invalid value: "string": spec.replicas in body must be of type integer: "string"',
    ],
    [
      'a minimum',
      { cronSpec: '*', replicas: -1 },
      'spec.replicas: Invalid value: -1: spec.replicas in body should be greater than or equal to 0',
    ],
    [
      'an enumeration',
      { cronSpec: '*', mode: 'X' },
      'spec.mode: Unsupported value: "X": supported values: "Fast", "Slow"',
    ],
    [
      'int-or-string',
      { cronSpec: '*', port: true },
      'spec.port: Invalid value: "boolean": spec.port in body must be of type integer,string: "boolean"',
    ],
    [
      'a length',
      { cronSpec: '*', list: [{ name: 'a', value: 'long' }] },
      'spec.list[0].value: Too long: may not be more than 3 bytes',
    ],
    [
      'a repeated key',
      { cronSpec: '*', list: [{ name: 'a' }, { name: 'a' }] },
      'spec.list[1]: Duplicate value: {"name":"a"}',
    ],
    ['a rule', { cronSpec: '*', replicas: 11 }, 'spec: Invalid value: replicas must not exceed maxReplicas'],
  ])('is refused for %s', async (_, spec, message) => {
    const { status, json } = await running.http('POST', path('crontabs'), {
      body: { metadata: { name: 'bad' }, spec },
    });
    expect(status).toBe(422);
    expect(json.message).toContain(message);
  });

  it('obeys transition rules', async () => {
    await running.http('POST', path('crontabs'), {
      body: { metadata: { name: 'grows' }, spec: { cronSpec: '1', replicas: 5 } },
    });
    expect((await running.http('PATCH', `${path('crontabs')}/grows`, merge({ spec: { replicas: 6 } }))).status).toBe(
      200,
    );
    const { status, json } = await running.http('PATCH', `${path('crontabs')}/grows`, merge({ spec: { replicas: 2 } }));
    expect(status).toBe(422);
    expect(json.message).toContain('cannot shrink below six');
  });

  it('keeps status and spec apart, and scales', async () => {
    await running.http('POST', path('crontabs'), {
      body: { metadata: { name: 'parts' }, spec: { cronSpec: '1' }, status: { replicas: 3 } },
    });
    const one = `${path('crontabs')}/parts`;
    expect((await running.http('GET', one)).json.status).toBeUndefined();
    const reported = await running.http(
      'PATCH',
      `${one}/status`,
      merge({ spec: { cronSpec: '2' }, status: { replicas: 1 } }),
    );
    expect(reported.json).toMatchObject({
      spec: { cronSpec: '1' },
      status: { replicas: 1 },
      metadata: { generation: 1 },
    });
    const scaled = await running.http('PATCH', `${one}/scale`, merge({ spec: { replicas: 4 } }));
    expect(scaled.json).toMatchObject({ kind: 'Scale', spec: { replicas: 4 }, status: { replicas: 1 } });
    expect((await running.http('GET', one)).json.metadata.generation).toBe(2);
  });

  it('needs a version in an update, and has no strategic merge patch', async () => {
    const one = `${path('crontabs')}/first`;
    const { json } = await running.http('GET', one);
    delete json.metadata.resourceVersion;
    const unconditional = await running.http('PUT', one, { body: json });
    expect(unconditional.status).toBe(422);
    expect(unconditional.json.message).toContain(
      'metadata.resourceVersion: Invalid value: 0: must be specified for an update',
    );
    const strategic = await running.http('PATCH', one, { body: {}, type: 'application/strategic-merge-patch+json' });
    expect(strategic.status).toBe(415);
  });

  it('is found by selectable fields', async () => {
    const { json } = await running.http('GET', `${path('crontabs')}?fieldSelector=spec.mode%3DFast`);
    expect(json.items.map((item: { metadata: { name: string } }) => item.metadata.name)).toEqual(['first']);
  });

  it('is applied with managed fields, and conflicts', async () => {
    const apply = (manager: string, spec: object, force = false) =>
      running.http('PATCH', `${path('crontabs')}/applied?fieldManager=${manager}&force=${force}`, {
        body: { apiVersion: 'example.com/v1', kind: 'CronTab', metadata: { name: 'applied' }, spec },
        type: 'application/apply-patch+yaml',
      });
    expect((await apply('one', { cronSpec: '1' })).status).toBe(201);
    const conflict = await apply('two', { cronSpec: '2' });
    expect(conflict.status).toBe(409);
    expect(conflict.json.details.causes[0]).toMatchObject({ reason: 'FieldManagerConflict', field: '.spec.cronSpec' });
    expect((await apply('two', { cronSpec: '2' }, true)).json.spec.cronSpec).toBe('2');
  });

  it('is in discovery', async () => {
    const { json } = await running.http('GET', '/apis/example.com/v1');
    expect(json.resources.map((resource: { name: string }) => resource.name)).toEqual(
      expect.arrayContaining(['crontabs', 'crontabs/status', 'crontabs/scale']),
    );
  });
});

describe('ratcheting', () => {
  it('leaves values alone that were valid when they were written', async () => {
    await define(
      definition('loosened', 'Loose', [
        version('v1', { type: 'object', properties: { a: { type: 'string' }, b: { type: 'string' } } }),
      ]),
    );
    await running.http('POST', path('loosened'), { body: { metadata: { name: 'x' }, spec: { a: 'long value' } } });
    const stored = (await running.http('GET', `${crds}/loosened.example.com`)).json;
    stored.spec.versions[0].schema.openAPIV3Schema.properties.spec.properties.a.maxLength = 3;
    expect((await running.http('PUT', `${crds}/loosened.example.com`, { body: stored })).status).toBe(200);
    await expect
      .poll(
        async () =>
          (
            await running.http('POST', `${path('loosened')}?dryRun=All`, {
              body: { metadata: { name: 'y' }, spec: { a: 'long value' } },
            })
          ).status,
      )
      .toBe(422);
    expect((await running.http('PATCH', `${path('loosened')}/x`, merge({ spec: { b: 'new' } }))).status).toBe(200);
    expect((await running.http('PATCH', `${path('loosened')}/x`, merge({ spec: { a: 'still long' } }))).status).toBe(
      422,
    );
  });
});

describe('several versions', () => {
  let server: Server;
  let url: string;
  let caBundle: string;
  beforeAll(async () => {
    const now = realClock.now();
    const ca = createAuthority('webhook-ca', now);
    caBundle = Buffer.from(ca.cert).toString('base64');
    const times = { notBefore: now - 60_000, notAfter: now + 3_600_000 };
    const { cert, key } = issueCertificate(ca, {
      subject: { commonName: 'hook' },
      usages: ['serverAuth'],
      ipAddresses: ['127.0.0.1'],
      ...times,
    });
    server = createServer({ cert, key }, (req, res) => {
      let text = '';
      req.on('data', (chunk) => {
        text += chunk;
      });
      req.on('end', () => {
        const { request } = JSON.parse(text);
        const convertedObjects = request.objects.map((object: { spec: { size: unknown } }) => {
          const size = request.desiredAPIVersion.endsWith('v2')
            ? { amount: object.spec.size }
            : (object.spec.size as { amount: number }).amount;
          return { ...object, apiVersion: request.desiredAPIVersion, spec: { size } };
        });
        res.end(
          JSON.stringify({
            apiVersion: 'apiextensions.k8s.io/v1',
            kind: 'ConversionReview',
            response: { uid: request.uid, result: { status: 'Success' }, convertedObjects },
          }),
        );
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `https://127.0.0.1:${(server.address() as AddressInfo).port}/convert`;
  });
  afterAll(() => new Promise<void>((resolve) => server.close(() => resolve())));

  it('differ in name only without a webhook', async () => {
    const spec = { type: 'object', properties: { a: { type: 'string' } } };
    await define(definition('plains', 'Plain', [version('v1', spec, { storage: false }), version('v2', spec)]));
    await running.http('POST', path('plains', 'v1'), { body: { metadata: { name: 'x' }, spec: { a: 'b' } } });
    const { json } = await running.http('GET', `${path('plains', 'v2')}/x`);
    expect(json).toMatchObject({ apiVersion: 'example.com/v2', spec: { a: 'b' } });
    const listed = await running.http('GET', path('plains', 'v1'));
    expect(listed.json.items[0].apiVersion).toBe('example.com/v1');
  });

  it('are converted by a webhook', async () => {
    const one = { type: 'object', properties: { size: { type: 'integer' } } };
    const two = {
      type: 'object',
      properties: { size: { type: 'object', properties: { amount: { type: 'integer' } } } },
    };
    const conversion = {
      strategy: 'Webhook',
      webhook: { clientConfig: { url, caBundle }, conversionReviewVersions: ['v1'] },
    };
    await define(
      definition('sizes', 'Size', [version('v1', one, { storage: false }), version('v2', two)], { conversion }),
    );
    const made = await running.http('POST', path('sizes', 'v1'), {
      body: { metadata: { name: 'x' }, spec: { size: 3 } },
    });
    expect(made.json).toMatchObject({ apiVersion: 'example.com/v1', spec: { size: 3 } });
    expect((await running.http('GET', `${path('sizes', 'v2')}/x`)).json.spec).toEqual({ size: { amount: 3 } });
    const patched = await running.http('PATCH', `${path('sizes', 'v1')}/x`, merge({ spec: { size: 4 } }));
    expect(patched.json.spec).toEqual({ size: 4 });
    expect((await running.http('GET', path('sizes', 'v1'))).json.items[0].spec).toEqual({ size: 4 });
  });
});

describe('definitions', () => {
  it.each<[string, (body: ReturnType<typeof definition>) => void, string]>([
    [
      'a name that does not fit',
      (body) => {
        body.metadata.name = 'other.example.com';
      },
      'must be spec.names.plural+"."+spec.group',
    ],
    [
      'no storage version',
      (body) => {
        (body.spec.versions[0] as { storage: boolean }).storage = false;
      },
      'must have exactly one version marked as storage version',
    ],
    [
      'no schema',
      (body) => {
        delete (body.spec.versions[0] as { schema?: object }).schema;
      },
      'schemas are required',
    ],
    [
      'a field without a type',
      (body) => {
        (body.spec.versions[0] as ReturnType<typeof version>).schema.openAPIV3Schema.properties.spec = {};
      },
      'must not be empty for specified object fields',
    ],
    [
      'a rule that does not compile',
      (body) => {
        (body.spec.versions[0] as ReturnType<typeof version>).schema.openAPIV3Schema.properties.spec = {
          type: 'object',
          'x-kubernetes-validations': [{ rule: 'self.nope > 1' }],
        };
      },
      'compilation failed',
    ],
    [
      'a protected group',
      (body) => {
        body.spec.group = 'x.k8s.io';
        body.metadata.name = 'wrongs.x.k8s.io';
      },
      'protected groups must have approval annotation',
    ],
  ])('are refused for %s', async (_, spoil, message) => {
    const body = definition('wrongs', 'Wrong', [version('v1', { type: 'object' })]);
    spoil(body);
    const { status, json } = await running.http('POST', crds, { body });
    expect(status).toBe(422);
    expect(json.message).toContain(message);
  });

  it('with names that are taken are not established', async () => {
    await define(definition('owners', 'Owner', [version('v1', { type: 'object' })]));
    const body = definition('usurpers', 'Owner', [version('v1', { type: 'object' })]);
    Object.assign(body.spec.names, { singular: 'usurper' });
    await running.http('POST', crds, { body });
    await expect
      .poll(async () =>
        (await running.http('GET', `${crds}/usurpers.example.com`)).json.status.conditions.map(
          (c: { type: string; status: string; reason: string }) => `${c.type}=${c.status} ${c.reason}`,
        ),
      )
      .toEqual(['NamesAccepted=False ListKindConflict', 'Established=False NotAccepted']);
  });

  it('take their objects with them', async () => {
    await define(definition('leavings', 'Leaving', [version('v1', { type: 'object' })]));
    await running.http('POST', path('leavings'), { body: { metadata: { name: 'x' } } });
    await running.http('POST', path('leavings'), {
      body: { metadata: { name: 'held', finalizers: ['example.com/hold'] } },
    });
    await running.http('DELETE', `${crds}/leavings.example.com`);
    await expect.poll(async () => (await running.http('GET', path('leavings'))).json.items.length).toBe(1);
    const refused = await running.http('POST', path('leavings'), { body: { metadata: { name: 'late' } } });
    expect(refused.status).toBe(405);
    await running.http('PATCH', `${path('leavings')}/held`, merge({ metadata: { finalizers: null } }));
    await expect.poll(async () => (await running.http('GET', `${crds}/leavings.example.com`)).status).toBe(404);
    expect((await running.http('GET', path('leavings'))).status).toBe(404);
  });
});
