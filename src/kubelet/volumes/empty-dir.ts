import { chmodSync, chownSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Shared } from '../../api/kind.ts';
import { Quantity } from '../../api/machinery/quantity.ts';
import type { EmptyDirVolumeSource, Pod } from '../../api/types/core-v1.ts';
import { mountsUnder } from '../../cri/mounts.ts';
import { podDir, volumeDir } from '../pods/pod-dirs.ts';
import { podCgroupLimits } from '../pods/resources.ts';
import { mountTmpfs } from './mount.ts';
import { VolumeError, type VolumeType } from './volume.ts';

const bytesOf = (amount: string) => Number(Quantity.parse(amount).value());

/** Bytes of a directory in memory: its own limit, but no more than its pod may use, or the node has for pods. */
export function memorySize(
  pod: Shared<Pod>,
  { sizeLimit }: Shared<EmptyDirVolumeSource>,
  nodeAllocatable: string,
): number {
  const limits = [
    sizeLimit === undefined ? 0 : bytesOf(sizeLimit),
    podCgroupLimits(pod).memory ?? 0,
    bytesOf(nodeAllocatable),
  ];
  return Math.min(...limits.filter((bytes) => bytes > 0));
}

/** A directory that lives as long as the pod, on disk or in memory. */
export const emptyDirVolume: VolumeType = {
  field: 'emptyDir',
  async setUp({ context, pod, volume, sources }) {
    const uid = pod.metadata.uid!;
    const path = volumeDir(context.rootDir, uid, { type: 'empty-dir', name: volume.name });
    const readyMark = join(podDir(context.rootDir, uid), 'plugins', `empty-dir-${volume.name}`);
    const { medium } = volume.emptyDir!;
    const inMemory = medium === 'Memory';
    if (medium && !inMemory) throw new VolumeError(`emptyDir medium ${medium} is not supported on this node`);
    if (existsSync(readyMark) && (!inMemory || mountsUnder(path).includes(path))) return { path };
    mkdirSync(path, { recursive: true });
    if (inMemory && !mountsUnder(path).includes(path)) {
      await mountTmpfs(path, { sizeBytes: memorySize(pod, volume.emptyDir!, sources.allocatable['memory'] ?? '0') });
    }
    const fsGroup = pod.spec.securityContext?.fsGroup;
    if (fsGroup === undefined) chmodSync(path, 0o777);
    else {
      chownSync(path, 0, fsGroup);
      chmodSync(path, 0o2777);
    }
    mkdirSync(dirname(readyMark), { recursive: true });
    writeFileSync(readyMark, '');
    return { path };
  },
};
