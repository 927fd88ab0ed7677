/** Removal of what an applier no longer applies (structured-merge-diff merge/update.go). */
import type { KubeObject, Shared } from '../../kind.ts';
import type { ListSchema, StructSchema, TypeSchema } from '../../schema/schema.ts';
import { setOwn } from '../parse-json.ts';
import {
  difference,
  emptySet,
  type FieldSet,
  hasElement,
  intersection,
  isEmptySet,
  makeNode,
  union,
  withPrefix,
} from './field-set.ts';
import { anyType, childType, elementKey, fieldSetOf, isDeclared, isObject, shapeOf } from './typed.ts';
import { type Converting, inVersion } from './versions.ts';

type Json = Record<string, unknown>;

/** What a manager owns, in the version that it wrote in. */
export interface VersionedSet {
  readonly apiVersion: string;
  readonly set: FieldSet;
}

/**
 * Removes what the applier set last time, does not set now, and no other manager owns. Each set speaks of its own
 * version: the object is taken through all of them, that of the last configuration first, and back to its own.
 */
export function* prune(
  merged: VersionedObject,
  { last, kept }: { last: VersionedSet; kept: ReadonlyMap<string, FieldSet> },
): Converting<Shared<KubeObject>> {
  const before = yield* inOther(merged, last.apiVersion);
  if (!before) return merged.object;
  const lastSet = declared(before.struct, last.set);
  let whole = before;
  let pruned = without(before, lastSet);
  for (const [apiVersion, set] of lastFirst(kept, last.apiVersion)) {
    const all = yield* inOther(whole, apiVersion);
    const left = all && (yield* inOther(pruned, apiVersion));
    if (!all || !left) continue;
    whole = all;
    pruned = without(all, difference(fieldsOf(all), union(fieldsOf(left), declared(all.struct, set))));
  }
  const left = yield* inOther(pruned, last.apiVersion);
  if (!left) return merged.object;
  const dangling = intersection(difference(fieldsOf(before), fieldsOf(left)), lastSet);
  const result = yield* inOther(without(before, dangling), merged.apiVersion);
  return result ? result.object : merged.object;
}

/** An object, the version it is in, and the schema of that. */
export interface VersionedObject {
  readonly struct: StructSchema;
  readonly apiVersion: string;
  readonly object: Shared<KubeObject>;
}

function* inOther(from: VersionedObject, apiVersion: string): Converting<VersionedObject | undefined> {
  if (from.apiVersion === apiVersion) return from;
  const found = yield* inVersion(from.object, apiVersion);
  return found && { ...found, apiVersion };
}

/** Conversion may need what was pruned: the version that the pruned fields are of goes before the others. */
function lastFirst(kept: ReadonlyMap<string, FieldSet>, last: string): (readonly [string, FieldSet])[] {
  return [...kept].sort(([a], [b]) => Number(b === last) - Number(a === last));
}

const typeOf = (struct: StructSchema): TypeSchema => ({ kind: 'struct', struct });
const declared = (struct: StructSchema, set: FieldSet) => withDeclaredFields(typeOf(struct), set);
const fieldsOf = ({ struct, object }: VersionedObject) => declared(struct, fieldSetOf(typeOf(struct), object));

function without(from: VersionedObject, set: FieldSet): VersionedObject {
  return { ...from, object: removeItems(typeOf(from.struct), from.object, set) as Shared<KubeObject> };
}

/** A value without the fields of a set, and without what is below them. */
function removeItems(type: TypeSchema, value: unknown, set: FieldSet): unknown {
  if (isEmptySet(set)) return value;
  const shape = shapeOf(type, value);
  if (shape === 'map' && isObject(value)) {
    const out: Json = {};
    for (const key of Object.keys(value)) {
      const element = `f:${key}`;
      if (hasElement(set, element)) continue;
      const rest = withPrefix(set, element);
      setOwn(out, key, rest ? removeItems(childType(type, key) ?? anyType, value[key], rest) : value[key]);
    }
    return Object.keys(out).length ? out : null;
  }
  if (shape === 'list' && Array.isArray(value)) {
    const list = type as ListSchema;
    const out = value.flatMap((item) => {
      const element = elementKey(list, item);
      if (hasElement(set, element)) return [];
      const rest = withPrefix(set, element);
      const left = rest ? removeItems(list.of, item, rest) : item;
      return left === null ? [] : [left];
    });
    return out.length ? out : null;
  }
  return value;
}

/** The set with the declared fields on the way to each of its fields. */
function withDeclaredFields(type: TypeSchema, set: FieldSet): FieldSet {
  const out: Record<string, FieldSet> = {};
  for (const element of Object.keys(set)) {
    if (element === '.') continue;
    const key = element.slice(2);
    const isField = element.startsWith('f:');
    const rest = withPrefix(set, element);
    if (!rest) {
      out[element] = emptySet;
      continue;
    }
    const child = isField ? (childType(type, key) ?? anyType) : type.kind === 'list' ? type.of : anyType;
    const member = hasElement(set, element) || (isField && isDeclared(type, key));
    out[element] = makeNode(member, withDeclaredFields(child, rest))!;
  }
  return out;
}
