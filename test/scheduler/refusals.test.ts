/** What pods are told that cannot be placed, and when they are tried again. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Event } from '../../src/api/core/event.ts';
import { PersistentVolumeClaim } from '../../src/api/core/persistent-volume-claim.ts';
import { Pod } from '../../src/api/core/pod.ts';
import { DeviceClass } from '../../src/api/resource/device-class.ts';
import { ResourceClaim } from '../../src/api/resource/resource-claim.ts';
import { ResourceSlice } from '../../src/api/resource/resource-slice.ts';
import { StorageClass } from '../../src/api/storage/storage-class.ts';
import { type Cluster, startCluster } from '../../src/cluster/start.ts';

const namespace = 'default';
let cluster: Cluster;
beforeEach(async () => {
  cluster = await startCluster({ clock: 'virtual', nodes: 2, seed: 13 });
});
afterEach(() => cluster.stop());

const create = (name: string, spec: object) =>
  cluster.client.create(Pod, {
    metadata: { name, namespace },
    spec: { containers: [{ name: 'c', image: 'i' }], ...spec },
  });
const get = (name: string) => cluster.client.get(Pod, { namespace, name });
const scheduled = async (name: string) => (await get(name)).status.conditions?.find((c) => c.type === 'PodScheduled');

it('a pod that is refused for all nodes together says so, and is tried again once it can be helped', async () => {
  await create('waiting', { volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'data' } }] });
  await cluster.settle();
  expect(await scheduled('waiting')).toMatchObject({
    status: 'False',
    reason: 'Unschedulable',
    message:
      '0/2 nodes are available: persistentvolumeclaim "data" not found. no new claims to deallocate, preemption: 0/2 nodes are available: 2 Preemption is not helpful for scheduling.',
  });
  const { items } = await cluster.client.list(Event, { namespace });
  expect(items.filter(({ reason }) => reason === 'FailedScheduling')).toHaveLength(1);
  await cluster.client.create(StorageClass, {
    metadata: { name: 'late' },
    provisioner: 'kubernetes.io/no-provisioner',
    volumeBindingMode: 'WaitForFirstConsumer',
  });
  await cluster.client.create(PersistentVolumeClaim, {
    metadata: { name: 'data', namespace },
    spec: { storageClassName: 'late', accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
  });
  await cluster.advance('5s');
  expect((await scheduled('waiting'))?.message).toContain("2 node(s) didn't find available persistent volumes to bind");
});

it('an error while a pod is tried is told as such, and the pod tried again', async () => {
  const expression = 'device.attributes["gpu.example.com"].model == "a"';
  await cluster.client.create(DeviceClass, {
    metadata: { name: 'gpu' },
    spec: { selectors: [{ cel: { expression } }] },
  });
  await cluster.client.create(ResourceClaim, {
    metadata: { name: 'gpu', namespace },
    spec: { devices: { requests: [{ name: 'r', exactly: { deviceClassName: 'gpu' } }] } },
  });
  const slice = (devices: object[]) => ({
    metadata: { name: 's' },
    spec: {
      driver: 'gpu.example.com',
      nodeName: 'node-1',
      pool: { name: 'p', generation: 1, resourceSliceCount: 1 },
      devices,
    },
  });
  await cluster.client.create(ResourceSlice, slice([{ name: 'x' }]) as never);
  await create('asking', { resourceClaims: [{ name: 'gpu', resourceClaimName: 'gpu' }] });
  await cluster.settle();
  expect(await scheduled('asking')).toMatchObject({
    reason: 'SchedulerError',
    message: 'running "DynamicResources" filter plugin: class gpu: selector #0: CEL runtime error: no such key: model',
  });
  await cluster.client.patch(
    ResourceSlice,
    { name: 's' },
    { spec: { devices: [{ name: 'y', attributes: { model: { string: 'a' } } }] } },
    { type: 'merge' },
  );
  await cluster.advance('15s');
  expect((await get('asking')).spec.nodeName).toBe('node-1');
});
