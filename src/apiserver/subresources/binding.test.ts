import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Pod } from '../../api/core/pod.ts';
import { startTestServer, type TestServer } from '../test-server.ts';

let running: TestServer;
beforeAll(async () => {
  running = await startTestServer();
});
afterAll(async () => {
  await running[Symbol.asyncDispose]();
});

describe('binding', () => {
  it('assigns a pod once', async () => {
    const ref = { namespace: 'default', name: 'bound' };
    await running.client.create(Pod, { metadata: ref, spec: { containers: [{ name: 'c', image: 'i' }] } });
    const body = { metadata: { name: 'bound' }, target: { kind: 'Node', name: 'n1' } };
    await running.client.subresource('create', Pod, { ...ref, subresource: 'binding' }, body);
    const pod = await running.client.get(Pod, ref);
    expect(pod.spec.nodeName).toBe('n1');
    expect(pod.metadata.generation).toBe(1);
    expect(pod.status.conditions).toEqual([expect.objectContaining({ type: 'PodScheduled', status: 'True' })]);
    const again = running.client.subresource('create', Pod, { ...ref, subresource: 'binding' }, body);
    await expect(again).rejects.toThrow('pod bound is already assigned to node "n1"');
  });
});
