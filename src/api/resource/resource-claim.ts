import { ageColumn, nameColumn, textColumn } from '../core/columns.ts';
import { defineKind, type Shared } from '../kind.ts';
import type * as resource from '../types/resource-v1.ts';
import { setClaimSpecDefaults, setTolerationDefaults } from './resource-claim-defaults.ts';
import {
  validateResourceClaim,
  validateResourceClaimStatusUpdate,
  validateResourceClaimUpdate,
} from './resource-claim-validation.ts';

/** A claim on devices. */
export type ResourceClaim = resource.ResourceClaim;

/** resource.k8s.io/v1 ResourceClaim. */
export const ResourceClaim = defineKind<ResourceClaim>({
  group: 'resource.k8s.io',
  version: 'v1',
  kind: 'ResourceClaim',
  plural: 'resourceclaims',
  scope: 'Namespaced',
  schema: 'resource/v1.ResourceClaim',
  subresources: { status: true },
  defaults({ spec, status }) {
    setClaimSpecDefaults(spec);
    for (const result of status.allocation?.devices.results ?? []) {
      for (const toleration of result.tolerations ?? []) setTolerationDefaults(toleration);
    }
  },
  validate: validateResourceClaim,
  validateUpdate: validateResourceClaimUpdate,
  validateStatusUpdate: validateResourceClaimStatusUpdate,
  columns: [nameColumn, textColumn('State', state), ageColumn],
  tracksGeneration: false,
  allowUnconditionalUpdate: true,
});

function state({ metadata, status }: Shared<ResourceClaim>): string {
  const states = [];
  if (metadata.deletionTimestamp) states.push('deleted');
  if (!status.allocation) {
    if (!metadata.deletionTimestamp) states.push('pending');
  } else {
    states.push('allocated');
    if (status.reservedFor?.length) states.push('reserved');
  }
  return states.join(',');
}
