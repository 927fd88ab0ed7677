/** Which way a runtime makes control groups: its agent must name a pod's group in the same way. */
import { CriError, type CriRuntime } from './runtime.ts';

/** The driver of a runtime: as it says (CRI since v1.28), else from containerd's configuration, else `cgroupfs`. */
export async function detectCgroupDriver(runtime: CriRuntime): Promise<'cgroupfs' | 'systemd'> {
  try {
    const { linux } = await runtime.runtime.runtimeConfig({});
    if (linux) return linux.cgroup_driver === 'SYSTEMD' ? 'systemd' : 'cgroupfs';
  } catch (error) {
    if (!(error instanceof CriError) || error.code !== 'UNIMPLEMENTED') throw error;
  }
  const { info } = await runtime.runtime.status({ verbose: true });
  return usesSystemd(info['config']) ? 'systemd' : 'cgroupfs';
}

interface ContainerdInfo {
  readonly containerd?: {
    readonly defaultRuntimeName?: string;
    readonly runtimes?: Readonly<Record<string, { readonly options?: { readonly SystemdCgroup?: boolean } }>>;
  };
}

function usesSystemd(config: string | undefined): boolean {
  if (!config) return false;
  const { containerd } = JSON.parse(config) as ContainerdInfo;
  return containerd?.runtimes?.[containerd.defaultRuntimeName ?? 'runc']?.options?.SystemdCgroup === true;
}
