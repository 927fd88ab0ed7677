/** A container runtime that runs already (`--cri-endpoint`): where it looks for the network's configuration. */
import type { CriRuntime } from '../cri/runtime.ts';

const usualDir = '/etc/cni/net.d';

/** The runtime's own CNI folder where it tells (containerd does), else the usual one, which CRI-O reads. */
export async function cniDirOf(runtime: CriRuntime): Promise<string> {
  try {
    const { info } = await runtime.runtime.status({ verbose: true });
    const config = JSON.parse(info['config'] ?? '{}') as { cni?: { confDir?: string } };
    return config.cni?.confDir || usualDir;
  } catch {
    return usualDir;
  }
}
