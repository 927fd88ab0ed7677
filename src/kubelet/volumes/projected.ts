import { join } from 'node:path';
import { type PayloadFile, writeAtomically } from './atomic-writer.ts';
import { addConfigMap, addDownwardApi, addSecret, addServiceAccountToken } from './payload.ts';
import { VolumeError, type VolumeType } from './volume.ts';

/** Several sources in one directory, in memory only because tokens may be among them. */
export const projectedVolume: VolumeType = {
  field: 'projected',
  refreshes: true,
  async setUp(request) {
    const { pod, volume, memoryDir } = request;
    const { sources, defaultMode } = volume.projected!;
    const files = new Map<string, PayloadFile>();
    for (const source of sources ?? []) {
      if (source.configMap) await addConfigMap(files, request, source.configMap, defaultMode);
      else if (source.secret) await addSecret(files, request, source.secret, defaultMode);
      else if (source.downwardAPI) addDownwardApi(files, request, source.downwardAPI, defaultMode);
      else if (source.serviceAccountToken) {
        await addServiceAccountToken(files, request, source.serviceAccountToken, defaultMode);
      } else throw new VolumeError(`volume ${volume.name} has a source that this node does not support`);
    }
    const path = join(memoryDir, pod.metadata.uid!, volume.name);
    writeAtomically(path, files, pod.spec.securityContext?.fsGroup);
    return { path, readOnly: true };
  },
};
