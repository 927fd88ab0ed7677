/** What a claim asks for, made ready for the search: requests with their classes and the devices that come into question. */
import type { Shared } from '../../api/kind.ts';
import type { Node } from '../../api/types/core-v1.ts';
import type {
  Device,
  DeviceClass,
  DeviceRequest,
  DeviceSelector,
  DeviceTaint,
  DeviceToleration,
  ExactDeviceRequest,
  ResourceClaim,
  ResourceSlice,
} from '../../api/types/resource-v1.ts';
import { type AllocatedDevices, deviceKey } from './allocated-devices.ts';
import { type Capacities, consumption } from './capacity.ts';
import type { RequestNames } from './constraints.ts';
import { deviceMatches } from './device-selector.ts';
import { type Pool, reaches } from './slice-index.ts';

/** The search cannot be done on this node, though maybe on another. The message is upstream's reason. */
export class NodeAllocationError extends Error {
  override readonly name = 'NodeAllocationError';
}

/** A device that a request may get. */
export interface CandidateDevice {
  readonly key: string;
  readonly device: Shared<Device>;
  readonly slice: Shared<ResourceSlice>;
  readonly pool: Pool;
  /** What the request takes of the device when it is shared; undefined when the device is the claim's alone. */
  readonly consumes: Capacities | undefined;
}

/** A request, or one of the alternatives of a request. */
export interface DeviceWish {
  readonly names: RequestNames;
  readonly class: Shared<DeviceClass>;
  readonly adminAccess: boolean;
  readonly tolerations: readonly Shared<DeviceToleration>[] | undefined;
  /** Every device that matches, or as many as are needed of them. */
  readonly all: boolean;
  readonly count: number;
  /** Whether one device may serve it several times. */
  readonly shareable: boolean;
  readonly candidates: readonly CandidateDevice[];
}

/** `request`, or `request/alternative`. */
export const fullName = ({ request, alternative }: RequestNames): string =>
  alternative === undefined ? request : `${request}/${alternative}`;

/** What wishes are made of. */
export interface WishEnvironment {
  readonly node: Shared<Node>;
  readonly pools: readonly Pool[];
  readonly allocated: AllocatedDevices;
  readonly classOf: (name: string) => Shared<DeviceClass> | undefined;
}

type Asked = Pick<
  Shared<ExactDeviceRequest>,
  'deviceClassName' | 'selectors' | 'allocationMode' | 'count' | 'adminAccess' | 'tolerations' | 'capacity'
>;

/** A request's wishes, the preferred first. Throws NodeAllocationError, or an Error where the claim or its class is at fault. */
export function wishesOf(
  claim: Shared<ResourceClaim>,
  request: Shared<DeviceRequest>,
  environment: WishEnvironment,
): DeviceWish[] {
  if (request.exactly) return [wishOf(claim, { request: request.name }, request.exactly, environment)];
  return (request.firstAvailable ?? []).map((alternative) =>
    wishOf(claim, { request: request.name, alternative: alternative.name }, alternative, environment),
  );
}

export const claimName = ({ metadata }: Shared<ResourceClaim>): string => `${metadata.namespace}/${metadata.name}`;

function wishOf(
  claim: Shared<ResourceClaim>,
  names: RequestNames,
  asked: Asked,
  environment: WishEnvironment,
): DeviceWish {
  const about = `claim ${claimName(claim)}, request ${names.alternative ?? names.request}`;
  const deviceClass = environment.classOf(asked.deviceClassName);
  if (!deviceClass) throw new Error(`${about}: could not retrieve device class ${asked.deviceClassName}`);
  const all = asked.allocationMode === 'All';
  const adminAccess = asked.adminAccess ?? false;
  const candidates: CandidateDevice[] = [];
  for (const pool of environment.pools) {
    if (all && (pool.incomplete || pool.invalid)) {
      const state = pool.incomplete ? 'being updated' : 'invalid';
      throw new NodeAllocationError(
        `${about}: asks for all devices, but resource pool ${pool.driver}/${pool.name} is currently ${state}`,
      );
    }
    for (const slice of pool.slices) {
      for (const device of slice.spec.devices ?? []) {
        const key = deviceKey(pool.driver, pool.name, device.name);
        // "All" fails when one of them is taken: it stays among those that are wanted.
        if (!all && !adminAccess && environment.allocated.isTaken(key)) continue;
        if (slice.spec.perDeviceNodeSelection && !reaches(device, environment.node)) continue;
        if (!isSelected(claim, deviceClass, asked.selectors, pool.driver, device)) continue;
        const consumes = consumption(asked.capacity?.requests, pool.driver, device);
        if (!consumes) continue;
        if (!all && isRepelled(device, asked.tolerations)) continue;
        candidates.push({ key, device, slice, pool, consumes: device.allowMultipleAllocations ? consumes : undefined });
      }
    }
  }
  return {
    names,
    class: deviceClass,
    adminAccess,
    tolerations: asked.tolerations,
    all,
    count: all ? candidates.length : (asked.count ?? 1),
    shareable: !all && candidates.some(({ consumes }) => consumes),
    candidates,
  };
}

function isSelected(
  claim: Shared<ResourceClaim>,
  deviceClass: Shared<DeviceClass>,
  selectors: readonly Shared<DeviceSelector>[] | undefined,
  driver: string,
  device: Shared<Device>,
): boolean {
  const matches = (whose: string, list: readonly Shared<DeviceSelector>[] | undefined) =>
    (list ?? []).every(({ cel }, i) => {
      try {
        return deviceMatches(cel!.expression, driver, device);
      } catch (error) {
        throw new Error(`${whose}: selector #${i}: ${(error as Error).message}`);
      }
    });
  return (
    matches(`class ${deviceClass.metadata.name}`, deviceClass.spec.selectors) &&
    matches(`claim ${claimName(claim)}`, selectors)
  );
}

/** Whether a taint of a device keeps a request off that does not tolerate it (KEP-5055). */
export function isRepelled(
  device: Shared<Device>,
  tolerations: readonly Shared<DeviceToleration>[] | undefined,
): boolean {
  return (device.taints ?? []).some(
    (taint) =>
      (taint.effect === 'NoSchedule' || taint.effect === 'NoExecute') &&
      !tolerations?.some((toleration) => tolerates(toleration, taint)),
  );
}

function tolerates({ key, operator, value, effect }: Shared<DeviceToleration>, taint: Shared<DeviceTaint>): boolean {
  if (effect && effect !== taint.effect) return false;
  if (key && key !== taint.key) return false;
  return operator === 'Exists' || (value ?? '') === (taint.value ?? '');
}
