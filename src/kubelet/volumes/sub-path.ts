import { chmodSync, mkdirSync, realpathSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { ContainerConfigError } from '../pods/environment.ts';

/**
 * The path of a sub path of a volume, made when it is missing. Links are followed, but never out of the volume: what a
 * container wrote into it must not choose a path of the node.
 */
export function resolveSubPath(volumePath: string, subPath: string): string {
  if (subPath.startsWith('/') || subPath.split('/').includes('..')) {
    throw new ContainerConfigError(`invalid subPath "${subPath}": it must be relative and without ".."`);
  }
  const root = realpathSync(volumePath);
  let at = root;
  for (const part of subPath.split('/').filter((name) => name && name !== '.')) {
    let next = join(at, part);
    if (!statSync(next, { throwIfNoEntry: false })) {
      mkdirSync(next, { mode: 0o755 });
      chmodSync(next, statSync(root).mode & 0o7777);
    }
    next = realpathSync(next);
    if (/^\.\.(\/|$)/.test(relative(root, next))) {
      throw new ContainerConfigError(`failed to prepare subPath for volumeMount: "${subPath}" leaves the volume`);
    }
    at = next;
  }
  return at;
}
