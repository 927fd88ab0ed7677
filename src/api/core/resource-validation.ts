/** Validation of resource names and quantities: what containers, pods and claims request. */
import type { DeepReadonly } from '../../base/deep.ts';
import {
  at,
  child,
  duplicate,
  type FieldError,
  forbidden,
  invalid,
  notFoundField,
  notSupported,
  required,
} from '../machinery/field-error.ts';
import { dns1123Label, qualifiedName } from '../machinery/names.ts';
import { Quantity } from '../machinery/quantity.ts';
import type { ResourceClaim, ResourceRequirements } from '../types/core-v1.ts';
import { invalidEach, nonNegativeMessage } from './field-rules.ts';
import { isPodLevelResource } from './pod-level-resources.ts';
import type { ResourceList } from './resource-list.ts';

const computeResources = ['cpu', 'memory', 'ephemeral-storage'];
const countedResources = new Set([
  'pods',
  'resourcequotas',
  'services',
  'replicationcontrollers',
  'secrets',
  'configmaps',
  'persistentvolumeclaims',
  'services.nodeports',
  'services.loadbalancers',
]);
const standardResources = new Set([
  ...computeResources,
  ...computeResources.flatMap((name) => [`requests.${name}`, `limits.${name}`]),
  ...countedResources,
  'storage',
  'requests.storage',
]);

/** Whether the name stands for pages of memory of one size. */
export const isHugePages = (name: string): boolean => name.startsWith('hugepages-');

/** Whether Kubernetes itself defines the resource: no domain, or one of its own. */
export const isNativeResource = (name: string): boolean => !name.includes('/') || name.includes('kubernetes.io/');

/** Whether the resource comes from a device plugin or an operator: `example.com/gpu`. */
export const isExtendedResource = (name: string): boolean =>
  !isNativeResource(name) && !name.startsWith('requests.') && qualifiedName(`requests.${name}`).length === 0;

/** Whether a request may be lower than the limit. */
export const isOvercommitAllowed = (name: string): boolean => isNativeResource(name) && !isHugePages(name);

/** Whether only whole amounts make sense. */
export const isIntegerResource = (name: string): boolean => countedResources.has(name) || isExtendedResource(name);

export const isStandardResource = (name: string): boolean =>
  standardResources.has(name) || isHugePages(name) || name.startsWith('requests.hugepages-');

/** A resource name as any list may have it. */
export function validateResourceName(name: string, path: string): FieldError[] {
  const messages = qualifiedName(name);
  if (messages.length) return invalidEach(path, name, messages);
  return name.includes('/') || isStandardResource(name)
    ? []
    : [invalid(path, name, 'must be a standard resource type or fully qualified')];
}

/** A resource name that containers may request. */
export function validateContainerResourceName(name: string, path: string): FieldError[] {
  const errors = validateResourceName(name, path);
  if (!name.includes('/')) {
    if (!computeResources.includes(name) && !isHugePages(name)) {
      errors.push(invalid(path, name, 'must be a standard resource for containers'));
    }
  } else if (!isNativeResource(name) && !isExtendedResource(name)) {
    errors.push(invalid(path, name, "doesn't follow extended resource name standard"));
  }
  return errors;
}

function validatePodResourceName(name: string, path: string): FieldError[] {
  const errors = validateResourceName(name, path);
  if (errors.length || isPodLevelResource(name)) return errors;
  return [notSupported(path, name, ['cpu', 'hugepages-', 'memory'])];
}

/** A quantity that is not negative, and whole where only that makes sense. */
export function validateResourceQuantity(name: string, text: string, path: string): FieldError[] {
  const quantity = Quantity.tryParse(text);
  if (!quantity) return [invalid(path, text, 'must be a valid quantity')];
  const errors = quantity.sign() < 0 ? [invalid(path, text, nonNegativeMessage)] : [];
  if (isIntegerResource(name) && BigInt(quantity.milliValue()) % 1000n !== 0n) {
    errors.push(invalid(path, text, 'must be an integer'));
  }
  return errors;
}

function validateHugePages(name: string, text: string, path: string): FieldError[] {
  const size = Quantity.tryParse(name.slice('hugepages-'.length));
  const quantity = Quantity.tryParse(text);
  if (!size || !quantity || size.sign() <= 0) return [];
  return BigInt(quantity.value()) % BigInt(size.value()) === 0n
    ? []
    : [invalid(path, text, `${text} is not positive integer multiple of ${name}`)];
}

