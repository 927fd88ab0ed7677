/** Validation of pods on create, update and status update. */
import { isIPv4, isIPv6 } from 'node:net';
import type { DeepReadonly } from '../../base/deep.ts';
import { at, child, duplicate, type FieldError, forbidden, invalid } from '../machinery/field-error.ts';
import { dns1123Subdomain, qualifiedName } from '../machinery/names.ts';
import { validateImmutable } from '../machinery/object-meta.ts';
import type { ContainerStatus, Pod, PodStatus } from '../types/core-v1.ts';
import { validateImagePadding } from './container-validation.ts';
import { invalidEach } from './field-rules.ts';
import { validateIp } from './ip-rules.ts';
import { validatePodAnnotations, validatePodAnnotationUpdate } from './pod-annotation-validation.ts';
import { validatePodSpec } from './pod-spec-validation.ts';
import { validateProfilesAgree } from './profile-annotations.ts';

type SharedPod = DeepReadonly<Pod>;

/** What holds for every pod at any time. */
export function validatePod({ metadata, spec }: SharedPod): FieldError[] {
  const errors = [
    ...validatePodAnnotations(metadata.annotations, spec, 'metadata.annotations'),
    ...validatePodSpec(spec, 'spec', { isPod: true, podName: metadata.name }),
  ];
  if (!spec.serviceAccountName) {
    for (const [i, volume] of (spec.volumes ?? []).entries()) {
      for (const [j, source] of (volume.projected?.sources ?? []).entries()) {
        if (!source.serviceAccountToken) continue;
        const path = `spec.volumes[${i}].projected.sources[${j}].serviceAccountToken`;
        errors.push(forbidden(path, 'must not be specified when serviceAccountName is not set'));
      }
    }
  }
  for (const list of ['containers', 'initContainers'] as const) {
    for (const [i, container] of (spec[list] ?? []).entries()) {
      errors.push(...validateImagePadding(container, `spec.${list}[${i}]`));
    }
  }
  return errors;
}

/** What a new pod may not have yet. */
export function validatePodCreate({ metadata, spec }: SharedPod): FieldError[] {
  const errors: FieldError[] = [];
  if (spec.ephemeralContainers?.length) errors.push(forbidden('spec.ephemeralContainers', 'cannot be set on create'));
  if (spec.nodeName && spec.schedulingGates?.length) {
    errors.push(forbidden('spec.nodeName', 'cannot be set until all schedulingGates have been cleared'));
  }
  return [...errors, ...validateProfilesAgree(metadata.annotations, spec, 'spec')];
}

/** What the status subresource may not report. */
export function validatePodStatusUpdate(pod: SharedPod, old: SharedPod): FieldError[] {
  const { status } = pod;
  const errors = validatePodAnnotationUpdate(
    pod.metadata.annotations,
    old.metadata.annotations,
    'metadata.annotations',
  );
  for (const [i, { type }] of (status.conditions ?? []).entries()) {
    if (type === 'PodScheduled' || type === 'Ready' || type === 'Initialized') continue;
    errors.push(...invalidEach(`metadata.conditions[${i}].Type`, type, qualifiedName(type)));
  }
  const nominated = status.nominatedNodeName;
  if (nominated && nominated !== old.status.nominatedNodeName) {
    errors.push(...invalidEach('status.nominatedNodeName', nominated, dns1123Subdomain(nominated)));
  }
  errors.push(...validateImmutable(status.qosClass, old.status.qosClass, 'status.qosClass'));
  const { restartPolicy = 'Always', containers, initContainers = [] } = old.spec;
  const all = [...containers, ...initContainers];
  // One whose rules start the whole pod over lets every container of it run again.
  const startsOver = all.some((c) => c.restartPolicyRules?.some(({ action }) => action === 'RestartAllContainers'));
  const ruled = new Set(all.filter((c) => startsOver || c.restartPolicy || c.restartPolicyRules).map((c) => c.name));
  for (const [list, policy] of [
    ['containerStatuses', restartPolicy],
    ['initContainerStatuses', restartPolicy],
    ['ephemeralContainerStatuses', 'Never'],
  ] as const) {
    errors.push(...validateTransitions(status[list], old.status[list], { path: `status.${list}`, policy, ruled }));
  }
  errors.push(...validateClaimStatuses(pod), ...validateIps(status.podIPs, 'status.podIPs'));
  return [...errors, ...validateHostIps(status)];
}

/** A container that may not restart stays terminated. Containers with rules of their own are left to the kubelet. */
function validateTransitions(
  statuses: readonly DeepReadonly<ContainerStatus>[] | undefined,
  old: readonly DeepReadonly<ContainerStatus>[] | undefined,
  { path, policy, ruled }: { path: string; policy: string; ruled: ReadonlySet<string> },
): FieldError[] {
  if (policy === 'Always') return [];
  return (old ?? []).flatMap((before, i) => {
    const { terminated } = before.state;
    if (!terminated || ruled.has(before.name)) return [];
    if (terminated.exitCode !== 0 && policy === 'OnFailure') return [];
    const after = statuses?.find((s) => s.name === before.name);
    return after && !after.state.terminated
      ? [forbidden(child(at(path, i), 'state'), 'may not be transitioned to non-terminated state')]
      : [];
  });
}

function validateClaimStatuses({ spec, status }: SharedPod): FieldError[] {
  const seen = new Set<string>();
  return (status.resourceClaimStatuses ?? []).flatMap(({ name, resourceClaimName }, i) => {
    const path = `status.resourceClaimStatuses[${i}].name`;
    const errors: FieldError[] = [];
    if (!spec.resourceClaims?.some((c) => c.name === name)) {
      errors.push(invalid(path, name, 'must match the name of an entry in `spec.resourceClaims`'));
    }
    if (seen.has(name)) errors.push(duplicate(path, name));
    seen.add(name);
    if (resourceClaimName === undefined) return errors;
    return [...errors, ...invalidEach(path, resourceClaimName, dns1123Subdomain(resourceClaimName))];
  });
}

function validateIps(ips: readonly { readonly ip: string }[] | undefined, path: string): FieldError[] {
  if (!ips?.length) return [];
  const errors = ips.flatMap(({ ip }, i) => validateIp(ip, at(path, i)));
  if (ips.length === 1) return errors;
  const dual = ips.length === 2 && ips.some(({ ip }) => isIPv4(ip)) && ips.some(({ ip }) => isIPv6(ip));
  if (!dual) errors.push(invalid(path, ips, 'may specify no more than one IP for each IP family'));
  for (const [i, { ip }] of ips.entries()) {
    if (ips.findIndex((other) => other.ip === ip) < i) errors.push(duplicate(at(path, i), ips[i]));
  }
  return errors;
}

function validateHostIps({ hostIP, hostIPs }: DeepReadonly<PodStatus>): FieldError[] {
  if (!hostIPs?.length) return [];
  const errors =
    hostIPs[0]!.ip === hostIP ? [] : [invalid('status.hostIPs[0].ip', hostIPs[0]!.ip, 'must be equal to `hostIP`')];
  return [...errors, ...validateIps(hostIPs, 'status.hostIPs')];
}
