/** What happens in the cluster, as cache and queue hear of it. */
import { Namespace } from '../api/core/namespace.ts';
import { Node } from '../api/core/node.ts';
import { PersistentVolume } from '../api/core/persistent-volume.ts';
import { PersistentVolumeClaim } from '../api/core/persistent-volume-claim.ts';
import { Pod } from '../api/core/pod.ts';
import { Service } from '../api/core/service.ts';
import type { KindRef, KubeObject, Shared } from '../api/kind.ts';
import { DeviceClass } from '../api/resource/device-class.ts';
import { ResourceClaim } from '../api/resource/resource-claim.ts';
import { ResourceSlice } from '../api/resource/resource-slice.ts';
import { CSIDriver } from '../api/storage/csi-driver.ts';
import { CSINode } from '../api/storage/csi-node.ts';
import { CSIStorageCapacity } from '../api/storage/csi-storage-capacity.ts';
import { StorageClass } from '../api/storage/storage-class.ts';
import { VolumeAttachment } from '../api/storage/volume-attachment.ts';
import { deepEqual } from '../base/deep.ts';
import type { InformerSet } from '../client/informer.ts';
import type { SchedulerCache } from './cache.ts';
import type { ClusterEvent, Framework } from './framework.ts';
import type { Nominator } from './nominator.ts';
import type { SchedulingQueue } from './queue.ts';

/** Kinds besides pods and nodes whose events may help a pod. */
const otherKinds: readonly KindRef[] = [
  PersistentVolume,
  PersistentVolumeClaim,
  StorageClass,
  CSINode,
  CSIDriver,
  CSIStorageCapacity,
  VolumeAttachment,
  Service,
  Namespace,
  ResourceClaim,
  DeviceClass,
  ResourceSlice,
];

const isTerminal = (pod: Shared<Pod>) => pod.status.phase === 'Succeeded' || pod.status.phase === 'Failed';

/** Resolves once nodes, pods and all else that decides about them is known. */
export async function whenSynced(informers: InformerSet): Promise<void> {
  // Only those of its own: another role's kind that cannot be read must not stop pods from being placed.
  await Promise.all([Node, Pod, ...otherKinds].map((kind) => informers.informer(kind as KindRef).whenSynced()));
}

/** Keeps cache, queue and nominator current. Returns what ends that. */
export function followCluster({
  informers,
  cache,
  queue,
  nominator,
  frameworks,
}: {
  informers: InformerSet;
  cache: SchedulerCache;
  queue: SchedulingQueue;
  nominator: Nominator;
  frameworks: ReadonlyMap<string, Framework>;
}): () => void {
  const removers = [
    informers.informer(Node).addHandler({
      onAdd: (node) => {
        cache.setNode(node);
        queue.onEvent({ kind: 'Node', action: 'add', object: node });
      },
      onUpdate: (node, old) => {
        if (sameForScheduling(node, old)) return;
        cache.setNode(node);
        queue.onEvent({ kind: 'Node', action: 'update', object: node, old });
      },
      onDelete: (node) => {
        cache.removeNode(node.metadata.name);
        queue.onEvent({ kind: 'Node', action: 'delete', object: node });
      },
    }),
    informers.informer(Pod).addHandler({
      onAdd: (pod) => podChanged(pod, undefined),
      onUpdate: podChanged,
      onDelete: (pod) => {
        queue.remove(pod.metadata.uid);
        nominator.remove(pod.metadata.uid);
        if (!cache.has(pod.metadata.uid)) return;
        cache.removePod(pod.metadata.uid);
        queue.onEvent({ kind: 'Pod', action: 'delete', object: pod });
      },
    }),
    ...otherKinds.map((kind) => {
      const tell = (action: ClusterEvent['action'], object: Shared<KubeObject>, old?: Shared<KubeObject>) =>
        queue.onEvent({ kind: kind.kind, action, object, ...(old ? { old } : {}) });
      return informers.informer(kind).addHandler({
        onAdd: (object) => tell('add', object),
        onUpdate: (object, old) => tell('update', object, old),
        onDelete: (object) => tell('delete', object),
      });
    }),
  ];

  function podChanged(pod: Shared<Pod>, old: Shared<Pod> | undefined): void {
    const uid = pod.metadata.uid;
    if (isTerminal(pod)) {
      queue.remove(uid);
      if (cache.has(uid)) {
        cache.removePod(uid);
        queue.onEvent({ kind: 'Pod', action: 'delete', object: pod });
      }
      return;
    }
    if (pod.spec.nodeName) {
      const wasKnown = cache.has(uid) && !cache.isAssumed(uid);
      cache.setPod(pod);
      queue.remove(uid);
      nominator.remove(uid);
      queue.onEvent({ kind: 'Pod', action: wasKnown ? 'update' : 'add', object: pod, ...(old ? { old } : {}) });
      return;
    }
    const framework = frameworks.get(pod.spec.schedulerName ?? 'default-scheduler');
    if (!framework || pod.metadata.deletionTimestamp) {
      queue.remove(uid);
      return;
    }
    if (pod.status.nominatedNodeName) nominator.add(pod, pod.status.nominatedNodeName);
    else if (old?.status.nominatedNodeName) nominator.remove(uid);
    if (!cache.has(uid)) queue.add(pod, framework);
  }

  return () => {
    for (const remove of removers) remove();
  };
}

/** Node updates are mostly heartbeats: only these parts matter for placing pods. */
function sameForScheduling(a: Shared<Node>, b: Shared<Node>): boolean {
  return (
    a.spec.unschedulable === b.spec.unschedulable &&
    deepEqual(a.spec.taints, b.spec.taints) &&
    deepEqual(a.metadata.labels, b.metadata.labels) &&
    deepEqual(a.metadata.annotations, b.metadata.annotations) &&
    deepEqual(a.status.allocatable, b.status.allocatable) &&
    deepEqual(a.status.images, b.status.images) &&
    deepEqual(a.status.declaredFeatures, b.status.declaredFeatures)
  );
}
