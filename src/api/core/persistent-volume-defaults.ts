/** Defaults of volumes, shared with VolumeAttachment's inline volumes. */
import type { PersistentVolumeSpec } from '../types/core-v1.ts';
import { roundResourceList } from './resource-list.ts';

/** Upstream's SetDefaults_PersistentVolume without the status. */
export function setPersistentVolumeSpecDefaults(spec: PersistentVolumeSpec): void {
  spec.persistentVolumeReclaimPolicy ||= 'Retain';
  spec.volumeMode ??= 'Filesystem';
  setVolumeSourceDefaults(spec);
}

/** Defaults of the volume sources themselves. */
export function setVolumeSourceDefaults(spec: PersistentVolumeSpec): void {
  roundResourceList(spec.capacity);
  if (spec.hostPath) spec.hostPath.type ??= '';
  if (spec.iscsi) spec.iscsi.iscsiInterface ||= 'default';
  if (spec.rbd) {
    spec.rbd.pool ||= 'rbd';
    spec.rbd.user ||= 'admin';
    spec.rbd.keyring ||= '/etc/ceph/keyring';
  }
  if (spec.azureDisk) {
    spec.azureDisk.cachingMode ??= 'ReadWrite';
    spec.azureDisk.kind ??= 'Shared';
    spec.azureDisk.fsType ??= 'ext4';
    spec.azureDisk.readOnly ??= false;
  }
  if (spec.scaleIO) {
    spec.scaleIO.storageMode ||= 'ThinProvisioned';
    spec.scaleIO.fsType ||= 'xfs';
  }
}
