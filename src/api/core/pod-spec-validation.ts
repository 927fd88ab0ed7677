/** Validation of pod specs, in pods and in the templates of other kinds. */
import type { DeepReadonly } from '../../base/deep.ts';
import { at, child, duplicate, type FieldError, forbidden, invalid, required } from '../machinery/field-error.ts';
import { dns1123Label, dns1123Subdomain, inclusiveRange, qualifiedName } from '../machinery/names.ts';
import { validateAnnotations, validateLabels } from '../machinery/object-meta.ts';
import { Quantity } from '../machinery/quantity.ts';
import type { PodResourceClaim, PodSpec, PodTemplateSpec } from '../types/core-v1.ts';
import { validateAffinity } from './affinity-validation.ts';
import {
  type PodSurroundings,
  validateContainers,
  validateEphemeralContainers,
  validateInitContainers,
} from './container-validation.ts';
import { validateDnsConfig, validateHostAliases } from './dns-config-validation.ts';
import { invalidEach, validateChoice } from './field-rules.ts';
import { validatePodAnnotations } from './pod-annotation-validation.ts';
import { aggregateContainerResources } from './pod-level-resources.ts';
import { validateProfilesAgree } from './profile-annotations.ts';
import {
  validateContainerResourceName,
  validatePodLevelResources,
  validateResourceList,
} from './resource-validation.ts';
import { validateHostUsers, validatePodSecurityContext } from './security-context-validation.ts';
import { validateTolerations } from './toleration-validation.ts';
import { validateTopologySpread } from './topology-spread-validation.ts';
import { validateVolumes } from './volume-validation.ts';
import { validateHostProcess, validateOs } from './windows-validation.ts';

type SharedSpec = DeepReadonly<PodSpec>;

/** The largest 32-bit number, which bounds every number of seconds. */
const maxInt32 = 2147483647;

/** Whether the spec is a pod's own; its name is part of the names of ephemeral claims. */
export interface PodSpecPlace {
  readonly isPod: boolean;
  readonly podName?: string | undefined;
}

/** A pod template: metadata, spec, and no ephemeral containers. */
export function validatePodTemplate(template: DeepReadonly<PodTemplateSpec>, path: string): FieldError[] {
  const { metadata, spec } = template;
  const specPath = child(path, 'spec');
  const errors = [
    ...validateLabels(metadata.labels, child(path, 'labels')),
    ...validateAnnotations(metadata.annotations, child(path, 'annotations')),
    ...validatePodAnnotations(metadata.annotations, spec, child(path, 'annotations')),
    ...validatePodSpec(spec, specPath, { isPod: false }),
    ...validateProfilesAgree(metadata.annotations, spec, specPath),
  ];
  if (spec.ephemeralContainers?.length) {
    errors.push(forbidden(child(specPath, 'ephemeralContainers'), 'ephemeral containers not allowed in pod template'));
  }
  return errors;
}

/** Everything in a pod spec that does not depend on other objects. */
export function validatePodSpec(spec: SharedSpec, path: string, place: PodSpecPlace): FieldError[] {
  const pod: PodSurroundings = {
    spec,
    volumes: new Map((spec.volumes ?? []).map((volume) => [volume.name, volume])),
    claimNames: new Set((spec.resourceClaims ?? []).map((claim) => claim.name).filter(Boolean)),
  };
  const gracePath = child(path, 'terminationGracePeriodSeconds');
  return [
    ...(spec.terminationGracePeriodSeconds === undefined ? [required(gracePath)] : []),
    ...validateVolumes(spec.volumes, place.podName, child(path, 'volumes')),
    ...validateResourceClaims(spec.resourceClaims, child(path, 'resourceClaims')),
    ...validateContainers(pod, child(path, 'containers')),
    ...validateInitContainers(pod, child(path, 'initContainers')),
    ...validateEphemeralContainers(pod, child(path, 'ephemeralContainers')),
    ...validateResources(spec, child(path, 'resources')),
    ...validateHostNetworkPorts(spec, path, place),
    ...validateChoice(spec.restartPolicy, ['Always', 'OnFailure', 'Never'], child(path, 'restartPolicy')),
    ...validateChoice(
      spec.dnsPolicy,
      ['ClusterFirstWithHostNet', 'ClusterFirst', 'Default', 'None'],
      child(path, 'dnsPolicy'),
    ),
    ...validateLabels(spec.nodeSelector, child(path, 'nodeSelector')),
    ...validatePodSecurityContext(spec, child(path, 'securityContext')),
    ...validateAffinity(spec.affinity, child(path, 'affinity')),
    ...validateDnsConfig(spec.dnsConfig, spec.dnsPolicy, child(path, 'dnsConfig')),
    ...validateGates(spec, path),
    ...validateTopologySpread(spec.topologySpreadConstraints, child(path, 'topologySpreadConstraints')),
    ...validateHostProcess(spec, path),
    ...validateHostUsers(spec, path),
    ...validateNames(spec, path),
    ...validateActiveDeadline(spec.activeDeadlineSeconds, child(path, 'activeDeadlineSeconds')),
    ...validateTolerations(spec.tolerations, child(path, 'tolerations')),
    ...validateHostAliases(spec.hostAliases, child(path, 'hostAliases')),
    ...(spec.preemptionPolicy === undefined
      ? []
      : validateChoice(spec.preemptionPolicy, ['PreemptLowerPriority', 'Never'], child(path, 'preemptionPolicy'))),
    ...validateResourceList(spec.overhead, child(child(path, 'overhead'), 'limits'), validateContainerResourceName),
    ...validateOs(spec, path),
  ];
}

