/** Disks that pods name directly, of the kinds that bear one writer (upstream's isVolumeConflict). */
import type { Shared } from '../../api/kind.ts';
import type { Pod, Volume } from '../../api/types/core-v1.ts';

interface Disk {
  /** The same for the same disk. */
  readonly id: string;
  readonly readOnly: boolean;
}

/** Ceph and iSCSI name several servers: two volumes are one disk when they share a server. */
function disksOf({ gcePersistentDisk: gce, awsElasticBlockStore: aws, rbd, iscsi }: Shared<Volume>): Disk[] {
  const disk = (readOnly: boolean | undefined, ...parts: (string | undefined)[]): Disk => ({
    id: parts.join('/'),
    readOnly: readOnly ?? false,
  });
  if (gce) return [disk(gce.readOnly, 'gce', gce.pdName)];
  // A block store is never attached twice, however it is used.
  if (aws) return [disk(false, 'aws', aws.volumeID)];
  if (rbd) return rbd.monitors.map((monitor) => disk(rbd.readOnly, 'rbd', monitor, rbd.pool ?? 'rbd', rbd.image));
  if (iscsi) return [disk(iscsi.readOnly, 'iscsi', iscsi.iqn)];
  return [];
}

const allDisks = (pod: Shared<Pod>) => (pod.spec.volumes ?? []).flatMap(disksOf);

export const hasDisks = (pod: Shared<Pod>): boolean =>
  pod.spec.volumes?.some((v) => v.gcePersistentDisk || v.awsElasticBlockStore || v.rbd || v.iscsi) ?? false;

/** Whether two pods cannot use their disks on one node: one of them writes to a disk of the other. */
export function disksClash(a: Shared<Pod>, b: Shared<Pod>): boolean {
  const theirs = allDisks(b);
  return allDisks(a).some((mine) => theirs.some(({ id, readOnly }) => id === mine.id && !(readOnly && mine.readOnly)));
}
