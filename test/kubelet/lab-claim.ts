/**
 * Real nodes of tests by number: each is one process's as long as that lives, so that labs of several runs have
 * directories, networks and control groups of their own, and what a killed run left is found by its number and removed.
 */
import { readlinkSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { realClock } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/log.ts';
import { purgeContainerd } from '../../src/cri/containerd-purge.ts';
import { purgeAgent } from '../../src/kubelet/purge.ts';
import { isAlive } from '../store/owned-names.ts';

export interface LabClaim {
  readonly number: number;
  readonly dataDir: string;
  readonly cgroupRoot: string;
  /** Removes everything of the lab from the machine, and gives the number back. Rejects when something stays. */
  release(): Promise<void>;
}

const place = (number: number) => ({
  number,
  dataDir: join(tmpdir(), `timonel-lab-${number}`),
  cgroupRoot: `/timonel-lab-${number}`,
});
const ownerLink = (number: number) => join(tmpdir(), `timonel-lab-${number}.owner`);

/** Takes the first number that is free, or whose owner has died. */
export async function claimLab(): Promise<LabClaim> {
  for (let number = 1; number < 255; number++) {
    if (!take(number)) continue;
    const lab = place(number);
    await remove(lab);
    return {
      ...lab,
      async release() {
        await remove(lab);
        rmSync(ownerLink(number), { force: true });
      },
    };
  }
  throw new Error(`there are too many labs on this machine: look for ${ownerLink(1)} and its like`);
}

/** A link is made whole, with its owner's pid for a target, or not at all. */
function take(number: number): boolean {
  const link = ownerLink(number);
  try {
    symlinkSync(String(process.pid), link);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  const mine = `${link}.${process.pid}`;
  try {
    if (isAlive(Number(readlinkSync(link)))) return false;
    renameSync(link, mine);
    const isDead = !isAlive(Number(readlinkSync(mine)));
    // Another process may have been quicker: it keeps what it has taken.
    if (isDead) rmSync(mine);
    else renameSync(mine, link);
    return isDead && take(number);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

async function remove({ dataDir, cgroupRoot }: { dataDir: string; cgroupRoot: string }): Promise<void> {
  await purgeContainerd(dataDir, { clock: realClock, log: silentLogger });
  const left = await purgeAgent({ dataDir, cgroupRoot });
  if (left.length > 0) throw new Error(left.join('\n'));
  rmSync(dataDir, { recursive: true, force: true });
}