/** A list of quantities with a rule for the names. */
export function validateResourceList(
  list: ResourceList | undefined,
  path: string,
  validateName: (name: string, path: string) => FieldError[] = validateResourceName,
): FieldError[] {
  return Object.entries(list ?? {}).flatMap(([name, text]) => [
    ...validateName(name, at(path, name)),
    ...validateResourceQuantity(name, text, at(path, name)),
  ]);
}

interface RequirementRules {
  readonly claimNames: ReadonlySet<string>;
  readonly validateName?: (name: string, path: string) => FieldError[];
}

/** What a container asks for: requests within limits, and claims that the pod has. */
export function validateContainerResources(
  requirements: DeepReadonly<ResourceRequirements>,
  path: string,
  rules: RequirementRules,
): FieldError[] {
  const { limits = {}, requests = {} } = requirements;
  if (requirements.limits === undefined && requirements.requests === undefined && !requirements.claims) return [];
  const validateName = rules.validateName ?? validateContainerResourceName;
  const errors = validateResourceList(limits, child(path, 'limits'), validateName);
  errors.push(...validateResourceList(requests, child(path, 'requests'), validateName));
  for (const [name, text] of Object.entries(limits)) {
    if (isHugePages(name)) errors.push(...validateHugePages(name, text, at(child(path, 'limits'), name)));
  }
  for (const [name, text] of Object.entries(requests)) {
    if (isHugePages(name)) errors.push(...validateHugePages(name, text, at(child(path, 'requests'), name)));
    errors.push(...validateRequestWithinLimit(name, text, { limit: limits[name], path }));
  }
  const names = [...Object.keys(limits), ...Object.keys(requests)];
  if (names.some(isHugePages) && !names.includes('cpu') && !names.includes('memory')) {
    errors.push(forbidden(path, 'HugePages require cpu or memory'));
  }
  errors.push(...validateClaimNames(requirements.claims, rules.claimNames, child(path, 'claims')));
  return errors;
}

function validateRequestWithinLimit(
  name: string,
  text: string,
  { limit, path }: { limit: string | undefined; path: string },
): FieldError[] {
  if (limit === undefined) {
    return isOvercommitAllowed(name)
      ? []
      : [required(child(path, 'limits'), 'Limit must be set for non overcommitable resources')];
  }
  const order = Quantity.tryParse(text)?.cmp(Quantity.tryParse(limit) ?? Quantity.zero) ?? 0;
  const requestsPath = child(path, 'requests');
  if (order !== 0 && !isOvercommitAllowed(name)) {
    return [invalid(requestsPath, text, `must be equal to ${name} limit of ${limit}`)];
  }
  return order > 0 ? [invalid(requestsPath, text, `must be less than or equal to ${name} limit of ${limit}`)] : [];
}

/** The resources of the pod as a whole. */
export function validatePodLevelResources(
  requirements: DeepReadonly<ResourceRequirements>,
  path: string,
): FieldError[] {
  const errors = requirements.claims
    ? [forbidden(child(path, 'claims'), 'claims cannot be set for Resources at pod-level')]
    : [];
  const { claims: _, ...rest } = requirements;
  return [
    ...errors,
    ...validateContainerResources(rest, path, { claimNames: new Set(), validateName: validatePodResourceName }),
  ];
}

function validateClaimNames(
  claims: readonly DeepReadonly<ResourceClaim>[] | undefined,
  podClaims: ReadonlySet<string>,
  path: string,
): FieldError[] {
  const seen = new Set<string>();
  return (claims ?? []).flatMap(({ name, request }, i) => {
    if (!name) return [required(at(path, i))];
    const requestPath = child(at(path, i), 'request');
    const errors = request ? invalidEach(requestPath, request, dns1123Label(request)) : [];
    const key = `${name}/${request ?? ''}`;
    if (seen.has(key)) errors.push(duplicate(at(path, i), name));
    seen.add(key);
    if (!podClaims.has(name)) {
      const known = podClaims.size ? `: ${[...podClaims].sort().join(', ')}` : ' which is empty';
      const detail = `must be one of the names in pod.spec.resourceClaims${known}`;
      errors.push({ ...notFoundField(at(path, i), name), detail });
    }
    return errors;
  });
}
