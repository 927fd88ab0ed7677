import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ConfigMap } from '../../api/core/config-map.ts';
import { Namespace } from '../../api/core/namespace.ts';
import { Pod } from '../../api/core/pod.ts';
import { realClock } from '../../base/clock.ts';
import { startTestServer, type TestServer } from '../test-server.ts';
import { configMap, configMaps } from './test-config-maps.ts';

let running: TestServer;
beforeAll(async () => {
  running = await startTestServer();
});
afterAll(async () => {
  await running[Symbol.asyncDispose]();
});

describe('delete', () => {
  it('answers with a Status, and 404 afterwards', async () => {
    await running.http('POST', configMaps, { body: configMap('gone') });
    const { status, json } = await running.http('DELETE', `${configMaps}/gone`);
    expect(status).toBe(200);
    expect(json).toMatchObject({ kind: 'Status', status: 'Success', details: { name: 'gone', kind: 'configmaps' } });
    expect((await running.http('DELETE', `${configMaps}/gone`)).status).toBe(404);
  });

  it('honours preconditions', async () => {
    await running.http('POST', configMaps, { body: configMap('guarded') });
    const { status, json } = await running.http('DELETE', `${configMaps}/guarded`, {
      body: { kind: 'DeleteOptions', apiVersion: 'v1', preconditions: { uid: 'other' } },
    });
    expect(status).toBe(409);
    expect(json.message).toContain('Precondition failed: UID in precondition: other, UID in object meta: ');
  });

  it('waits for finalizers', async () => {
    await running.http('POST', configMaps, { body: configMap('held', { finalizers: ['example.com/hold'] }) });
    const marked = await running.http('DELETE', `${configMaps}/held`);
    expect(marked.json.metadata.deletionTimestamp).toBeDefined();
    const patch = { body: { metadata: { finalizers: null } }, type: 'application/merge-patch+json' };
    expect((await running.http('PATCH', `${configMaps}/held`, patch)).status).toBe(200);
    expect((await running.http('GET', `${configMaps}/held`)).status).toBe(404);
  });

  it.each([
    ['Foreground', 'foregroundDeletion'],
    ['Orphan', 'orphan'],
  ] as const)('propagation policy %s sets the finalizer %s', async (propagationPolicy, finalizer) => {
    const name = `policy-${propagationPolicy.toLowerCase()}`;
    await running.client.create(ConfigMap, { metadata: { name, namespace: 'default' } });
    await running.client.delete(ConfigMap, { namespace: 'default', name }, { propagationPolicy });
    const left = await running.client.get(ConfigMap, { namespace: 'default', name });
    expect(left.metadata.finalizers).toEqual([finalizer]);
  });

  it('gives running pods their grace, which the kubelet ends', async () => {
    const ref = { namespace: 'default', name: 'graceful' };
    await running.client.create(Pod, {
      metadata: ref,
      spec: { nodeName: 'n', containers: [{ name: 'c', image: 'i' }] },
    });
    await running.client.delete(Pod, ref);
    const marked = await running.client.get(Pod, ref);
    expect(marked.metadata.deletionGracePeriodSeconds).toBe(30);
    expect(Date.parse(marked.metadata.deletionTimestamp!)).toBeGreaterThan(realClock.now() + 20_000);
    await running.client.delete(Pod, ref, { gracePeriodSeconds: 0 });
    expect(await running.client.find(Pod, ref)).toBeUndefined();
  });

  it('deletes collections by selector', async () => {
    for (const name of ['coll-1', 'coll-2', 'coll-3'])
      await running.client.create(ConfigMap, {
        metadata: { name, namespace: 'default', labels: { coll: name === 'coll-3' ? 'no' : 'yes' } },
      });
    await running.client.deleteCollection(ConfigMap, { namespace: 'default', labelSelector: 'coll=yes' });
    const left = await running.client.list(ConfigMap, { namespace: 'default', labelSelector: 'coll' });
    expect(left.items.map((item) => item.metadata.name)).toEqual(['coll-3']);
  });

  it('marks namespaces and lets them go with their last finalizer', async () => {
    await running.client.create(Namespace, { metadata: { name: 'doomed' } });
    await running.client.delete(Namespace, { name: 'doomed' });
    const marked = await running.client.get(Namespace, { name: 'doomed' });
    expect(marked.status.phase).toBe('Terminating');
    await running.client.subresource(
      'update',
      Namespace,
      { name: 'doomed', subresource: 'finalize' },
      { ...marked, spec: {} },
    );
    expect(await running.client.find(Namespace, { name: 'doomed' })).toBeUndefined();
  });
});
