import { describe, expect, test } from 'vitest';
import { Endpoints } from '../../src/api/core/endpoints.ts';
import { Node } from '../../src/api/core/node.ts';
import { Pod } from '../../src/api/core/pod.ts';
import { Service } from '../../src/api/core/service.ts';
import { EndpointSlice } from '../../src/api/discovery/endpoint-slice.ts';
import { endpointSliceController } from '../../src/controllers/endpoint-slice/endpoint-slice.ts';
import { endpointSliceMirroringController } from '../../src/controllers/endpoint-slice-mirroring.ts';
import { endpointsController } from '../../src/controllers/endpoints.ts';
import { garbageCollector } from '../../src/controllers/garbage-collector/garbage-collector.ts';
import { type Harness, nodeName, startHarness } from './harness.ts';

const start = (nodes = 2) =>
  startHarness({
    controllers: [endpointSliceController, endpointsController, endpointSliceMirroringController, garbageCollector],
    nodes,
  });

const service = (h: Harness, spec: object = {}) =>
  h.client.create(Service, {
    metadata: { namespace: 'default', name: 'web', labels: { team: 'a' } },
    spec: { selector: { app: 'web' }, ports: [{ name: 'http', port: 80, targetPort: 8080 }], ...spec },
  });

const pod = (h: Harness, name: string, spec: object = {}) =>
  h.client.create(Pod, {
    metadata: { namespace: 'default', name, labels: { app: 'web' } },
    spec: { containers: [{ name: 'app', image: 'app:1', ports: [{ name: 'web', containerPort: 9090 }] }], ...spec },
  });

const slices = async (h: Harness) =>
  (await h.client.list(EndpointSlice, { namespace: 'default', labelSelector: 'kubernetes.io/service-name=web' })).items;
const endpoints = async (h: Harness) =>
  (await slices(h))
    .flatMap((slice) => slice.endpoints)
    .sort((a, b) => (a.targetRef!.name! < b.targetRef!.name! ? -1 : 1));
const web = { namespace: 'default', name: 'web' };

