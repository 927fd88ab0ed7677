/** Validation of the containers of a pod: main, init and ephemeral ones. */
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
import { dns1123Label, portName, portNumber } from '../machinery/names.ts';
import type { Container, ContainerPort, ContainerResizePolicy, EphemeralContainer, PodSpec } from '../types/core-v1.ts';
import { validateRestartRules } from './container-restart-validation.ts';
import { validateEnv, validateEnvFrom } from './env-validation.ts';
import { invalidEach, validateChoice, validateRequiredName } from './field-rules.ts';
import { validateLifecycle, validateProbe } from './probe-validation.ts';
import { validateContainerResources } from './resource-validation.ts';
import { validateSecurityContext } from './security-context-validation.ts';
import { type VolumesByName, validateVolumeDevices, validateVolumeMounts } from './volume-mount-validation.ts';

type SharedContainer = DeepReadonly<Container>;

/** What containers refer to in their pod. */
export interface PodSurroundings {
  readonly spec: DeepReadonly<PodSpec>;
  readonly volumes: VolumesByName;
  readonly claimNames: ReadonlySet<string>;
}

/** The main containers: one at least, with names of their own and no host port twice. */
export function validateContainers(pod: PodSurroundings, path: string): FieldError[] {
  const { containers } = pod.spec;
  if (!containers?.length) return [required(path)];
  const names = new Set<string>();
  const errors = containers.flatMap((container, i) => {
    const itemPath = at(path, i);
    const found = validateCommon(container, pod, itemPath);
    if (names.has(container.name)) found.push(duplicate(child(itemPath, 'name'), container.name));
    names.add(container.name);
    found.push(...validateLongRunning(container, pod, itemPath));
    return [...found, ...validateRestartRules(container, itemPath, { init: false })];
  });
  return [...errors, ...validateHostPorts(containers, path)];
}

/** Said of an init container that would restart when it is resized, although it never is. */
export const notResized = "must be 'NotRequired' for init containers without restartPolicy=Always";

/** The init containers; those that restart always are sidecars, with probes and hooks. */
export function validateInitContainers(pod: PodSurroundings, path: string): FieldError[] {
  const names = new Set(pod.spec.containers.map((c) => c.name));
  return (pod.spec.initContainers ?? []).flatMap((container, i) => {
    const itemPath = at(path, i);
    const errors = validateCommon(container, pod, itemPath);
    errors.push(...validateRestartRules(container, itemPath, { init: true }));
    if (names.has(container.name)) errors.push(duplicate(child(itemPath, 'name'), container.name));
    else if (container.name) names.add(container.name);
    errors.push(...validateHostPorts([container], path));
    if (container.restartPolicy === 'Always') return [...errors, ...validateLongRunning(container, pod, itemPath)];
    for (const name of ['lifecycle', 'livenessProbe', 'readinessProbe', 'startupProbe'] as const) {
      if (container[name] === undefined) continue;
      errors.push(forbidden(child(itemPath, name), 'may not be set for init containers without restartPolicy=Always'));
    }
    if (container.resizePolicy?.some((policy) => policy.restartPolicy === 'RestartContainer')) {
      errors.push(invalid(child(itemPath, 'resizePolicy'), 'RestartContainer', notResized));
    }
    return errors;
  });
}

const ephemeralFields = new Set([
  'name',
  'image',
  'command',
  'args',
  'workingDir',
  'envFrom',
  'env',
  'volumeMounts',
  'volumeDevices',
  'terminationMessagePath',
  'terminationMessagePolicy',
  'imagePullPolicy',
  'securityContext',
  'stdin',
  'stdinOnce',
  'tty',
  'targetContainerName',
]);

/** The ephemeral containers: for looking into a pod, so without anything that a service needs. */
export function validateEphemeralContainers(pod: PodSurroundings, path: string): FieldError[] {
  const others = new Set([...pod.spec.containers, ...(pod.spec.initContainers ?? [])].map((c) => c.name));
  const names = new Set(others);
  const detail = 'cannot be set for an Ephemeral Container';
  return (pod.spec.ephemeralContainers ?? []).flatMap((container, i) => {
    const itemPath = at(path, i);
    const errors = validateCommon(container as SharedContainer, pod, itemPath);
    errors.push(...validateImagePadding(container, itemPath));
    if (names.has(container.name)) errors.push(duplicate(child(itemPath, 'name'), container.name));
    names.add(container.name);
    const target = container.targetContainerName;
    if (target && !others.has(target)) errors.push(notFoundField(child(itemPath, 'targetContainerName'), target));
    for (const name of Object.keys(container) as (keyof EphemeralContainer)[]) {
      if (ephemeralFields.has(name)) continue;
      if (name === 'resources' && Object.keys(container.resources).length === 0) continue;
      errors.push(forbidden(child(itemPath, name), detail));
    }
    for (const [j, mount] of (container.volumeMounts ?? []).entries()) {
      const mountPath = at(child(itemPath, 'volumeMounts'), j);
      if (mount.subPath) errors.push(forbidden(child(mountPath, 'subPath'), detail));
      if (mount.subPathExpr) errors.push(forbidden(child(mountPath, 'subPathExpr'), detail));
    }
    return errors;
  });
}

