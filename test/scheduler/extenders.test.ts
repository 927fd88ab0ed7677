/** Extenders: real HTTP services that the scheduler asks about nodes, scores, victims and bindings. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Pod } from '../../src/api/core/pod.ts';
import { PriorityClass } from '../../src/api/scheduling/priority-class.ts';
import { realClock } from '../../src/base/clock.ts';
import { createAuthority, issueCertificate } from '../../src/base/pki.ts';
import { type Cluster, startCluster } from '../../src/cluster/start.ts';
import { parseSchedulerConfig } from '../../src/scheduler/config.ts';

type Body = Record<string, never> & {
  Pod: { metadata: { name: string } };
  Nodes: { items: { metadata: { name: string } }[] } | null;
  NodeNames: string[] | null;
};
type Answers = Record<string, (body: Body) => unknown>;

const namespace = 'default';
const servers: Server[] = [];
let cluster: Cluster | undefined;
afterEach(async () => {
  await cluster?.stop();
  cluster = undefined;
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

/** Serves an extender; `asked` lists what it was asked. undefined from an answer is a 500. */
async function serve(answers: Answers, tls?: { cert: string; key: string }) {
  const asked: { verb: string; body: Body }[] = [];
  const listen = (server: Server) => {
    server.on('request', async (request, response) => {
      let text = '';
      for await (const chunk of request) text += chunk;
      const verb = request.url!.split('/').at(-1)!;
      const body = JSON.parse(text) as Body;
      asked.push({ verb, body });
      const answer = answers[verb]?.(body);
      response.writeHead(answer === undefined ? 500 : 200, { 'Content-Type': 'application/json' });
      response.end(JSON.stringify(answer ?? {}));
    });
    servers.push(server);
    return server.listen(0, '127.0.0.1');
  };
  const server = listen(tls ? (createTlsServer(tls) as unknown as Server) : createServer());
  await once(server, 'listening');
  const url = `${tls ? 'https' : 'http'}://127.0.0.1:${(server.address() as AddressInfo).port}/scheduler`;
  return { url, asked };
}

async function start(extender: object, more: object = {}): Promise<void> {
  const configuration = {
    apiVersion: 'kubescheduler.config.k8s.io/v1',
    kind: 'KubeSchedulerConfiguration',
    extenders: [extender],
    ...more,
  };
  cluster = await startCluster({
    nodes: 3,
    nodeCapacity: { cpu: '2', memory: '8Gi', pods: '10' },
    schedulerConfig: parseSchedulerConfig(JSON.stringify(configuration)),
  });
}

const create = (name: string, spec: object = {}) =>
  cluster!.client.create(Pod, {
    metadata: { name, namespace },
    spec: { containers: [{ name: 'c', image: 'i' }], ...spec },
  });
const get = (name: string) => cluster!.client.get(Pod, { namespace, name });
const patiently = { timeout: 20_000, interval: 20 };
const placed = (name: string, nodeName: string) =>
  vi.waitFor(async () => expect((await get(name)).spec.nodeName).toBe(nodeName), patiently);
const refused = (name: string, message: string) =>
  vi.waitFor(
    async () =>
      expect((await get(name)).status.conditions?.find((c) => c.type === 'PodScheduled')?.message).toContain(message),
    patiently,
  );
const only =
  (...wanted: string[]) =>
  ({ Nodes }: Body) => ({
    Nodes: { items: Nodes!.items.filter(({ metadata }) => wanted.includes(metadata.name)) },
    FailedNodes: { 'node-1': 'too noisy' },
  });

