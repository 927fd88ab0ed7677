/** Upstream's conformance tests of field validation, by their names. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '../../src/apiserver/test-server.ts';
import { define, objects } from './custom-definitions.ts';

let running: TestServer;
beforeAll(async () => {
  running = await startTestServer();
});
afterAll(async () => {
  await running[Symbol.asyncDispose]();
});

describe('[sig-api-machinery] FieldValidation', () => {
  const deployment =
    '{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"d","labels":{"app":"x"}},"spec":{"unknownField":"foo","replicas":1,"replicas":2,"selector":{"matchLabels":{"app":"x"}},"template":{"metadata":{"labels":{"app":"x"}},"spec":{"containers":[{"name":"c","image":"i"}]}}}}';
  const deployments = '/apis/apps/v1/namespaces/default/deployments?fieldValidation=Strict';

  it('should detect unknown and duplicate fields of a typed object', async () => {
    const { status, json } = await running.http('POST', deployments, { body: deployment });
    expect(status).toBe(400);
    expect(json.message).toContain('strict decoding error:');
    expect(json.message).toContain('unknown field "spec.unknownField"');
    expect(json.message).toContain('duplicate field "spec.replicas"');
  });

  it('should detect unknown metadata fields of a typed object', async () => {
    const body = deployment
      .replace('"unknownField":"foo",', '')
      .replace('"replicas":1,', '')
      .replace('"name":"d"', '"name":"d","unknownMeta":"x"');
    expect((await running.http('POST', deployments, { body })).json.message).toContain(
      'unknown field "metadata.unknownMeta"',
    );
  });

  it('should create/apply a CR with unknown fields for CRD with no validation schema', async () => {
    await define(running, { plural: 'opens' });
    const body = {
      apiVersion: 'conformance.example.com/v1',
      kind: 'Open',
      metadata: { name: 'x' },
      spec: { anything: 1 },
    };
    expect((await running.http('POST', `${objects('opens')}?fieldValidation=Strict`, { body })).status).toBe(201);
    const applied = await running.http('PATCH', `${objects('opens')}/y?fieldManager=m&fieldValidation=Strict`, {
      body: { ...body, metadata: { name: 'y' } },
      type: 'application/apply-patch+yaml',
    });
    expect(applied.status).toBe(201);
  });

  const strictSchema = {
    type: 'object',
    properties: { spec: { type: 'object', properties: { known: { type: 'string' } } } },
  };

  it('should create/apply a valid CR for CRD with validation schema', async () => {
    await define(running, { plural: 'valids', versions: [{ name: 'v1', schema: strictSchema }] });
    const body = {
      apiVersion: 'conformance.example.com/v1',
      kind: 'Valid',
      metadata: { name: 'x' },
      spec: { known: 'a' },
    };
    expect((await running.http('POST', `${objects('valids')}?fieldValidation=Strict`, { body })).status).toBe(201);
    const applied = await running.http('PATCH', `${objects('valids')}/x?fieldManager=m&fieldValidation=Strict`, {
      body,
      type: 'application/apply-patch+yaml',
    });
    expect(applied.status).toBe(200);
  });

  it('should create/apply an invalid CR with extra properties for CRD with validation schema', async () => {
    await define(running, { plural: 'extras', versions: [{ name: 'v1', schema: strictSchema }] });
    const body = {
      apiVersion: 'conformance.example.com/v1',
      kind: 'Extra',
      metadata: { name: 'x' },
      spec: { known: 'a', extra: 1 },
    };
    const created = await running.http('POST', `${objects('extras')}?fieldValidation=Strict`, { body });
    expect(created.status).toBe(400);
    expect(created.json.message).toContain('unknown field "spec.extra"');
    const applied = await running.http('PATCH', `${objects('extras')}/x?fieldManager=m&fieldValidation=Strict`, {
      body,
      type: 'application/apply-patch+yaml',
    });
    expect([400, 500]).toContain(applied.status);
    expect(applied.status).toBe(400);
  });

  it('should detect unknown metadata fields in both the root and embedded object of a CR', async () => {
    const schema = {
      type: 'object',
      properties: {
        spec: {
          type: 'object',
          properties: {
            template: {
              type: 'object',
              'x-kubernetes-embedded-resource': true,
              properties: { spec: { type: 'object' } },
            },
          },
        },
      },
    };
    await define(running, { plural: 'embeds', versions: [{ name: 'v1', schema }] });
    const body = {
      metadata: { name: 'x', unknownMeta: 1 },
      spec: { template: { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'y', unknownSubMeta: 1 } } },
    };
    const { json } = await running.http('POST', `${objects('embeds')}?fieldValidation=Strict`, { body });
    expect(json.message).toContain('unknown field "metadata.unknownMeta"');
    expect(json.message).toContain('unknown field "spec.template.metadata.unknownSubMeta"');
  });

  it('should detect duplicates in a CR when preserving unknown fields', async () => {
    await define(running, { plural: 'doubles' });
    const body = '{"metadata":{"name":"x"},"spec":{"a":1,"a":2}}';
    const { status, json } = await running.http('POST', `${objects('doubles')}?fieldValidation=Strict`, { body });
    expect(status).toBe(400);
    expect(json.message).toContain('duplicate field "spec.a"');
  });
});
