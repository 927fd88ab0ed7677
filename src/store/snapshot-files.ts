import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** How the names of snapshot files end. */
export const snapshotSuffix = '.timonel-snapshot';

/** The path of the newest snapshot in a directory; undefined when there is none. */
export function newestSnapshot(directory: string): string | undefined {
  let newest: { path: string; at: number } | undefined;
  for (const name of listNames(directory)) {
    const path = join(directory, name);
    const at = statSync(path).mtimeMs;
    if (!newest || at > newest.at) newest = { path, at };
  }
  return newest?.path;
}

function listNames(directory: string): string[] {
  try {
    return readdirSync(directory).filter((name) => name.endsWith(snapshotSuffix));
  } catch {
    return [];
  }
}
