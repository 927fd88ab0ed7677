import { createSocket } from 'node:dgram';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as dnsPacket from 'dns-packet';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { realClock, VirtualClock } from '../base/clock.ts';
import { silentLogger } from '../base/log.ts';
import { seededRandom } from '../base/random.ts';
import { ClusterRecords, type RecordSource, reverseAddress } from './cluster-records.ts';
import { createResponder } from './responder.ts';
import { type DnsSockets, openSockets } from './sockets.ts';
import { createUpstream, resolvConfServers, type Upstream } from './upstream.ts';

interface Endpoint {
  addresses: string[];
  hostname?: string;
  conditions?: object;
}

const services: Record<string, object> = {
  'default/web': {
    spec: {
      clusterIP: '10.96.0.10',
      clusterIPs: ['10.96.0.10', 'fd96::a'],
      ports: [{ name: 'http', port: 80, protocol: 'TCP' }],
    },
  },
  'default/db': {
    spec: { clusterIP: 'None', clusterIPs: ['None'], ports: [{ name: 'sql', port: 5432, protocol: 'TCP' }] },
  },
  'default/none': { spec: { clusterIP: 'None', clusterIPs: ['None'] } },
  'default/out': { spec: { type: 'ExternalName', externalName: 'Example.com.' } },
  'default/in': { spec: { type: 'ExternalName', externalName: 'web.default.svc.cluster.local' } },
  'kube-system/kube-dns': { spec: { clusterIP: '10.96.0.10', clusterIPs: ['10.96.0.10'], ports: [] } },
};
for (const [key, service] of Object.entries(services)) {
  const [namespace, name] = key.split('/');
  Object.assign(service, { metadata: { namespace, name } });
}
const dbEndpoints: Endpoint[] = [
  { addresses: ['10.244.0.5'], hostname: 'db-0', conditions: { ready: true } },
  { addresses: ['10.244.0.6'], conditions: { ready: true } },
  { addresses: ['10.244.0.7'], hostname: 'db-2', conditions: { ready: false } },
];
const dbSlice = () => ({
  metadata: { namespace: 'default', name: 'db-1', labels: { 'kubernetes.io/service-name': 'db' } },
  addressType: 'IPv4',
  endpoints: dbEndpoints,
  ports: [{ name: 'sql', port: 5432, protocol: 'TCP' }],
});
const source = {
  service: (namespace: string, name: string) => services[`${namespace}/${name}`],
  slices: (_namespace: string, name: string) => (name === 'db' ? [dbSlice()] : []),
  hasNamespace: (name: string) => ['default', 'kube-system', 'empty'].includes(name),
  servicesAt: (address: string) => (address === '10.96.0.10' || address === 'fd96::a' ? [services['default/web']] : []),
  slicesAt: (address: string) => (address.startsWith('10.244.0.') ? [dbSlice()] : []),
} as unknown as RecordSource;
const records = new ClusterRecords('cluster.local', source);

const upstreamAsked: string[] = [];
const upstream: Upstream = {
  async ask(query) {
    const { id, questions } = dnsPacket.decode(query);
    upstreamAsked.push(`${questions[0]!.type} ${questions[0]!.name}`);
    if (questions[0]!.name === 'silent.example') return undefined;
    return dnsPacket.encode({
      type: 'response',
      id,
      questions,
      answers: [{ type: 'A', name: questions[0]!.name, ttl: 60, data: '192.0.2.80' }],
    });
  },
};
const responder = createResponder(records, upstream);
const query = (name: string, type = 'A', extra: object = {}) =>
  dnsPacket.encode({
    type: 'query',
    id: 77,
    flags: dnsPacket.RECURSION_DESIRED,
    questions: [{ type, name }],
    ...extra,
  });
const ask = async (name: string, type = 'A', transport: 'udp' | 'tcp' = 'udp') =>
  dnsPacket.decode((await responder.respond(query(name, type), transport))!);
const data = (answers: readonly { type: string; data: unknown }[]) =>
  answers.map(({ type, data: value }) => [type, value]);

