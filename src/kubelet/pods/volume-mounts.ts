/** What a container mounts of its pod's volumes. */
import type { Shared } from '../../api/kind.ts';
import type { Container, EphemeralContainer, Pod, VolumeMount } from '../../api/types/core-v1.ts';
import type { Sent } from '../../cri/types.ts';
import { bindSubPath, subPathTarget } from '../volumes/sub-path.ts';
import type { MountedVolume } from '../volumes/volume.ts';
import { ContainerConfigError } from './environment.ts';
import { expandVariables } from './expansion.ts';
import { podDir } from './pod-dirs.ts';

const propagation = {
  None: 'PROPAGATION_PRIVATE',
  HostToContainer: 'PROPAGATION_HOST_TO_CONTAINER',
  Bidirectional: 'PROPAGATION_BIDIRECTIONAL',
} as const;

/** The mounts as the runtime takes them; sub paths are mounted for it. Rejects with {@link ContainerConfigError}. */
export async function volumeMounts(
  pod: Shared<Pod>,
  container: Shared<Container | EphemeralContainer>,
  input: {
    readonly rootDir: string;
    readonly environment: ReadonlyMap<string, string>;
    readonly volumes: ReadonlyMap<string, MountedVolume>;
  },
): Promise<Sent<'Mount'>[]> {
  const mounts: Sent<'Mount'>[] = [];
  // One after the other: two may make the same directory.
  for (const [index, mount] of (container.volumeMounts ?? []).entries()) {
    const volume = input.volumes.get(mount.name);
    if (!volume) {
      throw new ContainerConfigError(`cannot find volume "${mount.name}" to mount into container "${container.name}"`);
    }
    const subPath = mount.subPathExpr ? expandSubPath(mount.subPathExpr, input.environment) : mount.subPath;
    const target = subPathTarget(podDir(input.rootDir, pod.metadata.uid!), {
      volume: mount.name,
      container: container.name,
      index,
    });
    const bind = async (subPath: string) => {
      try {
        return await bindSubPath({ volumePath: volume.path, subPath, target });
      } catch (error) {
        throw new ContainerConfigError(
          `failed to prepare subPath for volumeMount "${mount.name}" of container "${container.name}": ${(error as Error).message}`,
        );
      }
    };
    mounts.push({
      container_path: mount.mountPath.startsWith('/') ? mount.mountPath : `/${mount.mountPath}`,
      host_path: subPath ? await bind(subPath) : volume.path,
      readonly: isReadOnly(mount, volume),
      recursive_read_only: mount.recursiveReadOnly === 'Enabled',
      propagation: propagation[(mount.mountPropagation ?? 'None') as keyof typeof propagation],
      selinux_relabel: pod.spec.securityContext?.seLinuxOptions !== undefined,
    });
  }
  return mounts;
}

const isReadOnly = (mount: Shared<VolumeMount>, volume: MountedVolume) =>
  (mount.readOnly ?? false) || (volume.readOnly ?? false);

function expandSubPath(expression: string, environment: ReadonlyMap<string, string>): string {
  const names = [...expression.matchAll(/\$(?:\$|\(([^)]*)\))/g)].map(([, name]) => name);
  const missing = names.find((name) => name !== undefined && !environment.has(name));
  if (missing !== undefined) throw new ContainerConfigError(`missing value for "${missing}"`);
  return expandVariables(expression, environment);
}
