/** Security contexts: the pod's and the container's merged, and as the runtime takes them. */
import type { Shared } from '../../api/kind.ts';
import type {
  AppArmorProfile,
  Container,
  EphemeralContainer,
  Pod,
  PodSecurityContext,
  SeccompProfile,
  SecurityContext,
} from '../../api/types/core-v1.ts';
import type { Sent } from '../../cri/types.ts';
import { ContainerConfigError } from './environment.ts';

type AnyContainer = Shared<Container | EphemeralContainer>;

/** The container's security context with what the pod's gives where it is silent. */
export function effectiveSecurity(pod: Shared<Pod>, container: AnyContainer): Shared<SecurityContext> {
  const own = container.securityContext;
  const shared: Shared<PodSecurityContext> = pod.spec.securityContext ?? {};
  const merged: Record<string, unknown> = { ...own };
  for (const field of [
    'runAsUser',
    'runAsGroup',
    'runAsNonRoot',
    'seLinuxOptions',
    'seccompProfile',
    'appArmorProfile',
  ] as const) {
    if (merged[field] === undefined && shared[field] !== undefined) merged[field] = shared[field];
  }
  return merged as Shared<SecurityContext>;
}

/**
 * Refuses a container that must not run as root but would.
 * @param image the user that the image names: a number, a name, or neither
 */
export function checkNonRoot(
  security: Shared<SecurityContext>,
  image: { readonly uid?: number | undefined; readonly username?: string | undefined },
  names: { readonly pod: string; readonly container: string },
): void {
  if (!security.runAsNonRoot) return;
  const where = `(pod: "${names.pod}", container: ${names.container})`;
  if (security.runAsUser !== undefined) {
    if (security.runAsUser === 0) {
      throw new ContainerConfigError(`container's runAsUser breaks non-root policy ${where}`);
    }
    return;
  }
  if (image.uid === undefined && image.username) {
    throw new ContainerConfigError(
      `container has runAsNonRoot and image has non-numeric user (${image.username}), cannot verify user is non-root ${where}`,
    );
  }
  if ((image.uid ?? 0) === 0) {
    throw new ContainerConfigError(`container has runAsNonRoot and image will run as root ${where}`);
  }
}

function profile(
  wanted: Shared<SeccompProfile> | Shared<AppArmorProfile> | undefined,
  localhostDir: string,
): Sent<'SecurityProfile'> | undefined {
  if (!wanted) return undefined;
  if (wanted.type === 'RuntimeDefault') return { profile_type: 'RuntimeDefault' };
  if (wanted.type === 'Localhost') {
    return { profile_type: 'Localhost', localhost_ref: `${localhostDir}${wanted.localhostProfile ?? ''}` };
  }
  return { profile_type: 'Unconfined' };
}

/** Paths of /proc and /sys that containers do not see or may not write, unless they are privileged or ask for them. */
const maskedPaths = [
  '/proc/asound',
  '/proc/acpi',
  '/proc/interrupts',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/sys/firmware',
  '/sys/devices/virtual/powercap',
];
const readonlyPaths = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'];

/** The runtime's namespaces of a pod's sandbox or container. */
export function namespaceOptions(pod: Shared<Pod>, targetContainerId?: string): Sent<'NamespaceOption'> {
  const { spec } = pod;
  return {
    network: spec.hostNetwork ? 'NODE' : 'POD',
    pid: targetContainerId ? 'TARGET' : spec.hostPID ? 'NODE' : spec.shareProcessNamespace ? 'POD' : 'CONTAINER',
    ipc: spec.hostIPC ? 'NODE' : 'POD',
    ...(targetContainerId ? { target_id: targetContainerId } : {}),
  };
}

/** Groups that every process of the pod is in. */
export function supplementalGroups(pod: Shared<Pod>): number[] {
  const shared = pod.spec.securityContext;
  return [...(shared?.supplementalGroups ?? []), ...(shared?.fsGroup === undefined ? [] : [shared.fsGroup])];
}

export function containerSecurity(
  pod: Shared<Pod>,
  container: AnyContainer,
  options: {
    readonly image: { readonly uid?: number | undefined; readonly username?: string | undefined };
    readonly seccompDir: string;
    /** For containers that name no profile. */
    readonly seccompDefault: boolean;
    readonly targetContainerId?: string | undefined;
  },
): Sent<'LinuxContainerSecurityContext'> {
  const security = effectiveSecurity(pod, container);
  const privileged = security.privileged ?? false;
  const unmasked = privileged || security.procMount === 'Unmasked';
  const { uid, username } = options.image;
  const user: Sent<'LinuxContainerSecurityContext'> =
    security.runAsUser !== undefined
      ? { run_as_user: { value: security.runAsUser } }
      : uid !== undefined
        ? { run_as_user: { value: uid } }
        : username
          ? { run_as_username: username }
          : {};
  return {
    ...user,
    ...(security.runAsGroup === undefined ? {} : { run_as_group: { value: security.runAsGroup } }),
    namespace_options: namespaceOptions(pod, options.targetContainerId),
    privileged,
    readonly_rootfs: security.readOnlyRootFilesystem ?? false,
    no_new_privs: security.allowPrivilegeEscalation === false,
    capabilities: {
      add_capabilities: security.capabilities?.add ?? [],
      drop_capabilities: security.capabilities?.drop ?? [],
    },
    supplemental_groups: supplementalGroups(pod),
    supplemental_groups_policy: pod.spec.securityContext?.supplementalGroupsPolicy === 'Strict' ? 'Strict' : 'Merge',
    masked_paths: unmasked ? [] : maskedPaths,
    readonly_paths: unmasked ? [] : readonlyPaths,
    seccomp: profile(security.seccompProfile, options.seccompDir) ?? {
      profile_type: options.seccompDefault ? 'RuntimeDefault' : 'Unconfined',
    },
    apparmor: profile(security.appArmorProfile, ''),
    selinux_options: security.seLinuxOptions,
  };
}

/** The sandbox's own process is always under the runtime's profile: the pod's may be too narrow for it. */
export function sandboxSecurity(pod: Shared<Pod>): Sent<'LinuxSandboxSecurityContext'> {
  const shared = pod.spec.securityContext;
  const everyContainer = [...(pod.spec.initContainers ?? []), ...pod.spec.containers];
  return {
    namespace_options: namespaceOptions(pod),
    privileged: everyContainer.some((container) => container.securityContext?.privileged),
    seccomp: { profile_type: 'RuntimeDefault' },
    supplemental_groups: supplementalGroups(pod),
    selinux_options: shared?.seLinuxOptions,
    ...(shared?.runAsUser === undefined ? {} : { run_as_user: { value: shared.runAsUser } }),
    ...(shared?.runAsGroup === undefined ? {} : { run_as_group: { value: shared.runAsGroup } }),
  };
}
