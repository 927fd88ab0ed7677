import { LimitRange } from '../../api/core/limit-range.ts';
import type { PersistentVolumeClaim } from '../../api/core/persistent-volume-claim.ts';
import type { Pod } from '../../api/core/pod.ts';
import { aggregateContainerResources } from '../../api/core/pod-level-resources.ts';
import type { ResourceList } from '../../api/core/resource-list.ts';
import type { Shared } from '../../api/kind.ts';
import { Quantity } from '../../api/machinery/quantity.ts';
import type { Container, LimitRangeItem } from '../../api/types/core-v1.ts';
import { type AdmissionRequest, defineAdmissionPlugin } from './admission.ts';
import { aggregate, isCore, refusal } from './refusal.ts';

const annotation = 'kubernetes.io/limit-ranger';

/** Applies the defaults, minima, maxima and ratios of a namespace's limit ranges to pods and claims. */
export const limitRanger = defineAdmissionPlugin({
  name: 'LimitRanger',
  order: 60,
  enabledByDefault: true,
  handles(request) {
    if (request.operation === 'CREATE') return isCore(request, 'pods') || isCore(request, 'persistentvolumeclaims');
    if (request.operation !== 'UPDATE') return false;
    // A pod's resources change through its resize subresource only.
    return isCore(request, 'persistentvolumeclaims') || isCore(request, 'pods', 'resize');
  },
  create({ informers }) {
    const ranges = informers.informer(LimitRange);
    const inNamespace = (request: AdmissionRequest) =>
      isDeleting(request) ? [] : ranges.list(request.namespace).filter((range) => !range.metadata.deletionTimestamp);
    return {
      mutate(request) {
        if (request.resource.plural !== 'pods') return;
        for (const range of inNamespace(request)) setDefaults(range, request.object as Pod);
      },
      validate(request) {
        for (const range of inNamespace(request)) {
          const errors =
            request.resource.plural === 'pods'
              ? podErrors(range, request.object as Pod)
              : claimErrors(range, request.object as PersistentVolumeClaim);
          if (errors.length) throw refusal(request, aggregate(errors));
        }
      },
    };
  },
});

/** What is going away may be changed, so that its finalizers can be taken off. */
const isDeleting = (request: AdmissionRequest) =>
  request.operation === 'UPDATE' && request.oldObject?.metadata.deletionTimestamp !== undefined;

function setDefaults(range: Shared<LimitRange>, pod: Pod): void {
  const requests: Record<string, string> = {};
  const limits: Record<string, string> = {};
  for (const item of range.spec.limits ?? []) {
    if (item.type !== 'Container') continue;
    Object.assign(requests, item.defaultRequest);
    Object.assign(limits, item.default);
  }
  if (Object.keys(requests).length === 0 && Object.keys(limits).length === 0) return;
  const notes = [
    ...pod.spec.containers.flatMap((container) => fill(container, 'container', requests, limits)),
    ...(pod.spec.initContainers ?? []).flatMap((container) => fill(container, 'init container', requests, limits)),
  ];
  if (notes.length) {
    pod.metadata.annotations = {
      ...pod.metadata.annotations,
      [annotation]: `LimitRanger plugin set: ${notes.join('; ')}`,
    };
  }
}

/** Sets what a container leaves open and says so: `cpu, memory request for container web`. */
function fill(container: Container, what: string, requests: ResourceList, limits: ResourceList): string[] {
  const notes: string[] = [];
  for (const [which, defaults] of [
    ['requests', requests],
    ['limits', limits],
  ] as const) {
    const given = container.resources[which] ?? {};
    const missing = Object.keys(defaults).filter((name) => given[name] === undefined);
    if (missing.length === 0) continue;
    container.resources[which] = { ...given, ...Object.fromEntries(missing.map((name) => [name, defaults[name]!])) };
    notes.push(`${missing.sort().join(', ')} ${which.slice(0, -1)} for ${what} ${container.name}`);
  }
  return notes;
}

