import { volumeDir } from '../pods/pod-dirs.ts';
import { type PayloadFile, writeAtomically } from './atomic-writer.ts';
import { addDownwardApi } from './payload.ts';
import type { VolumeType } from './volume.ts';

/** Fields of the pod as files. */
export const downwardApiVolume: VolumeType = {
  field: 'downwardAPI',
  refreshes: true,
  async setUp(request) {
    const { context, pod, volume } = request;
    const files = new Map<string, PayloadFile>();
    addDownwardApi(files, request, volume.downwardAPI!, volume.downwardAPI!.defaultMode);
    const path = volumeDir(context.rootDir, pod.metadata.uid!, { type: 'downward-api', name: volume.name });
    writeAtomically(path, files, pod.spec.securityContext?.fsGroup);
    return { path, readOnly: true };
  },
};
