/** Removal of what an applier no longer applies (structured-merge-diff merge/update.go). */
import type { ListSchema, TypeSchema } from '../../schema/schema.ts';
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

type Json = Record<string, unknown>;

/** Removes what the applier set last time, does not set now, and no other applier sets. */
export function prune(type: TypeSchema, merged: unknown, { last, kept }: { last: FieldSet; kept: FieldSet }): unknown {
  const declared = (set: FieldSet) => withDeclaredFields(type, set);
  const mergedSet = declared(fieldSetOf(type, merged));
  const fieldsOf = (value: unknown) => declared(fieldSetOf(type, value));
  let pruned = removeItems(type, merged, declared(last));
  pruned = removeItems(type, merged, difference(mergedSet, union(fieldsOf(pruned), declared(kept))));
  return removeItems(type, merged, intersection(difference(mergedSet, fieldsOf(pruned)), declared(last)));
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
