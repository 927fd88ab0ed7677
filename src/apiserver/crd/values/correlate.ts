/** Finds the value before an update that an item of a list corresponds to. */
import { deepEqual } from '../../../base/deep.ts';
import type { Schema } from '../schema-types.ts';

/** Items of lists of type map correspond by their keys; those of other lists to nothing. */
export function correlate(list: Schema, old: unknown, item: unknown): unknown {
  if (!Array.isArray(old) || list['x-kubernetes-list-type'] !== 'map') return undefined;
  const keys = list['x-kubernetes-list-map-keys'] ?? [];
  const keyOf = (value: unknown, key: string) => (value as Record<string, unknown> | null)?.[key];
  return old.find((other) => keys.every((key) => deepEqual(keyOf(other, key), keyOf(item, key))));
}
