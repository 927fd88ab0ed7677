/** Choosing the default among classes that are marked as such. */
import type { KubeObject, Shared } from '../../api/kind.ts';

/** The marked object that was made last; the first by name of several made at once. */
export function newestDefault<T extends Shared<KubeObject>>(
  classes: readonly T[],
  annotations: readonly string[],
): T | undefined {
  let best: T | undefined;
  for (const one of classes) {
    if (!annotations.some((annotation) => one.metadata.annotations?.[annotation] === 'true')) continue;
    if (!best || isBefore(one.metadata, best.metadata)) best = one;
  }
  return best;
}

function isBefore(a: Shared<KubeObject>['metadata'], b: Shared<KubeObject>['metadata']): boolean {
  if (a.creationTimestamp !== b.creationTimestamp) return a.creationTimestamp > b.creationTimestamp;
  return a.name < b.name;
}
