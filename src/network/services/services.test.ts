import { createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import type { Shared } from '../../api/kind.ts';
import type { Service } from '../../api/types/core-v1.ts';
import type { EndpointSlice } from '../../api/types/discovery-v1.ts';
import { silentLogger } from '../../base/log.ts';
import type { NftObject } from '../../nft/nft-runner.ts';
import { clientsOf } from './affinity.ts';
import { staleFlows } from './conntrack.ts';
import { assignSlots, endpointsOf, type ServiceEndpoint, usableEndpoints } from './endpoints.ts';
import { HealthCheckPorts } from './health-check.ts';
import { isProxied, serviceRules } from './service-elements.ts';

const endpoint = (address: string, more: Partial<ServiceEndpoint> = {}): ServiceEndpoint => ({
  address,
  port: 80,
  ready: true,
  serving: true,
  terminating: false,
  local: false,
  zoneHints: [],
  nodeHints: [],
  ...more,
});
const names = (endpoints: readonly ServiceEndpoint[]) => endpoints.map(({ address }) => address);
const here = { nodeName: 'n1', zone: 'z1' };

describe('endpoints of a service port', () => {
  const slice = (endpoints: object[], ports: object[] = [{ name: 'http', port: 8080, protocol: 'TCP' }]) =>
    ({ addressType: 'IPv4', endpoints, ports }) as unknown as Shared<EndpointSlice>;
  const of = (slices: Shared<EndpointSlice>[]) =>
    endpointsOf(slices, { name: 'http', protocol: 'TCP' }, { nodeName: 'n1', addressType: 'IPv4' });

  it('are matched by port name and protocol; conditions default to ready', () => {
    expect(of([slice([{ addresses: ['10.0.0.1'], conditions: {}, nodeName: 'n1' }])])).toEqual([
      endpoint('10.0.0.1', { port: 8080, local: true }),
    ]);
    expect(of([slice([{ addresses: ['10.0.0.1'] }], [{ name: 'other', port: 1 }])])).toEqual([]);
    expect(of([slice([{ addresses: ['10.0.0.1'] }], [{ name: 'http', port: 1, protocol: 'UDP' }])])).toEqual([]);
  });

  it('in two slices count once, ready where one says so', () => {
    const found = of([
      slice([{ addresses: ['10.0.0.1'], conditions: { ready: false } }]),
      slice([{ addresses: ['10.0.0.1'], conditions: { ready: true } }]),
    ]);
    expect(found.map(({ ready }) => ready)).toEqual([true]);
  });
});

describe('usable endpoints', () => {
  it('are the ready ones; serving and terminating ones only where none is ready', () => {
    const draining = endpoint('b', { ready: false, terminating: true });
    const starting = endpoint('c', { ready: false, serving: false });
    expect(names(usableEndpoints([endpoint('a'), draining, starting], here).cluster)).toEqual(['a']);
    expect(names(usableEndpoints([draining, starting], here).cluster)).toEqual(['b']);
    expect(usableEndpoints([starting], here)).toEqual({ cluster: [], local: [] });
  });

  it('fall back to terminating ones on the node alone, for policy Local', () => {
    const found = usableEndpoints(
      [endpoint('a'), endpoint('b', { local: true, ready: false, terminating: true })],
      here,
    );
    expect([names(found.cluster), names(found.local)]).toEqual([['a'], ['b']]);
  });

  it('are narrowed by hints while each ready endpoint has one and one fits', () => {
    const zone1 = endpoint('a', { zoneHints: ['z1'] });
    const zone2 = endpoint('b', { zoneHints: ['z2'] });
    expect(names(usableEndpoints([zone1, zone2], here).cluster)).toEqual(['a']);
    expect(names(usableEndpoints([zone1, zone2, endpoint('c')], here).cluster)).toEqual(['a', 'b', 'c']);
    expect(names(usableEndpoints([zone2, endpoint('c', { zoneHints: ['z3'] })], here).cluster)).toEqual(['b', 'c']);
    const both = [
      endpoint('a', { zoneHints: ['z1'], nodeHints: ['n2'] }),
      endpoint('b', { zoneHints: ['z1'], nodeHints: ['n1'] }),
    ];
    expect(names(usableEndpoints(both, here).cluster)).toEqual(['b']);
    expect(names(usableEndpoints(both, { nodeName: 'n9', zone: 'z1' }).cluster)).toEqual(['a', 'b']);
  });
});

describe('slots', () => {
  it('keep what stays in place and fill gaps from the end', () => {
    expect(assignSlots([], ['a', 'b'])).toEqual(['a', 'b']);
    expect(assignSlots(['a', 'b', 'c'], ['b', 'c'])).toEqual(['c', 'b']);
    expect(assignSlots(['a', 'b'], ['a', 'b', 'c'])).toEqual(['a', 'b', 'c']);
    expect(assignSlots(['a', 'b'], ['x', 'y'])).toEqual(['x', 'y']);
    expect(assignSlots(['a'], [])).toEqual([]);
    expect(assignSlots([], ['a', 'a'])).toEqual(['a']);
  });
});

describe('rules of a service', () => {
  const service = (spec: object) =>
    ({
      metadata: { namespace: 'd', name: 's', labels: {} },
      spec: { type: 'ClusterIP', ports: [{ port: 80, protocol: 'TCP' }], ...spec },
      status: { loadBalancer: {} },
    }) as unknown as Shared<Service>;
  const slices = [
    {
      addressType: 'IPv4',
      ports: [{ name: '', port: 8080, protocol: 'TCP' }],
      endpoints: [{ addresses: ['10.1.0.1'] }, { addresses: ['10.1.0.2'] }],
    },
  ] as unknown as Shared<EndpointSlice>[];
  const rules = (spec: object, previousSlots: ReadonlyMap<string, readonly string[]> = new Map()) =>
    serviceRules(service(spec), slices, { families: [4], topology: here, previousSlots });

  it('are a verdict and one element per endpoint', () => {
    expect(rules({ clusterIP: '10.96.0.1' }).elements).toEqual([
      { set: 'cluster_ips4', key: '10.96.0.1' },
      { set: 'svc4', key: '10.96.0.1 . tcp . 80', data: 'goto lb4_tcp_2' },
      { set: 'ep4_tcp', key: '10.96.0.1 . 80 . 0', data: '10.1.0.1 . 8080' },
      { set: 'ep4_tcp', key: '10.96.0.1 . 80 . 1', data: '10.1.0.2 . 8080' },
    ]);
  });

  it('do not exist for headless, external and otherwise proxied services', () => {
    for (const spec of [{ clusterIP: 'None' }, { type: 'ExternalName', externalName: 'x' }, { clusterIP: '' }]) {
      expect(isProxied(service(spec)), JSON.stringify(spec)).toBe(false);
      expect(rules(spec).elements).toEqual([]);
    }
    const labelled = service({ clusterIP: '10.96.0.1' });
    (labelled.metadata as { labels: object }).labels = { 'service.kubernetes.io/service-proxy-name': 'other' };
    expect(isProxied(labelled)).toBe(false);
  });

  it('name no element twice', () => {
    const { elements } = rules({
      clusterIP: '10.96.0.1',
      type: 'LoadBalancer',
      externalIPs: ['192.0.2.1'],
      externalTrafficPolicy: 'Local',
      sessionAffinity: 'ClientIP',
      ports: [{ port: 80, protocol: 'TCP', nodePort: 30000 }],
    });
    const ids = elements.map(({ set, key }) => `${set} ${key}`);
    expect(new Set(ids).size).toBe(ids.length);
  });
});

describe('flows to forget', () => {
  it('are those to endpoints that are gone, and those to frontends that had none', () => {
    const before = new Map([['address 10.96.0.1 . udp . 53', new Set(['10.1.0.1 . 53', '10.1.0.2 . 53'])]]);
    const after = new Map([
      ['address 10.96.0.1 . udp . 53', new Set(['10.1.0.2 . 53'])],
      ['nodePort udp . 30053', new Set(['10.1.0.2 . 53'])],
      ['address fd96::1 . udp . 53', new Set(['fd00::1 . 53'])],
    ]);
    expect(staleFlows(before, after).map((args) => args.join(' '))).toEqual([
      '-D -p udp --reply-src 10.1.0.1 --reply-port-src 53',
      '-D -p udp --orig-port-dst 30053',
      '-D -f ipv6 -p udp --orig-dst fd96::1 --orig-port-dst 53',
    ]);
    expect(staleFlows(after, after)).toEqual([]);
  });

  it('of session affinity are read from the listing of the map', () => {
    const listed: NftObject[] = [
      { metainfo: {} },
      {
        map: {
          elem: [
            [
              { elem: { val: { concat: ['10.1.0.9', '10.96.0.1', 'tcp', 80] }, timeout: 10 } },
              { concat: ['10.1.0.1', 8080] },
            ],
            [{ concat: ['10.1.0.8', '10.96.0.1', 'tcp', 80] }, { concat: ['10.1.0.2', 8080] }],
          ],
        },
      },
    ];
    expect(clientsOf(listed, new Set(['10.1.0.1 . 8080']))).toEqual(['10.1.0.9 . 10.96.0.1 . tcp . 80']);
    expect(clientsOf([{ map: {} }], new Set(['10.1.0.1 . 8080']))).toEqual([]);
  });
});

describe('health check ports', () => {
  const freePort = () =>
    new Promise<number>((resolve) => {
      const probe = createServer().listen(0, () => {
        const { port } = probe.address() as { port: number };
        probe.close(() => resolve(port));
      });
    });

  it('tell load balancers whether the node has endpoints', async () => {
    const checks = new HealthCheckPorts(silentLogger);
    const port = await freePort();
    const ask = async () => {
      const answer = await fetch(`http://127.0.0.1:${port}/healthz`);
      return [answer.status, answer.headers.get('x-load-balancing-endpoint-weight'), await answer.json()];
    };
    const service = { namespace: 'd', name: 's' };
    checks.set(service, port, 2);
    expect(await ask()).toEqual([200, '2', { service, localEndpoints: 2, serviceProxyHealthy: true }]);
    checks.set(service, port, 0);
    expect((await ask())[0]).toBe(503);
    checks.set(service, undefined, 0);
    await expect(ask()).rejects.toThrow();
    checks.close();
  });
});
