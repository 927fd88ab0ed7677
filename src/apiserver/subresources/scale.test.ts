import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Deployment } from '../../api/apps/deployment.ts';
import { startTestServer, type TestServer } from '../test-server.ts';

let running: TestServer;
beforeAll(async () => {
  running = await startTestServer();
  const spec = { containers: [{ name: 'c', image: 'i' }] };
  await running.client.create(Deployment, {
    metadata: { namespace: 'default', name: 'web' },
    spec: { replicas: 3, selector: { matchLabels: { a: 'b' } }, template: { metadata: { labels: { a: 'b' } }, spec } },
  });
});
afterAll(async () => {
  await running[Symbol.asyncDispose]();
});

describe('scale', () => {
  it('reads and writes replicas', async () => {
    const path = '/apis/apps/v1/namespaces/default/deployments/web/scale';
    expect((await running.http('GET', path)).json).toMatchObject({
      kind: 'Scale',
      spec: { replicas: 3 },
      status: { selector: 'a=b' },
    });
    const patched = await running.http('PATCH', path, {
      body: { spec: { replicas: 4 } },
      type: 'application/merge-patch+json',
    });
    expect(patched.json.spec.replicas).toBe(4);
    const negative = await running.http('PATCH', path, {
      body: { spec: { replicas: -1 } },
      type: 'application/merge-patch+json',
    });
    expect(negative.status).toBe(422);
  });
});
