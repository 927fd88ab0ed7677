/** Pods that take more of the node's disk than they said they would: upstream's eviction by local storage limits. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Shared } from '../../api/kind.ts';
import { Quantity } from '../../api/machinery/quantity.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import { podLogDir, volumeDir } from '../pods/pod-dirs.ts';

const storage = 'ephemeral-storage';
const bytesOf = (amount: string) => Number(Quantity.parse(amount).value());

/** Bytes of disk by the names of a pod's volumes and containers. */
export interface StorageUsage {
  readonly emptyDirs: ReadonlyMap<string, number>;
  /** Writable layers and logs. */
  readonly containers: ReadonlyMap<string, number>;
}

/** Volumes that take disk: what is in memory is limited by its own size. */
const diskDirs = (pod: Shared<Pod>) =>
  (pod.spec.volumes ?? []).filter(({ emptyDir }) => emptyDir && emptyDir.medium !== 'Memory');

/** Whether a pod has a limit that its usage is to be compared with. */
export function hasStorageLimit(pod: Shared<Pod>): boolean {
  return (
    diskDirs(pod).some(({ emptyDir }) => emptyDir!.sizeLimit !== undefined && bytesOf(emptyDir!.sizeLimit) > 0) ||
    pod.spec.containers.some(({ resources }) => resources?.limits?.[storage] !== undefined)
  );
}

/** Why a pod must go, in upstream's words; undefined while it keeps within its limits. */
export function storageOverrun(pod: Shared<Pod>, usage: StorageUsage): string | undefined {
  for (const { name, emptyDir } of diskDirs(pod)) {
    const limit = emptyDir!.sizeLimit;
    if (limit && bytesOf(limit) > 0 && (usage.emptyDirs.get(name) ?? 0) > bytesOf(limit)) {
      return `Usage of EmptyDir volume "${name}" exceeds the limit "${limit}". `;
    }
  }
  const limits = pod.spec.containers.flatMap(({ name, resources }) => {
    const limit = resources?.limits?.[storage];
    return limit === undefined ? [] : [{ name, limit }];
  });
  if (limits.length === 0) return undefined;
  const total = limits.reduce((sum, { limit }) => sum.add(Quantity.parse(limit)), Quantity.zero);
  const used = [...usage.containers.values(), ...usage.emptyDirs.values()].reduce((sum, bytes) => sum + bytes, 0);
  if (used > Number(total.value())) {
    return `Pod ephemeral local storage usage exceeds the total limit of containers ${total}. `;
  }
  const over = limits.find(({ name, limit }) => (usage.containers.get(name) ?? 0) > bytesOf(limit));
  return over && `Container ${over.name} exceeded its local ephemeral storage limit "${over.limit}". `;
}

/** Measures what a pod takes. */
export async function measureStorage(
  pod: Shared<Pod>,
  options: {
    readonly rootDir: string;
    readonly logDir: string;
    /** Bytes of the writable layers, by container. */
    readonly writable: ReadonlyMap<string, number>;
  },
): Promise<StorageUsage> {
  const { rootDir, logDir, writable } = options;
  const uid = pod.metadata.uid!;
  const emptyDirs = await Promise.all(
    diskDirs(pod).map(async ({ name }) => {
      return [name, await diskUsage(volumeDir(rootDir, uid, { type: 'empty-dir', name }))] as const;
    }),
  );
  const containers = await Promise.all(
    pod.spec.containers.map(async ({ name }) => {
      const logs = await diskUsage(`${podLogDir(logDir, pod)}/${name}`);
      return [name, logs + (writable.get(name) ?? 0)] as const;
    }),
  );
  return { emptyDirs: new Map(emptyDirs), containers: new Map(containers) };
}

/** Bytes of disk under a directory, not beyond its file system; 0 when it is not there. */
async function diskUsage(dir: string): Promise<number> {
  const { stdout } = await promisify(execFile)('du', ['-sxB1', dir]).catch((error: { stdout?: string }) => ({
    // Files that vanish meanwhile are complained of, and the rest is counted.
    stdout: error.stdout ?? '',
  }));
  return Number.parseInt(stdout, 10) || 0;
}
