/** What the machine allows a runtime to do: capabilities, control groups, overlay mounts. Linux only. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/** Numbers of the capabilities that are asked for. */
const capabilityBits = { CAP_SYS_ADMIN: 21, CAP_SYS_RESOURCE: 24, CAP_NET_ADMIN: 12 } as const;

/** Whether this process has a capability in effect. */
export function hasCapability(capability: keyof typeof capabilityBits, statusFile = '/proc/self/status'): boolean {
  const line = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync(statusFile, 'utf8'));
  return line ? ((BigInt(`0x${line[1]}`) >> BigInt(capabilityBits[capability])) & 1n) === 1n : false;
}

/** How control groups are mounted: `v2` alone, or `v1` with one directory per controller (hybrid machines count as v1). */
export interface CgroupLayout {
  readonly version: 'v1' | 'v2';
  /** Where each controller's tree is mounted; under v2 every controller has the same one. */
  readonly mounts: ReadonlyMap<string, string>;
  /** Version 2's tree where version 1's are in use beside it: runtimes make groups there, too. */
  readonly unified?: string;
}

const controllers = ['cpu', 'cpuacct', 'cpuset', 'memory', 'pids', 'blkio', 'devices', 'freezer', 'hugetlb', 'systemd'];

/** The layout, from a mountinfo file. */
export function readCgroupLayout(mountInfo: string = readFileSync('/proc/self/mountinfo', 'utf8')): CgroupLayout {
  const v1 = new Map<string, string>();
  let unified: string | undefined;
  for (const line of mountInfo.split('\n')) {
    const [left, right] = line.split(' - ');
    if (!left || !right) continue;
    const mountPoint = left.split(' ')[4]!;
    const [type, , options] = right.split(' ');
    if (type === 'cgroup2') unified ??= mountPoint;
    if (type !== 'cgroup') continue;
    for (const option of (options ?? '').split(',')) {
      const name = option.startsWith('name=') ? option.slice(5) : option;
      if (controllers.includes(name) && !v1.has(name)) v1.set(name, mountPoint);
    }
  }
  if (v1.has('memory') || v1.has('cpu') || !unified)
    return { version: 'v1', mounts: v1, ...(unified ? { unified } : {}) };
  return { version: 'v2', mounts: new Map(controllers.map((name) => [name, unified])) };
}

/** Whether overlay mounts work with layers in `dir`; tried, because it depends on the file system and on privileges. */
export function supportsOverlay(dir: string): boolean {
  mkdirSync(dir, { recursive: true });
  const trial = mkdtempSync(join(dir, 'overlay-'));
  try {
    const [lower, upper, work, merged] = ['lower', 'upper', 'work', 'merged'].map((name) => join(trial, name));
    for (const path of [lower, upper, work, merged]) mkdirSync(path!);
    execFileSync(
      'mount',
      ['-t', 'overlay', 'overlay', '-o', `lowerdir=${lower},upperdir=${upper},workdir=${work}`, merged!],
      { stdio: 'ignore' },
    );
    execFileSync('umount', [merged!], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  } finally {
    rmSync(trial, { recursive: true, force: true });
  }
}

/** The path of a program in PATH or the system directories, which a root shell's PATH sometimes lacks. */
export function findProgram(name: string, path = process.env['PATH'] ?? ''): string | undefined {
  for (const dir of [
    ...path.split(':'),
    '/usr/local/sbin',
    '/usr/local/bin',
    '/usr/sbin',
    '/usr/bin',
    '/sbin',
    '/bin',
  ]) {
    if (dir && existsSync(join(dir, name))) return join(dir, name);
  }
  return undefined;
}

/** An id that changes with every boot of the machine. */
export function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
}
