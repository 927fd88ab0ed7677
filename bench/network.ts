/** The service proxy with many services, in a network namespace of its own. Needs root. */

import { Service } from '../src/api/core/service.ts';
import { EndpointSlice } from '../src/api/discovery/endpoint-slice.ts';
import { realClock } from '../src/base/clock.ts';
import { silentLogger } from '../src/base/log.ts';
import { createInformerSet } from '../src/client/informer-set.ts';
import { startServiceProxy } from '../src/network/services/service-proxy.ts';
import { missingForPackets, NetLab } from '../test/network/net-lab.ts';
import { type Bench, median } from './bench.ts';
import { type Running, withServer } from './server-fixtures.ts';

const services = 30_000;
const changes = 40;

const nameOf = (i: number) => `service-${i}`;
const addressOf = (i: number) => `10.244.${(i >> 8) & 255}.${i & 255}`;

async function fill({ client }: Running): Promise<void> {
  for (let from = 0; from < services; from += 500) {
    await Promise.all(
      Array.from({ length: Math.min(500, services - from) }, async (_, at) => {
        const i = from + at;
        await client.create(Service, {
          metadata: { namespace: 'default', name: nameOf(i) },
          spec: { ports: [{ port: 80, targetPort: 8080 }] },
        });
        await client.create(EndpointSlice, draft(i, addressOf(i)));
      }),
    );
  }
}

const draft = (i: number, address: string) => ({
  metadata: {
    namespace: 'default',
    name: nameOf(i),
    labels: { 'kubernetes.io/service-name': nameOf(i) },
  },
  addressType: 'IPv4',
  ports: [{ name: '', port: 8080, protocol: 'TCP' }],
  endpoints: [{ addresses: [address], conditions: { ready: true }, nodeName: 'node' }],
});

/** From a change of a slice to its rules in the kernel, in milliseconds; the middle of many. */
async function changeOfOneEndpoint(running: Running): Promise<number> {
  await fill(running);
  const lab = new NetLab();
  await lab.start();
  const informers = createInformerSet(running.client, { clock: realClock, log: silentLogger });
  const proxy = await startServiceProxy({
    informers,
    nodeName: 'node',
    clusterName: lab.name,
    podCidr: '10.244.0.0/16',
    serviceCidr: '10.96.0.0/12',
    clock: realClock,
    log: silentLogger,
    nft: lab.nft,
    run: lab.run,
  });
  try {
    await proxy.whenApplied();
    const took: number[] = [];
    for (let change = 0; change < changes; change++) {
      const i = (change * 7919) % services;
      const ref = { namespace: 'default', name: nameOf(i) };
      const current = await running.client.get(EndpointSlice, ref);
      const [endpoint] = current.endpoints;
      const began = realClock.monotonic();
      await running.client.update(EndpointSlice, {
        ...current,
        endpoints: [{ ...endpoint!, addresses: ['10.244.255.9'] }],
      });
      await proxy.whenApplied();
      took.push(realClock.monotonic() - began);
    }
    const { stdout } = await lab.run('nft', ['list', 'ruleset']);
    const found = stdout.split('10.244.255.9').length - 1;
    if (found < changes) throw new Error(`the kernel has ${found} of ${changes} changes`);
    return median(took);
  } finally {
    await proxy.stop({ remove: true });
    informers.stop();
    await lab.close();
  }
}

export const benches: readonly Bench[] = [
  {
    name: 'network.endpoint.30000-services',
    unit: 'ms',
    target: 50,
    better: 'lower',
    async run() {
      const missing = missingForPackets();
      if (missing) throw new Error(missing);
      return withServer('memory', changeOfOneEndpoint);
    },
  },
];
