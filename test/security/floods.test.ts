/** One user asks for too much while another works. Requests are counted, never timed. */
import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ConfigMap } from '../../src/api/core/config-map.ts';
import { Namespace } from '../../src/api/core/namespace.ts';
import { FlowSchema } from '../../src/api/flowcontrol/flow-schema.ts';
import { PriorityLevelConfiguration } from '../../src/api/flowcontrol/priority-level-configuration.ts';
import { ClusterRole } from '../../src/api/rbac/cluster-role.ts';
import { ClusterRoleBinding } from '../../src/api/rbac/cluster-role-binding.ts';
import type { CertificateAndKey } from '../../src/base/pki.ts';
import { startWorld, type World } from './world.ts';

let world: World;
let mallory: CertificateAndKey;
let ann: CertificateAndKey;
const rbac = 'rbac.authorization.k8s.io';
const path = '/api/v1/namespaces/busy/configmaps';

beforeAll(async () => {
  world = await startWorld();
  mallory = world.certificate('mallory');
  ann = world.certificate('ann');
  const { admin } = world;
  await admin.create(Namespace, { metadata: { name: 'busy' } });
  for (let i = 0; i < 50; i++)
    await admin.create(ConfigMap, { metadata: { namespace: 'busy', name: `c${i}` }, data: { x: 'x'.repeat(1000) } });
  await admin.create(ClusterRole, {
    metadata: { name: 'readers' },
    rules: [{ apiGroups: [''], resources: ['configmaps'], verbs: ['get', 'list', 'watch', 'create'] }],
  });
  await admin.create(ClusterRoleBinding, {
    metadata: { name: 'readers' },
    roleRef: { apiGroup: rbac, kind: 'ClusterRole', name: 'readers' },
    subjects: [
      { kind: 'User', apiGroup: rbac, name: 'mallory' },
      { kind: 'User', apiGroup: rbac, name: 'ann' },
    ],
  });
  // A level of few seats, in which each user is a flow of its own.
  await admin.create(PriorityLevelConfiguration, {
    metadata: { name: 'small' },
    spec: {
      type: 'Limited',
      limited: {
        nominalConcurrencyShares: 1,
        lendablePercent: 0,
        limitResponse: { type: 'Queue', queuing: { queues: 8, handSize: 2, queueLengthLimit: 20 } },
      },
    },
  });
  await admin.create(FlowSchema, {
    metadata: { name: 'small' },
    spec: {
      priorityLevelConfiguration: { name: 'small' },
      matchingPrecedence: 500,
      distinguisherMethod: { type: 'ByUser' },
      rules: [
        {
          subjects: ['mallory', 'ann'].map((name) => ({ kind: 'User', user: { name } })),
          resourceRules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'], namespaces: ['*'], clusterScope: true }],
        },
      ],
    },
  });
});
afterAll(() => world.close());

function session(certificate: CertificateAndKey): Promise<ClientHttp2Session> {
  return new Promise((resolve, reject) => {
    const opened = connectHttp2(world.url, { ca: world.ca.cert, servername: 'localhost', ...certificate });
    opened.once('connect', () => resolve(opened));
    opened.once('error', reject);
  });
}

/** The status of a request; what comes after it is not read but thrown away. */
function ask(from: ClientHttp2Session, url: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const stream = from.request({ ':path': url });
    let status = 0;
    stream.on('response', (headers) => {
      status = Number(headers[':status']);
    });
    stream.on('error', reject);
    stream.on('close', () => resolve(status));
    stream.resume();
  });
}

const metric = async (name: string): Promise<number> => {
  const { text } = await world.call('/metrics', { certificate: world.certificate('root', ['system:masters']) });
  const lines = text.split('\n').filter((line) => line.startsWith(name) && line.includes('small'));
  return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
};

describe('a flood of lists', () => {
  it('is refused in part, while every request of another user is answered', async () => {
    const flooding = await session(mallory);
    const working = await session(ann);
    try {
      const rejectedBefore = await metric('apiserver_flowcontrol_rejected_requests_total');
      const flood = Array.from({ length: 240 }, () => ask(flooding, path));
      const work: number[] = [];
      for (let i = 0; i < 20; i++) work.push(await ask(working, `${path}/c${i}`));
      expect(work).toEqual(new Array(20).fill(200));
      const statuses = await Promise.all(flood);
      expect([...new Set(statuses)].sort()).toEqual([200, 429]);
      const refused = statuses.filter((status) => status === 429).length;
      expect((await metric('apiserver_flowcontrol_rejected_requests_total')) - rejectedBefore).toBe(refused);
      await expect.poll(() => metric('apiserver_flowcontrol_current_executing_requests')).toBe(0);
      await expect.poll(() => metric('apiserver_flowcontrol_current_inqueue_requests')).toBe(0);
      // And once it is over the one who made it is served as anybody is.
      expect(await ask(flooding, path)).toBe(200);
    } finally {
      flooding.destroy();
      working.destroy();
    }
  });

  it('that its maker gives up leaves no seat taken', async () => {
    for (let round = 0; round < 3; round++) {
      const flooding = await session(mallory);
      flooding.on('error', () => undefined);
      const flood = Array.from({ length: 100 }, () => ask(flooding, path).catch(() => 0));
      flooding.destroy();
      await Promise.all(flood);
    }
    await expect.poll(() => metric('apiserver_flowcontrol_current_executing_requests')).toBe(0);
    await expect.poll(() => metric('apiserver_flowcontrol_current_inqueue_requests')).toBe(0);
    const working = await session(ann);
    try {
      expect(await ask(working, path)).toBe(200);
    } finally {
      working.destroy();
    }
  });
});