describe('names of services', () => {
  it('have the addresses of the service, per family', async () => {
    const answer = await ask('web.default.svc.cluster.local');
    expect(data(answer.answers)).toEqual([['A', '10.96.0.10']]);
    expect([answer.rcode, answer.flag_aa, answer.flag_ra, answer.id]).toEqual(['NOERROR', true, true, 77]);
    expect(data((await ask('web.default.svc.cluster.local', 'AAAA')).answers)).toEqual([['AAAA', 'fd96::a']]);
  });

  it('are found in any case, and come back as they were asked', async () => {
    const answer = await ask('WEB.default.Svc.cluster.local');
    expect(answer.questions[0]!.name).toBe('WEB.default.Svc.cluster.local');
    expect(answer.answers[0]!.name).toBe('WEB.default.Svc.cluster.local');
  });

  it('have SRV records for their ports, with the address of the target', async () => {
    const answer = await ask('_http._tcp.web.default.svc.cluster.local', 'SRV');
    expect(answer.answers[0]!.data).toEqual({
      priority: 0,
      weight: 100,
      port: 80,
      target: 'web.default.svc.cluster.local',
    });
    expect(data(answer.additionals)).toEqual([
      ['A', '10.96.0.10'],
      ['AAAA', 'fd96::a'],
    ]);
    expect((await ask('_http._udp.web.default.svc.cluster.local', 'SRV')).rcode).toBe('NXDOMAIN');
  });

  it('are found by their address', async () => {
    expect(data((await ask('10.0.96.10.in-addr.arpa', 'PTR')).answers)).toEqual([
      ['PTR', 'web.default.svc.cluster.local'],
    ]);
  });

  it('that do not exist are missing, with the SOA that says for how long', async () => {
    const answer = await ask('nothing.default.svc.cluster.local');
    expect([answer.rcode, answer.flag_aa]).toEqual(['NXDOMAIN', true]);
    expect(answer.authorities[0]).toMatchObject({ type: 'SOA', name: 'cluster.local', ttl: 5 });
    expect((await ask('web.nowhere.svc.cluster.local')).rcode).toBe('NXDOMAIN');
    expect((await ask('a.b.web.default.svc.cluster.local')).rcode).toBe('NXDOMAIN');
  });

  it('without records of the type exist all the same', async () => {
    const answer = await ask('web.default.svc.cluster.local', 'TXT');
    expect([answer.rcode, answer.answers.length, answer.authorities[0]!.type]).toEqual(['NOERROR', 0, 'SOA']);
    for (const name of ['svc.cluster.local', 'empty.svc.cluster.local', 'cluster.local'])
      expect((await ask(name)).rcode, name).toBe('NOERROR');
  });
});

describe('headless services', () => {
  it('have the addresses of their ready endpoints, in changing order', async () => {
    const orders = new Set<string>();
    for (let i = 0; i < 4; i++) orders.add(JSON.stringify(data((await ask('db.default.svc.cluster.local')).answers)));
    expect(orders).toEqual(
      new Set([
        JSON.stringify([
          ['A', '10.244.0.5'],
          ['A', '10.244.0.6'],
        ]),
        JSON.stringify([
          ['A', '10.244.0.6'],
          ['A', '10.244.0.5'],
        ]),
      ]),
    );
  });

  it('have a name for each endpoint: its hostname, or its address with dashes', async () => {
    expect(data((await ask('db-0.db.default.svc.cluster.local')).answers)).toEqual([['A', '10.244.0.5']]);
    expect(data((await ask('10-244-0-6.db.default.svc.cluster.local')).answers)).toEqual([['A', '10.244.0.6']]);
    expect((await ask('db-2.db.default.svc.cluster.local')).rcode).toBe('NXDOMAIN');
  });

  it('have an SRV record for each endpoint', async () => {
    const answer = await ask('_sql._tcp.db.default.svc.cluster.local', 'SRV');
    expect(answer.answers.map((record) => (record.data as { target: string }).target)).toEqual([
      'db-0.db.default.svc.cluster.local',
      '10-244-0-6.db.default.svc.cluster.local',
    ]);
    expect(data(answer.additionals)).toEqual([
      ['A', '10.244.0.5'],
      ['A', '10.244.0.6'],
    ]);
  });

  it('without ready endpoints are missing', async () => {
    expect((await ask('none.default.svc.cluster.local')).rcode).toBe('NXDOMAIN');
  });

  it('are found by the addresses of their endpoints', async () => {
    expect(data((await ask('5.0.244.10.in-addr.arpa', 'PTR')).answers)).toEqual([
      ['PTR', 'db-0.db.default.svc.cluster.local'],
    ]);
  });
});

