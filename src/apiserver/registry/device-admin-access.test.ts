import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '../test-server.ts';

describe('administrators’ access to devices', () => {
  let test: TestServer;
  const label = 'resource.kubernetes.io/admin-access';
  beforeAll(async () => {
    test = await startTestServer();
    for (const name of ['plain', 'admin']) {
      const labels = name === 'admin' ? { [label]: 'true' } : {};
      await test.http('POST', '/api/v1/namespaces', { body: { metadata: { name, labels } } });
    }
  });
  afterAll(() => test[Symbol.asyncDispose]());

  const requests = [
    { name: 'a', exactly: { deviceClassName: 'gpu' } },
    { name: 'b', exactly: { deviceClassName: 'gpu', adminAccess: true } },
  ];
  const post = (namespace: string, plural: string, name: string, spec: object) =>
    test.http('POST', `/apis/resource.k8s.io/v1/namespaces/${namespace}/${plural}`, {
      body: { metadata: { name }, spec },
    });
  const refusal = `Forbidden: admin access to devices requires the \`${label}: true\` label on the containing namespace`;

  it('may be asked for in a namespace that is labelled for it', async () => {
    expect((await post('admin', 'resourceclaims', 'c', { devices: { requests } })).status).toBe(201);
    expect((await post('admin', 'resourceclaimtemplates', 't', { spec: { devices: { requests } } })).status).toBe(201);
  });

  it('is refused elsewhere', async () => {
    const claim = await post('plain', 'resourceclaims', 'c', { devices: { requests } });
    const template = await post('plain', 'resourceclaimtemplates', 't', { spec: { devices: { requests } } });
    for (const answer of [claim, template]) {
      expect(answer.status).toBe(422);
      expect(answer.json.message).toContain(`spec.devices.requests[1].adminAccess: ${refusal}`);
    }
  });

  it('is not given by a status elsewhere', async () => {
    const path = '/apis/resource.k8s.io/v1/namespaces/plain/resourceclaims';
    const { json: claim } = await post('plain', 'resourceclaims', 'd', { devices: { requests: requests.slice(0, 1) } });
    const results = [{ request: 'a', driver: 'd.example.com', pool: 'p', device: 'x', adminAccess: true }];
    claim.status = { allocation: { devices: { results } } };
    const refused = await test.http('PUT', `${path}/d/status`, { body: claim });
    expect(refused.json.message).toContain(`status.allocation.devices.results[0].adminAccess: ${refusal}`);
    results[0]!.adminAccess = false;
    expect((await test.http('PUT', `${path}/d/status`, { body: claim })).status).toBe(200);
  });
});