describe('a flood of watches', () => {
  it('that begin with much has its seats until that was read, and no longer', async () => {
    const data = { x: 'x'.repeat(100_000) };
    for (let i = 0; i < 10; i++)
      await world.admin.create(ConfigMap, { metadata: { namespace: 'busy', name: `large-${i}` }, data });
    const flooding = await session(mallory);
    const working = await session(ann);
    try {
      const streams = Array.from({ length: 8 }, () =>
        flooding.request({ ':path': `${path}?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan` }),
      );
      for (const stream of streams) stream.on('error', () => undefined).pause();
      await expect.poll(() => metric('apiserver_flowcontrol_current_executing_seats')).toBeGreaterThan(0);
      const full = await metric('apiserver_flowcontrol_nominal_limit_seats');
      expect(await metric('apiserver_flowcontrol_current_executing_seats')).toBeLessThanOrEqual(full);
      for (const stream of streams) stream.resume();
      await expect.poll(() => metric('apiserver_flowcontrol_current_executing_seats')).toBe(0);
      // All of them go on as watches, without a seat.
      expect(await metric('apiserver_flowcontrol_current_inqueue_requests')).toBe(0);
      expect(streams.every((stream) => !stream.closed)).toBe(true);
      expect(await ask(working, `${path}/c1`)).toBe(200);
    } finally {
      flooding.destroy();
      working.destroy();
      for (let i = 0; i < 10; i++) await world.admin.delete(ConfigMap, { namespace: 'busy', name: `large-${i}` });
    }
  });

  it('takes no seat from others', async () => {
    const flooding = await session(mallory);
    const working = await session(ann);
    try {
      const streams = Array.from({ length: 200 }, () => flooding.request({ ':path': `${path}?watch=1` }));
      const statuses = await Promise.all(
        streams.map(
          (stream) =>
            new Promise<number>((resolve) => {
              stream.on('error', () => undefined);
              stream.on('response', (headers) => resolve(Number(headers[':status'])));
              // Refused before it was answered: the connection holds as much unread as it may.
              stream.on('close', () => resolve(0));
              stream.resume();
            }),
        ),
      );
      expect(statuses).toContain(200);
      expect(statuses.filter((status) => ![200, 429, 0].includes(status))).toEqual([]);
      const work: number[] = [];
      for (let i = 0; i < 20; i++) work.push(await ask(working, `${path}/c${i}`));
      for (let i = 0; i < 5; i++)
        await world.admin.create(ConfigMap, { metadata: { namespace: 'busy', generateName: 'new-' } });
      work.push(await ask(working, path));
      expect(work).toEqual(new Array(21).fill(200));
      expect(flooding.remoteSettings.maxConcurrentStreams).toBeLessThanOrEqual(250);
    } finally {
      flooding.destroy();
      working.destroy();
    }
    await expect.poll(async () => (await world.call('/readyz')).status).toBe(200);
  });
});

describe('connections that are never finished', () => {
  it('keep nobody out, wherever they stop', async () => {
    const sockets: Socket[] = [];
    const open = (bytes: Buffer) => {
      const socket = connectTcp({ host: '127.0.0.1', port: world.port });
      socket.on('error', () => undefined).on('connect', () => bytes.length && socket.write(bytes));
      sockets.push(socket);
    };
    const greeting = Buffer.concat([Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03])]);
    for (let i = 0; i < 100; i++) {
      open(Buffer.alloc(0));
      open(greeting.subarray(0, 1 + (i % greeting.length)));
      open(Buffer.from('GET / HTTP/1.1\r\n'));
    }
    const finished = await Promise.all(
      Array.from(
        { length: 30 },
        (_, i) =>
          new Promise<Socket>((resolve, reject) => {
            const socket = connectTls(
              {
                host: '127.0.0.1',
                port: world.port,
                servername: 'localhost',
                ca: world.ca.cert,
                ALPNProtocols: [i % 2 ? 'h2' : 'http/1.1'],
              },
              () => resolve(socket),
            );
            socket.on('error', reject);
          }),
      ),
    );
    for (const [i, socket] of finished.entries()) {
      socket.on('error', () => undefined);
      socket.write(i % 2 ? 'PRI * HTTP/2.0\r\n' : 'GET /api HTTP/1.1\r\nHost: localhost\r\nX-Slow: ');
    }
    try {
      const answers = await Promise.all(
        Array.from({ length: 20 }, (_, i) => world.call(`${path}/c${i}`, { certificate: ann })),
      );
      expect(answers.map(({ status }) => status)).toEqual(new Array(20).fill(200));
    } finally {
      for (const socket of [...sockets, ...finished]) socket.destroy();
    }
    expect((await world.call('/readyz')).status).toBe(200);
  });
});