function podErrors(range: Shared<LimitRange>, pod: Shared<Pod>): string[] {
  const errors: string[] = [];
  for (const item of range.spec.limits ?? []) {
    if (item.type === 'Container') {
      for (const container of [...pod.spec.containers, ...(pod.spec.initContainers ?? [])]) {
        const { requests = {}, limits = {} } = container.resources;
        errors.push(...boundErrors(item, requests, limits));
      }
    } else if (item.type === 'Pod') {
      const { requests, limits } = podTotals(pod);
      errors.push(...boundErrors(item, requests, limits));
    }
  }
  return errors;
}

function podTotals(pod: Shared<Pod>): { requests: ResourceList; limits: ResourceList } {
  const total = (which: 'requests' | 'limits') => ({
    ...aggregateContainerResources(pod.spec, which),
    ...pod.spec.resources?.[which],
  });
  return { requests: total('requests'), limits: total('limits') };
}

function claimErrors(range: Shared<LimitRange>, claim: Shared<PersistentVolumeClaim>): string[] {
  const requests = claim.spec.resources.requests ?? {};
  const errors: string[] = [];
  for (const item of range.spec.limits ?? []) {
    if (item.type !== 'PersistentVolumeClaim') continue;
    for (const [name, min] of Object.entries(item.min ?? {}))
      errors.push(...minErrors(item.type, name, min, requests, {}));
    for (const [name, max] of Object.entries(item.max ?? {})) {
      const prefix = `maximum ${name} usage per ${item.type} is ${quantity(max)}`;
      if (requests[name] === undefined) errors.push(`${prefix}.  No request is specified`);
      else if (above(requests[name], max)) errors.push(`${prefix}, but request is ${quantity(requests[name])}`);
    }
  }
  return errors;
}

const quantity = (text: string) => Quantity.parse(text).toString();
const above = (a: string, b: string) => Quantity.parse(a).cmp(Quantity.parse(b)) > 0;

function boundErrors(item: Shared<LimitRangeItem>, requests: ResourceList, limits: ResourceList): string[] {
  const { type } = item;
  const errors: string[] = [];
  for (const [name, min] of Object.entries(item.min ?? {}))
    errors.push(...minErrors(type, name, min, requests, limits));
  for (const [name, max] of Object.entries(item.max ?? {}))
    errors.push(...maxErrors(type, name, max, requests, limits));
  for (const [name, ratio] of Object.entries(item.maxLimitRequestRatio ?? {})) {
    errors.push(...ratioErrors(type, name, ratio, requests, limits));
  }
  return errors;
}

function minErrors(type: string, name: string, min: string, requests: ResourceList, limits: ResourceList): string[] {
  const prefix = `minimum ${name} usage per ${type} is ${quantity(min)}`;
  const [request, limit] = [requests[name], limits[name]];
  if (request === undefined) return [`${prefix}.  No request is specified`];
  if (above(min, request)) return [`${prefix}, but request is ${quantity(request)}`];
  if (limit !== undefined && above(min, limit)) return [`${prefix}, but limit is ${quantity(limit)}`];
  return [];
}

function maxErrors(type: string, name: string, max: string, requests: ResourceList, limits: ResourceList): string[] {
  const prefix = `maximum ${name} usage per ${type} is ${quantity(max)}`;
  const [request, limit] = [requests[name], limits[name]];
  if (limit === undefined) return [`${prefix}.  No limit is specified`];
  if (above(limit, max)) return [`${prefix}, but limit is ${quantity(limit)}`];
  if (request !== undefined && above(request, max)) return [`${prefix}, but request is ${quantity(request)}`];
  return [];
}

function ratioErrors(
  type: string,
  name: string,
  ratio: string,
  requests: ResourceList,
  limits: ResourceList,
): string[] {
  const prefix = `${name} max limit to request ratio per ${type} is ${quantity(ratio)}`;
  const request = Quantity.parse(requests[name] ?? '0');
  const limit = Quantity.parse(limits[name] ?? '0');
  if (request.isZero()) return [`${prefix}, but no request is specified or request is 0`];
  if (limit.isZero()) return [`${prefix}, but no limit is specified or limit is 0`];
  const observed = limit.toNumber() / request.toNumber();
  return observed > Quantity.parse(ratio).toNumber() ? [`${prefix}, but provided ratio is ${observed.toFixed(6)}`] : [];
}
