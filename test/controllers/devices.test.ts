import { describe, expect, test } from 'vitest';
import { Node } from '../../src/api/core/node.ts';
import { PersistentVolume } from '../../src/api/core/persistent-volume.ts';
import { PersistentVolumeClaim } from '../../src/api/core/persistent-volume-claim.ts';
import { Pod } from '../../src/api/core/pod.ts';
import { IPAddress } from '../../src/api/networking/ip-address.ts';
import { ServiceCIDR } from '../../src/api/networking/service-cidr.ts';
import { ResourceClaim } from '../../src/api/resource/resource-claim.ts';
import { ResourceClaimTemplate } from '../../src/api/resource/resource-claim-template.ts';
import { CSIDriver } from '../../src/api/storage/csi-driver.ts';
import { VolumeAttachment } from '../../src/api/storage/volume-attachment.ts';
import { garbageCollector } from '../../src/controllers/garbage-collector/garbage-collector.ts';
import { resourceClaimController } from '../../src/controllers/resource-claim.ts';
import { serviceCidrsController } from '../../src/controllers/service-cidrs.ts';
import { attachDetachController } from '../../src/controllers/volumes/attach-detach.ts';
import { persistentVolumeBinder } from '../../src/controllers/volumes/binder.ts';
import { type Harness, startHarness } from './harness.ts';

describe('CSI volumes', () => {
  const start = () => startHarness({ controllers: [attachDetachController, persistentVolumeBinder], nodes: 1 });
  const attachments = async (h: Harness) => (await h.client.list(VolumeAttachment)).items;

  async function useVolume(h: Harness, driver: string): Promise<void> {
    await h.client.create(PersistentVolume, {
      metadata: { name: 'v' },
      spec: {
        capacity: { storage: '1Gi' },
        accessModes: ['ReadWriteOnce'],
        persistentVolumeReclaimPolicy: 'Retain',
        csi: { driver, volumeHandle: 'handle-1' },
      },
    });
    await h.client.create(PersistentVolumeClaim, {
      metadata: { namespace: 'default', name: 'data' },
      spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, volumeName: 'v' },
    });
    await h.client.create(Pod, {
      metadata: { namespace: 'default', name: 'user' },
      spec: {
        containers: [{ name: 'app', image: 'app:1' }],
        volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'data' } }],
      },
    });
    await h.settle();
  }

  test('are attached to the node of a pod that uses them, and detached when the node has let go', async () => {
    await using h = await start();
    await useVolume(h, 'csi.example.com');
    const [attachment] = await attachments(h);
    expect(attachment).toMatchObject({
      spec: { attacher: 'csi.example.com', nodeName: 'node-0', source: { persistentVolumeName: 'v' } },
    });
    expect(attachment!.metadata.name).toMatch(/^csi-[0-9a-f]{64}$/);
    await h.client.updateStatus(VolumeAttachment, { ...attachment!, status: { attached: true } });
    await h.settle();
    const name = 'kubernetes.io/csi/csi.example.com^handle-1';
    const node = () => h.client.get(Node, { name: 'node-0' });
    expect((await node()).status.volumesAttached).toEqual([{ name, devicePath: '' }]);
    const inUse = (names: string[] | null) =>
      h.client.patch(
        Node,
        { name: 'node-0' },
        { status: { volumesInUse: names } },
        { type: 'merge', subresource: 'status' },
      );
    await inUse([name]);
    await h.client.delete(Pod, { namespace: 'default', name: 'user' });
    await h.settle();
    expect(await attachments(h)).toHaveLength(1);
    await inUse(null);
    await h.settle();
    expect(await attachments(h)).toHaveLength(0);
    expect((await node()).status.volumesAttached ?? []).toEqual([]);
  });

  test('of drivers that need no attaching are left alone', async () => {
    await using h = await start();
    await h.client.create(CSIDriver, { metadata: { name: 'local.example.com' }, spec: { attachRequired: false } });
    await useVolume(h, 'local.example.com');
    expect(await attachments(h)).toHaveLength(0);
  });
});

