import { ageColumn, nameColumn, textColumn } from '../core/columns.ts';
import { defineKind, type Shared } from '../kind.ts';
import type * as resource from '../types/resource-v1.ts';
import { setClaimSpecDefaults, setTolerationDefaults } from './resource-claim-defaults.ts';
import { validateResourceClaimStatusUpdate } from './resource-claim-status-validation.ts';
import { validateResourceClaim, validateResourceClaimUpdate } from './resource-claim-validation.ts';

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
  prepareStatusUpdate: dropGoneDevices,
  validate: validateResourceClaim,
  validateUpdate: validateResourceClaimUpdate,
  validateStatusUpdate: validateResourceClaimStatusUpdate,
  columns: [nameColumn, textColumn('State', state), ageColumn],
  tracksGeneration: false,
  allowUnconditionalUpdate: true,
});

/** What drivers say of devices goes with their allocation. */
function dropGoneDevices({ status }: ResourceClaim, { status: old }: Shared<ResourceClaim>): void {
  const keyOf = ({ driver, pool, device }: Record<'driver' | 'pool' | 'device', string>) =>
    `${driver}/${pool}/${device}`;
  const gone = new Set((old.allocation?.devices.results ?? []).map(keyOf));
  for (const result of status.allocation?.devices.results ?? []) gone.delete(keyOf(result));
  const devices = (status.devices ?? []).filter((device) => !gone.has(keyOf(device)));
  if (devices.length) status.devices = devices;
  else delete status.devices;
}

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