describe('other names', () => {
  it('of external services are aliases, with the target resolved', async () => {
    expect(data((await ask('out.default.svc.cluster.local')).answers)).toEqual([
      ['CNAME', 'example.com'],
      ['A', '192.0.2.80'],
    ]);
    expect(data((await ask('in.default.svc.cluster.local')).answers)).toEqual([
      ['CNAME', 'web.default.svc.cluster.local'],
      ['A', '10.96.0.10'],
    ]);
  });

  it('of pods say their address back, in namespaces that exist', async () => {
    expect(data((await ask('10-244-0-9.default.pod.cluster.local')).answers)).toEqual([['A', '10.244.0.9']]);
    expect((await ask('10-244-0-9.nowhere.pod.cluster.local')).rcode).toBe('NXDOMAIN');
    expect((await ask('hello.default.pod.cluster.local')).rcode).toBe('NXDOMAIN');
  });

  it('tell the version of the specification', async () => {
    expect(String((await ask('dns-version.cluster.local', 'TXT')).answers[0]!.data)).toBe('1.1.0');
  });

  it('outside the cluster are asked upstream; silence there is a failure', async () => {
    expect(data((await ask('example.org')).answers)).toEqual([['A', '192.0.2.80']]);
    expect(upstreamAsked).toContain('A example.org');
    expect((await ask('silent.example')).rcode).toBe('SERVFAIL');
    await ask('1.1.1.1.in-addr.arpa', 'PTR');
    expect(upstreamAsked).toContain('PTR 1.1.1.1.in-addr.arpa');
  });

  it('changes are seen once the answers are invalidated', async () => {
    dbEndpoints.push({ addresses: ['10.244.0.8'], hostname: 'db-3' });
    responder.invalidate();
    expect(data((await ask('db-3.db.default.svc.cluster.local')).answers)).toEqual([['A', '10.244.0.8']]);
    dbEndpoints.pop();
    responder.invalidate();
    expect((await ask('db-3.db.default.svc.cluster.local')).rcode).toBe('NXDOMAIN');
  });
});

describe('messages', () => {
  it('that are no queries get an error or silence, never a throw', async () => {
    expect(responder.respond(Buffer.from('garbage'), 'udp')).toBeUndefined();
    expect(
      responder.respond(
        dnsPacket.encode({
          type: 'response',
          id: 1,
          questions: [{ type: 'A', name: 'web.default.svc.cluster.local' }],
        }),
        'udp',
      ),
    ).toBeUndefined();
    const truncated = query('web.default.svc.cluster.local').subarray(0, 20);
    expect(dnsPacket.decode((await responder.respond(Buffer.from(truncated), 'udp'))!).rcode).toBe('FORMERR');
    for (let length = 0; length < 60; length++) await responder.respond(Buffer.alloc(length, length), 'udp');
  });

  it('that do not fit a datagram are truncated, and whole over TCP or with EDNS', async () => {
    const before = dbEndpoints.length;
    for (let i = 20; i < 70; i++) dbEndpoints.push({ addresses: [`10.244.1.${i}`] });
    responder.invalidate();
    const small = await ask('db.default.svc.cluster.local');
    expect([small.flag_tc, small.answers.length]).toEqual([true, 0]);
    expect((await ask('db.default.svc.cluster.local', 'A', 'tcp')).answers).toHaveLength(52);
    const edns = (await responder.respond(
      query('db.default.svc.cluster.local', 'A', { additionals: [{ type: 'OPT', name: '.', udpPayloadSize: 1232 }] }),
      'udp',
    ))!;
    expect(edns.length).toBeLessThanOrEqual(1232);
    expect(dnsPacket.decode(edns).answers).toHaveLength(52);
    dbEndpoints.length = before;
    responder.invalidate();
  });

  it('reverse names are read for both families', () => {
    expect(reverseAddress('4.3.2.1.in-addr.arpa')).toBe('1.2.3.4');
    expect(reverseAddress(`${'a.'.padEnd(2)}${'0.'.repeat(27)}6.9.d.f.ip6.arpa`)).toBe('fd96::a');
    expect(reverseAddress('300.3.2.1.in-addr.arpa')).toBeUndefined();
  });
});

