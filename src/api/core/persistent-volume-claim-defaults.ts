/** Defaults of claims, shared with the claim templates of pods and stateful sets. */
import type { PersistentVolumeClaimSpec } from '../types/core-v1.ts';

/** Sets the volume mode and keeps dataSource and dataSourceRef equal, as upstream's strategies do. */
export function setClaimSpecDefaults(spec: PersistentVolumeClaimSpec): void {
  spec.volumeMode ??= 'Filesystem';
}

/** Copies dataSource to dataSourceRef or back where one is missing and both can say the same. */
export function normalizeDataSources(spec: PersistentVolumeClaimSpec): void {
  const { dataSource, dataSourceRef } = spec;
  if (dataSource && !dataSourceRef) spec.dataSourceRef = { ...dataSource };
  else if (dataSourceRef && !dataSource && !dataSourceRef.namespace) {
    const { apiGroup, kind, name } = dataSourceRef;
    spec.dataSource = { ...(apiGroup === undefined ? {} : { apiGroup }), kind, name };
  }
}
