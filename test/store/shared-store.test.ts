/** Several API servers at once on one etcd: what clients may rely on, whichever server they talk to. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CustomResourceDefinition } from '../../src/api/apiextensions/custom-resource-definition.ts';
import { Lease } from '../../src/api/coordination/lease.ts';
import { ConfigMap } from '../../src/api/core/config-map.ts';
import { Endpoints } from '../../src/api/core/endpoints.ts';
import { Namespace } from '../../src/api/core/namespace.ts';
import { Service } from '../../src/api/core/service.ts';
import { EndpointSlice } from '../../src/api/discovery/endpoint-slice.ts';
import type { KindRef } from '../../src/api/kind.ts';
import type { StatusError } from '../../src/api/machinery/status.ts';
import { IPAddress } from '../../src/api/networking/ip-address.ts';
import { ServiceCIDR } from '../../src/api/networking/service-cidr.ts';
import { reconcileBootstrapPolicy } from '../../src/apiserver/authz/bootstrap-policy.ts';
import { alwaysAllowAuthorizer } from '../../src/apiserver/authz/chain.ts';
import { createApiServer } from '../../src/apiserver/server.ts';
import { loopbackUser } from '../../src/apiserver/user.ts';
import { formatMicroTime, realClock } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/log.ts';
import { MetricsRegistry } from '../../src/base/metrics.ts';
import { seededRandom } from '../../src/base/random.ts';
import { type Client, createClient } from '../../src/client/client.ts';
import { builtinControllers } from '../../src/controllers/controllers.gen.ts';
import { createObjectCache } from '../../src/store/cache.ts';
import { openEtcdStore } from '../../src/store/etcd.ts';
import { type EtcdCluster, hasEtcd, startEtcd } from './etcd-cluster.ts';
import { until } from './until.ts';

const namespace = 'default';
const reasonOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'done',
    (error: StatusError) => error.reason ?? String(error),
  );

interface Server {
  readonly client: Client;
  close(): Promise<void>;
}

/** Follows the config maps of the namespace: a line per event. */
function follow({ client }: Server, resourceVersion: string) {
  const seen: { lines: string[]; ended: StatusError | undefined } = { lines: [], ended: undefined };
  const handle = client.watch(
    ConfigMap,
    { namespace, resourceVersion },
    {
      onEvents: (events) =>
        void seen.lines.push(
          ...events.map(
            ({ type, object: { metadata, data } }) =>
              `${metadata.resourceVersion} ${type} ${metadata.name} ${data?.n ?? ''}`,
          ),
        ),
      onEnd: (error) => {
        seen.ended = error as StatusError;
      },
    },
  );
  return { seen, close: () => handle.close() };
}

const revisionsOf = (lines: readonly string[]) => lines.map((line) => Number(line.split(' ')[0]));

