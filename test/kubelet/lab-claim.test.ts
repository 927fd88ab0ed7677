import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readlinkSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Cgroups } from '../../src/cri/cgroups.ts';
import { mountsUnder } from '../../src/cri/mounts.ts';
import { claimLab } from './lab-claim.ts';
import { missingForRealNode } from './node-lab.ts';

const missing = missingForRealNode();

describe.skipIf(missing)(`the place of a test’s node${missing ? ` (${missing})` : ''}`, () => {
  it('is nobody else’s, and leaves nothing', async () => {
    const [one, two] = [await claimLab(), await claimLab()];
    expect(one.number).not.toBe(two.number);
    mkdirSync(one.dataDir);
    await one.release();
    await two.release();
    expect([existsSync(one.dataDir), existsSync(`${one.dataDir}.owner`), existsSync(`${two.dataDir}.owner`)]).toEqual([
      false,
      false,
      false,
    ]);
  });

  it('is freed of what a killed run left: mounts, control groups, directories', async () => {
    const lab = await claimLab();
    const child = spawn('sleep', ['1000000']);
    const owner = `${lab.dataDir}.owner`;
    rmSync(owner);
    symlinkSync(String(child.pid), owner);
    const volume = join(lab.dataDir, 'kubelet/pods/x/volumes/memory');
    mkdirSync(volume, { recursive: true });
    expect(spawnSync('mount', ['-t', 'tmpfs', 'tmpfs', volume]).status).toBe(0);
    writeFileSync(join(volume, 'file'), '');
    const cgroups = new Cgroups();
    cgroups.ensure(`${lab.cgroupRoot}/kubepods`);

    const other = await claimLab();
    expect(other.number).not.toBe(lab.number);
    await other.release();
    expect(existsSync(join(volume, 'file'))).toBe(true);

    child.kill('SIGKILL');
    await once(child, 'exit');
    const again = await claimLab();
    expect([again.number, Number(readlinkSync(owner))]).toEqual([lab.number, process.pid]);
    expect([mountsUnder(lab.dataDir), existsSync(lab.dataDir), cgroups.children(lab.cgroupRoot)]).toEqual([
      [],
      false,
      [],
    ]);
    await again.release();
  });
});
