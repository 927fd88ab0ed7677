/** Defaults of claims, shared with the claim templates of pods and stateful sets. */
import type { DeepReadonly } from '../../base/deep.ts';
import type { PersistentVolumeClaimSpec } from '../types/core-v1.ts';

/** Sets the volume mode and keeps dataSource and dataSourceRef equal, as upstream's strategies do. */
export function setClaimSpecDefaults(spec: PersistentVolumeClaimSpec): void {
  spec.volumeMode ??= 'Filesystem';
}

/**
 * What a claim is filled from (KEP-1495). dataSourceRef cannot lead to other namespaces; dataSource alone names a claim or
 * a snapshot, and anything else in it is ignored, as it always was. What the stored claim has already stays. Then one is
 * copied to the other where both can say the same.
 */
export function settleDataSources(
  spec: PersistentVolumeClaimSpec,
  old: DeepReadonly<PersistentVolumeClaimSpec> | undefined,
): void {
  if (spec.dataSourceRef?.namespace && !old?.dataSourceRef) delete spec.dataSourceRef;
  if (!old?.dataSource && !spec.dataSourceRef && !isClaimOrSnapshot(spec.dataSource)) delete spec.dataSource;
  normalizeDataSources(spec);
}

function isClaimOrSnapshot(source: PersistentVolumeClaimSpec['dataSource']): boolean {
  const { apiGroup = '', kind } = source ?? {};
  return kind === 'PersistentVolumeClaim'
    ? apiGroup === ''
    : kind === 'VolumeSnapshot' && apiGroup === 'snapshot.storage.k8s.io';
}

function normalizeDataSources(spec: PersistentVolumeClaimSpec): void {
  const { dataSource, dataSourceRef } = spec;
  if (dataSource && !dataSourceRef) spec.dataSourceRef = { ...dataSource };
  else if (dataSourceRef && !dataSource && !dataSourceRef.namespace) {
    const { apiGroup, kind, name } = dataSourceRef;
    spec.dataSource = { ...(apiGroup === undefined ? {} : { apiGroup }), kind, name };
  }
}
