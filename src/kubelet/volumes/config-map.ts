import { volumeDir } from '../pods/pod-dirs.ts';
import { type PayloadFile, writeAtomically } from './atomic-writer.ts';
import { addConfigMap } from './payload.ts';
import type { VolumeType } from './volume.ts';

/** Keys of a config map as files. */
export const configMapVolume: VolumeType = {
  field: 'configMap',
  refreshes: true,
  async setUp(request) {
    const { context, pod, volume } = request;
    const files = new Map<string, PayloadFile>();
    await addConfigMap(files, request, volume.configMap!, volume.configMap!.defaultMode);
    const path = volumeDir(context.rootDir, pod.metadata.uid!, { type: 'configmap', name: volume.name });
    writeAtomically(path, files, pod.spec.securityContext?.fsGroup);
    return { path, readOnly: true };
  },
};
