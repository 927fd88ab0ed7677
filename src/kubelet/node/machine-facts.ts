/** What the machine is: its size, its system, its addresses. */
import { existsSync, readFileSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { arch, cpus, hostname, networkInterfaces, release, totalmem } from 'node:os';
import { imageArchitecture } from '../../cri/oci-image.ts';

export interface MachineFacts {
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly hostname: string;
  readonly architecture: string;
  readonly kernelVersion: string;
  readonly osImage: string;
  readonly machineId: string;
  readonly systemUuid: string;
  readonly bootId: string;
}

const readText = (path: string) => (existsSync(path) ? readFileSync(path, 'utf8').trim() : '');

export function readMachineFacts(): MachineFacts {
  const release_ = readText('/etc/os-release');
  const machineId = readText('/etc/machine-id') || readText('/var/lib/dbus/machine-id');
  let systemUuid = '';
  try {
    systemUuid = readText('/sys/class/dmi/id/product_uuid');
  } catch {
    // Not every machine has one, and not every process may read it.
  }
  return {
    cpus: cpus().length,
    memoryBytes: totalmem(),
    hostname: hostname().toLowerCase(),
    architecture: imageArchitecture(arch()),
    kernelVersion: release(),
    osImage: /^PRETTY_NAME="?(.*?)"?$/m.exec(release_)?.[1] ?? 'Linux',
    machineId,
    systemUuid: systemUuid || machineId,
    bootId: readText('/proc/sys/kernel/random/boot_id'),
  };
}

/** The first address that is not the machine's own: what others reach it by. */
export function firstAddress(): string {
  const addresses = Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .filter((address) => !address.internal && address.family === 'IPv4');
  return addresses[0]?.address ?? '127.0.0.1';
}

/** Bytes of the file system that a directory is on. */
export async function fileSystem(
  path: string,
): Promise<{ total: number; available: number; inodes: number; inodesFree: number }> {
  const stats = await statfs(path);
  return {
    total: stats.blocks * stats.bsize,
    available: stats.bavail * stats.bsize,
    inodes: stats.files,
    inodesFree: stats.ffree,
  };
}

/** Bytes of memory that could be used without swapping. */
export function availableMemory(): number {
  const match = /^MemAvailable:\s+(\d+) kB$/m.exec(readText('/proc/meminfo'));
  return match ? Number(match[1]) * 1024 : 0;
}
