import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ConfigMap } from '../../api/core/config-map.ts';
import { Namespace } from '../../api/core/namespace.ts';
import { startTestServer, type TestServer } from '../test-server.ts';

let running: TestServer;
beforeAll(async () => {
  running = await startTestServer();
});
afterAll(async () => {
  await running[Symbol.asyncDispose]();
});

describe('list', () => {
  beforeAll(async () => {
    await running.client.create(Namespace, { metadata: { name: 'listed' } });
    for (let i = 0; i < 5; i++)
      await running.client.create(ConfigMap, {
        metadata: { name: `item-${i}`, namespace: 'listed', labels: { even: String(i % 2 === 0) } },
      });
  });
  const path = '/api/v1/namespaces/listed/configmaps';
  const names = (json: { items: { metadata: { name: string } }[] }) => json.items.map((item) => item.metadata.name);

  it('goes on in chunks at one revision', async () => {
    const first = (await running.http('GET', `${path}?limit=2`)).json;
    expect(names(first)).toEqual(['item-0', 'item-1']);
    expect(first.metadata.remainingItemCount).toBe(3);
    await running.client.create(ConfigMap, { metadata: { name: 'item-3a', namespace: 'listed' } });
    const second = (await running.http('GET', `${path}?limit=2&continue=${first.metadata.continue}`)).json;
    const third = (await running.http('GET', `${path}?limit=2&continue=${second.metadata.continue}`)).json;
    expect([...names(second), ...names(third)]).toEqual(['item-2', 'item-3', 'item-4']);
    expect(second.metadata.resourceVersion).toBe(first.metadata.resourceVersion);
    await running.client.delete(ConfigMap, { name: 'item-3a', namespace: 'listed' });
  });

  it('selects by label and by field', async () => {
    expect(names((await running.http('GET', `${path}?labelSelector=even%3Dtrue`)).json)).toEqual([
      'item-0',
      'item-2',
      'item-4',
    ]);
    expect(names((await running.http('GET', `${path}?fieldSelector=metadata.name%3Ditem-1`)).json)).toEqual(['item-1']);
    expect((await running.http('GET', `${path}?labelSelector=a%20b`)).status).toBe(400);
    expect((await running.http('GET', `${path}?fieldSelector=spec.x%3D1`)).status).toBe(400);
  });

  it('refuses bad continue tokens and revisions of the future', async () => {
    expect((await running.http('GET', `${path}?continue=nonsense`)).status).toBe(400);
    const { status, json } = await running.http('GET', `${path}?resourceVersion=999999999`);
    expect(status).toBe(504);
    expect(json.details.causes[0].reason).toBe('ResourceVersionTooLarge');
  });

  it('checks how options go together', async () => {
    const { status, json } = await running.http('GET', `${path}?resourceVersionMatch=Exact`);
    expect(status).toBe(422);
    expect(json.message).toContain('resourceVersionMatch is forbidden unless resourceVersion is provided');
  });

  it('shows tables, metadata and protobuf', async () => {
    const accept = (as: string) => ({ headers: { accept: `application/json;as=${as};v=v1;g=meta.k8s.io` } });
    const table = (await running.http('GET', path, accept('Table'))).json;
    expect(table).toMatchObject({
      kind: 'Table',
      columnDefinitions: [{ name: 'Name' }, { name: 'Data' }, { name: 'Age' }],
    });
    expect(table.rows).toHaveLength(5);
    const metadata = (await running.http('GET', path, accept('PartialObjectMetadataList'))).json;
    expect(metadata).toMatchObject({ kind: 'PartialObjectMetadataList' });
    expect(metadata.items[0]).not.toHaveProperty('data');
    const protobuf = await running.http('GET', path, { headers: { accept: 'application/vnd.kubernetes.protobuf' } });
    expect(protobuf.headers['content-type']).toBe('application/vnd.kubernetes.protobuf');
    expect(protobuf.text.slice(0, 4)).toBe('k8s\0');
  });
});
