/**
 * How long events about an owner of many objects are collected before the next look, in ms: a look costs time in
 * proportion to their number, and each of them reports several events while it starts. Nothing for small owners.
 */
export function coalesceMs(objects: number): number {
  return objects < 200 ? 0 : Math.min(250, Math.floor(objects / 50));
}
