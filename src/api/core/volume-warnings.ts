/** What upstream warns about in persistent volumes and claims. */
import type { DeepReadonly } from '../../base/deep.ts';
import type { PersistentVolume, PersistentVolumeClaim } from '../types/core-v1.ts';
import { deprecatedNodeLabel } from './node-label-warnings.ts';
import { storageWarnings } from './pod-warnings.ts';

const classAnnotation = 'volume.beta.kubernetes.io/storage-class';

function annotationWarnings(annotations: Readonly<Record<string, string>> | undefined): string[] {
  return annotations?.[classAnnotation] === undefined
    ? []
    : [`metadata.annotations[${classAnnotation}]: deprecated since v1.8; use "storageClassName" attribute instead`];
}

/** Annotations and plugins of old, and recycling. */
export function persistentVolumeWarnings({ metadata, spec }: DeepReadonly<PersistentVolume>): string[] {
  const warnings = annotationWarnings(metadata.annotations);
  if (spec.persistentVolumeReclaimPolicy === 'Recycle') {
    warnings.push(
      'spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the recommended approach is to use dynamic provisioning.',
    );
  }
  for (const [i, term] of (spec.nodeAffinity?.required?.nodeSelectorTerms ?? []).entries()) {
    for (const [j, { key }] of (term.matchExpressions ?? []).entries()) {
      const message = deprecatedNodeLabel(key);
      const path = `spec.nodeAffinity.required.nodeSelectorTerms[${i}].matchExpressions[${j}].key`;
      if (message) warnings.push(`${path}: ${key} is ${message}`);
    }
  }
  return warnings;
}

/** Annotations of old, and fractions of a byte. */
export function claimWarnings({ metadata, spec }: DeepReadonly<PersistentVolumeClaim>): string[] {
  return [
    ...annotationWarnings(metadata.annotations),
    ...storageWarnings(spec.resources.requests, 'spec.resources.requests'),
  ];
}
