/** The volume types of this node. */
import type { Volume } from '../../api/types/core-v1.ts';
import { configMapVolume } from './config-map.ts';
import { downwardApiVolume } from './downward-api.ts';
import { emptyDirVolume } from './empty-dir.ts';
import { hostPathVolume } from './host-path.ts';
import { ephemeralVolume, persistentVolumeClaimVolume } from './persistent-volume-claim.ts';
import { projectedVolume } from './projected.ts';
import { secretVolume } from './secret.ts';
import type { VolumeType } from './volume.ts';

/** Every supported type by the field of a Volume that chooses it. */
export const volumeTypes: Readonly<Partial<Record<keyof Volume, VolumeType>>> = Object.fromEntries(
  [
    configMapVolume,
    downwardApiVolume,
    emptyDirVolume,
    ephemeralVolume,
    hostPathVolume,
    persistentVolumeClaimVolume,
    projectedVolume,
    secretVolume,
  ].map((type) => [type.field, type]),
);
