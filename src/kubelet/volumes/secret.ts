import { join } from 'node:path';
import { type PayloadFile, writeAtomically } from './atomic-writer.ts';
import { addSecret } from './payload.ts';
import type { VolumeType } from './volume.ts';

/** Keys of a secret as files, in memory only. */
export const secretVolume: VolumeType = {
  field: 'secret',
  refreshes: true,
  async setUp(request) {
    const { pod, volume, memoryDir } = request;
    const { secretName, items, optional, defaultMode } = volume.secret!;
    const files = new Map<string, PayloadFile>();
    const source = {
      name: secretName!,
      ...(items ? { items } : {}),
      ...(optional === undefined ? {} : { optional }),
    };
    await addSecret(files, request, source, defaultMode);
    const path = join(memoryDir, pod.metadata.uid!, volume.name);
    writeAtomically(path, files, pod.spec.securityContext?.fsGroup);
    return { path, readOnly: true };
  },
};