function validateResourceClaims(
  claims: readonly DeepReadonly<PodResourceClaim>[] | undefined,
  path: string,
): FieldError[] {
  const names = new Set<string>();
  return (claims ?? []).flatMap((claim, i) => {
    const itemPath = at(path, i);
    const { name, resourceClaimName, resourceClaimTemplateName } = claim;
    const errors: FieldError[] = [];
    if (!name) errors.push(required(child(itemPath, 'name')));
    else if (names.has(name)) errors.push(duplicate(child(itemPath, 'name'), name));
    else errors.push(...invalidEach(child(itemPath, 'name'), name, dns1123Label(name)));
    names.add(name);
    if (resourceClaimName !== undefined && resourceClaimTemplateName !== undefined) {
      const detail = 'at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified';
      errors.push(invalid(itemPath, claim, detail));
    } else if (resourceClaimName === undefined && resourceClaimTemplateName === undefined) {
      const detail = 'must specify one of: `resourceClaimName`, `resourceClaimTemplateName`';
      errors.push(invalid(itemPath, claim, detail));
    }
    for (const [field, value] of Object.entries({ resourceClaimName, resourceClaimTemplateName })) {
      if (value !== undefined) errors.push(...invalidEach(child(itemPath, field), value, dns1123Subdomain(value)));
    }
    return errors;
  });
}

/** Pod-level resources cover what the containers ask for. */
function validateResources(spec: SharedSpec, path: string): FieldError[] {
  const { resources } = spec;
  if (!resources) return [];
  const errors = validatePodLevelResources(resources, path);
  const requestsPath = child(path, 'requests');
  for (const [name, text] of Object.entries(aggregateContainerResources(spec, 'requests'))) {
    const own = resources.requests?.[name];
    if (own === undefined && resources.limits === undefined && !resources.requests) continue;
    const asked = Quantity.tryParse(text);
    if (asked && asked.cmp(Quantity.tryParse(own) ?? Quantity.zero) > 0) {
      const detail = `must be greater than or equal to aggregate container requests of ${text}`;
      errors.push(invalid(at(requestsPath, name), own ?? '0', detail));
    }
  }
  for (const [i, container] of spec.containers.entries()) {
    for (const [name, text] of Object.entries(container.resources.limits ?? {})) {
      const own = Quantity.tryParse(resources.limits?.[name]);
      if (!own || (Quantity.tryParse(text)?.cmp(own) ?? 0) <= 0) continue;
      const limitPath = `${at(at(child(path, 'containers'), i), name)}.limits`;
      errors.push(invalid(limitPath, text, `must be less than or equal to pod limits of ${own}`));
    }
  }
  return errors;
}

/** On the node's network a container's port is the node's; templates may leave that to the pod's defaults. */
function validateHostNetworkPorts(spec: SharedSpec, path: string, { isPod }: PodSpecPlace): FieldError[] {
  if (!spec.hostNetwork) return [];
  const errors: FieldError[] = [];
  for (const [i, container] of spec.containers.entries()) {
    for (const [j, { hostPort = 0, containerPort }] of (container.ports ?? []).entries()) {
      if ((!isPod && hostPort === 0) || hostPort === containerPort) continue;
      const portPath = child(at(child(at(child(path, 'containers'), i), 'ports'), j), 'hostPort');
      errors.push(invalid(portPath, hostPort, 'must match `containerPort` when `hostNetwork` is true'));
    }
  }
  return errors;
}

function validateGates({ readinessGates, schedulingGates }: SharedSpec, path: string): FieldError[] {
  const errors = (readinessGates ?? []).flatMap(({ conditionType }, i) =>
    invalidEach(
      child(at(child(path, 'readinessGates'), i), 'conditionType'),
      conditionType,
      qualifiedName(conditionType),
    ),
  );
  const seen = new Set<string>();
  for (const [i, { name }] of (schedulingGates ?? []).entries()) {
    const gatePath = at(child(path, 'schedulingGates'), i);
    errors.push(...invalidEach(gatePath, name, qualifiedName(name)));
    if (seen.has(name)) errors.push(duplicate(gatePath, name));
    seen.add(name);
  }
  return errors;
}

function validateNames(spec: SharedSpec, path: string): FieldError[] {
  const rules = [
    ['serviceAccountName', dns1123Subdomain],
    ['nodeName', dns1123Subdomain],
    ['hostname', dns1123Label],
    ['subdomain', dns1123Label],
    ['priorityClassName', dns1123Subdomain],
  ] as const;
  const errors = rules.flatMap(([field, check]) => {
    const value = spec[field];
    return value ? invalidEach(child(path, field), value, check(value)) : [];
  });
  const { runtimeClassName, hostnameOverride } = spec;
  if (runtimeClassName !== undefined) {
    errors.push(...invalidEach(child(path, 'runtimeClassName'), runtimeClassName, dns1123Subdomain(runtimeClassName)));
  }
  if (hostnameOverride === undefined) return errors;
  const overridePath = child(path, 'hostnameOverride');
  errors.push(...invalidEach(overridePath, hostnameOverride, dns1123Subdomain(hostnameOverride)));
  if (hostnameOverride.length > 64)
    errors.push(invalid(overridePath, hostnameOverride, 'must be no more than 64 characters'));
  if (spec.setHostnameAsFQDN) {
    errors.push(forbidden(overridePath, 'must not be set when `setHostnameAsFQDN` is true'));
  }
  if (spec.hostNetwork) errors.push(forbidden(overridePath, 'must not be set when `hostNetwork` is true'));
  return errors;
}

function validateActiveDeadline(seconds: number | undefined, path: string): FieldError[] {
  return seconds !== undefined && (seconds < 1 || seconds > maxInt32)
    ? [invalid(path, seconds, inclusiveRange(1, maxInt32))]
    : [];
}
