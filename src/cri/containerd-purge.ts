/** Taking a containerd of ours down so that nothing of it is left: pods, shims, processes, mounts, sockets, files. */
import { existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import { containerdPaths, findRunning } from './containerd-paths.ts';
import { unmountAll } from './mounts.ts';
import { childrenOf, endProcess, findProcesses } from './processes.ts';
import type { CriRuntime } from './runtime.ts';

/**
 * Ends and removes all pods of the runtime, several at a time; what a broken one leaves is taken by
 * {@link purgeContainerd}'s later steps.
 * @param uids only these pods; all of them when absent, which is for a runtime of our own
 */
export async function removeAllPods(runtime: CriRuntime, uids?: ReadonlySet<string>): Promise<void> {
  const { items } = await runtime.runtime.listPodSandbox({}, { timeoutMs: 5000 });
  const queue = items.filter((sandbox) => !uids || uids.has(sandbox.metadata?.uid ?? ''));
  const work = async () => {
    for (let sandbox = queue.pop(); sandbox; sandbox = queue.pop()) {
      try {
        await runtime.runtime.stopPodSandbox({ pod_sandbox_id: sandbox.id }, { timeoutMs: 20_000 });
        await runtime.runtime.removePodSandbox({ pod_sandbox_id: sandbox.id }, { timeoutMs: 20_000 });
      } catch {
        // Its shim is ended below.
      }
    }
  };
  await Promise.all(Array.from({ length: 8 }, work));
}

/** Removes everything that the containerd of a data dir made. Works when it is not running, too. */
export async function purgeContainerd(
  dataDir: string,
  { clock, log, runtime }: { clock: Clock; log: Logger; runtime?: CriRuntime },
): Promise<void> {
  const paths = containerdPaths(dataDir);
  if (runtime) {
    await removeAllPods(runtime).catch((error: unknown) =>
      log.warn('pods could not be ended through the runtime', { error }),
    );
  }
  const running = findRunning(paths);
  if (running) await endProcess(running, clock, 5000);

  const shimSockets = shimSocketFiles(paths.state);
  // A shim knows its containerd by the address that it was started with.
  const shims = findProcesses(
    (args) => (args[0] ?? '').includes('containerd-shim') && args.some((arg) => arg === paths.socket),
  );
  const namespaces = new Set<number>();
  for (const shim of shims) {
    for (const child of childrenOf(shim.pid)) {
      const namespace = statSync(`/proc/${child.pid}/ns/net`, { throwIfNoEntry: false });
      if (namespace) namespaces.add(namespace.ino);
      await endProcess(child, clock, 0);
    }
    await endProcess(shim, clock, 0);
  }
  removeNetworkNamespaces(namespaces);
  for (const socket of shimSockets) rmSync(socket, { force: true });
  const left = unmountAll(paths.base);
  if (left.length > 0) log.warn('mounts could not be removed', { mounts: left });
  rmSync(paths.base, { recursive: true, force: true });
  if (paths.socketDir !== paths.base) rmSync(paths.socketDir, { recursive: true, force: true });
}

/** Named network namespaces lie in a directory that the whole machine shares: those go that the pods were in. */
function removeNetworkNamespaces(inodes: ReadonlySet<number>): void {
  const dir = '/run/netns';
  if (inodes.size === 0 || !existsSync(dir)) return;
  for (const name of readdirSync(dir)) {
    const path = join(dir, name);
    const stats = statSync(path, { throwIfNoEntry: false });
    if (!stats || !inodes.has(stats.ino) || stats.ino === statSync('/proc/self/ns/net').ino) continue;
    unmountAll(path);
    rmSync(path, { force: true });
  }
}

/** The sockets of shims lie in a directory that all containerds of the machine share; each bundle tells its own. */
function shimSocketFiles(state: string): string[] {
  const tasks = join(state, 'io.containerd.runtime.v2.task', 'k8s.io');
  if (!existsSync(tasks)) return [];
  return readdirSync(tasks).flatMap((id) => {
    const file = join(tasks, id, 'address');
    if (!existsSync(file)) return [];
    return [
      readFileSync(file, 'utf8')
        .trim()
        .replace(/^unix:\/\//, ''),
    ].filter((path) => path.startsWith('/run/containerd/s/'));
  });
}
