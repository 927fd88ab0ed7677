/** Removing dead containers and sandboxes of living pods; the last one of each name stays for its log and its last state. */
import { readdirSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { isCriNotFound } from '../../cri/runtime.ts';
import type { KubeletContext } from '../context.ts';
import type { RuntimeContainer, RuntimePod, RuntimeSandbox } from './pod-runtime.ts';

/** What may go: of each name all but the newest dead container, and sandboxes that are dead, not the newest, and empty. */
export function findGarbage(pod: RuntimePod): { containers: RuntimeContainer[]; sandboxes: RuntimeSandbox[] } {
  const dead = new Map<string, number>();
  const containers = pod.containers.filter((container) => {
    if (container.state !== 'exited' && container.state !== 'created') return false;
    const before = dead.get(container.name) ?? 0;
    dead.set(container.name, before + 1);
    return before > 0;
  });
  const sandboxes = pod.sandboxes
    .slice(1)
    .filter((sandbox) => !sandbox.ready && !pod.containers.some((container) => container.sandboxId === sandbox.id));
  return { containers, sandboxes };
}

/** Removes a pod's garbage with its logs. */
export async function collectGarbage(context: Pick<KubeletContext, 'runtime'>, pod: RuntimePod): Promise<void> {
  const { runtime } = context.runtime;
  const garbage = findGarbage(pod);
  for (const container of garbage.containers) {
    await unlessGone(runtime.removeContainer({ container_id: container.id }));
    if (container.logPath) removeLogs(container.logPath);
  }
  for (const sandbox of garbage.sandboxes) await unlessGone(runtime.removePodSandbox({ pod_sandbox_id: sandbox.id }));
}

async function unlessGone(removal: Promise<unknown>): Promise<void> {
  try {
    await removal;
  } catch (error) {
    if (!isCriNotFound(error)) throw error;
  }
}

/** A log and what was rotated away from it. */
function removeLogs(path: string): void {
  const name = basename(path);
  try {
    for (const file of readdirSync(dirname(path))) {
      if (file === name || file.startsWith(`${name}.`)) rmSync(join(dirname(path), file), { force: true });
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
