/** Removing what an agent made on the machine, after its pods are gone from the runtime. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Clock, realClock } from '../base/clock.ts';
import { Cgroups } from '../cri/cgroups.ts';
import { unmountAll } from '../cri/mounts.ts';
import { pause } from '../cri/wait.ts';

const groupsGoneMs = 3000;

/** Unmounts volumes, removes the agent's directories and control groups. Returns what is left, as sentences. */
export async function purgeAgent(options: { dataDir: string; cgroupRoot: string; clock?: Clock }): Promise<string[]> {
  const { dataDir, cgroupRoot, clock = realClock } = options;
  const problems = unmountAll(join(dataDir, 'kubelet')).map((point) => `${point} is still mounted`);
  if (problems.length === 0) {
    for (const dir of ['kubelet', 'pod-logs']) rmSync(join(dataDir, dir), { recursive: true, force: true });
  }
  const cgroups = new Cgroups();
  // The kernel empties a group a moment after its last process was killed.
  for (const start = clock.monotonic(); !cgroups.remove(cgroupRoot); await pause(clock, 20)) {
    if (clock.monotonic() - start < groupsGoneMs) continue;
    problems.push(`the control group ${cgroupRoot} still has processes`);
    break;
  }
  return problems;
}
