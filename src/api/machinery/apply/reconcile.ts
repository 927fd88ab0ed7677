/** Field sets after a change of the schema (structured-merge-diff typed/reconcile_schema.go). */
import type { TypeSchema } from '../../schema/schema.ts';
import { emptySet, type FieldSet, hasElement, makeNode, withPrefix } from './field-set.ts';
import { anyType, childType } from './typed.ts';

/**
 * A set as the schema divides objects now: lists and maps that were divided when it was written and are atomic now are
 * owned as a whole by who owned a part. The set itself when there are none; what was atomic and is divided now stays.
 */
export function reconcileWithSchema(type: TypeSchema, set: FieldSet): FieldSet {
  const out: Record<string, FieldSet> = {};
  let changed = false;
  for (const element of Object.keys(set)) {
    const node = set[element]!;
    const below = withPrefix(set, element);
    out[element] = node;
    if (!below) continue;
    const inner = innerType(type, element);
    if (isAtomic(inner)) out[element] = emptySet;
    else {
      const reconciled = reconcileWithSchema(inner, below);
      if (reconciled === below) continue;
      out[element] = makeNode(hasElement(set, element), reconciled)!;
    }
    changed = true;
  }
  return changed ? out : set;
}

function innerType(type: TypeSchema, element: string): TypeSchema {
  if (element.startsWith('f:')) return childType(type, element.slice(2)) ?? anyType;
  return type.kind === 'list' ? type.of : anyType;
}

function isAtomic(type: TypeSchema): boolean {
  if (type.kind === 'list') return type.listType !== 'map' && type.listType !== 'set';
  return (type.kind === 'map' || type.kind === 'struct') && type.atomic === true;
}
