/** The cluster's DNS server, with its clients on the other core. */
import { createSocket, type Socket } from 'node:dgram';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import * as dnsPacket from 'dns-packet';
import { Namespace } from '../src/api/core/namespace.ts';
import { Service } from '../src/api/core/service.ts';
import { realClock } from '../src/base/clock.ts';
import { silentLogger } from '../src/base/log.ts';
import { realRandom } from '../src/base/random.ts';
import { startDns } from '../src/dns/dns.ts';
import { FakeInformers } from '../test/network/fake-informers.ts';
import { namespace, service } from '../test/network/objects.ts';
import type { Bench } from './bench.ts';

const names = 1000;
const seconds = 4;
const sockets = 8;
const underWay = 32;

const nameOf = (i: number) => `service-${i % names}.default.svc.cluster.local`;

/** Keeps a number of queries under way on a few sockets; resolves with the answers a second. */
async function ask(port: number): Promise<number> {
  const queries = Array.from({ length: names }, (_, i) =>
    dnsPacket.encode({ type: 'query', id: i, flags: 256, questions: [{ type: 'A', name: nameOf(i) }] }),
  );
  let next = 0;
  let answered = 0;
  const opened = await Promise.all(
    Array.from(
      { length: sockets },
      () =>
        new Promise<Socket>((resolve) => {
          const socket = createSocket({ type: 'udp4', recvBufferSize: 4 << 20 });
          socket.connect(port, '127.0.0.1', () => resolve(socket));
        }),
    ),
  );
  for (const socket of opened) {
    const send = () => socket.send(queries[next++ % names]!);
    socket.on('message', () => {
      answered++;
      send();
    });
    for (let i = 0; i < underWay; i++) send();
  }
  await realClock.sleep(500);
  const from = { answered, at: realClock.monotonic() };
  await realClock.sleep(seconds * 1000);
  const perSecond = ((answered - from.answered) * 1000) / (realClock.monotonic() - from.at);
  for (const socket of opened) socket.close();
  return perSecond;
}

const asked = (workerData as { dnsPort?: number } | null)?.dnsPort;
if (!isMainThread && asked) parentPort!.postMessage(await ask(asked));

export const benches: readonly Bench[] = [
  {
    name: 'dns.queries',
    unit: '1/s',
    target: 30_000,
    better: 'higher',
    async run() {
      const informers = new FakeInformers();
      informers.put(Namespace, namespace('default'));
      for (let i = 0; i < names; i++) {
        const clusterIP = `10.96.${i >> 8}.${i & 255}`;
        informers.put(Service, service(`service-${i}`, { clusterIP }));
      }
      const dns = await startDns({
        informers,
        listen: [{ address: '127.0.0.1', port: 0 }],
        upstream: [],
        clock: realClock,
        random: realRandom,
        log: silentLogger,
      });
      const worker = new Worker(new URL(import.meta.url), { workerData: { dnsPort: dns.addresses[0]!.port } });
      try {
        return await new Promise<number>((resolve, reject) => {
          worker.once('message', resolve);
          worker.once('error', reject);
        });
      } finally {
        await worker.terminate();
        await dns.close();
      }
    },
  },
];
