/** Validation of the security contexts of pods and containers. */
import type { DeepReadonly } from '../../base/deep.ts';
import {
  at,
  child,
  duplicate,
  type FieldError,
  forbidden,
  invalid,
  notSupported,
  required,
  tooLong,
} from '../machinery/field-error.ts';
import { userId } from '../machinery/names.ts';
import type { AppArmorProfile, PodSpec, SeccompProfile, SecurityContext, Sysctl } from '../types/core-v1.ts';
import { invalidEach, validateLocalDescendingPath, validateOptionalChoice } from './field-rules.ts';
import { validateWindowsOptions } from './windows-validation.ts';

function validateId(id: number | undefined, path: string): FieldError[] {
  return id === undefined ? [] : invalidEach(path, id, userId(id));
}

/** The security context of a container. */
export function validateSecurityContext(
  context: DeepReadonly<SecurityContext> | undefined,
  hostUsers: boolean,
  path: string,
): FieldError[] {
  if (!context) return [];
  const errors = [
    ...validateId(context.runAsUser, child(path, 'runAsUser')),
    ...validateId(context.runAsGroup, child(path, 'runAsGroup')),
  ];
  const { procMount } = context;
  if (procMount !== undefined) {
    errors.push(...validateOptionalChoice(procMount, ['Default', 'Unmasked'], child(path, 'procMount')));
    if (hostUsers && procMount === 'Unmasked') {
      errors.push(invalid(child(path, 'procMount'), procMount, '`hostUsers` must be false to use `Unmasked`'));
    }
  }
  errors.push(...validateSeccomp(context.seccompProfile, child(path, 'seccompProfile')));
  if (context.allowPrivilegeEscalation === false) {
    if (context.privileged) {
      const message = 'cannot set `allowPrivilegeEscalation` to false and `privileged` to true';
      errors.push(invalid(path, context, message));
    }
    if (context.capabilities?.add?.includes('CAP_SYS_ADMIN')) {
      const message = 'cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN';
      errors.push(invalid(path, context, message));
    }
  }
  return [
    ...errors,
    ...validateWindowsOptions(context.windowsOptions, child(path, 'windowsOptions')),
    ...validateAppArmor(context.appArmorProfile, child(path, 'appArmorProfile')),
  ];
}

/** The security context of a pod. */
export function validatePodSecurityContext(spec: DeepReadonly<PodSpec>, path: string): FieldError[] {
  const context = spec.securityContext;
  if (!context) return [];
  const errors = [
    ...validateId(context.fsGroup, child(path, 'fsGroup')),
    ...validateId(context.runAsUser, child(path, 'runAsUser')),
    ...validateId(context.runAsGroup, child(path, 'runAsGroup')),
    ...(context.supplementalGroups ?? []).flatMap((id, i) => validateId(id, at(child(path, 'supplementalGroups'), i))),
  ];
  if (spec.shareProcessNamespace && spec.hostPID) {
    const message = 'ShareProcessNamespace and HostPID cannot both be enabled';
    errors.push(invalid(child(path, 'shareProcessNamespace'), true, message));
  }
  errors.push(...validateSysctls(context.sysctls, spec, child(path, 'sysctls')));
  for (const [name, supported] of [
    ['fsGroupChangePolicy', ['Always', 'OnRootMismatch']],
    ['supplementalGroupsPolicy', ['Merge', 'Strict']],
    ['seLinuxChangePolicy', ['MountOption', 'Recursive']],
  ] as const) {
    errors.push(...validateOptionalChoice(context[name], supported, child(path, name)));
  }
  return [
    ...errors,
    ...validateSeccomp(context.seccompProfile, child(path, 'seccompProfile')),
    ...validateWindowsOptions(context.windowsOptions, child(path, 'windowsOptions')),
    ...validateAppArmor(context.appArmorProfile, child(path, 'appArmorProfile')),
  ];
}

