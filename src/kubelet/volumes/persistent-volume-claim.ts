import { existsSync, mkdirSync } from 'node:fs';
import { PersistentVolume } from '../../api/core/persistent-volume.ts';
import { PersistentVolumeClaim } from '../../api/core/persistent-volume-claim.ts';
import type { Shared } from '../../api/kind.ts';
import { mountsUnder } from '../../cri/mounts.ts';
import { volumeDir } from '../pods/pod-dirs.ts';
import { prepareHostPath } from './host-path.ts';
import { runMount } from './mount.ts';
import { giveToGroup } from './ownership.ts';
import { VolumeError, type VolumeRequest, type VolumeType } from './volume.ts';

/** Claimed volumes: host paths, local directories, NFS. */
export const persistentVolumeClaimVolume: VolumeType = {
  field: 'persistentVolumeClaim',
  setUp: (request) =>
    setUpClaim(request, {
      claimName: request.volume.persistentVolumeClaim!.claimName,
      readOnly: request.volume.persistentVolumeClaim!.readOnly ?? false,
    }),
};

/** A claim of the pod's own, named after the pod and the volume. */
export const ephemeralVolume: VolumeType = {
  field: 'ephemeral',
  setUp: (request) =>
    setUpClaim(request, {
      claimName: `${request.pod.metadata.name}-${request.volume.name}`,
      readOnly: false,
      ownerUid: request.pod.metadata.uid!,
    }),
};

async function setUpClaim(
  request: VolumeRequest,
  wish: { claimName: string; readOnly: boolean; ownerUid?: string },
): Promise<{ path: string; readOnly?: boolean }> {
  const { context, pod } = request;
  const namespace = pod.metadata.namespace!;
  const claim = await context.client.find(PersistentVolumeClaim, { namespace, name: wish.claimName });
  if (!claim) throw new VolumeError(`persistentvolumeclaim "${wish.claimName}" not found`);
  if (wish.ownerUid && !claim.metadata.ownerReferences?.some((owner) => owner.uid === wish.ownerUid)) {
    throw new VolumeError(
      `PVC ${namespace}/${wish.claimName} was not created for pod ${namespace}/${pod.metadata.name}`,
    );
  }
  if (claim.metadata.deletionTimestamp) {
    throw new VolumeError(`PVC ${namespace}/${wish.claimName} is being deleted`);
  }
  if (claim.status.phase !== 'Bound' || !claim.spec.volumeName) {
    throw new VolumeError(`PVC ${namespace}/${wish.claimName} is not bound`);
  }
  const volume = await context.client.find(PersistentVolume, { name: claim.spec.volumeName });
  if (!volume || volume.spec.claimRef?.uid !== claim.metadata.uid) {
    throw new VolumeError(`PV ${claim.spec.volumeName} is not bound to PVC ${namespace}/${wish.claimName}`);
  }
  const path = await mountSource(request, volume);
  const fsGroup = pod.spec.securityContext?.fsGroup;
  if (fsGroup !== undefined && !wish.readOnly && !volume.spec.hostPath && volume.spec.volumeMode !== 'Block') {
    giveToGroup(path, fsGroup, {
      onRootMismatch: pod.spec.securityContext?.fsGroupChangePolicy === 'OnRootMismatch',
    });
  }
  return { path, readOnly: wish.readOnly };
}

async function mountSource(request: VolumeRequest, volume: Shared<PersistentVolume>): Promise<string> {
  const { spec } = volume;
  if (spec.hostPath) return prepareHostPath(spec.hostPath);
  if (spec.local) {
    if (!existsSync(spec.local.path)) throw new VolumeError(`path "${spec.local.path}" does not exist`);
    return spec.local.path;
  }
  if (spec.nfs) {
    const { context, pod } = request;
    const path = volumeDir(context.rootDir, pod.metadata.uid!, { type: 'nfs', name: volume.metadata.name! });
    mkdirSync(path, { recursive: true });
    if (!mountsUnder(path).includes(path)) {
      const options = [...(spec.mountOptions ?? []), ...(spec.nfs.readOnly ? ['ro'] : [])];
      await runMount([
        ...['-t', 'nfs'],
        ...(options.length ? ['-o', options.join(',')] : []),
        `${spec.nfs.server}:${spec.nfs.path}`,
        path,
      ]);
    }
    return path;
  }
  throw new VolumeError(`PV ${volume.metadata.name} is of a type that this node cannot mount`);
}
