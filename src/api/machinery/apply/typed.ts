/**
 * What structured-merge-diff calls typed values: how the schema divides an object into fields that may have owners.
 * Structs and granular maps are divided by field and key, lists with keys and sets by element; atomic ones are one field,
 * as scalars are. Content without a schema is divided by key, and its lists are atomic.
 */
import { deepEqual } from '../../../base/deep.ts';
import type { ListSchema, TypeSchema } from '../../schema/schema.ts';
import { emptySet, type FieldSet, makeNode } from './field-set.ts';

type Json = Record<string, unknown>;

export const anyType: TypeSchema = { kind: 'any' };

/** An element that has no place in its list: it lacks a key, or is not an object. */
export class ElementError extends Error {
  override readonly name = 'ElementError';
}

export const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Fields of which JSON has one of two forms: not divided. */
const undivided: ReadonlySet<string> = new Set([
  'apiextensions/v1.JSONSchemaPropsOrArray',
  'apiextensions/v1.JSONSchemaPropsOrStringArray',
  'apiextensions/v1.JSONSchemaPropsOrBool',
]);

export type Shape = 'leaf' | 'map' | 'list';

/** How a type divides its values. */
export function shapeOf(type: TypeSchema, value: unknown): Shape {
  switch (type.kind) {
    case 'scalar':
      return 'leaf';
    case 'any':
      return isObject(value) ? 'map' : 'leaf';
    case 'struct':
      return type.atomic || undivided.has(type.struct.id) ? 'leaf' : 'map';
    case 'map':
      return type.atomic ? 'leaf' : 'map';
    case 'list':
      return type.listType === 'map' || type.listType === 'set' ? 'list' : 'leaf';
  }
}

/** The type of a field or key; undefined where there is none. */
export function childType(type: TypeSchema, key: string): TypeSchema | undefined {
  switch (type.kind) {
    case 'struct':
      return type.struct.byName.get(key)?.type ?? (type.struct.preserveUnknown ? anyType : undefined);
    case 'map':
      return type.of;
    default:
      return anyType;
  }
}

/** Whether the key is a declared field, which belongs to whoever owns what is in it. */
export const isDeclared = (type: TypeSchema, key: string): boolean =>
  type.kind === 'struct' && type.struct.byName.has(key);

interface ListKey {
  readonly name: string;
  readonly default: unknown;
}

const keysOfLists = new WeakMap<ListSchema, readonly ListKey[]>();

function keysOf(type: ListSchema): readonly ListKey[] {
  let keys = keysOfLists.get(type);
  if (!keys) {
    const fields = type.of.kind === 'struct' ? type.of.struct.byName : undefined;
    keys = [...(type.keys ?? [])].sort().map((name) => ({ name, default: fields?.get(name)?.default }));
    keysOfLists.set(type, keys);
  }
  return keys;
}

/** The path element of a list's element; throws {@link ElementError}. */
export function elementKey(type: ListSchema, value: unknown): string {
  if (type.listType === 'set') {
    if (typeof value === 'object') {
      throw new ElementError(
        value === null
          ? 'associative list without keys may not have a null element'
          : "associative list without keys has an element that's a map or list type",
      );
    }
    return `v:${JSON.stringify(value)}`;
  }
  if (value === null) throw new ElementError('associative list with keys may not have a null element');
  if (!isObject(value)) throw new ElementError('associative list with keys may not have non-map elements');
  let text = '';
  for (const { name, default: fallback } of keysOf(type)) {
    const key = value[name] ?? fallback;
    if (key === undefined) {
      throw new ElementError(
        `associative list with keys has an element that omits key field ${JSON.stringify(name)} (and doesn't have default value)`,
      );
    }
    text += `${text ? ',' : ''}${JSON.stringify(name)}:${JSON.stringify(key)}`;
  }
  return `k:{${text}}`;
}

