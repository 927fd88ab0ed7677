import { createServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { realClock } from '../../src/base/clock.ts';
import { createObjectCache } from '../../src/store/cache.ts';
import { openEtcdStore } from '../../src/store/etcd.ts';
import { createJsonCodec } from '../../src/store/json-codec.ts';
import { describeStore } from '../../src/store/store.suite.ts';
import { type EtcdCluster, hasEtcd, startEtcd } from './etcd-cluster.ts';

// Install the packages etcd-server and etcd-client where these are skipped.
describe.skipIf(!hasEtcd)('etcd', () => {
  let etcd: EtcdCluster;
  beforeAll(async () => {
    etcd = await startEtcd(3);
  });
  afterAll(() => etcd?.stop());

  describeStore({
    name: 'etcd with three members',
    open: () => openEtcdStore({ endpoints: etcd.endpoints, prefix: '/contract' }),
    reopen: () => openEtcdStore({ endpoints: etcd.endpoints, prefix: '/contract' }),
  });

  it('shows the writes of each of two servers to the watchers of the other, and reads are consistent', async () => {
    interface Thing {
      readonly kind: string;
      readonly metadata: { readonly name: string };
    }
    const open = async (endpoint: string) => {
      const store = await openEtcdStore({ endpoints: [endpoint], prefix: '/two' });
      const cache = createObjectCache(store, { clock: realClock });
      return { cache, things: await cache.resource('/registry/things/', createJsonCodec<Thing>()) };
    };
    const one = await open(etcd.endpoints[0]!);
    const two = await open(etcd.endpoints[1]!);
    const seen: string[] = [];
    two.things.watch(undefined, {
      onEvents: (events) =>
        void seen.push(...events.map((event) => `${event.type} ${event.entry.object.metadata.name}`)),
      onClosed() {},
    });
    const write = (name: string | null) => ({
      resource: one.things,
      key: '/registry/things/a',
      object: name === null ? null : { kind: 'Thing', metadata: { name } },
    });
    for (let i = 0; i < 20; i++) {
      const result = await one.cache.commit([write(`a${i}`)]);
      expect(one.things.get('/registry/things/a')?.object.metadata.name).toBe(`a${i}`);
      const revision = await two.cache.makeConsistent();
      expect(revision).toBeGreaterThanOrEqual(result.ok ? result.revision : Number.NaN);
      expect(two.things.get('/registry/things/a')?.object.metadata.name).toBe(`a${i}`);
    }
    await one.cache.commit([write(null)]);
    await two.cache.makeConsistent();
    expect(two.things.get('/registry/things/a')).toBeUndefined();
    expect(seen).toEqual(['ADDED a0', ...Array.from({ length: 19 }, (_, i) => `MODIFIED a${i + 1}`), 'DELETED a19']);
    await one.cache.close();
    await two.cache.close();
  });

  it('keeps clusters with other prefixes apart, and refuses a cluster that is another one', async () => {
    const one = await openEtcdStore({ endpoints: etcd.endpoints, prefix: '/one', clusterId: 'one' });
    const other = await openEtcdStore({ endpoints: etcd.endpoints, prefix: '/other' });
    await one.commit([{ key: '/a', value: Buffer.from('1') }]);
    expect(await other.get('/a')).toBeUndefined();
    await expect(openEtcdStore({ endpoints: etcd.endpoints, prefix: '/one', clusterId: 'two' })).rejects.toMatchObject({
      code: 'wrong-cluster',
      message: expect.stringContaining('holds cluster one'),
    });
    await one.close();
    await other.close();
  });

  it('refuses endpoints of two different clusters', async () => {
    const stranger = await startEtcd(1);
    try {
      const endpoints = [etcd.endpoints[0]!, stranger.endpoints[0]!];
      await expect(openEtcdStore({ endpoints })).rejects.toMatchObject({ code: 'wrong-cluster' });
    } finally {
      await stranger.stop();
    }
  });

  it('says so when etcd has no space left, and still reads', async () => {
    const small = await startEtcd(1, { quotaBytes: 4 << 20 });
    const store = await openEtcdStore({ endpoints: small.endpoints });
    try {
      let written = 0;
      const fill = async () => {
        for (; written < 100; written++)
          await store.commit([{ key: `/k${written}`, value: Buffer.alloc(500_000, written) }]);
      };
      await expect(fill()).rejects.toMatchObject({ code: 'disk-full', message: expect.stringContaining('disarm') });
      expect(written).toBeGreaterThan(0);
      expect((await store.get('/k0'))?.value[0]).toBe(0);
      expect((await store.get(`/k${written - 1}`))?.value[0]).toBe(written - 1);
    } finally {
      await store.close();
      await small.stop();
    }
  });

  it('says which endpoint does not answer, and opens when one of them does', async () => {
    const nothing = 'http://127.0.0.1:1';
    await expect(openEtcdStore({ endpoints: [nothing] })).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining(nothing),
    });
    const store = await openEtcdStore({ endpoints: [nothing, etcd.endpoints[0]!] });
    expect((await store.commit([{ key: '/a', value: Buffer.from('1') }])).ok).toBe(true);
    await store.close();
  });

  it('says so when what listens is no etcd, or TLS is expected where there is none', async () => {
    const server = createServer((socket) => socket.end('SSH-2.0-something\r\n'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    await expect(
      openEtcdStore({ endpoints: [`http://127.0.0.1:${port}`], attemptTimeoutMs: 1000 }),
    ).rejects.toMatchObject({ code: 'unavailable' });
    server.close();
    const secure = etcd.endpoints[0]!.replace('http:', 'https:');
    await expect(openEtcdStore({ endpoints: [secure], attemptTimeoutMs: 1000 })).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('check the CA'),
    });
  });
});
