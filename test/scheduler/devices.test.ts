/** Dynamic resource allocation in a whole cluster: claims from templates, shared claims, extended resources. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Node } from '../../src/api/core/node.ts';
import { Pod } from '../../src/api/core/pod.ts';
import { DeviceClass } from '../../src/api/resource/device-class.ts';
import { ResourceClaim } from '../../src/api/resource/resource-claim.ts';
import { ResourceClaimTemplate } from '../../src/api/resource/resource-claim-template.ts';
import { ResourceSlice } from '../../src/api/resource/resource-slice.ts';
import { type Cluster, startCluster } from '../../src/cluster/start.ts';

const driver = 'gpu.example.com';
const namespace = 'default';
let cluster: Cluster;
beforeEach(async () => {
  cluster = await startCluster({ clock: 'virtual', nodes: 2, seed: 11 });
  await cluster.client.create(DeviceClass, {
    metadata: { name: 'gpu' },
    spec: {
      extendedResourceName: 'example.com/gpu',
      selectors: [{ cel: { expression: `device.driver == "${driver}"` } }],
    },
  });
  await cluster.client.create(ResourceClaimTemplate, {
    metadata: { name: 'one-gpu', namespace },
    spec: { spec: { devices: { requests: [{ name: 'gpu', exactly: { deviceClassName: 'gpu' } }] } } },
  });
});
afterEach(() => cluster.stop());

/** What a driver on a node would publish. */
const publish = (nodeName: string, devices: readonly string[], more: object = {}) =>
  cluster.client.create(ResourceSlice, {
    metadata: { name: `slice-${nodeName}` },
    spec: {
      driver,
      nodeName,
      pool: { name: nodeName, generation: 1, resourceSliceCount: 1 },
      devices: devices.map((name) => ({ name, ...more })),
    },
  });

const create = (name: string, spec: object) =>
  cluster.client.create(Pod, {
    metadata: { name, namespace },
    spec: { containers: [{ name: 'c', image: 'i' }], terminationGracePeriodSeconds: 0, ...spec },
  });
const fromTemplate = { resourceClaims: [{ name: 'gpu', resourceClaimTemplateName: 'one-gpu' }] };
const get = (name: string) => cluster.client.get(Pod, { namespace, name });
const nodeOf = async (name: string) => (await get(name)).spec.nodeName;
const refusal = async (name: string) =>
  (await get(name)).status.conditions?.find((c) => c.type === 'PodScheduled' && c.status === 'False')?.message;
const claims = async () => (await cluster.client.list(ResourceClaim, { namespace })).items;

describe('a claim made from a template', () => {
  it('is allocated, reserved for its pod, and goes with it', async () => {
    await publish('node-2', ['gpu-0']);
    await create('trainer', fromTemplate);
    await cluster.settle();
    const trainer = await get('trainer');
    expect(trainer.spec.nodeName).toBe('node-2');
    const [claim] = await claims();
    expect(trainer.status.resourceClaimStatuses).toEqual([{ name: 'gpu', resourceClaimName: claim!.metadata.name }]);
    expect(claim!.metadata.finalizers).toContain('resource.kubernetes.io/delete-protection');
    expect(claim!.status.allocation?.devices.results).toEqual([
      { request: 'gpu', driver, pool: 'node-2', device: 'gpu-0' },
    ]);
    expect(claim!.status.allocation?.allocationTimestamp).toBeDefined();
    expect(claim!.status.reservedFor).toEqual([{ resource: 'pods', name: 'trainer', uid: trainer.metadata.uid }]);
    await cluster.client.delete(Pod, { namespace, name: 'trainer' });
    await cluster.settle();
    expect(await claims()).toEqual([]);
  });

  it('waits for devices: published later, or given back by the pod that had them', async () => {
    await create('first', fromTemplate);
    await cluster.settle();
    expect(await refusal('first')).toMatch(
      /^0\/2 nodes are available: 2 cannot allocate all claims\. still not schedulable, preemption: /,
    );
    await publish('node-1', ['gpu-0']);
    await cluster.settle();
    expect(await nodeOf('first')).toBe('node-1');
    await create('second', fromTemplate);
    await cluster.advance('20s');
    expect(await nodeOf('second')).toBeUndefined();
    await cluster.client.delete(Pod, { namespace, name: 'first' });
    await cluster.settle();
    expect(await nodeOf('second')).toBe('node-1');
  });

  it('gives every pod of a burst a device of its own', async () => {
    await publish('node-1', ['a', 'b', 'c']);
    await publish('node-2', ['a', 'b', 'c']);
    await Promise.all(Array.from({ length: 8 }, (_, i) => create(`pod-${i}`, fromTemplate)));
    await cluster.advance('1m');
    const held = (await claims()).flatMap(({ status }) => status.allocation?.devices.results ?? []);
    const keys = held.map(({ pool, device }) => `${pool}/${device}`);
    expect(keys.length).toBe(6);
    expect(new Set(keys).size).toBe(6);
  });
});

