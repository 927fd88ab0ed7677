import { PersistentVolume } from '../../api/core/persistent-volume.ts';
import { PersistentVolumeClaim } from '../../api/core/persistent-volume-claim.ts';
import type { Shared } from '../../api/kind.ts';
import { CSINode } from '../../api/storage/csi-node.ts';
import { StorageClass } from '../../api/storage/storage-class.ts';
import type { Pod, Volume } from '../../api/types/core-v1.ts';
import { defineSchedulerPlugin, skip, unschedulable } from '../framework.ts';
import { claimNames, isClaimOf } from '../volumes/claims.ts';

const name = 'NodeVolumeLimits';

const isAttachable = (volume: Shared<Volume>) => volume.persistentVolumeClaim || volume.ephemeral || volume.csi;

/** Keeps a node to the number of volumes that its CSI drivers can attach, as its CSINode says. */
export const nodeVolumeLimits = defineSchedulerPlugin({
  name,
  order: 92,
  enabledByDefault: true,
  events: [
    { kind: 'CSINode', actions: ['add', 'update'] },
    { kind: 'Pod', actions: ['delete'] },
    { kind: 'PersistentVolumeClaim', actions: ['add'] },
    { kind: 'VolumeAttachment', actions: ['delete'] },
  ],
  create({ informers }) {
    const claims = informers.informer(PersistentVolumeClaim);
    const volumes = informers.informer(PersistentVolume);
    const classes = informers.informer(StorageClass);
    const csiNodes = informers.informer(CSINode);

    /** Driver by volume: two pods that share a volume count once. */
    function volumesOf(pod: Shared<Pod>, into: Map<string, string>): void {
      for (const volume of pod.spec.volumes ?? [])
        if (volume.csi) into.set(`${pod.metadata.uid}/${volume.name}`, volume.csi.driver);
      for (const claimName of claimNames(pod)) {
        const claim = claims.get(pod.metadata.namespace, claimName);
        if (!claim) continue;
        const bound = claim.spec.volumeName ? volumes.get(undefined, claim.spec.volumeName) : undefined;
        if (bound?.spec.csi) into.set(`${bound.spec.csi.driver}/${bound.spec.csi.volumeHandle}`, bound.spec.csi.driver);
        else if (!bound) {
          const driver = classes.get(undefined, claim.spec.storageClassName ?? '')?.provisioner;
          if (driver) into.set(`${claim.metadata.namespace}/${claimName}`, driver);
        }
      }
    }

    return {
      helps(event, pod) {
        if (event.kind === 'PersistentVolumeClaim') return isClaimOf(pod, event.object);
        if (event.kind !== 'Pod') return true;
        return Boolean((event.object as unknown as Shared<Pod>).spec.volumes?.some(isAttachable));
      },
      preFilter: (_state, pod) => (pod.spec.volumes?.some(isAttachable) ? undefined : skip(name)),
      filter(_state, pod, node) {
        const limits = csiNodes.get(undefined, node.name)?.spec.drivers;
        if (!limits?.some((driver) => driver.allocatable?.count !== undefined)) return undefined;
        const used = new Map<string, string>();
        for (const info of node.pods.values()) if (info.pod.spec.volumes?.length) volumesOf(info.pod, used);
        const wanted = new Map<string, string>();
        volumesOf(pod, wanted);
        for (const { name: driver, allocatable } of limits) {
          if (allocatable?.count === undefined) continue;
          let count = 0;
          for (const other of used.values()) if (other === driver) count++;
          let added = 0;
          for (const [key, other] of wanted) if (other === driver && !used.has(key)) added++;
          if (added > 0 && count + added > allocatable.count)
            return unschedulable(name, 'node(s) exceed max volume count');
        }
        return undefined;
      },
    };
  },
});