/** The elements of a list by their path elements, in order; the first of equals counts. */
export function elementsOf(type: ListSchema, list: unknown): Map<string, unknown> {
  const out = new Map<string, unknown>();
  if (!Array.isArray(list)) return out;
  for (const value of list) {
    const element = elementKey(type, value);
    if (!out.has(element)) out.set(element, value);
  }
  return out;
}

const isNothing = (value: unknown) =>
  value === undefined ||
  value === null ||
  (Array.isArray(value) ? value.length === 0 : isObject(value) && Object.keys(value).length === 0);

/** The fields that a configuration sets: what its applier owns. */
export function fieldSetOf(type: TypeSchema, value: unknown): FieldSet {
  return fieldNode(type, value).children;
}

/** What is below a value, and whether the value itself is a field. */
function fieldNode(type: TypeSchema, value: unknown): { member: boolean; children: FieldSet } {
  switch (shapeOf(type, value)) {
    case 'leaf':
      return { member: true, children: emptySet };
    case 'list': {
      const out: Record<string, FieldSet> = {};
      const list = type as ListSchema;
      for (const [element, item] of elementsOf(list, value)) {
        out[element] = makeNode(true, fieldNode(list.of, item).children)!;
      }
      return { member: false, children: out };
    }
    case 'map': {
      const out: Record<string, FieldSet> = {};
      if (!isObject(value)) return { member: false, children: out };
      for (const key of Object.keys(value)) {
        const child = value[key];
        const { member, children } = fieldNode(childType(type, key) ?? anyType, child);
        const empty = child === null || (isObject(child) && Object.keys(child).length === 0);
        const node = makeNode(member || empty || !isDeclared(type, key), children);
        if (node) out[`f:${key}`] = node;
      }
      return { member: false, children: out };
    }
  }
}

/** Which fields differ between two values. */
export interface Comparison {
  readonly added: FieldSet;
  readonly modified: FieldSet;
  readonly removed: FieldSet;
}

type Change = 'added' | 'modified' | 'removed';
const changes: readonly Change[] = ['added', 'modified', 'removed'];

/** The difference below a node; a change of the node itself is a member. */
type Difference = { [C in Change]?: { member: boolean; children: Record<string, FieldSet> } };

/** Compares two values of a type; equal parts cost little, shared ones nothing. */
export function compare(type: TypeSchema, before: unknown, after: unknown): Comparison {
  const found: Difference = {};
  compareInto(found, type, { before, after });
  return {
    added: found.added?.children ?? emptySet,
    modified: found.modified?.children ?? emptySet,
    removed: found.removed?.children ?? emptySet,
  };
}

function mark(found: Difference, change: Change): void {
  found[change] ??= { member: false, children: {} };
  found[change].member = true;
}

/** Compares the values of one field or element, and adds what differs to its parent's difference. */
function compareChild(
  parent: Difference,
  element: string,
  values: { type: TypeSchema; before: unknown; after: unknown },
): void {
  const { type, before, after } = values;
  if (before === after) return;
  if (before instanceof Repeated && after instanceof Repeated && deepEqual(before.items, after.items)) return;
  if (before === undefined) addNode(parent, 'added', { element, node: wholeNode(type, after) });
  else if (after === undefined) addNode(parent, 'removed', { element, node: wholeNode(type, before) });
  else if (before instanceof Repeated || after instanceof Repeated)
    addNode(parent, 'modified', { element, node: emptySet });
  else {
    const found: Difference = {};
    compareInto(found, type, values);
    for (const change of changes) {
      const part = found[change];
      const node = part && makeNode(part.member, part.children);
      if (node) addNode(parent, change, { element, node });
    }
  }
}

function addNode(parent: Difference, change: Change, { element, node }: { element: string; node: FieldSet }): void {
  parent[change] ??= { member: false, children: {} };
  parent[change].children[element] = node;
}

