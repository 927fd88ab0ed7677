/** What pods ask for and nodes have, as plain numbers: cpu in millicores, the rest in its base unit. */
import type { Shared } from '../api/kind.ts';
import { Quantity } from '../api/machinery/quantity.ts';
import type { Container, ContainerStatus, Pod } from '../api/types/core-v1.ts';

/** By resource name. */
export type Resources = Map<string, number>;

type ResourceList = Readonly<Record<string, string>>;

const parsed = new Map<string, number>();

/** The number of a quantity; parsed once per distinct text, because few distinct ones are in use. */
export function quantityNumber(resource: string, text: string): number {
  const key = resource === 'cpu' ? `m${text}` : text;
  let value = parsed.get(key);
  if (value === undefined) {
    const quantity = Quantity.parse(text);
    value = Number(resource === 'cpu' ? quantity.milliValue() : quantity.value());
    if (parsed.size > 10_000) parsed.clear();
    parsed.set(key, value);
  }
  return value;
}

export function toResources(list: ResourceList | undefined): Resources {
  const out: Resources = new Map();
  if (list) for (const name of Object.keys(list)) out.set(name, quantityNumber(name, list[name]!));
  return out;
}

function addInto(total: Resources, part: Resources): void {
  for (const [name, value] of part) total.set(name, (total.get(name) ?? 0) + value);
}

function maxInto(total: Resources, part: Resources): void {
  for (const [name, value] of part) if (value > (total.get(name) ?? 0)) total.set(name, value);
}

/**
 * What counts while a resize is in flight (KEP-1287): the most of what is wanted, what is allocated and what is in effect;
 * a wish that the node can never grant does not count.
 */
function resized(
  wanted: ResourceList | undefined,
  status:
    | { readonly allocatedResources?: ResourceList; readonly resources?: { readonly requests?: ResourceList } }
    | undefined,
  isHopeless: boolean,
): Resources {
  const { allocatedResources: allocated, resources } = status ?? {};
  const inEffect = resources?.requests;
  const requests = toResources(isHopeless && (allocated || inEffect) ? undefined : wanted);
  if (allocated) maxInto(requests, toResources(allocated));
  if (inEffect) maxInto(requests, toResources(inEffect));
  return requests;
}

const isInfeasible = (pod: Shared<Pod>) =>
  pod.status.conditions?.some((c) => c.type === 'PodResizePending' && c.reason === 'Infeasible') ?? false;

/** Resources that a pod can ask for as a whole (KEP-2837). */
const isPodLevel = (resource: string) =>
  resource === 'cpu' || resource === 'memory' || resource.startsWith('hugepages-');

/**
 * A pod's requests as upstream's resourcehelper.PodRequests: containers and sidecars together, or the largest moment of
 * the init phase, plus overhead; pod-level requests take the place of the sum (KEP-2837).
 */
export function podRequests(pod: Shared<Pod>): Resources {
  const total: Resources = new Map();
  const isHopeless = isInfeasible(pod);
  const requestsOf = (container: Shared<Container>, statuses: readonly Shared<ContainerStatus>[] | undefined) =>
    resized(
      container.resources?.requests as ResourceList | undefined,
      statuses?.find(({ name }) => name === container.name) as Parameters<typeof resized>[1],
      isHopeless,
    );
  const { containerStatuses, initContainerStatuses } = pod.status;
  for (const container of pod.spec.containers) addInto(total, requestsOf(container, containerStatuses));
  const sidecars: Resources = new Map();
  const initPeak: Resources = new Map();
  for (const container of pod.spec.initContainers ?? []) {
    const requests = requestsOf(container, container.restartPolicy === 'Always' ? initContainerStatuses : undefined);
    if (container.restartPolicy === 'Always') {
      addInto(total, requests);
      addInto(sidecars, requests);
      maxInto(initPeak, sidecars);
    } else {
      addInto(requests, sidecars);
      maxInto(initPeak, requests);
    }
  }
  maxInto(total, initPeak);
  const podLevel = pod.spec.resources?.requests as ResourceList | undefined;
  if (podLevel)
    for (const [name, value] of resized(podLevel, pod.status as Parameters<typeof resized>[1], isHopeless))
      if (isPodLevel(name)) total.set(name, value);
  const overhead = pod.spec.overhead as ResourceList | undefined;
  if (overhead) addInto(total, toResources(overhead));
  return total;
}

/** What a container without requests counts as when nodes are scored, so that such pods spread too (upstream's numbers). */
const nonZeroCpuMilli = 100;
const nonZeroMemory = 200 * 1024 * 1024;

/** cpu and memory for scoring, with the minimum for containers that ask for nothing. */
export function nonZeroRequests(pod: Shared<Pod>, requests: Resources): { cpu: number; memory: number } {
  let cpu = requests.get('cpu') ?? 0;
  let memory = requests.get('memory') ?? 0;
  if (!pod.spec.resources?.requests) {
    for (const container of pod.spec.containers) {
      if (container.resources?.requests?.['cpu'] === undefined) cpu += nonZeroCpuMilli;
      if (container.resources?.requests?.['memory'] === undefined) memory += nonZeroMemory;
    }
  }
  return { cpu, memory };
}

const binaryUnits = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi'];

/** A resource's number as people write it: `500m`, `1.5Gi`. */
export function formatResource(resource: string, value: number): string {
  if (resource === 'cpu') return value % 1000 === 0 ? String(value / 1000) : `${value}m`;
  if (resource !== 'memory' && !resource.endsWith('storage') && !resource.startsWith('hugepages-'))
    return String(value);
  let unit = 0;
  let shown = value;
  while (shown >= 1024 && unit < binaryUnits.length - 1) {
    shown /= 1024;
    unit++;
  }
  return `${Number(shown.toFixed(1))}${binaryUnits[unit]}`;
}
