import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '../test-server.ts';
import { configMap, configMaps } from './test-config-maps.ts';

let running: TestServer;
beforeAll(async () => {
  running = await startTestServer();
});
afterAll(async () => {
  await running[Symbol.asyncDispose]();
});

describe('create', () => {
  it('answers 201 with what the server decides filled in', async () => {
    const { status, json } = await running.http('POST', configMaps, { body: configMap('created') });
    expect(status).toBe(201);
    expect(json).toMatchObject({
      kind: 'ConfigMap',
      metadata: { name: 'created', namespace: 'default' },
      data: { a: '1' },
    });
    expect(json.metadata.uid).toMatch(/^[0-9a-f-]{36}$/);
    expect(json.metadata.resourceVersion).toMatch(/^\d+$/);
    expect(json.metadata.creationTimestamp).toMatch(/Z$/);
  });

  it('refuses a second object of the same name', async () => {
    await running.http('POST', configMaps, { body: configMap('twice') });
    const { status, json } = await running.http('POST', configMaps, { body: configMap('twice') });
    expect(status).toBe(409);
    expect(json).toMatchObject({ reason: 'AlreadyExists', message: 'configmaps "twice" already exists' });
  });

  it('generates names', async () => {
    const { json } = await running.http('POST', configMaps, { body: { metadata: { generateName: 'gen-' } } });
    expect(json.metadata.name).toMatch(/^gen-[bcdfghjklmnpqrstvwxz2456789]{5}$/);
  });

  it('changes nothing in a dry run', async () => {
    const { status } = await running.http('POST', `${configMaps}?dryRun=All`, { body: configMap('dry') });
    expect(status).toBe(201);
    expect((await running.http('GET', `${configMaps}/dry`)).status).toBe(404);
  });

  it.each([
    [
      'another namespace',
      { metadata: { name: 'x', namespace: 'other' } },
      400,
      'the namespace of the provided object does not match the namespace sent on the request',
    ],
    [
      'another version',
      { apiVersion: 'apps/v1', kind: 'ConfigMap', metadata: { name: 'x' } },
      400,
      'the API version in the data (apps/v1) does not match the expected API version (v1)',
    ],
    [
      'no name',
      { metadata: {} },
      422,
      'ConfigMap "" is invalid: metadata.name: Required value: name or generateName is required',
    ],
    ['a bad name', { metadata: { name: 'A_b' } }, 422, 'metadata.name: Invalid value: "A_b"'],
    [
      'a wrong type',
      { metadata: { name: 'x' }, data: { a: 1 } },
      400,
      'cannot unmarshal number into Go struct field ConfigMap.data of type string',
    ],
  ])('refuses %s', async (_, body, status, message) => {
    const answer = await running.http('POST', configMaps, { body });
    expect(answer.status).toBe(status);
    expect(answer.json.message).toContain(message);
  });

  it('reports unknown fields as fieldValidation asks', async () => {
    const body = { ...configMap('strict'), nope: 1 };
    const warned = await running.http('POST', `${configMaps}?dryRun=All`, { body });
    expect(warned.status).toBe(201);
    expect(warned.headers['warning']).toBe('299 - "unknown field \\"nope\\""');
    const strict = await running.http('POST', `${configMaps}?dryRun=All&fieldValidation=Strict`, { body });
    expect(strict.status).toBe(400);
    expect(strict.json.message).toBe(
      'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: unknown field "nope"',
    );
    const ignored = await running.http('POST', `${configMaps}?dryRun=All&fieldValidation=Ignore`, { body });
    expect(ignored.headers['warning']).toBeUndefined();
  });

  it('takes YAML', async () => {
    const body = 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: yaml\ndata:\n  a: "1"\n';
    const { status } = await running.http('POST', configMaps, { body, type: 'application/yaml' });
    expect(status).toBe(201);
  });
});

describe('bad requests', () => {
  it.each([
    ['malformed JSON', '{"a":', 'application/json', 400],
    ['an array', '[]', 'application/json', 400],
    ['an unknown content type', '<a/>', 'text/xml', 415],
    ['malformed protobuf', 'nonsense', 'application/vnd.kubernetes.protobuf', 400],
  ])('%s is answered with a Status', async (_, body, type, status) => {
    const answer = await running.http('POST', configMaps, { body, type });
    expect(answer.status).toBe(status);
    expect(answer.json).toMatchObject({ kind: 'Status', status: 'Failure', code: status });
  });

  it('a body above 3 MiB is too large', async () => {
    const body = Buffer.alloc(3 * 1024 * 1024 + 1, 0x20);
    expect((await running.http('POST', configMaps, { body })).status).toBe(413);
  });

  it('an Accept header that nothing fits is answered 406', async () => {
    const { status, json } = await running.http('GET', configMaps, { headers: { accept: 'text/xml' } });
    expect(status).toBe(406);
    expect(json.reason).toBe('NotAcceptable');
  });

  it('unknown resources and methods', async () => {
    expect((await running.http('GET', '/apis/nope/v1/things')).status).toBe(404);
    expect((await running.http('GET', '/api/v1/namespaces/%zz/pods')).status).toBe(400);
    expect((await running.http('PUT', configMaps, { body: {} })).status).toBe(405);
  });
});
