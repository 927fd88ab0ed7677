/** What is written into a claim's status: the devices, how to configure them, and where they can be reached. */
import type { Shared } from '../../api/kind.ts';
import type { Node, NodeSelector, NodeSelectorRequirement } from '../../api/types/core-v1.ts';
import type {
  AllocationResult,
  DeviceAllocationConfiguration,
  DeviceRequestAllocationResult,
  ResourceClaim,
} from '../../api/types/resource-v1.ts';
import { deepEqual, mutableCopy } from '../../base/deep.ts';
import { type CandidateDevice, type DeviceWish, fullName } from './device-request.ts';

/** A device that the search has settled on. */
export interface ChosenDevice extends CandidateDevice {
  readonly wish: DeviceWish;
  /** Identifies the share of a device that several claims use. */
  readonly shareId: string | undefined;
}

/** The allocation of a claim. */
export function allocationResult(
  claim: Shared<ResourceClaim>,
  chosen: readonly ChosenDevice[],
  node: Shared<Node>,
): AllocationResult {
  const config = configurationsOf(claim, chosen);
  const nodeSelector = selectorOf(chosen, node);
  return {
    devices: { results: chosen.map(resultOf), ...(config.length ? { config } : {}) },
    ...(nodeSelector ? { nodeSelector } : {}),
  };
}

function resultOf({ wish, pool, device, consumes, shareId }: ChosenDevice): DeviceRequestAllocationResult {
  const { bindingConditions, bindingFailureConditions } = device;
  return {
    request: fullName(wish.names),
    driver: pool.driver,
    pool: pool.name,
    device: device.name,
    ...(wish.adminAccess ? { adminAccess: true } : {}),
    ...(wish.tolerations?.length ? { tolerations: mutableCopy(wish.tolerations) } : {}),
    ...(bindingConditions?.length ? { bindingConditions: [...bindingConditions] } : {}),
    ...(bindingFailureConditions?.length ? { bindingFailureConditions: [...bindingFailureConditions] } : {}),
    ...(shareId === undefined ? {} : { shareID: shareId }),
    ...(consumes?.size
      ? { consumedCapacity: Object.fromEntries([...consumes].map(([name, amount]) => [name, amount.toString()])) }
      : {}),
  };
}

/** First what the classes say, each class once, then what the claim says about the requests that were served. */
function configurationsOf(
  claim: Shared<ResourceClaim>,
  chosen: readonly ChosenDevice[],
): DeviceAllocationConfiguration[] {
  const wishes = [...new Set(chosen.map(({ wish }) => wish))];
  const ofClasses = new Map(wishes.map((wish) => [wish.class.metadata.name, wish.class]));
  const out: DeviceAllocationConfiguration[] = [];
  for (const [className, deviceClass] of ofClasses) {
    const requests = wishes
      .filter((wish) => wish.class.metadata.name === className)
      .map(({ names }) => fullName(names));
    for (const { opaque } of deviceClass.spec.config ?? [])
      out.push({ source: 'FromClass', requests: [...requests], ...(opaque ? { opaque: mutableCopy(opaque) } : {}) });
  }
  const served = new Set(wishes.flatMap(({ names }) => [names.request, fullName(names)]));
  for (const { requests, opaque } of claim.spec.devices.config ?? []) {
    if (requests?.length && !requests.some((request) => served.has(request))) continue;
    out.push({
      source: 'FromClaim',
      ...(requests?.length ? { requests: [...requests] } : {}),
      ...(opaque ? { opaque: mutableCopy(opaque) } : {}),
    });
  }
  return out;
}

/** Where all the devices can be reached: one node as soon as one of them is local; undefined for everywhere. */
function selectorOf(chosen: readonly ChosenDevice[], node: Shared<Node>): NodeSelector | undefined {
  const fields: NodeSelectorRequirement[] = [];
  const expressions: NodeSelectorRequirement[] = [];
  for (const { slice, device } of chosen) {
    const where = slice.spec.perDeviceNodeSelection ? device : slice.spec;
    if (where.nodeName || device.bindsToNode) {
      const here = { key: 'metadata.name', operator: 'In', values: [node.metadata.name] };
      return { nodeSelectorTerms: [{ matchFields: [here] }] };
    }
    const [term] = where.nodeSelector?.nodeSelectorTerms ?? [];
    addMissing(fields, term?.matchFields);
    addMissing(expressions, term?.matchExpressions);
  }
  if (fields.length + expressions.length === 0) return undefined;
  return {
    nodeSelectorTerms: [
      {
        ...(expressions.length ? { matchExpressions: expressions } : {}),
        ...(fields.length ? { matchFields: fields } : {}),
      },
    ],
  };
}

function addMissing(
  to: NodeSelectorRequirement[],
  requirements: readonly Shared<NodeSelectorRequirement>[] | undefined,
): void {
  for (const requirement of requirements ?? [])
    if (!to.some((other) => deepEqual(other, requirement))) to.push(mutableCopy(requirement));
}