describe('an extender that filters', () => {
  it('is given the nodes that fit, and says which do', async () => {
    const { url, asked } = await serve({ filter: only('node-3') });
    await start({ urlPrefix: `${url}/`, filterVerb: 'filter' });
    await create('a');
    await placed('a', 'node-3');
    expect(asked[0]!.body.Pod.metadata.name).toBe('a');
    expect(asked[0]!.body.Nodes!.items).toHaveLength(3);
    expect(asked[0]!.body.NodeNames).toBeNull();
  });

  it('is told names only when it knows the nodes itself, and its reasons are told to the pod', async () => {
    const { url, asked } = await serve({
      filter: () => ({
        NodeNames: [],
        FailedNodes: { 'node-1': 'too noisy' },
        FailedAndUnresolvableNodes: { 'node-2': 'on fire', 'node-3': 'on fire' },
      }),
    });
    await start({ urlPrefix: url, filterVerb: 'filter', nodeCacheCapable: true });
    await create('a');
    await refused('a', '0/3 nodes are available: 1 too noisy, 2 on fire.');
    expect(asked[0]!.body.Nodes).toBeNull();
    expect(asked[0]!.body.NodeNames).toHaveLength(3);
  });

  it('stops pods when it fails, unless it can be done without', async () => {
    const { url } = await serve({});
    await start({ urlPrefix: url, filterVerb: 'filter' });
    await create('a');
    await refused('a', `failed filter with extender at URL ${url}/filter, code 500`);
    await cluster!.stop();
    await start({ urlPrefix: url, filterVerb: 'filter', ignorable: true });
    await create('a');
    await vi.waitFor(async () => expect((await get('a')).spec.nodeName).toBeDefined(), patiently);
  });

  it('that does not answer in time has failed', async () => {
    const server = createServer(() => {});
    servers.push(server);
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    await start({ urlPrefix: url, filterVerb: 'filter', httpTimeout: '50ms' });
    await create('a');
    await refused('a', `extender at URL ${url}/filter did not answer within 50 ms`);
  });

  it('is asked only about pods with its resources, which the scheduler need not count', async () => {
    const { url, asked } = await serve({ filter: only('node-2') });
    const name = 'example.com/licence';
    await start({ urlPrefix: url, filterVerb: 'filter', managedResources: [{ name, ignoredByScheduler: true }] });
    await create('other');
    await vi.waitFor(async () => expect((await get('other')).spec.nodeName).toBeDefined(), patiently);
    expect(asked).toEqual([]);
    await create('licensed', { containers: [{ name: 'c', image: 'i', resources: { limits: { [name]: '1' } } }] });
    await placed('licensed', 'node-2');
  });
});

it('an extender that rates nodes has its weight in the choice', async () => {
  const { url } = await serve({
    rate: () => [
      { Host: 'node-2', Score: 10 },
      { Host: 'node-1', Score: 1 },
    ],
  });
  await start({ urlPrefix: url, prioritizeVerb: 'rate', weight: 50 });
  for (const name of ['a', 'b', 'c']) {
    await create(name);
    await placed(name, 'node-2');
  }
});

it('an extender that binds is asked to instead of the API', async () => {
  const { url, asked } = await serve({
    bind: (body) => {
      const { PodName, Node } = body as unknown as { PodName: string; Node: string };
      void cluster!.client.subresource(
        'create',
        Pod,
        { namespace, name: PodName, subresource: 'binding' },
        {
          apiVersion: 'v1',
          kind: 'Binding',
          metadata: { namespace, name: PodName },
          target: { kind: 'Node', name: Node },
        },
      );
      return {};
    },
  });
  await start({ urlPrefix: url, bindVerb: 'bind' });
  const { metadata } = await create('a');
  await vi.waitFor(async () => expect((await get('a')).spec.nodeName).toBeDefined(), patiently);
  expect(asked).toHaveLength(1);
  expect(asked[0]!.body).toMatchObject({ PodName: 'a', PodNamespace: namespace, PodUID: metadata.uid });
});

it('an extender has a say in whom preemption removes', async () => {
  const { url } = await serve({
    preempt: (body) => {
      const all = (body as unknown as { NodeNameToVictims: Record<string, { Pods: { metadata: { uid: string } }[] }> })
        .NodeNameToVictims;
      const { Pods } = all['node-3']!;
      return {
        NodeNameToMetaVictims: {
          'node-3': { Pods: Pods.map(({ metadata }) => ({ UID: metadata.uid })), NumPDBViolations: 0 },
        },
      };
    },
  });
  await start({ urlPrefix: url, preemptVerb: 'preempt' });
  const { client } = cluster!;
  await client.create(PriorityClass, { metadata: { name: 'high' }, value: 100 });
  const filling = {
    containers: [{ name: 'c', image: 'i', resources: { requests: { cpu: '2' } } }],
    terminationGracePeriodSeconds: 0,
  };
  for (const i of [1, 2, 3])
    await create(`low-${i}`, { ...filling, nodeSelector: { 'kubernetes.io/hostname': `node-${i}` } });
  for (const i of [1, 2, 3]) await placed(`low-${i}`, `node-${i}`);
  await create('high', { ...filling, priorityClassName: 'high' });
  await placed('high', 'node-3');
});

it('an extender can be reached over TLS, by an authority of its own', async () => {
  const now = realClock.now();
  const authority = createAuthority('extenders', now);
  const { cert, key } = issueCertificate(authority, {
    subject: { commonName: 'extender' },
    usages: ['serverAuth'],
    ipAddresses: ['127.0.0.1'],
    notBefore: now - 60_000,
    notAfter: now + 3_600_000,
  });
  const { url } = await serve({ filter: only('node-1') }, { cert, key });
  const caData = Buffer.from(authority.cert).toString('base64');
  await start({ urlPrefix: url, filterVerb: 'filter', enableHTTPS: true, tlsConfig: { caData } });
  await create('a');
  await placed('a', 'node-1');
});
