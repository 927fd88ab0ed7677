import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { realClock } from '../../src/base/clock.ts';
import { seededRandom } from '../../src/base/random.ts';
import { openEtcdStore } from '../../src/store/etcd.ts';
import { openMemoryStore } from '../../src/store/memory.ts';
import { restoreSnapshot, saveSnapshot } from '../../src/store/snapshot.ts';
import { openSqliteStore } from '../../src/store/sqlite.ts';
import type { Store } from '../../src/store/store.ts';
import { type EtcdCluster, hasEtcd, startEtcd } from './etcd-cluster.ts';
import { checkHistory, recordHistory } from './history.ts';
import { until, wait } from './until.ts';

const root = mkdtempSync(join(tmpdir(), 'timonel-etcd-faults-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

// Install the packages etcd-server and etcd-client where these are skipped.
describe.skipIf(!hasEtcd)('a store on etcd under faults', () => {
  let etcd: EtcdCluster;
  let stores: Store[] = [];
  let space = 0;
  beforeAll(async () => {
    etcd = await startEtcd(3, { electionTimeoutMs: 500 });
  });
  afterAll(() => etcd?.stop());

  /** Clients work through three servers, each with another member first, while `disturb` happens. */
  async function disturbed(disturb: () => Promise<void>): Promise<void> {
    const { endpoints } = etcd;
    stores = await Promise.all(
      [0, 1, 2].map((first) =>
        openEtcdStore({
          endpoints: [...endpoints.slice(first), ...endpoints.slice(0, first)],
          prefix: '/faults',
          attemptTimeoutMs: 1000,
        }),
      ),
    );
    let finished = false;
    const recording = recordHistory(stores, {
      random: seededRandom(++space),
      root: `/registry/faults${space}/`,
      clients: 6,
      steps: 60,
      pause: () => wait(40),
    }).finally(() => {
      finished = true;
    });
    await wait(300);
    await disturb();
    const history = await recording;
    expect(finished).toBe(true);
    expect(checkHistory(history)).toEqual([]);
    expect(history.acknowledged.length).toBeGreaterThan(20);
    for (const store of stores) await store.close();
  }

  it('loses nothing when a member is killed and comes back', () =>
    disturbed(async () => {
      const member = ((await etcd.leader()) + 1) % 3;
      await etcd.kill(member);
      await wait(500);
      etcd.start(member);
      await etcd.ready(member);
    }));

  it('loses nothing when the leader is killed and comes back', () =>
    disturbed(async () => {
      const leader = await etcd.leader();
      await etcd.kill(leader);
      await wait(1000);
      etcd.start(leader);
      await etcd.ready(leader);
    }));

  it('loses nothing when the leader stops answering and later goes on where it was', () =>
    disturbed(async () => {
      const leader = await etcd.leader();
      etcd.pause(leader);
      await wait(2000);
      etcd.resume(leader);
      await etcd.ready(leader);
    }));

  it('loses nothing when all members are killed at once and come back', () =>
    disturbed(async () => {
      await Promise.all([0, 1, 2].map((member) => etcd.kill(member)));
      for (const member of [0, 1, 2]) etcd.start(member);
      await etcd.ready(0);
    }));

  it('goes on watching after its member was away, without an event lost, repeated or older', async () => {
    const [watching, writing] = await Promise.all(
      [0, 1].map((first) =>
        openEtcdStore({
          endpoints: [etcd.endpoints[first]!, etcd.endpoints[2]!],
          prefix: '/watch',
          attemptTimeoutMs: 1000,
        }),
      ),
    );
    const seen: string[] = [];
    watching!.watch('/k', await watching!.currentRevision(), {
      onEvents: (events) => void seen.push(...events.map((event) => Buffer.from(event.value!).toString())),
      onError() {},
    });
    // A write of unknown outcome is tried again on the same revision: it cannot happen twice.
    const write = (value: number) =>
      until(`${value} is written`, async () => {
        try {
          const { value: found, revision = 0 } = (await writing!.get('/k')) ?? {};
          if (found && Buffer.from(found).toString() === String(value)) return true;
          const change = { key: '/k', value: Buffer.from(String(value)), expectedRevision: revision };
          return (await writing!.commit([change])).ok;
        } catch {
          return false;
        }
      });
    for (let i = 0; i < 5; i++) await write(i);
    await etcd.kill(0);
    for (let i = 5; i < 10; i++) await write(i);
    etcd.start(0);
    for (let i = 10; i < 15; i++) await write(i);
    await until('the watch sees the last write', () => seen.at(-1) === '14');
    expect(seen).toEqual(Array.from({ length: 15 }, (_, i) => String(i)));
    await watching!.close();
    await writing!.close();
  });

  it('tells a watch that slept through a compaction that its history is gone', async () => {
    const store = await openEtcdStore({ endpoints: etcd.endpoints, prefix: '/compacted' });
    const start = await store.currentRevision();
    for (let i = 0; i < 3; i++) await store.commit([{ key: '/a', value: Buffer.from(String(i)) }]);
    await store.compact(await store.currentRevision());
    const code = await new Promise((resolve) => {
      store.watch('/a', start, { onEvents: () => resolve('events'), onError: (error) => resolve(error.code) });
    });
    expect(code).toBe('compacted');
    await store.close();
  });

  it('takes a cluster from SQLite by snapshot, and gives it back', async () => {
    const path = join(root, 'migrate', 'store.db');
    const sqlite = await openSqliteStore({ path });
    for (let i = 0; i < 300; i++) await sqlite.commit([{ key: `/registry/k${i}`, value: Buffer.alloc(3000, i % 256) }]);
    const save = (store: Store, name: string) =>
      saveSnapshot(store, {
        directory: join(root, name),
        clusterId: sqlite.clusterId,
        writtenBy: 'test',
        clock: realClock,
      });
    const there = await save(sqlite, 'there');
    const store = await openEtcdStore({ endpoints: etcd.endpoints, prefix: '/moved', clusterId: there.clusterId });
    await restoreSnapshot(there.path, store);
    const back = await save(store, 'back');
    const again = openMemoryStore();
    await restoreSnapshot(back.path, again);
    for (let i = 0; i < 300; i++) {
      expect(Buffer.from((await again.get(`/registry/k${i}`))!.value).equals(Buffer.alloc(3000, i % 256))).toBe(true);
    }
    await sqlite.close();
    await store.close();
  });
});

describe.skipIf(!hasEtcd)('a store on etcd with TLS', () => {
  const file = (name: string) => join(root, name);
  const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: 'ignore', cwd: root });
  let etcd: EtcdCluster;

  beforeAll(async () => {
    for (const ca of ['ca', 'stranger']) {
      openssl(
        'req',
        '-x509',
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:P-256',
        '-nodes',
        '-keyout',
        `${ca}.key`,
        '-out',
        `${ca}.crt`,
        '-days',
        '2',
        '-subj',
        `/CN=${ca}`,
      );
    }
    writeFileSync(file('san'), 'subjectAltName=IP:127.0.0.1,DNS:localhost\nextendedKeyUsage=serverAuth,clientAuth\n');
    openssl(
      'req',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-keyout',
      'etcd.key',
      '-out',
      'etcd.csr',
      '-subj',
      '/CN=etcd',
    );
    openssl(
      'x509',
      '-req',
      '-in',
      'etcd.csr',
      '-CA',
      'ca.crt',
      '-CAkey',
      'ca.key',
      '-CAcreateserial',
      '-out',
      'etcd.crt',
      '-days',
      '2',
      '-extfile',
      'san',
    );
    etcd = await startEtcd(1, { tls: { cert: file('etcd.crt'), key: file('etcd.key'), ca: file('ca.crt') } });
  });
  afterAll(() => etcd?.stop());

  const pem = (name: string) => readFileSync(file(name), 'utf8');

  it('connects with the right certificates', async () => {
    expect(new X509Certificate(pem('etcd.crt')).subject).toBe('CN=etcd');
    const tls = { ca: pem('ca.crt'), cert: pem('etcd.crt'), key: pem('etcd.key') };
    const store = await openEtcdStore({ endpoints: etcd.endpoints, tls });
    expect((await store.commit([{ key: '/a', value: Buffer.from('1'), expectedRevision: 0 }])).ok).toBe(true);
    await store.close();
  });

  it.each([
    ['with another authority', () => ({ ca: pem('stranger.crt'), cert: pem('etcd.crt'), key: pem('etcd.key') })],
    ['without a client certificate', () => ({ ca: pem('ca.crt') })],
    [
      'with a client certificate of another authority',
      () => ({ ca: pem('ca.crt'), cert: pem('stranger.crt'), key: pem('stranger.key') }),
    ],
  ])('is refused %s, and says what to check', async (_, tls) => {
    await expect(
      openEtcdStore({ endpoints: etcd.endpoints, tls: tls(), attemptTimeoutMs: 2000 }),
    ).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining(etcd.endpoints[0]!),
    });
  });
});