function validateCommon(container: SharedContainer, pod: PodSurroundings, path: string): FieldError[] {
  const errors = validateRequiredName(container.name, dns1123Label, child(path, 'name'));
  if (!container.image) errors.push(required(child(path, 'image')));
  const messagePolicies = ['File', 'FallbackToLogsOnError'];
  errors.push(
    ...validateChoice(container.terminationMessagePolicy, messagePolicies, child(path, 'terminationMessagePolicy')),
    ...validatePorts(container.ports, child(path, 'ports')),
    ...validateEnv(container.env, child(path, 'env')),
    ...validateEnvFrom(container.envFrom, child(path, 'envFrom')),
    ...validateVolumeMounts(container, pod.volumes, child(path, 'volumeMounts')),
    ...validateVolumeDevices(container, pod.volumes, child(path, 'volumeDevices')),
    ...validateChoice(container.imagePullPolicy, ['Always', 'IfNotPresent', 'Never'], child(path, 'imagePullPolicy')),
    ...validateContainerResources(container.resources, child(path, 'resources'), { claimNames: pod.claimNames }),
    ...validateResizePolicy(container.resizePolicy, pod.spec.restartPolicy, child(path, 'resizePolicy')),
    ...validateSecurityContext(container.securityContext, pod.spec.hostUsers ?? true, child(path, 'securityContext')),
  );
  return errors;
}

function validateLongRunning(container: SharedContainer, { spec }: PodSurroundings, path: string): FieldError[] {
  return [
    ...validateLifecycle(container.lifecycle, child(path, 'lifecycle'), {
      gracePeriodSeconds: spec.terminationGracePeriodSeconds,
      os: spec.os?.name,
    }),
    ...validateProbe(container.livenessProbe, 'liveness', child(path, 'livenessProbe')),
    ...validateProbe(container.readinessProbe, 'readiness', child(path, 'readinessProbe')),
    ...validateProbe(container.startupProbe, 'startup', child(path, 'startupProbe')),
  ];
}

function validatePorts(ports: readonly DeepReadonly<ContainerPort>[] | undefined, path: string): FieldError[] {
  const names = new Set<string>();
  return (ports ?? []).flatMap(({ name, containerPort, hostPort, protocol }, i) => {
    const itemPath = at(path, i);
    const errors: FieldError[] = [];
    if (name) {
      const problems = portName(name);
      errors.push(...invalidEach(child(itemPath, 'name'), name, problems));
      if (!problems.length && names.has(name)) errors.push(duplicate(child(itemPath, 'name'), name));
      names.add(name);
    }
    if (!containerPort) errors.push(required(child(itemPath, 'containerPort')));
    else errors.push(...invalidEach(child(itemPath, 'containerPort'), containerPort, portNumber(containerPort)));
    if (hostPort) errors.push(...invalidEach(child(itemPath, 'hostPort'), hostPort, portNumber(hostPort)));
    return [...errors, ...validateChoice(protocol, ['SCTP', 'TCP', 'UDP'], child(itemPath, 'protocol'))];
  });
}

function validateHostPorts(containers: readonly SharedContainer[], path: string): FieldError[] {
  const taken = new Set<string>();
  const errors: FieldError[] = [];
  for (const [i, container] of containers.entries()) {
    for (const [j, { protocol, hostIP, hostPort }] of (container.ports ?? []).entries()) {
      if (!hostPort) continue;
      const key = `${protocol}/${hostIP ?? ''}/${hostPort}`;
      if (taken.has(key)) errors.push(duplicate(child(at(child(at(path, i), 'ports'), j), 'hostPort'), key));
      taken.add(key);
    }
  }
  return errors;
}

function validateResizePolicy(
  policies: readonly DeepReadonly<ContainerResizePolicy>[] | undefined,
  podRestartPolicy: string | undefined,
  path: string,
): FieldError[] {
  const seen = new Set<string>();
  return (policies ?? []).flatMap(({ resourceName, restartPolicy }, i) => {
    const errors = seen.has(resourceName) ? [duplicate(at(path, i), resourceName)] : [];
    seen.add(resourceName);
    if (!resourceName) errors.push(required(path));
    else if (resourceName !== 'cpu' && resourceName !== 'memory') {
      errors.push(notSupported(path, resourceName, ['cpu', 'memory']));
    }
    errors.push(...validateChoice(restartPolicy, ['NotRequired', 'RestartContainer'], path));
    if (podRestartPolicy === 'Never' && restartPolicy !== 'NotRequired') {
      errors.push(invalid(path, restartPolicy, "must be 'NotRequired' when `restartPolicy` is 'Never'"));
    }
    return errors;
  });
}

/** Spaces around an image's name, which templates may have and pods may not. */
export function validateImagePadding({ image = '' }: { readonly image?: string }, path: string): FieldError[] {
  return image.trim() === image
    ? []
    : [invalid(child(path, 'image'), image, 'must not have leading or trailing whitespace')];
}
