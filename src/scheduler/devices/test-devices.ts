/** Devices, claims on them and pods that use the claims, for tests. */
import type { KubeObject, Shared } from '../../api/kind.ts';
import type { Node, Pod } from '../../api/types/core-v1.ts';
import type { Device, DeviceClass, DeviceRequest, ResourceClaim, ResourceSlice } from '../../api/types/resource-v1.ts';
import type { DeepPartial } from '../../base/deep.ts';
import { node, pod, world } from '../test-world.ts';

export const driver = 'gpu.example.com';

export function slice(
  name: string,
  spec: Omit<Partial<ResourceSlice['spec']>, 'pool'> & { pool?: object },
): ResourceSlice {
  const pool = { name: spec.nodeName ?? 'shared', generation: 1, resourceSliceCount: 1, ...spec.pool };
  return {
    apiVersion: 'resource.k8s.io/v1',
    kind: 'ResourceSlice',
    metadata: { name, uid: name, resourceVersion: '1' },
    spec: { driver, ...spec, pool },
  } as unknown as ResourceSlice;
}

export const devicesNamed = (...names: string[]): Device[] => names.map((name) => ({ name }));

export const deviceClass = (name = 'gpu', spec: DeviceClass['spec'] = {}): DeviceClass =>
  ({
    apiVersion: 'resource.k8s.io/v1',
    kind: 'DeviceClass',
    metadata: { name, uid: name, resourceVersion: '1', creationTimestamp: '2026-01-01T00:00:00Z' },
    spec,
  }) as unknown as DeviceClass;

type Request = DeepPartial<DeviceRequest['exactly']>;
export const exactly = (name: string, more: Request = {}) => ({
  name,
  exactly: { deviceClassName: 'gpu', allocationMode: 'ExactCount', count: 1, ...more },
});

export function claim(
  name: string,
  devices: { requests: readonly object[]; constraints?: readonly object[]; config?: readonly object[] },
  status: ResourceClaim['status'] = {},
): ResourceClaim {
  return {
    apiVersion: 'resource.k8s.io/v1',
    kind: 'ResourceClaim',
    metadata: { name, namespace: 'default', uid: `claim-${name}`, resourceVersion: '1' },
    spec: { devices },
    status,
  } as unknown as ResourceClaim;
}

export const using = (...names: string[]): Shared<Pod> =>
  pod('user', { resourceClaims: names.map((name) => ({ name, resourceClaimName: name })) });

interface Planned {
  readonly allocation: NonNullable<ResourceClaim['status']['allocation']>;
}

/** What a pod's claims get on the node that it is placed on; the refusal when there is none. */
export function allocate(
  objects: readonly object[],
  { nodes = [node('a')], user = using('c') }: { nodes?: readonly Shared<Node>[]; user?: Shared<Pod> } = {},
) {
  const outcome = world(nodes, objects as readonly Shared<KubeObject>[]).schedule(user);
  if (outcome.kind === 'refused') return outcome.message;
  const { plans } = outcome.state.get('DynamicResources') as { plans: Map<string, readonly Planned[]> };
  return { nodeName: outcome.nodeName, allocations: plans.get(outcome.nodeName)!.map(({ allocation }) => allocation) };
}

/** The devices by request, as `request=device`. */
export function given(...args: Parameters<typeof allocate>): string[] | string {
  const outcome = allocate(...args);
  if (typeof outcome === 'string') return outcome;
  return outcome.allocations.flatMap(({ devices }) => devices.results!.map((r) => `${r.request}=${r.device}`));
}

export const none = '0/1 nodes are available: 1 cannot allocate all claims.';
