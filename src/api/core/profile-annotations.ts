/** AppArmor and seccomp profiles in annotations, as they were given before there were fields for them (KEP-24, KEP-135). */
import { type DeepReadonly, deepEqual } from '../../base/deep.ts';
import { at, child, type FieldError, forbidden } from '../machinery/field-error.ts';
import type { AppArmorProfile, Container, Pod, PodSpec, SeccompProfile } from '../types/core-v1.ts';

/** Before the name of a container. */
export const appArmorPrefix = 'container.apparmor.security.beta.kubernetes.io/';
const seccompPod = 'seccomp.security.alpha.kubernetes.io/pod';
const seccompPrefix = 'container.seccomp.security.alpha.kubernetes.io/';
const local = 'localhost/';

const lists = ['initContainers', 'containers', 'ephemeralContainers'] as const;

/** Gives each container the profile that an annotation names, where no field does; `warn` hears of such annotations. */
export function syncAppArmor({ metadata, spec }: Pod, warn: ((text: string) => void) | undefined): void {
  if (spec.os?.name === 'windows') return;
  const podProfile = spec.securityContext?.appArmorProfile;
  for (const container of lists.flatMap((list) => (spec[list] ?? []) as Container[])) {
    const key = `${appArmorPrefix}${container.name}`;
    const annotation = metadata.annotations?.[key];
    if (annotation === undefined || container.securityContext?.appArmorProfile) continue;
    const profile = profileOf(annotation);
    if (profile && deepEqual(profile, podProfile)) continue;
    warn?.(`metadata.annotations[${key}]: deprecated since v1.30; use the "appArmorProfile" field instead`);
    if (profile) container.securityContext = { ...container.securityContext, appArmorProfile: profile };
  }
}

function profileOf(annotation: string): AppArmorProfile | undefined {
  if (annotation === 'unconfined') return { type: 'Unconfined' };
  if (annotation === 'runtime/default') return { type: 'RuntimeDefault' };
  const localhostProfile = annotation.startsWith(local) ? annotation.slice(local.length) : '';
  return localhostProfile.trim() === localhostProfile && localhostProfile
    ? { type: 'Localhost', localhostProfile }
    : undefined;
}

type Annotations = Readonly<Record<string, string>> | undefined;
type Profile = DeepReadonly<AppArmorProfile | SeccompProfile>;

/** Where both forms of a profile are given they say the same. */
export function validateProfilesAgree(
  annotations: Annotations,
  spec: DeepReadonly<PodSpec>,
  path: string,
): FieldError[] {
  if (!annotations) return [];
  const { securityContext } = spec;
  const errors: FieldError[] = [];
  const compare = (what: 'seccomp' | 'apparmor', key: string, profile: Profile | undefined, contextPath: string) => {
    const annotation = annotations[key];
    if (annotation === undefined || !profile) return;
    const profilePath = child(contextPath, what === 'seccomp' ? 'seccompProfile' : 'appArmorProfile');
    errors.push(...validateAgreement(what, annotation, { profile, path: profilePath }));
  };
  compare('seccomp', seccompPod, securityContext?.seccompProfile, child(path, 'securityContext'));
  for (const list of lists) {
    for (const [i, { name, securityContext: own }] of (spec[list] ?? []).entries()) {
      const contextPath = child(at(child(path, list), i), 'securityContext');
      compare('seccomp', `${seccompPrefix}${name}`, own?.seccompProfile, contextPath);
      if (spec.os?.name === 'windows') continue;
      const profile = own?.appArmorProfile ?? securityContext?.appArmorProfile;
      compare('apparmor', `${appArmorPrefix}${name}`, profile, contextPath);
    }
  }
  return errors;
}

/** The docker runtime's default had a name of its own for seccomp. */
const runtimeDefaults = { seccomp: ['runtime/default', 'docker/default'], apparmor: ['runtime/default'] } as const;

function validateAgreement(
  what: 'seccomp' | 'apparmor',
  annotation: string,
  { profile, path }: { readonly profile: Profile; readonly path: string },
): FieldError[] {
  const typeDiffers = [forbidden(child(path, 'type'), `${what} type in annotation and field must match`)];
  switch (profile.type) {
    case 'Unconfined':
      return annotation === 'unconfined' ? [] : typeDiffers;
    case 'RuntimeDefault':
      return (runtimeDefaults[what] as readonly string[]).includes(annotation) ? [] : typeDiffers;
    case 'Localhost':
      if (!annotation.startsWith(local)) return typeDiffers;
      return annotation.slice(local.length) === profile.localhostProfile
        ? []
        : [forbidden(child(path, 'localhostProfile'), `${what} profile in annotation and field must match`)];
    default:
      return [];
  }
}
