/** All volumes of a pod: set up before its containers, refreshed while it runs, taken down after it. */
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Shared } from '../../api/kind.ts';
import type { Pod, Volume } from '../../api/types/core-v1.ts';
import { mountsUnder, unmountAll } from '../../cri/mounts.ts';
import type { KubeletContext } from '../context.ts';
import { podDir } from '../pods/pod-dirs.ts';
import { mountTmpfs } from './mount.ts';
import { type MountedVolume, VolumeError, type VolumeSources } from './volume.ts';
import { volumeTypes } from './volume-types.ts';

/** Where volumes in memory are, on one mount for the whole node. */
export const memoryDirOf = (rootDir: string): string => join(rootDir, 'memory');

/** Mounts the memory file system for secrets and tokens, unless it is there from before. */
export async function prepareMemoryDir(rootDir: string): Promise<void> {
  const dir = memoryDirOf(rootDir);
  mkdirSync(dir, { recursive: true, mode: 0o711 });
  if (!mountsUnder(dir).includes(dir)) await mountTmpfs(dir, { mode: '0711' });
}

function typeOf(volume: Shared<Volume>) {
  for (const field of Object.keys(volume) as (keyof Volume)[]) {
    const type = volumeTypes[field];
    if (type) return type;
  }
  return undefined;
}

/** Sets up a pod's volumes, all or those that may change. Throws {@link VolumeError} naming the first that fails. */
export async function setUpVolumes(
  context: KubeletContext,
  pod: Shared<Pod>,
  options: { readonly sources: VolumeSources; readonly onlyRefresh?: boolean },
): Promise<Map<string, MountedVolume>> {
  const mounted = new Map<string, MountedVolume>();
  await Promise.all(
    (pod.spec.volumes ?? []).map(async (volume) => {
      const type = typeOf(volume);
      if (!type) throw failure(volume.name, `its type (${kindOf(volume)}) is not supported on this node`);
      if (options.onlyRefresh && !type.refreshes) return;
      try {
        const request = { context, pod, volume, sources: options.sources, memoryDir: memoryDirOf(context.rootDir) };
        mounted.set(volume.name, await type.setUp(request));
      } catch (error) {
        throw failure(volume.name, (error as Error).message);
      }
    }),
  );
  return mounted;
}

/** Whether a pod has volumes whose content may change. */
export function hasChangingVolumes(pod: Shared<Pod>): boolean {
  return (pod.spec.volumes ?? []).some((volume) => typeOf(volume)?.refreshes);
}

const kindOf = (volume: Shared<Volume>) => Object.keys(volume).find((key) => key !== 'name') ?? 'none';

const failure = (name: string, why: string) =>
  new VolumeError(`MountVolume.SetUp failed for volume "${name}" : ${why}`);

/** Unmounts and removes everything that a pod has on the node, but not what its volumes point to elsewhere. */
export function tearDownVolumes(rootDir: string, podUid: string): void {
  const dir = podDir(rootDir, podUid);
  const left = unmountAll(dir);
  if (left.length > 0) throw new VolumeError(`volumes of pod ${podUid} are still mounted: ${left.join(', ')}`);
  rmSync(dir, { recursive: true, force: true });
  rmSync(join(memoryDirOf(rootDir), podUid), { recursive: true, force: true });
}