const sysctlFormat = '([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?';
const sysctlPattern = new RegExp(`^${sysctlFormat}$`);
const ipcSysctls = /^(kernel\.(msg|sem|shm)|fs\.mqueue\.)/;

function validateSysctls(
  sysctls: readonly Readonly<Sysctl>[] | undefined,
  spec: DeepReadonly<PodSpec>,
  path: string,
): FieldError[] {
  const names = new Set<string>();
  return (sysctls ?? []).flatMap(({ name }, i) => {
    const namePath = child(at(path, i), 'name');
    const errors: FieldError[] = [];
    if (!name) errors.push(required(namePath));
    else if (name.length > 253 || !sysctlPattern.test(name)) {
      errors.push(invalid(namePath, name, `must have at most 253 characters and match regex ^${sysctlFormat}$`));
    } else if (names.has(name)) errors.push(duplicate(namePath, name));
    names.add(name);
    const dotted = name.replaceAll('/', '.');
    if (spec.hostNetwork && dotted.startsWith('net.')) {
      errors.push(invalid(namePath, name, "may not be specified when 'hostNetwork' is true"));
    } else if (spec.hostIPC && ipcSysctls.test(dotted)) {
      errors.push(invalid(namePath, name, "may not be specified when 'hostIPC' is true"));
    }
    return errors;
  });
}

const profileTypes = ['Localhost', 'RuntimeDefault', 'Unconfined'];

function validateSeccomp(profile: DeepReadonly<SeccompProfile> | undefined, path: string): FieldError[] {
  if (!profile) return [];
  const { type, localhostProfile } = profile;
  const typePath = child(path, 'type');
  const localPath = child(path, 'localhostProfile');
  const errors: FieldError[] = [];
  if (!type) errors.push(required(typePath, 'type is required when seccompProfile is set'));
  else if (!profileTypes.includes(type)) errors.push(notSupported(typePath, type, profileTypes));
  if (type === 'Localhost') {
    if (localhostProfile === undefined) errors.push(required(localPath, 'must be set when seccomp type is Localhost'));
    else errors.push(...validateLocalDescendingPath(localhostProfile, localPath));
  } else if (localhostProfile !== undefined) {
    errors.push(invalid(localPath, profile, 'can only be set when seccomp type is Localhost'));
  }
  return errors;
}

function validateAppArmor(profile: DeepReadonly<AppArmorProfile> | undefined, path: string): FieldError[] {
  if (!profile) return [];
  const { type, localhostProfile } = profile;
  const localPath = child(path, 'localhostProfile');
  if (!type) return [required(child(path, 'type'), 'type is required when appArmorProfile is set')];
  if (!profileTypes.includes(type)) return [notSupported(child(path, 'type'), type, profileTypes)];
  if (type !== 'Localhost') {
    return localhostProfile === undefined
      ? []
      : [invalid(localPath, localhostProfile, 'can only be set when AppArmor type is Localhost')];
  }
  if (localhostProfile === undefined || localhostProfile === '') {
    return [required(localPath, 'must be set when AppArmor type is Localhost')];
  }
  const errors =
    localhostProfile.trim() === localhostProfile
      ? []
      : [invalid(localPath, localhostProfile, 'must not be padded with whitespace')];
  if (localhostProfile.length > 4095) errors.push(tooLong(localPath, '', 4095));
  return errors;
}

/** What a pod with a user namespace of its own cannot share with the node. */
export function validateHostUsers(spec: DeepReadonly<PodSpec>, path: string): FieldError[] {
  if (spec.hostUsers !== false) return [];
  const detail = 'when `hostUsers` is false';
  const errors: FieldError[] = [];
  for (const name of ['hostNetwork', 'hostPID', 'hostIPC'] as const) {
    if (spec[name]) errors.push(forbidden(child(path, name), detail));
  }
  for (const [i, container] of spec.containers.entries()) {
    if (container.volumeDevices?.length) {
      errors.push(forbidden(child(at(child(path, 'containers'), i), 'volumeDevices'), detail));
    }
  }
  return errors;
}
