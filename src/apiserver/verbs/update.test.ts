import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Deployment } from '../../api/apps/deployment.ts';
import { ConfigMap } from '../../api/core/config-map.ts';
import { startTestServer, type TestServer } from '../test-server.ts';
import { configMap, configMaps } from './test-config-maps.ts';

let running: TestServer;
beforeAll(async () => {
  running = await startTestServer();
});
afterAll(async () => {
  await running[Symbol.asyncDispose]();
});

describe('update', () => {
  it('keeps what an update cannot change, and refuses an old version', async () => {
    const first = (await running.http('POST', configMaps, { body: configMap('updated') })).json;
    const second = await running.http('PUT', `${configMaps}/updated`, {
      body: { ...first, data: { a: '2' }, metadata: { ...first.metadata, creationTimestamp: '2000-01-01T00:00:00Z' } },
    });
    expect(second.status).toBe(200);
    expect(second.json.metadata.creationTimestamp).toBe(first.metadata.creationTimestamp);
    const late = await running.http('PUT', `${configMaps}/updated`, { body: { ...first, data: { a: '3' } } });
    expect(late.status).toBe(409);
    expect(late.json.message).toBe(
      'Operation cannot be fulfilled on configmaps "updated": the object has been modified; please apply your changes to the latest version and try again',
    );
  });

  it('does not write when nothing changes', async () => {
    const first = (await running.http('POST', configMaps, { body: configMap('same') })).json;
    const again = (await running.http('PUT', `${configMaps}/same`, { body: first })).json;
    expect(again.metadata.resourceVersion).toBe(first.metadata.resourceVersion);
  });

  it('counts changes of the spec in generation, and keeps status apart', async () => {
    const deployment = await running.client.create(Deployment, {
      metadata: { name: 'generations', namespace: 'default' },
      spec: {
        selector: { matchLabels: { a: 'b' } },
        template: { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } },
      },
      status: { replicas: 9 },
    });
    expect(deployment.metadata.generation).toBe(1);
    expect(deployment.status.replicas).toBeUndefined();
    const path = { namespace: 'default', name: 'generations' };
    const scaled = await running.client.patch(Deployment, path, { spec: { replicas: 3 } }, { type: 'merge' });
    expect(scaled.metadata.generation).toBe(2);
    const reported = await running.client.patch(
      Deployment,
      path,
      { spec: { replicas: 7 }, status: { replicas: 3 } },
      { type: 'merge', subresource: 'status' },
    );
    expect(reported.spec.replicas).toBe(3);
    expect(reported.status.replicas).toBe(3);
    expect(reported.metadata.generation).toBe(2);
  });

  it('concurrent patches all take effect', async () => {
    await running.client.create(ConfigMap, { metadata: { name: 'raced', namespace: 'default' } });
    const ref = { namespace: 'default', name: 'raced' };
    await Promise.all(
      Array.from({ length: 10 }, (_, i) =>
        running.client.patch(ConfigMap, ref, { data: { [`k${i}`]: 'v' } }, { type: 'merge' }),
      ),
    );
    expect(Object.keys((await running.client.get(ConfigMap, ref)).data ?? {})).toHaveLength(10);
  });
});

describe('patch', () => {
  it('applies the three kinds of patches', async () => {
    await running.http('POST', configMaps, { body: configMap('patched') });
    const path = `${configMaps}/patched`;
    await running.http('PATCH', path, {
      body: [{ op: 'add', path: '/data/b', value: '2' }],
      type: 'application/json-patch+json',
    });
    await running.http('PATCH', path, { body: { data: { a: null } }, type: 'application/merge-patch+json' });
    const { json } = await running.http('PATCH', path, {
      body: { data: { c: '3' } },
      type: 'application/strategic-merge-patch+json',
    });
    expect(json.data).toEqual({ b: '2', c: '3' });
  });

  it.each([
    ['application/json-patch+json', '{"op":"add"}', 400],
    ['application/merge-patch+json', '[1]', 400],
    ['application/merge-patch+json', '{', 400],
    ['application/strategic-merge-patch+json', '"text"', 400],
    ['application/json', '{}', 415],
  ])('refuses %s %s', async (type, body, status) => {
    await running.http('POST', configMaps, { body: configMap('unpatched') });
    const answer = await running.http('PATCH', `${configMaps}/unpatched`, { body, type });
    expect(answer.status).toBe(status);
    expect(answer.json.kind).toBe('Status');
  });

  it('a patch that makes something invalid is refused with the field', async () => {
    await running.http('POST', configMaps, { body: configMap('badly') });
    const answer = await running.http('PATCH', `${configMaps}/badly`, {
      body: { metadata: { labels: { 'not ok': 'x' } } },
      type: 'application/merge-patch+json',
    });
    expect(answer.status).toBe(422);
    expect(answer.json.details.causes[0].field).toBe('metadata.labels');
  });
});