describe('a claim of its own', () => {
  beforeEach(() =>
    cluster.client.create(ResourceClaim, {
      metadata: { name: 'shared', namespace },
      spec: { devices: { requests: [{ name: 'gpu', exactly: { deviceClassName: 'gpu' } }] } },
    }),
  );
  const sharing = { resourceClaims: [{ name: 'gpu', resourceClaimName: 'shared' }] };

  it('is used by several pods, on the node where it is, until the last has gone', async () => {
    await publish('node-2', ['gpu-0']);
    for (const name of ['a', 'b', 'c']) await create(name, sharing);
    await cluster.settle();
    for (const name of ['a', 'b', 'c']) expect(await nodeOf(name)).toBe('node-2');
    expect((await claims())[0]!.status.reservedFor?.map(({ name }) => name).sort()).toEqual(['a', 'b', 'c']);
    for (const name of ['a', 'b']) await cluster.client.delete(Pod, { namespace, name });
    await cluster.settle();
    expect((await claims())[0]!.status.allocation).toBeDefined();
    await cluster.client.delete(Pod, { namespace, name: 'c' });
    await cluster.settle();
    expect((await claims())[0]!.status.allocation).toBeUndefined();
  });

  it('is moved when nobody holds it and it is of no use where it is', async () => {
    await publish('node-1', ['gpu-0']);
    await publish('node-2', ['gpu-0']);
    await create('a', sharing);
    await cluster.settle();
    const where = await nodeOf('a');
    const other = where === 'node-1' ? 'node-2' : 'node-1';
    const claim = (await claims())[0]!;
    // Nobody holds it, but it is still allocated: as after a pod whose binding failed.
    await cluster.client.updateStatus(ResourceClaim, { ...claim, status: { ...claim.status, reservedFor: [] } });
    await create('b', { ...sharing, nodeSelector: { 'kubernetes.io/hostname': other } });
    await cluster.advance('30s');
    expect(await nodeOf('b')).toBe(other);
  });
});

it('devices that are made ready after the choice are waited for', async () => {
  await publish('node-1', ['fabric-0'], { bindingConditions: ['attached'], bindingFailureConditions: ['broken'] });
  await create('late', fromTemplate);
  await cluster.advance('30s');
  expect(await nodeOf('late')).toBeUndefined();
  const claim = (await claims())[0]!;
  const condition = {
    type: 'attached',
    status: 'True',
    reason: 'Done',
    message: '',
    lastTransitionTime: '2026-01-01T00:00:00Z',
  };
  await cluster.client.updateStatus(ResourceClaim, {
    ...claim,
    status: { ...claim.status, devices: [{ driver, pool: 'node-1', device: 'fabric-0', conditions: [condition] }] },
  });
  await cluster.advance('10s');
  expect(await nodeOf('late')).toBe('node-1');
});

it('extended resources are served by devices where the node has none itself', async () => {
  await publish('node-2', ['gpu-0', 'gpu-1']);
  const resources = { limits: { 'example.com/gpu': '2' } };
  await create('plain', { containers: [{ name: 'c', image: 'i', resources }] });
  await cluster.settle();
  const plain = await get('plain');
  expect(plain.spec.nodeName).toBe('node-2');
  const [claim] = await claims();
  expect(claim!.metadata.annotations).toMatchObject({ 'resource.kubernetes.io/extended-resource-claim': 'true' });
  expect(plain.status.extendedResourceClaimStatus).toEqual({
    resourceClaimName: claim!.metadata.name,
    requestMappings: [{ containerName: 'c', resourceName: 'example.com/gpu', requestName: 'container-0-request-0' }],
  });
  await create('more', { containers: [{ name: 'c', image: 'i', resources }] });
  await cluster.advance('20s');
  expect(await nodeOf('more')).toBeUndefined();
  await cluster.client.delete(Pod, { namespace, name: 'plain' });
  await cluster.advance('20s');
  expect(await nodeOf('more')).toBe('node-2');
  expect((await cluster.client.get(Node, { name: 'node-2' })).status.allocatable).not.toHaveProperty('example.com/gpu');
});
