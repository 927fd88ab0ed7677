/** Extended resources (`example.com/gpu: 2`) that a node has none of, asked for as devices of a class (KEP-5004). */
import type { Shared } from '../../api/kind.ts';
import type { Container, ContainerExtendedResourceRequest, Pod } from '../../api/types/core-v1.ts';
import type { DeviceRequest, ResourceClaim } from '../../api/types/resource-v1.ts';
import { type NodeInfo, podInfo } from '../node-info.ts';
import { quantityNumber } from '../resources.ts';
import type { Devices } from './devices.ts';

/** On claims that stand for a pod's extended resources; they are the scheduler's to make and to delete. */
export const extendedClaimAnnotation = 'resource.kubernetes.io/extended-resource-claim';

/** Whether a resource is neither Kubernetes' own nor counted by the node, so that devices can serve it. */
const isExtended = (resource: string) =>
  resource.includes('/') &&
  (!/(^|\.)kubernetes\.io\//.test(resource) || resource.startsWith('deviceclass.resource.kubernetes.io/'));

/** The extended resources of a pod that have a class. */
export function resourcesWithClass(pod: Shared<Pod>, devices: Devices): string[] {
  const found: string[] = [];
  for (const [resource, value] of podInfo(pod).requests)
    if (value > 0 && isExtended(resource) && devices.classForResource(resource)) found.push(resource);
  return found.sort();
}

/** Whether devices serve a resource on a node: it has a class, and the node has none of its own. */
export const isServedByDevices = (resource: string, node: NodeInfo, devices: Devices): boolean =>
  !node.allocatable.get(resource) && isExtended(resource) && devices.classForResource(resource) !== undefined;

/** The claim that an earlier try made for a pod's extended resources. */
export const extendedClaimOf = (pod: Shared<Pod>, devices: Devices): Shared<ResourceClaim> | undefined =>
  devices.claims
    .list(pod.metadata.namespace)
    .find(
      ({ metadata }) =>
        metadata.annotations?.[extendedClaimAnnotation] === 'true' &&
        metadata.ownerReferences?.some((owner) => owner.controller && owner.uid === pod.metadata.uid),
    );

export interface ExtendedRequests {
  readonly requests: readonly DeviceRequest[];
  /** Which container's resource each request is for. */
  readonly mappings: readonly ContainerExtendedResourceRequest[];
}

/**
 * The device requests for some of a pod's resources. Containers that run together get devices of their own; init
 * containers, which end before, use those and share what one of them needs beyond.
 */
export function extendedRequests(pod: Shared<Pod>, resources: readonly string[], devices: Devices): ExtendedRequests {
  const requests: DeviceRequest[] = [];
  const mappings: ContainerExtendedResourceRequest[] = [];
  const inits = pod.spec.initContainers ?? [];
  const containers: readonly Shared<Container>[] = [...inits, ...pod.spec.containers];
  const endsEarly = (i: number) => i < inits.length && containers[i]!.restartPolicy !== 'Always';
  for (const resource of resources) {
    const className = devices.classForResource(resource)!.metadata.name;
    const wanted = containers.map((container) => amountOf(container, resource));
    const nameAt = (i: number) => `container-${i}-request-${placeOf(containers[i]!, resource)}`;
    const request = (i: number, count: number): DeviceRequest => ({
      name: nameAt(i),
      exactly: { deviceClassName: className, allocationMode: 'ExactCount', count },
    });
    const map = (i: number, requestName: string) =>
      mappings.push({ containerName: containers[i]!.name, resourceName: resource, requestName });
    for (const [i, count] of wanted.entries()) {
      if (count === 0 || endsEarly(i)) continue;
      requests.push(request(i, count));
      map(i, nameAt(i));
    }
    let extra: { i: number; count: number } | undefined;
    const needExtra: number[] = [];
    for (const [i, count] of wanted.entries()) {
      if (count === 0 || !endsEarly(i)) continue;
      let missing = count;
      for (let later = i + 1; later < containers.length && missing > 0; later++) {
        if (wanted[later] === 0 || endsEarly(later)) continue;
        missing -= wanted[later]!;
        map(i, nameAt(later));
      }
      if (missing <= 0) continue;
      needExtra.push(i);
      if (!extra || extra.count < missing) extra = { i, count: missing };
    }
    if (!extra) continue;
    requests.push(request(extra.i, extra.count));
    for (const i of needExtra) map(i, nameAt(extra.i));
  }
  return { requests: requests.sort((a, b) => (a.name < b.name ? -1 : 1)), mappings };
}

const requestsOf = (container: Shared<Container>) =>
  (container.resources?.requests ?? {}) as Readonly<Record<string, string>>;

function amountOf(container: Shared<Container>, resource: string): number {
  const text = requestsOf(container)[resource];
  return text === undefined ? 0 : quantityNumber(resource, text);
}

const placeOf = (container: Shared<Container>, resource: string) =>
  Object.keys(requestsOf(container)).sort().indexOf(resource);
