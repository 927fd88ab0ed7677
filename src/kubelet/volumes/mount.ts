/** Mounting on this node. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { VolumeError } from './volume.ts';

const run = promisify(execFile);

/** Runs mount or umount; rejects with what it said. */
export async function runMount(args: readonly string[], program: 'mount' | 'umount' = 'mount'): Promise<void> {
  try {
    await run(program, args);
  } catch (error) {
    const { stderr } = error as { stderr?: string };
    throw new VolumeError(`${program} ${args.join(' ')} failed: ${stderr?.trim() || (error as Error).message}`);
  }
}

export function mountTmpfs(path: string, options: { sizeBytes?: number; mode?: string } = {}): Promise<void> {
  const settings = [
    ...(options.sizeBytes ? [`size=${options.sizeBytes}`] : []),
    ...(options.mode ? [`mode=${options.mode}`] : []),
  ];
  return runMount(['-t', 'tmpfs', ...(settings.length ? ['-o', settings.join(',')] : []), 'tmpfs', path]);
}
