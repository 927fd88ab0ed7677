import { chmodSync, chownSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Quantity } from '../../api/machinery/quantity.ts';
import { mountsUnder } from '../../cri/mounts.ts';
import { podDir, volumeDir } from '../pods/pod-dirs.ts';
import { mountTmpfs } from './mount.ts';
import type { VolumeType } from './volume.ts';

/** A directory that lives as long as the pod, on disk or in memory. */
export const emptyDirVolume: VolumeType = {
  field: 'emptyDir',
  async setUp({ context, pod, volume }) {
    const uid = pod.metadata.uid!;
    const path = volumeDir(context.rootDir, uid, { type: 'empty-dir', name: volume.name });
    const readyMark = join(podDir(context.rootDir, uid), 'plugins', `empty-dir-${volume.name}`);
    const inMemory = volume.emptyDir!.medium === 'Memory';
    if (existsSync(readyMark) && (!inMemory || mountsUnder(path).includes(path))) return { path };
    mkdirSync(path, { recursive: true });
    if (inMemory && !mountsUnder(path).includes(path)) {
      const limit = volume.emptyDir!.sizeLimit;
      const sizeBytes = limit === undefined ? 0 : Number(Quantity.parse(limit).value());
      await mountTmpfs(path, sizeBytes > 0 ? { sizeBytes } : {});
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
