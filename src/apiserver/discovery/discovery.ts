import type { ApiContext } from '../context.ts';
import type { PathHandler } from '../filters/path-answer.ts';
export function createDiscovery(_api: ApiContext): PathHandler[] {
  return [];
}
