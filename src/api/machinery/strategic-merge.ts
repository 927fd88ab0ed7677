/**
 * Strategic merge patch (apimachinery util/strategicpatch): a merge patch in which lists with a merge key are merged by it,
 * with the directives `$patch`, `$retainKeys`, `$setElementOrder/LIST` and `$deleteFromPrimitiveList/LIST`.
 */
import { deepEqual } from '../../base/deep.ts';
import type { StructSchema, TypeSchema } from '../schema/schema.ts';
import { setOwn } from './parse-json.ts';
import { copyJson, shown } from './scalars.ts';
import { badRequest } from './status.ts';

type Json = Record<string, unknown>;

/** How the value at a field is merged. */
interface Merging {
  readonly type: TypeSchema;
  readonly strategy: string | undefined;
  readonly mergeKey: string | undefined;
}

const directive = '$patch';
const retainKeys = '$retainKeys';
const orderPrefix = '$setElementOrder/';
const deletePrefix = '$deleteFromPrimitiveList/';

const isMap = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);

/** The document with the patch applied by the struct's merge keys; neither is changed. Throws badRequest. */
export function applyStrategicMerge(struct: StructSchema, document: unknown, patch: unknown): unknown {
  if (!isMap(patch)) throw badRequest('Invalid JSON document');
  return mergeMap(isMap(document) ? (copyJson(document) as Json) : {}, patch, { kind: 'struct', struct });
}

function mergingOf(type: TypeSchema, key: string): Merging {
  if (type.kind === 'struct') {
    const field = type.struct.byName.get(key);
    if (field) {
      const strategy = field.patchStrategy.find((s) => s !== 'retainKeys');
      return { type: field.type, strategy, mergeKey: field.patchMergeKey };
    }
  } else if (type.kind === 'map') return { type: type.of, strategy: undefined, mergeKey: undefined };
  return { type: { kind: 'any' }, strategy: undefined, mergeKey: undefined };
}

/** Merges the patch into `original`, which it may change. */
function mergeMap(original: Json, patch: Json, type: TypeSchema): Json {
  const action = patch[directive];
  if (action !== undefined) {
    if (action === 'replace') return withoutDirectives(patch) as Json;
    if (action === 'delete') return {};
    if (action !== 'merge') throw badRequest(`Unknown patch type found: ${shown(action)} in map`);
  }
  applyRetainKeys(original, patch);
  const ordered = applyElementOrder(original, patch, type);
  for (const rawKey of Object.keys(patch)) {
    if (rawKey === directive || rawKey === retainKeys || rawKey.startsWith(orderPrefix) || ordered.has(rawKey))
      continue;
    const deletes = rawKey.startsWith(deletePrefix);
    const key = deletes ? rawKey.slice(deletePrefix.length) : rawKey;
    const value = patch[rawKey];
    if (deletes) {
      if (!Array.isArray(value)) throw badRequest('invalid patch format of primitive list');
      const list = original[key];
      if (Array.isArray(list)) original[key] = list.filter((element) => !value.includes(element));
      continue;
    }
    if (value === null) {
      delete original[key];
      continue;
    }
    const before = Object.hasOwn(original, key) ? original[key] : undefined;
    const merging = mergingOf(type, key);
    if (isMap(before) && isMap(value)) {
      setOwn(
        original,
        key,
        merging.strategy === 'replace' ? withoutDirectives(value) : mergeMap(before, value, merging.type),
      );
    } else if (Array.isArray(before) && Array.isArray(value)) original[key] = mergeList(before, value, merging);
    else if (!isMap(value) || value[directive] !== 'delete') setOwn(original, key, withoutDirectives(value));
    else delete original[key];
  }
  return original;
}

/** A value that is new to the document: directives have nothing to act on, and nulls nothing to delete. */
function withoutDirectives(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value.filter((element) => !isMap(element) || element[directive] === undefined).map(withoutDirectives);
  }
  if (!isMap(value)) return value;
  const out: Json = {};
  for (const key of Object.keys(value)) {
    if (key === directive || key === retainKeys || key.startsWith(orderPrefix) || key.startsWith(deletePrefix))
      continue;
    const child = value[key];
    if (child === null || (isMap(child) && child[directive] === 'delete')) continue;
    setOwn(out, key, withoutDirectives(child));
  }
  return out;
}

function applyRetainKeys(original: Json, patch: Json): void {
  const keep = patch[retainKeys];
  if (keep === undefined) return;
  if (!Array.isArray(keep)) throw badRequest('invalid patch format of retainKeys');
  const kept = new Set(keep);
  for (const key of Object.keys(patch)) {
    if (key.startsWith('$') || patch[key] === null) continue;
    if (!kept.has(key)) throw badRequest('invalid patch format of retainKeys');
  }
  for (const key of Object.keys(original)) if (!kept.has(key)) delete original[key];
}

