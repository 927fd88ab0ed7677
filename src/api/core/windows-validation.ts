/** Validation of what is particular to the operating system of a pod. */
import type { DeepReadonly } from '../../base/deep.ts';
import { at, child, type FieldError, forbidden, invalid, notSupported, required } from '../machinery/field-error.ts';
import { dns1123Subdomain } from '../machinery/names.ts';
import type { Container, PodSpec, WindowsSecurityContextOptions } from '../types/core-v1.ts';
import { invalidEach } from './field-rules.ts';

/** Options that only Windows containers have. */
export function validateWindowsOptions(
  options: DeepReadonly<WindowsSecurityContextOptions> | undefined,
  path: string,
): FieldError[] {
  if (!options) return [];
  const errors: FieldError[] = [];
  const { gmsaCredentialSpecName, gmsaCredentialSpec, runAsUserName } = options;
  if (gmsaCredentialSpecName !== undefined) {
    errors.push(
      ...invalidEach(
        child(path, 'gmsaCredentialSpecName'),
        gmsaCredentialSpecName,
        dns1123Subdomain(gmsaCredentialSpecName),
      ),
    );
  }
  if (gmsaCredentialSpec !== undefined) {
    const specPath = child(path, 'gmsaCredentialSpec');
    if (!gmsaCredentialSpec) {
      errors.push(invalid(specPath, gmsaCredentialSpec, 'gmsaCredentialSpec cannot be an empty string'));
    } else if (gmsaCredentialSpec.length > 64 * 1024) {
      errors.push(invalid(specPath, gmsaCredentialSpec, 'gmsaCredentialSpec size must be under 64 KiB'));
    }
  }
  if (runAsUserName !== undefined) errors.push(...validateUserName(runAsUserName, child(path, 'runAsUserName')));
  return errors;
}

