/** Real partitions: etcd's members live in network namespaces, and the links to them are taken down and up. */
import { execFileSync, spawnSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CustomResourceDefinition } from '../../src/api/apiextensions/custom-resource-definition.ts';
import { ConfigMap } from '../../src/api/core/config-map.ts';
import type { StatusError } from '../../src/api/machinery/status.ts';
import { alwaysAllowAuthorizer } from '../../src/apiserver/authz/chain.ts';
import { createApiServer } from '../../src/apiserver/server.ts';
import { loopbackUser } from '../../src/apiserver/user.ts';
import { realClock } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/log.ts';
import { MetricsRegistry } from '../../src/base/metrics.ts';
import { seededRandom } from '../../src/base/random.ts';
import { createClient } from '../../src/client/client.ts';
import { createObjectCache } from '../../src/store/cache.ts';
import { openEtcdStore } from '../../src/store/etcd.ts';
import type { Store, StoreError, StoreErrorCode } from '../../src/store/store.ts';
import { type EtcdCluster, type EtcdNetwork, hasEtcd, startEtcd } from './etcd-cluster.ts';
import { leftovers } from './owned-names.ts';
import { until } from './until.ts';

const isRoot = process.platform === 'linux' && process.getuid?.() === 0;
const canPartition = hasEtcd && isRoot && spawnSync('ip', ['-V']).status === 0;
const ip = (...args: string[]) => execFileSync('ip', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
const namePrefix = 'timetcd';

/** Takes away the networks of runs that were killed. */
function removeLeftNetworks(): void {
  const names = (list: string) => list.split('\n').map((line) => line.split(/[\s@]/)[0]!);
  for (const name of leftovers(names(ip('-br', 'link')), namePrefix)) spawnSync('ip', ['link', 'delete', 'dev', name]);
  for (const name of leftovers(names(ip('netns', 'list')), namePrefix)) spawnSync('ip', ['netns', 'delete', name]);
}

/**
 * Two networks lead from this machine to every member: `a` (198.18.x.0/24) and `b` (198.19.x.0/24, which members use
 * among themselves). Every link can be cut by itself, at the switch, so that nobody is told.
 */
class Switchboard implements EtcdNetwork {
  readonly #id = `${namePrefix}${process.pid}`;
  readonly #hub = `${this.#id}h`;
  readonly #octet: number;
  readonly #size: number;

  constructor(size: number) {
    this.#size = size;
    removeLeftNetworks();
    const used = ip('-4', 'address', 'show');
    let octet = randomInt(256);
    while (used.includes(`198.18.${octet}.`) || used.includes(`198.19.${octet}.`)) octet = randomInt(256);
    this.#octet = octet;
    try {
      this.#build();
    } catch (error) {
      this.remove();
      throw error;
    }
  }

  netns(member: number): string {
    return `${this.#id}${member}`;
  }

  address(member: number): string {
    return this.on('a', member);
  }

  peerAddress(member: number): string {
    return this.on('b', member);
  }

  on(network: 'a' | 'b', member: number): string {
    return `${this.#subnet(network)}.${10 + member}`;
  }

  /** @param link `host-a`, `host-b`, or `0-a`, `0-b`, … for members */
  cut(link: string): void {
    ip('-n', this.#hub, 'link', 'set', 'dev', `to-${link}`, 'down');
  }

  mend(link: string): void {
    ip('-n', this.#hub, 'link', 'set', 'dev', `to-${link}`, 'up');
  }

  remove(): void {
    for (const network of ['a', 'b']) spawnSync('ip', ['link', 'delete', 'dev', `${this.#id}${network}`]);
    for (let member = 0; member < this.#size; member++) spawnSync('ip', ['netns', 'delete', this.netns(member)]);
    spawnSync('ip', ['netns', 'delete', this.#hub]);
  }

  #subnet(network: 'a' | 'b'): string {
    return `198.${network === 'a' ? 18 : 19}.${this.#octet}`;
  }

  #build(): void {
    ip('netns', 'add', this.#hub);
    for (let member = 0; member < this.#size; member++) {
      ip('netns', 'add', this.netns(member));
      ip('-n', this.netns(member), 'link', 'set', 'dev', 'lo', 'up');
    }
    for (const network of ['a', 'b'] as const) {
      ip('-n', this.#hub, 'link', 'add', 'name', `br-${network}`, 'type', 'bridge');
      ip('-n', this.#hub, 'link', 'set', 'dev', `br-${network}`, 'up');
      const mine = `${this.#id}${network}`;
      ip('link', 'add', 'name', mine, 'type', 'veth', 'peer', 'name', `to-host-${network}`, 'netns', this.#hub);
      ip('address', 'add', `${this.#subnet(network)}.1/24`, 'dev', mine);
      ip('link', 'set', 'dev', mine, 'up');
      this.#plug(network, `to-host-${network}`);
      for (let member = 0; member < this.#size; member++) {
        const port = `to-${member}-${network}`;
        const netns = this.netns(member);
        const name = `eth-${network}`;
        ip('-n', this.#hub, 'link', 'add', 'name', port, 'type', 'veth', 'peer', 'name', name, 'netns', netns);
        ip('-n', netns, 'address', 'add', `${this.on(network, member)}/24`, 'dev', name);
        ip('-n', netns, 'link', 'set', 'dev', name, 'up');
        this.#plug(network, port);
      }
    }
  }

  #plug(network: string, port: string): void {
    ip('-n', this.#hub, 'link', 'set', 'dev', port, 'master', `br-${network}`);
    ip('-n', this.#hub, 'link', 'set', 'dev', port, 'up');
  }
}

/** What a watch of the store saw: a line per event. */
function record(store: Store, prefix: string, after: number): { readonly lines: string[]; failed?: StoreErrorCode } {
  const seen: { lines: string[]; failed?: StoreErrorCode } = { lines: [] };
  store.watch(prefix, after, {
    onEvents: (events) =>
      void seen.lines.push(
        ...events.map(({ key, revision, value }) => `${revision} ${key}=${value && Buffer.from(value).toString()}`),
      ),
    onError: (error) => {
      seen.failed = error.code;
    },
  });
  return seen;
}

const codeOf = (promise: Promise<unknown>): Promise<StoreErrorCode | 'done'> =>
  promise.then(
    () => 'done' as const,
    (error: StoreError) => error.code,
  );
const reasonOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'done',
    (error: StatusError) => error.reason ?? String(error),
  );

// Needs root on Linux with network namespaces, and the packages etcd-server, etcd-client and iproute2.
describe.runIf(canPartition)('a partition (needs root, etcd-server, etcd-client and iproute2)', () => {
  let network: Switchboard | undefined;
  let etcd: EtcdCluster | undefined;
  const urls = (side: 'a' | 'b', members = [0, 1, 2]) =>
    members.map((each) => `http://${network!.on(side, each)}:2379`);

  beforeAll(async () => {
    network = new Switchboard(3);
    etcd = await startEtcd(3, { network });
  });
  afterAll(async () => {
    try {
      await etcd?.stop();
    } finally {
      network?.remove();
    }
  });

  async function openServer(side: 'a' | 'b', seed: number) {
    const store = await openEtcdStore({ endpoints: urls(side), prefix: '/cut', attemptTimeoutMs: 1000 });
    const cache = createObjectCache(store, { clock: realClock });
    const server = await createApiServer({
      cache,
      clock: realClock,
      random: seededRandom(seed),
      log: silentLogger,
      metrics: new MetricsRegistry(),
      authorizer: alwaysAllowAuthorizer,
      sharedStore: true,
    });
    const client = createClient(server.direct(loopbackUser));
    const seen: string[] = [];
    const ended: unknown[] = [];
    const { resourceVersion } = (await client.list(ConfigMap, { namespace: 'default' })).metadata;
    return {
      client,
      store,
      seen,
      ended,
      watch(from = resourceVersion) {
        client.watch(
          ConfigMap,
          { namespace: 'default', ...(from ? { resourceVersion: from } : {}) },
          {
            onEvents: (events) =>
              void seen.push(
                ...events.map(
                  ({ type, object: { metadata, data } }) =>
                    `${metadata.resourceVersion} ${type} ${metadata.name} ${data?.n ?? ''}`,
                ),
              ),
            onEnd: (error) => void ended.push(error),
          },
        );
        return from;
      },
      async close() {
        await server.close();
        await cache.close();
      },
    };
  }

  it('between an API server and etcd: it never lies, and goes on where it was', async () => {
    const one = await openServer('a', 1);
    const two = await openServer('b', 2);
    try {
      const from = one.watch();
      two.watch(from);
      const make = (through: typeof one, name: string, n = '') =>
        through.client.create(ConfigMap, { metadata: { namespace: 'default', name }, data: { n } });
      await make(one, 'kept', 'before');
      await make(one, 'doomed');

      const outcomes = new Map<string, string>();
      let acknowledged = 0;
      const writers = Array.from({ length: 6 }, async (_, writer) => {
        for (let i = 0; ; i++) {
          const name = `w${writer}-${i}`;
          const outcome = await reasonOf(make(one, name));
          outcomes.set(name, outcome);
          if (outcome !== 'done') return;
          acknowledged++;
        }
      });
      await until('some writes are acknowledged', () => acknowledged >= 30);
      network!.cut('host-a');
      await Promise.all(writers);

      const kept = await two.client.get(ConfigMap, { namespace: 'default', name: 'kept' });
      await two.client.update(ConfigMap, { ...kept, data: { n: 'during' } });
      await two.client.delete(ConfigMap, { namespace: 'default', name: 'doomed' });
      for (let i = 0; i < 10; i++) await make(two, `during-${i}`);

      const ref = { namespace: 'default', name: 'kept' };
      const { client, store } = one;
      const [read, listed, raw, revision, written, rawWrite] = await Promise.all([
        reasonOf(client.get(ConfigMap, ref)),
        reasonOf(client.list(ConfigMap, { namespace: 'default' })),
        codeOf(store.get('/anything')),
        codeOf(store.currentRevision()),
        reasonOf(make(one, 'cut-off')),
        codeOf(store.commit([{ key: '/cut-off', value: Buffer.from('1') }])),
      ]);
      expect([read, listed, raw, revision]).toEqual([
        'ServiceUnavailable',
        'ServiceUnavailable',
        'unavailable',
        'unavailable',
      ]);
      expect(['unavailable', 'unknown-outcome']).toContain(rawWrite);
      outcomes.set('cut-off', written);
      expect((await client.get(ConfigMap, ref, { resourceVersion: '0' })).data).toEqual({ n: 'before' });
      expect(one.ended).toEqual([]);

      network!.mend('host-a');
      let healed = 0;
      await until('writes go through again', async () => {
        const name = `healed-${healed++}`;
        outcomes.set(name, await reasonOf(make(one, name)));
        return outcomes.get(name) === 'done';
      });
      expect((await client.get(ConfigMap, ref)).data).toEqual({ n: 'during' });
      await make(two, 'end');
      const done = (seen: readonly string[]) => seen.some((line) => line.endsWith(' end '));
      await until('both watches see the last write', () => done(one.seen) && done(two.seen));

      const sofar = (seen: readonly string[]) => seen.slice(0, seen.findIndex((line) => line.endsWith(' end ')) + 1);
      expect(sofar(one.seen)).toEqual(sofar(two.seen));
      expect([...one.ended, ...two.ended]).toEqual([]);
      const revisions = two.seen.map((line) => Number(line.split(' ')[0]));
      expect(revisions).toEqual([...new Set(revisions)].sort((x, y) => x - y));

      const added = new Set(two.seen.filter((line) => line.includes(' ADDED ')).map((line) => line.split(' ')[2]));
      const names = (await two.client.list(ConfigMap, { namespace: 'default' })).items.map(
        ({ metadata }) => metadata.name,
      );
      for (const [name, outcome] of outcomes) {
        expect(['done', 'Timeout', 'ServiceUnavailable']).toContain(outcome);
        if (outcome === 'done') expect([added.has(name), names.includes(name)], name).toEqual([true, true]);
        if (outcome === 'ServiceUnavailable') expect(added.has(name), name).toBe(false);
      }
      expect(names).not.toContain('doomed');
    } finally {
      network!.mend('host-a');
      await one.close();
      await two.close();
    }
  });

  it('that outlasts the kept history: watches end, nothing is skipped, and the server follows again', async () => {
    const one = await openServer('a', 3);
    const two = await openServer('b', 4);
    try {
      const from = one.watch();
      const make = (through: typeof one, name: string) =>
        through.client.create(ConfigMap, { metadata: { namespace: 'default', name } });
      await make(one, 'long-before');
      network!.cut('host-a');
      // The server notices only when it asks.
      expect(await reasonOf(one.client.list(ConfigMap))).toBe('ServiceUnavailable');
      await make(two, 'long-missed');
      const versions = [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } }];
      await two.client.create(CustomResourceDefinition, {
        metadata: { name: 'lamps.example.com' },
        spec: { group: 'example.com', scope: 'Cluster', names: { plural: 'lamps', kind: 'Lamp' }, versions },
      });
      await until('the definition is established', async () => {
        const { status } = await two.client.get(CustomResourceDefinition, { name: 'lamps.example.com' });
        return status.conditions?.some(({ type, status: is }) => type === 'Established' && is === 'True') ?? false;
      });
      await two.store.compact(await two.store.currentRevision());
      network!.mend('host-a');

      await until('the watch across the gap ends', () => one.ended.length === 1);
      expect(one.seen.map((line) => line.split(' ')[2])).toEqual(['long-before']);
      one.watch(from);
      await until('a watch from before the gap is refused', () => one.ended.length === 2);
      expect(one.ended[1]).toMatchObject({ reason: 'Expired', code: 410 });
      const { items } = await one.client.list(ConfigMap, { namespace: 'default' });
      expect(items.map(({ metadata }) => metadata.name)).toContain('long-missed');
      const lamps = { group: 'example.com', version: 'v1', plural: 'lamps', kind: 'Lamp', namespaced: false };
      await until('the kind that was defined meanwhile is served', async () => {
        const outcome = await reasonOf(one.client.list(lamps as unknown as typeof ConfigMap));
        return outcome === 'done';
      });
    } finally {
      network!.mend('host-a');
      await one.close();
      await two.close();
    }
  });

  it('of the leader from the other members: the majority goes on, and the leader shows nothing old', async () => {
    const leader = await etcd!.leader();
    const order = [leader, (leader + 1) % 3, (leader + 2) % 3];
    const open = (members: number[]) =>
      openEtcdStore({ endpoints: urls('a', members), prefix: '/minority', attemptTimeoutMs: 1000 });
    const [whole, pinned] = await Promise.all([open(order), open([leader])]);
    try {
      const start = await whole.currentRevision();
      const [seenByWhole, seenByPinned] = [record(whole, '/n/', start), record(pinned, '/n/', start)];
      const write = async (value: number) => {
        const key = `/n/${value}`;
        await until(`${key} is written`, async () => {
          const outcome = await codeOf(whole.commit([{ key, value: Buffer.from(String(value)), expectedRevision: 0 }]));
          expect(['done', 'unavailable', 'unknown-outcome']).toContain(outcome);
          return outcome === 'done' && (await whole.get(key)) !== undefined;
        });
      };
      for (let i = 0; i < 5; i++) await write(i);
      network!.cut(`${leader}-b`);
      for (let i = 5; i < 15; i++) await write(i);
      const [read, revision, written] = await Promise.all([
        codeOf(pinned.get('/n/14')),
        codeOf(pinned.currentRevision()),
        codeOf(pinned.commit([{ key: '/n/lost', value: Buffer.from('x') }])),
      ]);
      expect([read, revision]).toEqual(['unavailable', 'unavailable']);
      expect(['unavailable', 'unknown-outcome']).toContain(written);
      expect(seenByPinned.lines.length).toBeLessThan(15);

      network!.mend(`${leader}-b`);
      await until(
        'the member that was alone answers again',
        async () => (await codeOf(pinned.get('/n/14'))) === 'done',
      );
      expect(Buffer.from((await pinned.get('/n/14'))!.value).toString()).toBe('14');
      const numbers = ({ lines }: { lines: readonly string[] }) =>
        lines.filter((line) => !/lost|end/.test(line)).map((line) => Number(line.split('=')[1]));
      const expected = Array.from({ length: 15 }, (_, i) => i);
      // A write of unknown outcome may still come: one behind everything closes the comparison.
      await whole.commit([{ key: '/n/end', value: Buffer.from('end') }]);
      const ended = ({ lines }: { lines: readonly string[] }) => lines.some((line) => line.endsWith('/n/end=end'));
      await until('both watches have everything', () => ended(seenByWhole) && ended(seenByPinned));
      const upToEnd = ({ lines }: { lines: readonly string[] }) =>
        lines.slice(
          0,
          lines.findIndex((line) => line.endsWith('/n/end=end')),
        );
      expect(numbers(seenByWhole)).toEqual(expected);
      expect(upToEnd(seenByPinned)).toEqual(upToEnd(seenByWhole));
      expect([seenByWhole.failed, seenByPinned.failed]).toEqual([undefined, undefined]);

      // Now nobody reaches one member at all.
      const gone = await etcd!.leader();
      for (const side of ['a', 'b']) network!.cut(`${gone}-${side}`);
      for (let i = 15; i < 20; i++) await write(i);
      await until('the watch goes on', () => numbers(seenByWhole).length >= 20);
      expect(numbers(seenByWhole)).toEqual(Array.from({ length: 20 }, (_, i) => i));
      for (const side of ['a', 'b']) network!.mend(`${gone}-${side}`);
    } finally {
      for (const member of [0, 1, 2]) for (const side of ['a', 'b']) network!.mend(`${member}-${side}`);
      await whole.close();
      await pinned.close();
    }
  });
});
