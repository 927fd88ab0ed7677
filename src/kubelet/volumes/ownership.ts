/** Giving a volume to the pod's fsGroup. */
import { chmodSync, lchownSync, lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Makes everything under a directory readable and writable by a group, and new files in it the group's.
 * With `onRootMismatch` nothing is done when the top directory is right already.
 */
export function giveToGroup(dir: string, group: number, options: { readonly onRootMismatch: boolean }): void {
  const top = lstatSync(dir);
  if (options.onRootMismatch && top.gid === group && (top.mode & 0o2770) === 0o2770) return;
  walk(dir, group);
}

function walk(path: string, group: number): void {
  const stats = lstatSync(path);
  if (stats.isDirectory()) for (const name of readdirSync(path)) walk(join(path, name), group);
  lchownSync(path, stats.uid, group);
  if (stats.isSymbolicLink()) return;
  chmodSync(path, (stats.mode & 0o7777) | (stats.isDirectory() ? 0o2770 : 0o660));
}
