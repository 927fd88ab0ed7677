import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '../test-server.ts';

describe('an event', () => {
  let test: TestServer;
  beforeAll(async () => {
    test = await startTestServer();
  });
  afterAll(() => test[Symbol.asyncDispose]());

  it('has to be complete in events.k8s.io, and may be incomplete in core/v1', async () => {
    const regarding = { kind: 'Pod', namespace: 'default', name: 'p' };
    const core = await test.http('POST', '/api/v1/namespaces/default/events', {
      body: { metadata: { name: 'a' }, involvedObject: regarding },
    });
    expect(core.status).toBe(201);
    const path = '/apis/events.k8s.io/v1/namespaces/default/events';
    const incomplete = await test.http('POST', path, { body: { metadata: { name: 'b' }, regarding } });
    expect(incomplete.status).toBe(422);
    expect(incomplete.json.message).toContain('eventTime: Required value');
  });

  it('cannot be rewritten through events.k8s.io, but through core/v1', async () => {
    const changed = { reason: 'Other' };
    const patch = (base: string) =>
      test.http('PATCH', `${base}/namespaces/default/events/a`, {
        body: changed,
        type: 'application/merge-patch+json',
      });
    const strict = await patch('/apis/events.k8s.io/v1');
    expect(strict.status).toBe(422);
    expect(strict.json.message).toContain('reason: Invalid value: "Other": field is immutable');
    expect((await patch('/api/v1')).status).toBe(200);
  });
});
