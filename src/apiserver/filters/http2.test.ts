import { connect } from 'node:http2';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ConfigMap } from '../../api/core/config-map.ts';
import { startTestServer, type TestServer } from '../test-server.ts';

let running: TestServer;
beforeAll(async () => {
  running = await startTestServer();
});
afterAll(async () => {
  await running[Symbol.asyncDispose]();
});

const open = () => {
  const { url, ca, cert, key } = running.access;
  return connect(url, { ca, cert, key });
};
/** Watches of clusters' config maps, as the metrics tell. */
const watching = async () => {
  const { text } = await running.http('GET', '/metrics');
  const lines = text.split('\n').filter((line) => /^apiserver_longrunning_requests.*"configmaps".*WATCH/.test(line));
  return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
};

it('serves many requests over one HTTP/2 connection', async () => {
  const session = open();
  const bodies = await Promise.all(
    Array.from({ length: 50 }, (_, i) => {
      const stream = session.request({ ':path': `/api/v1/namespaces/${i % 2 ? 'default' : 'kube-system'}` });
      return new Promise<string>((resolve, reject) => {
        let text = '';
        stream.setEncoding('utf8');
        stream.on('data', (chunk: string) => {
          text += chunk;
        });
        stream.on('end', () => resolve(JSON.parse(text).metadata.name));
        stream.on('error', reject);
      });
    }),
  );
  expect(bodies.filter((name) => name === 'default')).toHaveLength(25);
  session.close();
});

it('ends a watch when its client goes away', async () => {
  const session = open();
  const stream = session.request({ ':path': '/api/v1/configmaps?watch=1' });
  stream.setEncoding('utf8');
  const first = new Promise<string>((resolve) => {
    stream.once('data', resolve);
  });
  await running.client.create(ConfigMap, { metadata: { name: 'seen', namespace: 'default' } });
  expect(JSON.parse((await first).split('\n')[0]!)).toMatchObject({ type: 'ADDED' });
  expect(await watching()).toBe(1);
  session.destroy();
  await expect.poll(watching).toBe(0);
});

it('answers others on a connection where a large answer waits to be read', async () => {
  const data = { text: 'x'.repeat(900_000) };
  for (let i = 0; i < 15; i++)
    await running.client.create(ConfigMap, { metadata: { name: `large-${i}`, namespace: 'default' }, data });
  const session = open();
  for (const path of ['/api/v1/configmaps', '/api/v1/configmaps?pretty=true']) {
    const waiting = session.request({ ':path': path });
    await new Promise<void>((resolve) => waiting.once('response', () => resolve()));
    waiting.pause();
    const small = session.request({ ':path': '/api/v1/namespaces/default' });
    expect(JSON.parse(Buffer.concat(await small.toArray()).toString())).toMatchObject({ kind: 'Namespace' });
    const items = JSON.parse(Buffer.concat(await waiting.toArray()).toString()).items as unknown[];
    expect(items).toHaveLength(16);
  }
  session.close();
  await running.http('DELETE', '/api/v1/namespaces/default/configmaps');
});

it('drops a watcher that does not read, and stays well', async () => {
  const session = open();
  const stream = session.request({ ':path': '/api/v1/namespaces/default/configmaps?watch=1' });
  stream.on('error', () => {});
  await new Promise<void>((resolve) => {
    stream.once('response', () => resolve());
  });
  stream.pause();
  const text = 'x'.repeat(900_000);
  for (let i = 0; i < 40; i++) {
    await running.client.create(ConfigMap, { metadata: { name: `big-${i}`, namespace: 'default' }, data: { text } });
  }
  await expect.poll(watching).toBe(0);
  session.destroy();
});
