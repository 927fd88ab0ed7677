/** Control groups that the agent makes itself, around what the runtime makes: both versions. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CgroupLayout, readCgroupLayout } from './machine.ts';

/** Limits of a group. Shares are those of version 1; version 2's weight is computed from them, as upstream does. */
export interface CgroupLimits {
  readonly cpuShares?: number;
  /** Microseconds of CPU per period of 100 ms; -1 is no limit. */
  readonly cpuQuota?: number;
  /** Bytes; -1 is no limit. */
  readonly memory?: number;
  readonly pids?: number;
}

export const cpuPeriodMicros = 100_000;

/** The controllers that pods are limited by. */
const wanted = ['cpu', 'cpuset', 'memory', 'pids', 'io', 'hugetlb'];

/** The groups of this machine. Paths begin with a slash and are below each controller's mount. */
export class Cgroups {
  readonly layout: CgroupLayout;

  constructor(layout: CgroupLayout = readCgroupLayout()) {
    this.layout = layout;
  }

  get #roots(): string[] {
    return [...new Set(this.layout.mounts.values())].filter((root) => existsSync(root));
  }

  /** Makes a group and those above it, and sets its limits. */
  ensure(path: string, limits: CgroupLimits = {}): void {
    for (const root of this.#roots) {
      if (this.layout.version === 'v2') this.#enableControllers(root, path);
      else if (root === this.layout.mounts.get('cpuset')) this.#makeCpuset(root, path);
      mkdirSync(join(root, path), { recursive: true });
    }
    this.apply(path, limits);
  }

  apply(path: string, limits: CgroupLimits): void {
    const { cpuShares, cpuQuota, memory, pids } = limits;
    const write = (controller: string, file: string, value: string) => {
      const root = this.layout.mounts.get(controller);
      const full = root && join(root, path, file);
      if (full && existsSync(full)) writeFileSync(full, value);
    };
    if (this.layout.version === 'v2') {
      if (cpuShares !== undefined) write('cpu', 'cpu.weight', String(cpuWeight(cpuShares)));
      if (cpuQuota !== undefined) write('cpu', 'cpu.max', `${cpuQuota < 0 ? 'max' : cpuQuota} ${cpuPeriodMicros}`);
      if (memory !== undefined) write('memory', 'memory.max', memory < 0 ? 'max' : String(memory));
    } else {
      if (cpuShares !== undefined) write('cpu', 'cpu.shares', String(cpuShares));
      if (cpuQuota !== undefined) {
        write('cpu', 'cpu.cfs_period_us', String(cpuPeriodMicros));
        write('cpu', 'cpu.cfs_quota_us', String(cpuQuota));
      }
      if (memory !== undefined) write('memory', 'memory.limit_in_bytes', String(memory));
    }
    if (pids !== undefined) write('pids', 'pids.max', pids < 0 ? 'max' : String(pids));
  }

  /** The same, but leaves limits as they are that what is in use already exceeds. */
  applyUnlessBusy(path: string, limits: CgroupLimits): void {
    try {
      this.apply(path, limits);
    } catch (error) {
      if (!['EBUSY', 'EINVAL'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    }
  }

  /** All processes in a group and below it. */
  processes(path: string): number[] {
    const found = new Set<number>();
    for (const root of this.#roots) {
      for (const dir of tree(join(root, path))) {
        for (const pid of readNumbers(join(dir, 'cgroup.procs'))) found.add(pid);
      }
    }
    return [...found];
  }

  /** Removes a group and those below it; false when processes in it keep one of them. */
  remove(path: string): boolean {
    let gone = true;
    for (const root of [...this.#roots, ...(this.layout.unified ? [this.layout.unified] : [])]) {
      for (const dir of tree(join(root, path)).reverse()) {
        try {
          rmdirSync(dir);
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== 'ENOENT') gone = false;
        }
      }
    }
    return gone;
  }

  /** The names of the groups directly below one, in whichever tree has them. */
  children(path: string): string[] {
    const names = new Set<string>();
    for (const root of this.#roots) for (const dir of subdirectories(join(root, path))) names.add(dir);
    return [...names];
  }

  /** The content of a file of a group, under its controller's mount. */
  read(controller: string, path: string, file: string): string | undefined {
    const root = this.layout.mounts.get(controller);
    try {
      return root ? readFileSync(join(root, path, file), 'utf8').trim() : undefined;
    } catch {
      return undefined;
    }
  }

  /** Under version 2 a group has a controller only where every group above passes it on. */
  #enableControllers(root: string, path: string): void {
    let dir = root;
    for (const part of path.split('/').filter(Boolean)) {
      const has = readWords(join(dir, 'cgroup.controllers'));
      const on = readWords(join(dir, 'cgroup.subtree_control'));
      for (const controller of wanted) {
        if (!has.includes(controller) || on.includes(controller)) continue;
        try {
          writeFileSync(join(dir, 'cgroup.subtree_control'), `+${controller}`);
        } catch {
          // A controller that cannot be passed on limits nothing below; the others still do.
        }
      }
      dir = join(dir, part);
      mkdirSync(dir, { recursive: true });
    }
    // The group itself passes its controllers on to the containers' groups.
    const has = readWords(join(dir, 'cgroup.controllers'));
    for (const controller of wanted.filter((name) => has.includes(name))) {
      try {
        writeFileSync(join(dir, 'cgroup.subtree_control'), `+${controller}`);
      } catch {
        // As above.
      }
    }
  }

  /** Version 1's cpuset takes no process before its cpus and memory nodes are set. */
  #makeCpuset(root: string, path: string): void {
    let dir = root;
    for (const part of path.split('/').filter(Boolean)) {
      const child = join(dir, part);
      mkdirSync(child, { recursive: true });
      for (const file of ['cpuset.cpus', 'cpuset.mems']) {
        if (existsSync(join(child, file)) && readFileSync(join(child, file), 'utf8').trim() === '') {
          writeFileSync(join(child, file), readFileSync(join(dir, file), 'utf8').trim());
        }
      }
      dir = child;
    }
  }
}

/** Version 2's weight for version 1's shares: 2 to 262144 become 1 to 10000. */
export function cpuWeight(shares: number): number {
  const bounded = Math.min(262144, Math.max(2, shares));
  return Math.floor(1 + ((bounded - 2) * 9999) / 262142);
}

function subdirectories(dir: string): string[] {
  try {
    return readdirSync(dir).filter((name) => statSync(join(dir, name), { throwIfNoEntry: false })?.isDirectory());
  } catch {
    return [];
  }
}

/** A directory and all below it, each after the one that it is in. */
function tree(dir: string): string[] {
  return existsSync(dir) ? [dir, ...subdirectories(dir).flatMap((name) => tree(join(dir, name)))] : [];
}

function readWords(file: string): string[] {
  try {
    return readFileSync(file, 'utf8').trim().split(/\s+/);
  } catch {
    return [];
  }
}

const readNumbers = (file: string) => readWords(file).filter(Boolean).map(Number);