describe('resource claims', () => {
  const start = () => startHarness({ controllers: [resourceClaimController, garbageCollector], nodes: 1 });
  const claims = async (h: Harness) => (await h.client.list(ResourceClaim, { namespace: 'default' })).items;
  const request = { name: 'gpu', exactly: { deviceClassName: 'gpu.example.com' } };

  const pod = (h: Harness, resourceClaims: object[]) =>
    h.client.create(Pod, {
      metadata: { namespace: 'default', name: 'p' },
      spec: {
        containers: [{ name: 'app', image: 'app:1' }],
        restartPolicy: 'Never',
        resourceClaims: resourceClaims as never,
      },
    });

  test('are made from templates for a pod, named in its status, and go when it is done', async () => {
    await using h = await start();
    h.lifeOf = () => 'pending';
    await pod(h, [{ name: 'gpu', resourceClaimTemplateName: 'one-gpu' }]);
    await h.settle();
    expect(await claims(h)).toHaveLength(0);
    await h.client.create(ResourceClaimTemplate, {
      metadata: { namespace: 'default', name: 'one-gpu' },
      spec: { spec: { devices: { requests: [request] } } },
    } as never);
    await h.settle();
    const [claim] = await claims(h);
    expect(claim).toMatchObject({
      metadata: {
        annotations: { 'resource.kubernetes.io/pod-claim-name': 'gpu' },
        ownerReferences: [{ kind: 'Pod', name: 'p', controller: true }],
      },
      spec: { devices: { requests: [{ name: 'gpu' }] } },
    });
    const user = await h.client.get(Pod, { namespace: 'default', name: 'p' });
    expect(user.status.resourceClaimStatuses).toEqual([{ name: 'gpu', resourceClaimName: claim!.metadata.name }]);
    const before = h.writes();
    await h.advance(3_600_000);
    expect(h.writes() - before).toBe(0);
    h.lifeOf = () => 'succeeded';
    await h.relive();
    expect(await claims(h)).toHaveLength(0);
  });

  test('lose reservations of pods that are gone, and with the last one their devices', async () => {
    await using h = await start();
    const claim = await h.client.create(ResourceClaim, {
      metadata: { namespace: 'default', name: 'shared' },
      spec: { devices: { requests: [request] } },
    } as never);
    const user = await pod(h, [{ name: 'gpu', resourceClaimName: 'shared' }]);
    await h.client.updateStatus(ResourceClaim, {
      ...claim,
      status: {
        allocation: {
          devices: { results: [{ request: 'gpu', driver: 'gpu.example.com', pool: 'a', device: 'gpu-0' }] },
        },
        reservedFor: [
          { resource: 'pods', name: 'p', uid: user.metadata.uid },
          { resource: 'pods', name: 'ghost', uid: '00000000-0000-4000-8000-000000000000' },
        ],
      },
    } as never);
    await h.settle();
    const status = async () => (await claims(h))[0]!.status;
    expect((await status()).reservedFor).toEqual([{ resource: 'pods', name: 'p', uid: user.metadata.uid }]);
    expect((await status()).allocation).toBeDefined();
    await h.client.delete(Pod, { namespace: 'default', name: 'p' });
    await h.settle();
    expect((await status()).reservedFor ?? []).toEqual([]);
    expect((await status()).allocation).toBeUndefined();
  });
});

describe('service ranges', () => {
  test('say that they are ready, and stay while an address of theirs has no other range', async () => {
    await using h = await startHarness({ controllers: [serviceCidrsController] });
    await h.client.create(ServiceCIDR, { metadata: { name: 'extra' }, spec: { cidrs: ['10.200.0.0/24'] } });
    await h.settle();
    const get = () => h.client.find(ServiceCIDR, { name: 'extra' });
    expect((await get())!.status.conditions).toMatchObject([{ type: 'Ready', status: 'True' }]);
    await h.client.create(IPAddress, {
      metadata: { name: '10.200.0.7' },
      spec: { parentRef: { resource: 'services', namespace: 'default', name: 'x' } },
    });
    await h.client.delete(ServiceCIDR, { name: 'extra' });
    await h.settle();
    expect((await get())!.status.conditions).toMatchObject([{ type: 'Ready', status: 'False', reason: 'Terminating' }]);
    await h.client.delete(IPAddress, { name: '10.200.0.7' });
    await h.settle();
    expect(await get()).toBeUndefined();
  });
});
