/** What an object uses of a resource quota, and which objects a quota counts (upstream pkg/quota/v1/evaluator). */
import type { KubeObject, Shared } from '../kind.ts';
import { Quantity } from '../machinery/quantity.ts';
import type { Container, PodAffinityTerm, ScopedResourceSelectorRequirement } from '../types/core-v1.ts';
import type { PersistentVolumeClaim } from './persistent-volume-claim.ts';
import type { Pod } from './pod.ts';
import { aggregateContainerResources, isPodLevelResource } from './pod-level-resources.ts';
import { podQosClass } from './pod-qos.ts';
import { addResources, type ResourceList } from './resource-list.ts';
import type { ResourceQuota } from './resource-quota.ts';
import type { Service } from './service.ts';

/** A resource by its names in URLs. */
export interface QuotaResource {
  readonly group: string;
  readonly plural: string;
}

/** Resources that are also counted under their bare name. */
const plainCounts: ReadonlySet<string> = new Set([
  'configmaps',
  'persistentvolumeclaims',
  'pods',
  'replicationcontrollers',
  'resourcequotas',
  'secrets',
  'services',
]);

/** `count/deployments.apps`, `count/pods`. */
export const countName = ({ group, plural }: QuotaResource): string => `count/${group ? `${plural}.${group}` : plural}`;

/** What one object uses, by the names that quotas limit. Objects of any kind count at least as one. */
export function quotaUsage(resource: QuotaResource, object: Shared<KubeObject>): ResourceList {
  const count = { [countName(resource)]: '1' };
  if (resource.group !== '') return count;
  switch (resource.plural) {
    case 'pods':
      return { ...count, ...podUsage(object as Shared<Pod>) };
    case 'services':
      return { ...count, ...serviceUsage(object as Shared<Service>) };
    case 'persistentvolumeclaims':
      return { ...count, ...claimUsage(object as Shared<PersistentVolumeClaim>) };
    default:
      return plainCounts.has(resource.plural) ? { ...count, [resource.plural]: '1' } : count;
  }
}

/** Pods that have ended use nothing but their place in `count/pods`. */
const isEnded = (pod: Shared<Pod>) => pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';

function podUsage(pod: Shared<Pod>): ResourceList {
  if (isEnded(pod)) return {};
  const total = (which: 'requests' | 'limits') =>
    addResources(
      { ...aggregateContainerResources(pod.spec, which), ...pod.spec.resources?.[which] },
      which === 'requests' || Object.keys(aggregateContainerResources(pod.spec, which)).length
        ? pod.spec.overhead
        : undefined,
    );
  const usage: Record<string, string> = { pods: '1' };
  for (const [name, value] of Object.entries(total('requests'))) {
    usage[`requests.${name}`] = value;
    if (!name.includes('/')) usage[name] = value;
  }
  for (const [name, value] of Object.entries(total('limits'))) {
    if (name === 'cpu' || name === 'memory' || name === 'ephemeral-storage') usage[`limits.${name}`] = value;
  }
  return usage;
}

function serviceUsage({ spec }: Shared<Service>): ResourceList {
  const usage: Record<string, string> = { services: '1', 'services.nodeports': '0', 'services.loadbalancers': '0' };
  const ports = spec.ports ?? [];
  if (spec.type === 'NodePort') usage['services.nodeports'] = String(ports.length);
  if (spec.type === 'LoadBalancer') {
    usage['services.loadbalancers'] = '1';
    const taken = spec.allocateLoadBalancerNodePorts === false ? ports.filter((port) => port.nodePort) : ports;
    usage['services.nodeports'] = String(taken.length);
  }
  return usage;
}

function claimUsage(claim: Shared<PersistentVolumeClaim>): ResourceList {
  const usage: Record<string, string> = { persistentvolumeclaims: '1' };
  const storageClass =
    claim.metadata.annotations?.['volume.beta.kubernetes.io/storage-class'] ?? claim.spec.storageClassName ?? '';
  const prefix = `${storageClass}.storageclass.storage.k8s.io/`;
  if (storageClass) usage[`${prefix}persistentvolumeclaims`] = '1';
  const requested = claim.spec.resources.requests?.['storage'];
  if (requested !== undefined) {
    const allocated = claim.status?.allocatedResources?.['storage'];
    const size =
      allocated !== undefined && Quantity.parse(allocated).cmp(Quantity.parse(requested)) > 0 ? allocated : requested;
    usage['requests.storage'] = size;
    if (storageClass) usage[`${prefix}requests.storage`] = size;
  }
  return usage;
}