/** Merges the lists whose order the patch gives; returns the keys that are done with. */
function applyElementOrder(original: Json, patch: Json, type: TypeSchema): ReadonlySet<string> {
  const done = new Set<string>();
  for (const orderKey of Object.keys(patch)) {
    if (!orderKey.startsWith(orderPrefix)) continue;
    const key = orderKey.slice(orderPrefix.length);
    const order = patch[orderKey];
    if (!Array.isArray(order)) throw badRequest('invalid patch format of setElementOrder list');
    const before = Object.hasOwn(original, key) ? original[key] : undefined;
    const change = Object.hasOwn(patch, key) ? patch[key] : undefined;
    const merging = mergingOf(type, key);
    let merged: unknown[];
    if (change === null) continue;
    if (Array.isArray(before)) {
      merged = Array.isArray(change) ? mergeList(before, change, merging) : before;
    } else if (Array.isArray(change)) merged = withoutDirectives(change) as unknown[];
    else continue;
    const removed = patch[deletePrefix + key];
    if (Array.isArray(removed)) merged = merged.filter((element) => !removed.includes(element));
    original[key] = inOrder(merged, order, Array.isArray(before) ? before : [], merging.mergeKey);
    done.add(key).add(deletePrefix + key);
  }
  return done;
}

function mergeList(original: unknown[], patch: unknown[], merging: Merging): unknown[] {
  if (merging.strategy !== 'merge') return withoutDirectives(patch) as unknown[];
  if (original.length === 0 && patch.length === 0) return original;
  const { mergeKey } = merging;
  const maps = [...original, ...patch].some(isMap);
  if (!maps) return inOrder([...new Set([...original, ...patch])], patch, original, undefined);
  if (!mergeKey) throw badRequest('cannot merge lists without merge key');
  const element: TypeSchema = merging.type.kind === 'list' ? merging.type.of : { kind: 'any' };
  let merged = [...original];
  const rest: Json[] = [];
  let replaces = false;
  for (const item of patch) {
    if (!isMap(item)) throw badRequest('Invalid JSON document: lists may not mix maps and other values');
    switch (item[directive]) {
      case undefined:
        rest.push(item);
        break;
      case 'delete':
        requireKey(item, mergeKey);
        merged = merged.filter((existing) => !sameKey(existing, item, mergeKey));
        break;
      case 'replace':
        replaces = true;
        break;
      case 'merge':
        throw badRequest('merging lists cannot yet be specified in the patch');
      default:
        throw badRequest(`Unknown patch type found: ${shown(item[directive])} in list`);
    }
  }
  if (replaces) return withoutDirectives(rest) as unknown[];
  for (const item of rest) {
    requireKey(item, mergeKey);
    const at = merged.findIndex((existing) => sameKey(existing, item, mergeKey));
    const existing = merged[at];
    if (isMap(existing)) merged[at] = mergeMap({ ...existing }, item, element);
    else merged.push(withoutDirectives(item));
  }
  return inOrder(merged, rest, original, mergeKey);
}

function requireKey(item: Json, mergeKey: string): void {
  if (!Object.hasOwn(item, mergeKey)) {
    throw badRequest(`map: ${goMap(item)} does not contain declared merge key: ${mergeKey}`);
  }
}

/** A map as Go's %v prints it. */
function goMap(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(goMap).join(' ')}]`;
  if (!isMap(value)) return value === null ? '<nil>' : String(value);
  const entries = Object.keys(value)
    .sort()
    .map((key) => `${key}:${goMap(value[key])}`);
  return `map[${entries.join(' ')}]`;
}

const sameKey = (a: unknown, b: unknown, mergeKey: string) =>
  isMap(a) && isMap(b) && deepEqual(a[mergeKey], b[mergeKey]);

/**
 * Puts what the patch names in the patch's order, and the others (which only the server has) among them where their order in
 * the original allows.
 */
function inOrder(merged: unknown[], order: unknown[], original: unknown[], mergeKey: string | undefined): unknown[] {
  const keyOf = (value: unknown) => JSON.stringify(mergeKey !== undefined && isMap(value) ? value[mergeKey] : value);
  const rank = (list: unknown[]) => {
    const ranks = new Map<string | undefined, number>();
    for (const [i, value] of list.entries()) if (!ranks.has(keyOf(value))) ranks.set(keyOf(value), i);
    return ranks;
  };
  const wanted = rank(order);
  const server = rank(original);
  const byRank = (ranks: Map<string | undefined, number>) => (a: unknown, b: unknown) =>
    (ranks.get(keyOf(a)) ?? ranks.size) - (ranks.get(keyOf(b)) ?? ranks.size);
  const named = merged.filter((value) => wanted.has(keyOf(value))).sort(byRank(wanted));
  const others = merged.filter((value) => !wanted.has(keyOf(value))).sort(byRank(server));
  const out: unknown[] = [];
  let next = 0;
  for (const value of named) {
    const limit = server.get(keyOf(value));
    while (next < others.length && limit !== undefined) {
      const place = server.get(keyOf(others[next]));
      if (place === undefined || place >= limit) break;
      out.push(others[next++]);
    }
    out.push(value);
  }
  return [...out, ...others.slice(next)];
}