describe('the endpoints of a service', () => {
  test('are its ready pods, with node, zone, ports and conditions', async () => {
    await using h = await start(1);
    await h.client.patch(
      Node,
      { name: nodeName(0) },
      { metadata: { labels: { 'topology.kubernetes.io/zone': 'z1' } } },
      { type: 'merge' },
    );
    h.lifeOf = (one) => (one.metadata.name === 'slow' ? 'running' : 'ready');
    await service(h);
    await pod(h, 'fast');
    await pod(h, 'slow');
    await h.settle();
    const [slice] = await slices(h);
    expect(slice).toMatchObject({
      addressType: 'IPv4',
      ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
      metadata: {
        labels: {
          team: 'a',
          'kubernetes.io/service-name': 'web',
          'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
        },
        ownerReferences: [{ kind: 'Service', name: 'web', controller: true }],
      },
    });
    expect(await endpoints(h)).toMatchObject([
      { nodeName: 'node-0', zone: 'z1', conditions: { ready: true, serving: true, terminating: false } },
      { conditions: { ready: false, serving: false, terminating: false } },
    ]);
    const old = await h.client.get(Endpoints, web);
    expect(old.subsets).toMatchObject([
      {
        addresses: [{ targetRef: { name: 'fast' }, nodeName: 'node-0' }],
        notReadyAddresses: [{ targetRef: { name: 'slow' } }],
        ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
      },
    ]);
    const before = h.writes();
    await h.advance(3_600_000);
    expect(h.writes() - before).toBe(0);
  });

  test('keep a pod that is going as terminating, still serving', async () => {
    await using h = await start();
    await service(h);
    await pod(h, 'a');
    await h.settle();
    h.frozen.add('a');
    await h.client.delete(Pod, { namespace: 'default', name: 'a' });
    await h.settle();
    expect(await endpoints(h)).toMatchObject([{ conditions: { ready: false, serving: true, terminating: true } }]);
    expect((await h.client.get(Endpoints, web)).subsets ?? []).toEqual([]);
    h.frozen.clear();
    await h.relive();
    expect(await endpoints(h)).toEqual([]);
    expect(await slices(h)).toHaveLength(1);
  });

  test('are found through named ports, pod by pod', async () => {
    await using h = await start();
    await service(h, { ports: [{ port: 80, targetPort: 'web' }] });
    await pod(h, 'a');
    await pod(h, 'b', { containers: [{ name: 'app', image: 'x', ports: [{ name: 'web', containerPort: 7070 }] }] });
    await h.settle();
    expect((await slices(h)).map((slice) => slice.ports![0]!.port).sort()).toEqual([7070, 9090]);
    expect((await h.client.get(Endpoints, web)).subsets).toHaveLength(2);
  });

  test('are spread over slices of at most a hundred, and few of them are rewritten for one change', async () => {
    await using h = await start();
    await service(h);
    for (let i = 0; i < 250; i++) await pod(h, `p${i}`);
    await h.settle();
    const all = await slices(h);
    expect(all.every((slice) => slice.endpoints.length <= 100)).toBe(true);
    expect(all.reduce((sum, slice) => sum + slice.endpoints.length, 0)).toBe(250);
    const versions = new Map(all.map((slice) => [slice.metadata.name, slice.metadata.resourceVersion]));
    await h.client.delete(Pod, { namespace: 'default', name: 'p7' }, { gracePeriodSeconds: 0 });
    await h.settle();
    const changed = (await slices(h)).filter(
      (slice) => versions.get(slice.metadata.name) !== slice.metadata.resourceVersion,
    );
    expect(changed).toHaveLength(1);
  });

  test('hint at the same zone where the service prefers it', async () => {
    await using h = await start(1);
    await h.client.patch(
      Node,
      { name: nodeName(0) },
      { metadata: { labels: { 'topology.kubernetes.io/zone': 'z1' } } },
      { type: 'merge' },
    );
    await service(h, { trafficDistribution: 'PreferClose' });
    await pod(h, 'a');
    await h.settle();
    expect((await endpoints(h))[0]!.hints).toEqual({ forZones: [{ name: 'z1' }] });
  });

  test('written by hand are mirrored into slices, and go with their Endpoints', async () => {
    await using h = await start();
    await h.client.create(Service, { metadata: web, spec: { ports: [{ port: 80 }] } });
    await h.client.create(Endpoints, {
      metadata: web,
      subsets: [{ addresses: [{ ip: '192.0.2.1' }, { ip: '192.0.2.2' }], ports: [{ port: 8080 }] }],
    });
    await h.settle();
    const [slice] = await slices(h);
    expect(slice!.metadata.labels!['endpointslice.kubernetes.io/managed-by']).toBe(
      'endpointslicemirroring-controller.k8s.io',
    );
    expect(slice!.endpoints.map((endpoint) => endpoint.addresses[0])).toEqual(['192.0.2.1', '192.0.2.2']);
    await h.client.patch(
      Endpoints,
      web,
      { subsets: [{ addresses: [{ ip: '192.0.2.3' }], ports: [{ port: 8080 }] }] },
      { type: 'merge' },
    );
    await h.settle();
    expect((await slices(h)).flatMap((one) => one.endpoints.map((endpoint) => endpoint.addresses[0]))).toEqual([
      '192.0.2.3',
    ]);
    await h.client.delete(Endpoints, web);
    await h.settle();
    expect(await slices(h)).toHaveLength(0);
  });

  test('go with their service', async () => {
    await using h = await start();
    await service(h);
    await pod(h, 'a');
    await h.settle();
    await h.client.delete(Service, web);
    await h.settle();
    expect(await slices(h)).toHaveLength(0);
    expect(await h.client.find(Endpoints, web)).toBeUndefined();
  });
});