type Requirement = Shared<ScopedResourceSelectorRequirement>;

function usesOtherNamespaces(pod: Shared<Pod>): boolean {
  const { podAffinity, podAntiAffinity } = pod.spec.affinity ?? {};
  const terms: Shared<PodAffinityTerm>[] = [podAffinity, podAntiAffinity].flatMap((affinity) => [
    ...(affinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []),
    ...(affinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map((term) => term.podAffinityTerm),
  ]);
  return terms.some((term) => (term.namespaces?.length ?? 0) > 0 || term.namespaceSelector !== undefined);
}

function matchesValue({ operator, values }: Requirement, value: string | undefined): boolean {
  switch (operator) {
    case 'In':
      return value !== undefined && (values ?? []).includes(value);
    case 'NotIn':
      return value === undefined || !(values ?? []).includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    default:
      return false;
  }
}

/** Whether an object has what a scope asks for. */
export function matchesScope(resource: QuotaResource, object: Shared<KubeObject>, requirement: Requirement): boolean {
  if (resource.group !== '') return false;
  if (resource.plural === 'persistentvolumeclaims') {
    const { volumeAttributesClassName } = (object as Shared<PersistentVolumeClaim>).spec;
    return (
      requirement.scopeName === 'VolumeAttributesClass' &&
      matchesValue(requirement, volumeAttributesClassName || undefined)
    );
  }
  if (resource.plural !== 'pods') return false;
  const pod = object as Shared<Pod>;
  switch (requirement.scopeName) {
    case 'Terminating':
      return pod.spec.activeDeadlineSeconds !== undefined;
    case 'NotTerminating':
      return pod.spec.activeDeadlineSeconds === undefined;
    case 'BestEffort':
      return podQosClass(pod.spec) === 'BestEffort';
    case 'NotBestEffort':
      return podQosClass(pod.spec) !== 'BestEffort';
    case 'PriorityClass':
      return matchesValue(requirement, pod.spec.priorityClassName || undefined);
    case 'CrossNamespacePodAffinity':
      return usesOtherNamespaces(pod);
    default:
      return false;
  }
}

/** All that a quota's scopes and scope selector ask for. */
export function scopeRequirements(quota: Shared<ResourceQuota>): readonly Requirement[] {
  return [
    ...(quota.spec.scopes ?? []).map((scopeName): Requirement => ({ scopeName, operator: 'Exists' })),
    ...(quota.spec.scopeSelector?.matchExpressions ?? []),
  ];
}

/** Whether a quota counts an object: every scope matches. */
export const isCountedBy = (
  quota: Shared<ResourceQuota>,
  resource: QuotaResource,
  object: Shared<KubeObject>,
): boolean => scopeRequirements(quota).every((requirement) => matchesScope(resource, object, requirement));

/**
 * The compute resources that a quota limits and that containers of a new pod leave open, as upstream words it
 * (`must specify limits.cpu for: a,b`); undefined where nothing is missing.
 */
export function missingCompute(limited: readonly string[], pod: Shared<Pod>): string | undefined {
  const asked = limited
    .map((name) =>
      /^(cpu|memory|ephemeral-storage)$/.test(name) ? { name, which: 'requests' as const, of: name } : parts(name),
    )
    .filter((one) => one !== undefined);
  const parted: string[] = [];
  for (const { name, which, of } of asked.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    if (pod.spec.resources?.[which]?.[of] !== undefined && isPodLevelResource(of)) continue;
    const open = [...pod.spec.containers, ...(pod.spec.initContainers ?? [])]
      .filter((container: Shared<Container>) => container.resources[which]?.[of] === undefined)
      .map((container) => container.name);
    if (open.length) parted.push(`${name} for: ${[...new Set(open)].sort().join(',')}`);
  }
  return parted.length ? `must specify ${parted.join('; ')}` : undefined;
}

function parts(name: string): { name: string; which: 'requests' | 'limits'; of: string } | undefined {
  const match = /^(requests|limits)\.(cpu|memory|ephemeral-storage)$/.exec(name);
  return match ? { name, which: match[1] as 'requests' | 'limits', of: match[2]! } : undefined;
}
