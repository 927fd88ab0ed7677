/** Things of a test outside its process are named after it, so that the next run finds what a killed one left. */
import { readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The names among `names` that begin with `prefix` and the id of a process that has ended. */
export function leftovers(names: readonly string[], prefix: string): string[] {
  return names.filter((name) => {
    const owner = name.startsWith(prefix) ? /^\d+/.exec(name.slice(prefix.length)) : null;
    return owner !== null && !isAlive(Number(owner[0]));
  });
}

/** Removes folders below the temporary one that ended processes left. */
export function removeLeftFolders(prefix: string): void {
  for (const name of leftovers(readdirSync(tmpdir()), prefix))
    rmSync(join(tmpdir(), name), { recursive: true, force: true });
}

/** Whether a process of that id lives. */
export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
