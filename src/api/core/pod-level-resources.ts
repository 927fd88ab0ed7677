/** Pod-level resources (KEP-2837): what containers need together, and the defaults derived from it. */
import type { DeepReadonly } from '../../base/deep.ts';
import type { PodSpec } from '../types/core-v1.ts';
import { addResources, maxResources, type ResourceList } from './resource-list.ts';

/** Resources that may be asked for at pod level. */
export const isPodLevelResource = (name: string): boolean =>
  name === 'cpu' || name === 'memory' || name.startsWith('hugepages-');

/**
 * What the containers of a pod ask for together: the sum of the main containers and sidecars, or more where an init
 * container needs more while it runs. Overhead is not included.
 */
export function aggregateContainerResources(spec: DeepReadonly<PodSpec>, which: 'requests' | 'limits'): ResourceList {
  let main: ResourceList = {};
  for (const container of spec.containers) main = addResources(main, container.resources[which]);
  let sidecars: ResourceList = {};
  let init: ResourceList = {};
  for (const container of spec.initContainers ?? []) {
    if (container.restartPolicy === 'Always') {
      main = addResources(main, container.resources[which]);
      sidecars = addResources(sidecars, container.resources[which]);
      init = maxResources(init, sidecars);
    } else init = maxResources(init, addResources(sidecars, container.resources[which]));
  }
  return maxResources(main, init);
}

/** Fills pod-level requests and limits from each other and from the containers', where the pod sets some of them. */
export function setPodLevelResourceDefaults(spec: PodSpec): void {
  const { resources } = spec;
  if (!resources) return;
  const isSet = (list: ResourceList | undefined) => Object.keys(list ?? {}).length > 0;
  if (!isSet(resources.limits) && !isSet(resources.requests)) return;
  defaultHugePageLimits(spec, resources);
  if (isSet(resources.limits)) defaultRequests(spec, resources);
  else if (isSet(resources.requests)) defaultLimits(spec, resources);
}

type Requirements = { limits?: Record<string, string>; requests?: Record<string, string> };

function defaultHugePageLimits(spec: PodSpec, resources: Requirements): void {
  for (const [name, value] of Object.entries(aggregateContainerResources(spec, 'limits'))) {
    if (!name.startsWith('hugepages-') || resources.requests?.[name] !== undefined) continue;
    resources.limits = { [name]: value, ...resources.limits };
  }
}

function defaultRequests(spec: PodSpec, resources: Requirements): void {
  const requests = { ...resources.requests };
  for (const [name, value] of Object.entries(aggregateContainerResources(spec, 'requests'))) {
    if (isPodLevelResource(name) && !name.startsWith('hugepages-')) requests[name] ??= value;
  }
  for (const [name, value] of Object.entries(resources.limits ?? {})) {
    if (isPodLevelResource(name)) requests[name] ??= value;
  }
  if (Object.keys(requests).length) resources.requests = requests;
}

function defaultLimits(spec: PodSpec, resources: Requirements): void {
  const limits = { ...resources.limits };
  const containers = [...spec.containers, ...(spec.initContainers ?? [])];
  for (const [name, value] of Object.entries(aggregateContainerResources(spec, 'limits'))) {
    if (!isPodLevelResource(name) || name.startsWith('hugepages-')) continue;
    if (containers.every((c) => c.resources.limits?.[name] !== undefined)) limits[name] ??= value;
  }
  if (Object.keys(limits).length) resources.limits = limits;
}