/** A value that only one side has: it and every part of it are fields. */
function wholeNode(type: TypeSchema, value: unknown): FieldSet {
  const shape = shapeOf(type, value);
  if (shape === 'leaf' || isNothing(value) || value instanceof Repeated) return emptySet;
  const out: Record<string, FieldSet> = { '.': emptySet };
  if (shape === 'map') {
    if (!isObject(value)) return emptySet;
    for (const key of Object.keys(value)) {
      if (value[key] !== undefined) out[`f:${key}`] = wholeNode(childType(type, key) ?? anyType, value[key]);
    }
    return out;
  }
  const elements = keyedElements(type as ListSchema, value);
  if (!elements) return emptySet;
  for (const [element, item] of elements) out[element] = wholeNode((type as ListSchema).of, item);
  return out;
}

function compareInto(found: Difference, type: TypeSchema, values: { before: unknown; after: unknown }): void {
  const { before, after } = values;
  if (before === after) return;
  const shape = shapeOf(type, before ?? after);
  const divided = !(isNothing(before) && isNothing(after)) && compareParts(found, type, { shape, before, after });
  if (before === undefined) mark(found, 'added');
  else if (after === undefined) mark(found, 'removed');
  else if (!divided && !deepEqual(before, after)) mark(found, 'modified');
}

/** Compares part by part; false where the values do not have the form that the type divides, which makes them one field. */
function compareParts(
  found: Difference,
  type: TypeSchema,
  values: { shape: Shape; before: unknown; after: unknown },
): boolean {
  const { shape, before, after } = values;
  if (shape === 'leaf') return false;
  if (shape === 'map') {
    if (![before, after].every((value) => isObject(value) || isNothing(value))) return false;
    compareMaps(found, type, values);
    return true;
  }
  if (before !== undefined && after !== undefined && deepEqual(before, after)) return true;
  const left = keyedElements(type as ListSchema, before);
  const right = keyedElements(type as ListSchema, after);
  if (!left || !right) return false;
  compareElements(found, (type as ListSchema).of, { left, right });
  return true;
}

/** Elements of one list that have the same keys, which a list may have though it should not: they are one field. */
class Repeated {
  readonly items: unknown[];

  constructor(items: unknown[]) {
    this.items = items;
  }
}

/** The elements of a list by path element; undefined where it is no list, or an element has no path element. */
function keyedElements(type: ListSchema, list: unknown): Map<string, unknown> | undefined {
  const out = new Map<string, unknown>();
  if (!Array.isArray(list)) return isNothing(list) ? out : undefined;
  try {
    for (const item of list) {
      const element = elementKey(type, item);
      const known = out.get(element);
      if (known instanceof Repeated) known.items.push(item);
      else out.set(element, out.has(element) ? new Repeated([known, item]) : item);
    }
  } catch (error) {
    if (error instanceof ElementError) return undefined;
    throw error;
  }
  return out;
}

function compareMaps(found: Difference, type: TypeSchema, values: { before: unknown; after: unknown }): void {
  const before = (values.before ?? {}) as Json;
  const after = (values.after ?? {}) as Json;
  for (const key of Object.keys(before)) {
    const right = Object.hasOwn(after, key) ? after[key] : undefined;
    if (before[key] === right) continue;
    compareChild(found, `f:${key}`, { type: childType(type, key) ?? anyType, before: before[key], after: right });
  }
  for (const key of Object.keys(after)) {
    if (Object.hasOwn(before, key) && before[key] !== undefined) continue;
    compareChild(found, `f:${key}`, { type: childType(type, key) ?? anyType, before: undefined, after: after[key] });
  }
}

function compareElements(
  found: Difference,
  type: TypeSchema,
  { left, right }: { left: Map<string, unknown>; right: Map<string, unknown> },
): void {
  for (const [element, item] of left) {
    compareChild(found, element, { type, before: item, after: right.get(element) });
  }
  for (const [element, item] of right) {
    if (!left.has(element)) compareChild(found, element, { type, before: undefined, after: item });
  }
}