const netBiosDomain = /^[^\\/:*?"<>|.][^\\/:*?"<>|]{0,14}$/;
const dnsDomain = /^[a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?(\.[a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?)*$/;

function validateUserName(name: string, path: string): FieldError[] {
  const refuse = (message: string) => [invalid(path, name, message)];
  if (!name) return refuse('runAsUserName cannot be an empty string');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what the rule is about.
  if (/[\u0000-\u001f\u007f-\u009f]/.test(name)) return refuse('runAsUserName cannot contain control characters');
  const parts = name.split('\\');
  if (parts.length > 2) return refuse('runAsUserName cannot contain more than one backslash');
  const user = parts.at(-1)!;
  const domain = parts.length > 1 ? parts[0]! : undefined;
  if (domain === '') return refuse("runAsUserName's Domain cannot be empty");
  if (domain && domain.length >= 256) return refuse("runAsUserName's Domain length must be under 256 characters");
  if (domain && !netBiosDomain.test(domain) && !dnsDomain.test(domain)) {
    return refuse("runAsUserName's Domain doesn't match the NetBios nor the DNS format");
  }
  if (user.length === 0) return refuse("runAsUserName's User cannot be empty");
  if (user.length > 104) return refuse("runAsUserName's User length must not be longer than 104 characters");
  if (/^[ .]+$/.test(user)) return refuse("runAsUserName's User cannot contain only periods or spaces");
  return /["/\\:;|=,+*?<>@[\]]/.test(user)
    ? refuse('runAsUserName\'s User cannot contain the following characters: "/\\:;|=,+*?<>@[]')
    : [];
}

/** Host process containers share the node's network and come alone. */
export function validateHostProcess(spec: DeepReadonly<PodSpec>, path: string): FieldError[] {
  const containers = [...spec.containers, ...(spec.initContainers ?? [])];
  const podHostProcess = spec.securityContext?.windowsOptions?.hostProcess;
  const values = containers.map((c) => c.securityContext?.windowsOptions?.hostProcess ?? podHostProcess);
  if (!values.includes(true)) return [];
  const errors: FieldError[] = [];
  const containersPath = child(path, 'containers');
  if (values.some((value) => value !== true)) {
    const message = 'If pod contains any hostProcess containers then all containers must be HostProcess containers';
    errors.push(invalid(path, '', message));
  }
  if (!spec.hostNetwork) {
    const message = 'hostNetwork must be true if pod contains any hostProcess containers';
    errors.push(invalid(child(path, 'hostNetwork'), spec.hostNetwork ?? false, message));
  }
  for (const [i, { securityContext }] of spec.containers.entries()) {
    const own = securityContext?.windowsOptions?.hostProcess;
    if (podHostProcess !== undefined && own !== undefined && own !== podHostProcess) {
      const ownPath = `${at(containersPath, i)}.securityContext.windowsOptions.hostProcess`;
      errors.push(
        invalid(ownPath, own, `pod hostProcess value must be identical if both are specified, was ${podHostProcess}`),
      );
    }
  }
  return errors;
}

const linuxPodFields = [
  'appArmorProfile',
  'seLinuxOptions',
  'seccompProfile',
  'fsGroup',
  'fsGroupChangePolicy',
  'sysctls',
  'runAsUser',
  'runAsGroup',
  'supplementalGroups',
  'supplementalGroupsPolicy',
  'seLinuxChangePolicy',
] as const;
const linuxSpecFields = ['hostUsers', 'hostPID', 'hostIPC', 'shareProcessNamespace'] as const;
const linuxContainerFields = [
  'appArmorProfile',
  'seLinuxOptions',
  'seccompProfile',
  'capabilities',
  'readOnlyRootFilesystem',
  'privileged',
  'allowPrivilegeEscalation',
  'procMount',
  'runAsUser',
  'runAsGroup',
] as const;

/** The operating system that a pod names, and that it sets only what this system has. */
export function validateOs(spec: DeepReadonly<PodSpec>, path: string): FieldError[] {
  if (!spec.os) return [];
  const { name } = spec.os;
  const namePath = `${path}.os.name`;
  if (!name) return [required(namePath, 'cannot be empty')];
  if (name === 'linux') return validateLinux(spec, path);
  return name === 'windows'
    ? validateWindows(spec, path)
    : [notSupported(child(path, 'os'), name, ['linux', 'windows'])];
}

function* containersWithPaths(spec: DeepReadonly<PodSpec>, path: string): Generator<[DeepReadonly<Container>, string]> {
  for (const list of ['initContainers', 'containers', 'ephemeralContainers'] as const) {
    for (const [i, container] of (spec[list] ?? []).entries()) {
      yield [container as DeepReadonly<Container>, at(child(path, list), i)];
    }
  }
}

function validateLinux(spec: DeepReadonly<PodSpec>, path: string): FieldError[] {
  const detail = 'windows options cannot be set for a linux pod';
  const errors: FieldError[] = [];
  if (spec.securityContext?.windowsOptions) {
    errors.push(forbidden(`${path}.securityContext.windowsOptions`, detail));
  }
  for (const [container, containerPath] of containersWithPaths(spec, path)) {
    if (container.securityContext?.windowsOptions) {
      errors.push(forbidden(`${containerPath}.securityContext.windowsOptions`, detail));
    }
  }
  return errors;
}

function validateWindows(spec: DeepReadonly<PodSpec>, path: string): FieldError[] {
  const detail = 'cannot be set for a windows pod';
  const errors: FieldError[] = [];
  for (const name of linuxPodFields) {
    if (spec.securityContext?.[name] !== undefined) errors.push(forbidden(`${path}.securityContext.${name}`, detail));
  }
  for (const name of linuxSpecFields) {
    const value = spec[name];
    const isSet = name === 'hostPID' || name === 'hostIPC' ? value === true : value !== undefined;
    if (isSet) errors.push(forbidden(child(path, name), detail));
  }
  for (const [container, containerPath] of containersWithPaths(spec, path)) {
    for (const name of linuxContainerFields) {
      if (container.securityContext?.[name] !== undefined) {
        errors.push(forbidden(`${containerPath}.securityContext.${name}`, detail));
      }
    }
  }
  return errors;
}