describe('the sockets', () => {
  let sockets: DnsSockets;
  let directory: string;
  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'timonel-dns-'));
    sockets = await openSockets({ address: '127.0.0.1', port: 0 }, responder, silentLogger);
  });
  afterAll(async () => {
    await sockets.close();
    rmSync(directory, { recursive: true });
  });

  it('answer over UDP, and several queries on one TCP connection', async () => {
    const viaUdp = await new Promise<Buffer>((resolve) => {
      const socket = createSocket('udp4');
      socket.on('message', (message) => socket.close(() => resolve(message)));
      socket.send(query('web.default.svc.cluster.local'), sockets.port, '127.0.0.1');
    });
    expect(data(dnsPacket.decode(viaUdp).answers)).toEqual([['A', '10.96.0.10']]);
    const framed = (message: Buffer) =>
      Buffer.concat([Buffer.from([message.length >> 8, message.length & 255]), message]);
    const viaTcp = await new Promise<Buffer[]>((resolve, reject) => {
      const socket = connect(sockets.port, '127.0.0.1');
      let received = Buffer.alloc(0);
      socket.on('error', reject);
      socket.on('data', (chunk) => {
        received = Buffer.concat([received, chunk]);
        const messages: Buffer[] = [];
        for (
          let at = 0;
          at + 2 <= received.length && at + 2 + received.readUInt16BE(at) <= received.length;
          at += 2 + received.readUInt16BE(at)
        )
          messages.push(received.subarray(at + 2, at + 2 + received.readUInt16BE(at)));
        if (messages.length === 2) socket.end(() => resolve(messages));
      });
      const both = Buffer.concat([
        framed(query('web.default.svc.cluster.local')),
        framed(query('nothing.default.svc.cluster.local')),
      ]);
      socket.write(both.subarray(0, 5));
      socket.write(both.subarray(5));
    });
    expect(viaTcp.map((message) => dnsPacket.decode(message).rcode)).toEqual(['NOERROR', 'NXDOMAIN']);
  });

  it('pass queries to the servers of a resolv.conf, the next one when one is silent, and follow its changes', async () => {
    const file = join(directory, 'resolv.conf');
    writeFileSync(file, `# comment\nnameserver 127.0.0.1\nsearch example.com\nnameserver fe80::1%eth0\n`);
    expect(resolvConfServers('nameserver 127.0.0.1\n nameserver ::1 # x\nnameserver nonsense')).toEqual([
      { address: '127.0.0.1', port: 53 },
      { address: '::1', port: 53 },
    ]);
    const silent = createSocket('udp4');
    await new Promise<void>((resolve) => silent.bind(0, '127.0.0.1', resolve));
    const real = createUpstream({
      servers: [
        { address: '127.0.0.1', port: silent.address().port },
        { address: '127.0.0.1', port: sockets.port },
      ],
      own: [],
      clock: realClock,
      random: seededRandom(1),
      timeoutMs: 1000,
    });
    const answer = dnsPacket.decode((await real.ask(query('web.default.svc.cluster.local'), 'udp'))!);
    expect([answer.id, answer.rcode]).toEqual([77, 'NOERROR']);
    expect(
      dnsPacket.decode(
        (await createUpstream({
          servers: [{ address: '127.0.0.1', port: sockets.port }],
          own: [],
          clock: realClock,
          random: seededRandom(1),
        }).ask(query('db.default.svc.cluster.local'), 'tcp'))!,
      ).answers,
    ).toHaveLength(2);
    silent.close();
    const none = createUpstream({
      servers: join(directory, 'absent'),
      own: [],
      clock: new VirtualClock(),
      random: seededRandom(1),
    });
    expect(await none.ask(query('example.org'), 'udp')).toBeUndefined();
    const self = createUpstream({
      servers: file,
      own: ['127.0.0.1', 'fe80::1%eth0'],
      clock: new VirtualClock(),
      random: seededRandom(1),
    });
    expect(await self.ask(query('example.org'), 'udp')).toBeUndefined();
  });
});
