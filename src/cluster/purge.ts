/** Taking a node down: the runtime's process, and with --purge everything that it and the network made. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { realClock } from '../base/clock.ts';
import { silentLogger } from '../base/log.ts';
import { containerdPaths, findRunning } from '../cri/containerd-paths.ts';
import { purgeContainerd, removeAllPods } from '../cri/containerd-purge.ts';
import { unmountAll } from '../cri/mounts.ts';
import { endProcess } from '../cri/processes.ts';
import { connectCri } from '../cri/runtime.ts';
import { purgeAgent } from '../kubelet/purge.ts';
import { cleanUpNetwork } from '../network/pod-network/clean-up.ts';
import { type ClusterConfig, paths } from './config.ts';
import { cniDirOf } from './external-runtime.ts';

/** Ends our own containerd; its containers keep running. A runtime that was given with --cri-endpoint is left alone. */
export async function stopRuntime(config: ClusterConfig): Promise<void> {
  if (config.criEndpoint) return;
  const running = findRunning(containerdPaths(paths(config.dataDir).agent));
  if (running) await endProcess(running, realClock, 10_000);
}

/** Removes pods, containers, images, mounts, network namespaces, the bridge, rules and routes of a node. */
export async function purgeNode(config: ClusterConfig, warn: (message: string) => void): Promise<void> {
  const { agent } = paths(config.dataDir);
  let cniConfDir = join(agent, 'cni');
  if (config.criEndpoint) {
    const runtime = connectCri(config.criEndpoint);
    try {
      cniConfDir = await cniDirOf(runtime);
      await removeAllPods(runtime, podsOf(agent));
    } finally {
      runtime.close();
    }
  } else await purgeContainerd(agent, { clock: realClock, log: silentLogger });
  for (const mount of unmountAll(config.dataDir)) warn(`${mount} could not be unmounted; unmount it and try again`);
  const problems = [
    ...(await purgeAgent({ dataDir: agent, cgroupRoot: `/timonel-${config.name}` })),
    ...(await cleanUpNetwork({ clusterName: config.name, dataDir: agent, cniConfDir })),
  ];
  for (const problem of problems) warn(problem);
}

/** The pods that an agent has made folders for: an external runtime may run others as well. */
function podsOf(agentDir: string): ReadonlySet<string> {
  const folder = join(agentDir, 'kubelet/pods');
  return new Set(existsSync(folder) ? readdirSync(folder) : []);
}