// Install the packages etcd-server and etcd-client where these are skipped.
describe.runIf(hasEtcd)('API servers on one etcd (needs etcd-server and etcd-client)', () => {
  let etcd: EtcdCluster | undefined;
  let servers: Server[] = [];
  let seed = 0;

  async function open(prefix: string, advertise?: { address: string; port: number }): Promise<Server> {
    const store = await openEtcdStore({ endpoints: etcd!.endpoints, prefix });
    const cache = createObjectCache(store, { clock: realClock, freeze: true });
    const server = await createApiServer({
      cache,
      clock: realClock,
      random: seededRandom(++seed),
      log: silentLogger,
      metrics: new MetricsRegistry(),
      authorizer: alwaysAllowAuthorizer,
      serviceCidr: '10.96.0.0/26',
      nodePortRange: '30000-30039',
      sharedStore: true,
      advertise,
    });
    return {
      client: createClient(server.direct(loopbackUser)),
      async close() {
        await server.close();
        await cache.close();
      },
    };
  }

  beforeAll(async () => {
    etcd = await startEtcd(1);
    servers = await Promise.all([open('/shared'), open('/shared'), open('/shared')]);
  });
  afterAll(async () => {
    for (const server of servers) await server.close();
    await etcd?.stop();
  });

  const now = async ({ client }: Server) => (await client.list(ConfigMap, { namespace })).metadata.resourceVersion!;
  const make = ({ client }: Server, name: string, n = '') =>
    client.create(ConfigMap, { metadata: { namespace, name }, data: { n } });

  it('are all in the endpoints of the kubernetes service, as long as they live', async () => {
    const [one, two] = await Promise.all([
      open('/endpoints', { address: '198.18.0.1', port: 6443 }),
      open('/endpoints', { address: '198.18.0.2', port: 6443 }),
    ]);
    const third = await open('/endpoints', { address: '198.18.0.1', port: 7443 });
    const endpoints = async () => {
      const { items } = await one.client.list(EndpointSlice, { namespace });
      const found = items.flatMap(({ endpoints, ports }) =>
        (endpoints ?? []).map(({ addresses }) => `${addresses[0]}:${ports?.[0]?.port}`),
      );
      const old = await one.client.get(Endpoints, { namespace, name: 'kubernetes' });
      const older = (old.subsets ?? []).flatMap((subset) =>
        (subset.addresses ?? []).map(({ ip }) => `${ip}:${subset.ports?.[0]?.port}`),
      );
      const [all, allOlder] = [found.sort().join(' '), older.sort().join(' ')];
      return all === allOlder ? all : `${all}, but ${allOlder} in the older form`;
    };
    const are = (wanted: string) => until(`the endpoints are ${wanted}`, async () => (await endpoints()) === wanted);
    await are('198.18.0.1:6443 198.18.0.1:7443 198.18.0.2:6443');
    await third.close();
    await are('198.18.0.1:6443 198.18.0.2:6443');

    // A server that was killed says no goodbye: its lease runs out.
    const renew = (ago: number) => ({ spec: { renewTime: formatMicroTime(Date.now() - ago) } });
    const ref = { namespace: 'kube-system', name: 'apiserver-killed' };
    await one.client.create(Lease, {
      metadata: { ...ref, labels: { 'apiserver.kubernetes.io/identity': 'kube-apiserver' } },
      spec: { holderIdentity: '198.18.0.3:6443', leaseDurationSeconds: 3600, ...renew(0).spec },
    });
    await are('198.18.0.1:6443 198.18.0.2:6443 198.18.0.3:6443');
    await one.client.patch(Lease, ref, renew(3_601_000), { type: 'merge' });
    await are('198.18.0.1:6443 198.18.0.2:6443');
    await two.close();
    await are('198.18.0.1:6443');
    await one.close();
  });

  it('start at the same moment on an empty store, again and again', async () => {
    for (let round = 0; round < 4; round++) {
      const together = await Promise.allSettled(Array.from({ length: 3 }, () => open(`/start${round}`)));
      const policies = await Promise.all(
        together.map((each) =>
          each.status === 'fulfilled'
            ? reasonOf(
                reconcileBootstrapPolicy(each.value.client, { controllers: builtinControllers, log: silentLogger }),
              )
            : 'not started',
        ),
      );
      for (const each of together) if (each.status === 'fulfilled') await each.value.close();
      expect(together.map((each) => (each.status === 'rejected' ? String(each.reason) : 'started'))).toEqual([
        'started',
        'started',
        'started',
      ]);
      expect(policies).toEqual(['done', 'done', 'done']);
    }
    const range = await servers[0]!.client.get(ServiceCIDR, { name: 'kubernetes' });
    expect(range.status.conditions).toMatchObject([{ type: 'Ready', status: 'True' }]);
  });

  it('show the writes of each to the watchers of all, in one order', async () => {
    const from = await now(servers[0]!);
    const following = servers.map((server) => follow(server, from));
    await Promise.all(
      servers.map(async (server, which) => {
        const { client } = server;
        for (let i = 0; i < 15; i++) {
          const name = `order-${which}-${i}`;
          const made = await make(server, name, '0');
          await client.update(ConfigMap, { ...made, data: { n: '1' } });
          if (i % 3 === 0) await client.delete(ConfigMap, { namespace, name });
        }
      }),
    );
    await make(servers[1]!, 'order-end');
    const done = (lines: readonly string[]) => lines.at(-1)?.includes('order-end') ?? false;
    await until('all watchers have seen the last write', () => following.every(({ seen }) => done(seen.lines)));
    const [first, ...others] = following.map(({ seen }) => seen.lines);
    expect(first).toHaveLength(3 * (15 + 15 + 5) + 1);
    for (const other of others) expect(other).toEqual(first);
    expect(revisionsOf(first!)).toEqual([...new Set(revisionsOf(first!))].sort((a, b) => a - b));
    for (const { seen, close } of following) {
      expect(seen.ended).toBeUndefined();
      close();
    }
  });

  it('never answer with less than was acknowledged by another', async () => {
    const [one, two, three] = servers as [Server, Server, Server];
    const ref = { namespace, name: 'fresh' };
    let current = await make(one, 'fresh', '0');
    for (let i = 1; i <= 40; i++) {
      const [writer, reader] = i % 2 ? [one, two] : [two, three];
      current = await writer.client.update(ConfigMap, { ...current, data: { n: String(i) } });
      const [got, listed, selected] = await Promise.all([
        reader.client.get(ConfigMap, ref),
        reader.client.list(ConfigMap, { namespace }),
        reader.client.list(ConfigMap, { fieldSelector: 'metadata.name=fresh', limit: 1 }),
      ]);
      expect(got).toEqual(current);
      expect(listed.items.find(({ metadata }) => metadata.name === 'fresh')).toEqual(current);
      expect(Number(listed.metadata.resourceVersion)).toBeGreaterThanOrEqual(Number(current.metadata.resourceVersion));
      expect(selected.items).toEqual([current]);
    }
    const patch = [{ op: 'test', path: '/data/n', value: '41' }];
    for (const [i, { client }] of servers.entries()) {
      const n = String(41 + i);
      await client.patch(ConfigMap, ref, { data: { n } }, { type: 'merge' });
      const tested = [{ ...patch[0], value: n }];
      await servers[(i + 1) % 3]!.client.patch(ConfigMap, ref, tested, { type: 'json' });
    }
    const initial = await new Promise<string[]>((resolve, reject) => {
      void make(one, 'fresh-too').then(() => {
        const handle = two.client.watch(
          ConfigMap,
          { namespace, fieldSelector: 'metadata.name=fresh-too' },
          {
            onEvents(events) {
              handle.close();
              resolve(events.map(({ type, object }) => `${type} ${object.metadata.name}`));
            },
            onEnd: reject,
          },
        );
      }, reject);
    });
    expect(initial).toEqual(['ADDED fresh-too']);
    for (let i = 0; i < 20; i++) {
      const name = `short-${i}`;
      await make(one, name);
      await two.client.delete(ConfigMap, { namespace, name });
      expect(await reasonOf(three.client.get(ConfigMap, { namespace, name }))).toBe('NotFound');
      expect(await reasonOf(make(three, name))).toBe('done');
    }
    for (let i = 0; i < 10; i++) {
      await one.client.create(Namespace, { metadata: { name: `space-${i}` } });
      const draft = { metadata: { namespace: `space-${i}`, name: 'a' } };
      expect(await reasonOf(two.client.create(ConfigMap, draft))).toBe('done');
    }
  });

  it('let one of several writers win on an object', async () => {
    let current = await make(servers[0]!, 'contested', '0');
    for (let round = 0; round < 20; round++) {
      const results = await Promise.allSettled(
        servers.map(({ client }, which) =>
          client.update(ConfigMap, { ...current, data: { n: `${round} by ${which}` } }),
        ),
      );
      const won = results.filter((each) => each.status === 'fulfilled');
      expect(won).toHaveLength(1);
      for (const each of results)
        if (each.status === 'rejected') expect(each.reason).toMatchObject({ reason: 'Conflict' });
      current = won[0]!.value as typeof current;
      const names = await Promise.all(servers.map((server) => reasonOf(make(server, `once-${round}`))));
      expect(names.sort()).toEqual(['AlreadyExists', 'AlreadyExists', 'done']);
    }

    const counter = { namespace, name: 'counter' };
    await make(servers[0]!, 'counter', '0');
    await Promise.all(
      servers.flatMap(({ client }) =>
        [0, 1].map(async () => {
          for (let added = 0; added < 5; ) {
            const seen = await client.get(ConfigMap, counter);
            const next = { ...seen, data: { n: String(Number(seen.data!.n) + 1) } };
            const outcome = await reasonOf(client.update(ConfigMap, next));
            expect(['done', 'Conflict']).toContain(outcome);
            if (outcome === 'done') added++;
          }
        }),
      ),
    );
    expect((await servers[1]!.client.get(ConfigMap, counter)).data).toEqual({ n: '30' });
  });

  it('never give a cluster IP or a node port to two services', async () => {
    const draft = (name: string, spec: object = {}) => ({
      metadata: { namespace, name },
      spec: { type: 'NodePort' as const, ports: [{ port: 80 }], ...spec },
    });
    const made = await Promise.allSettled(
      Array.from({ length: 36 }, (_, i) => servers[i % 3]!.client.create(Service, draft(`svc-${i}`))),
    );
    expect(made.flatMap((each) => (each.status === 'rejected' ? [String(each.reason)] : []))).toEqual([]);
    const { items } = await servers[0]!.client.list(Service, { namespace });
    const ips = items.map(({ spec }) => spec.clusterIP);
    const ports = items.flatMap(({ spec }) => spec.ports?.flatMap(({ nodePort }) => nodePort ?? []) ?? []);
    expect(new Set(ips).size).toBe(37);
    expect([ports.length, new Set(ports).size]).toEqual([36, 36]);
    const held = await servers[1]!.client.list(IPAddress);
    expect(held.items.map(({ metadata }) => metadata.name).sort()).toEqual([...ips].sort());

    // What one server frees another can give again, and only once.
    const { spec } = items.find(({ metadata }) => metadata.name === 'svc-7')!;
    await servers[0]!.client.delete(Service, { namespace, name: 'svc-7' });
    const wanted = { clusterIP: spec.clusterIP!, ports: [{ port: 80, nodePort: spec.ports![0]!.nodePort! }] };
    const asked = await Promise.all(
      servers.map(({ client }, which) => reasonOf(client.create(Service, draft(`again-${which}`, wanted)))),
    );
    expect(asked.sort()).toEqual(['Invalid', 'Invalid', 'done']);

    // A service of the same name made elsewhere in the meantime holds its own address, not that of the one before.
    for (let i = 0; i < 10; i++) {
      const name = `reborn`;
      const before = await servers[i % 3]!.client.create(Service, draft(name));
      await servers[(i + 1) % 3]!.client.delete(Service, { namespace, name });
      const same = {
        clusterIP: before.spec.clusterIP!,
        ports: [{ port: 80, nodePort: before.spec.ports![0]!.nodePort! }],
      };
      const after = await servers[(i + 2) % 3]!.client.create(Service, draft(name, same));
      const address = await servers[i % 3]!.client.get(IPAddress, { name: after.spec.clusterIP! });
      expect(address.spec.parentRef).toMatchObject({ namespace, name });
      const thief = draft('thief', { ports: [{ port: 80, nodePort: after.spec.ports![0]!.nodePort! }] });
      expect(await reasonOf(servers[i % 3]!.client.create(Service, thief))).toBe('Invalid');
      await servers[i % 3]!.client.delete(Service, { namespace, name });
    }
  });

  it('serve a kind that was defined through one of them, and stop when it is gone', async () => {
    const [one, two, three] = servers as [Server, Server, Server];
    const versions = [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } }];
    const definition = { name: 'lamps.example.com' };
    const lamps: KindRef = { group: 'example.com', version: 'v1', plural: 'lamps', kind: 'Lamp', namespaced: false };
    await one.client.create(CustomResourceDefinition, {
      metadata: definition,
      spec: { group: 'example.com', scope: 'Cluster', names: { plural: 'lamps', kind: 'Lamp' }, versions },
    });
    const list = ({ client }: Server) => reasonOf(client.list(lamps));
    await until('all serve it', async () => (await Promise.all(servers.map(list))).every((each) => each === 'done'));
    for (const [i, { client }] of servers.entries()) {
      await client.create(lamps, { metadata: { name: `lamp-${i}` } });
      for (const other of servers)
        expect((await other.client.list(lamps)).items.map(({ metadata }) => metadata.name)).toContain(`lamp-${i}`);
    }
    await two.client.delete(CustomResourceDefinition, definition);
    await until('none serves it', async () =>
      (await Promise.all(servers.map(list))).every((each) => each === 'NotFound'),
    );
    expect(await reasonOf(three.client.get(CustomResourceDefinition, definition))).toBe('NotFound');
  });

  it('resume a watch of another server, or say that it is too late', async () => {
    const [one, two] = servers as [Server, Server];
    for (let i = 0; i < 20; i++) {
      const from = (await make(one, `ahead-${i}`)).metadata.resourceVersion!;
      const { seen, close } = follow(two, from);
      const next = await make(one, `behind-${i}`);
      await until('the next event comes', () => seen.lines.length > 0);
      expect(seen.lines[0]).toBe(`${next.metadata.resourceVersion} ADDED behind-${i} `);
      close();
    }

    let third = await open('/shared');
    try {
      const from = await now(third);
      const before = follow(third, from);
      await make(one, 'early');
      await until('the first event comes', () => before.seen.lines.length === 1);
      await third.close();
      const missed = await make(two, 'missed');
      third = await open('/shared');
      const tooLate = follow(third, String(revisionsOf(before.seen.lines)[0]));
      await until(
        'the restarted server answers',
        () => tooLate.seen.lines.length > 0 || tooLate.seen.ended !== undefined,
      );
      if (tooLate.seen.ended) {
        expect(tooLate.seen.ended).toMatchObject({ reason: 'Expired', code: 410 });
        expect(tooLate.seen.lines).toEqual([]);
      } else expect(tooLate.seen.lines[0]).toBe(`${missed.metadata.resourceVersion} ADDED missed `);
      tooLate.close();

      const resumed = follow(third, await now(two));
      const last = await make(one, 'late');
      await until('the watch goes on', () => resumed.seen.lines.length > 0);
      expect(resumed.seen.lines).toEqual([`${last.metadata.resourceVersion} ADDED late `]);
      expect(resumed.seen.ended).toBeUndefined();
      resumed.close();
    } finally {
      await third.close();
    }
  });
});
