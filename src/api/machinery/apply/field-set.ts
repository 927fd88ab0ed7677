/**
 * Sets of fields in the form that managedFields stores them (FieldsV1): a tree whose keys are path elements. `f:NAME` is a
 * field, `k:{…}` an element of a list with keys, `v:VALUE` an element of a set. A node without children, or with the child
 * `.`, is in the set; a node with other children only leads to them. Sets are immutable: operations share what they can.
 */

/** A set, or the part of one below a path. */
export interface FieldSet {
  readonly [element: string]: FieldSet;
}

/** The set without fields; as a child: a field without fields of its own. */
export const emptySet: FieldSet = Object.freeze({});
const self = '.';

/** Whether there is nothing in a set. */
export function isEmptySet(set: FieldSet): boolean {
  for (const _ in set) return false;
  return true;
}

const isMember = (node: FieldSet): boolean => Object.hasOwn(node, self) || isEmptySet(node);

/** The fields below a node, without the node itself. */
function below(node: FieldSet): FieldSet {
  if (!Object.hasOwn(node, self)) return node;
  const { [self]: _, ...rest } = node;
  return rest;
}

/** The subset below a path element; undefined when there is nothing. */
export function withPrefix(set: FieldSet, element: string): FieldSet | undefined {
  const node = Object.hasOwn(set, element) ? set[element] : undefined;
  if (!node) return undefined;
  const rest = below(node);
  return isEmptySet(rest) ? undefined : rest;
}

/** Whether the field at one path element is itself in the set. */
export function hasElement(set: FieldSet, element: string): boolean {
  return Object.hasOwn(set, element) && isMember(set[element]!);
}

/** A child node from whether it is in the set and what is below it; undefined for neither. */
export function makeNode(member: boolean, children: FieldSet): FieldSet | undefined {
  if (isEmptySet(children)) return member ? emptySet : undefined;
  return member ? { [self]: emptySet, ...children } : children;
}

export function union(a: FieldSet, b: FieldSet): FieldSet {
  if (a === b || isEmptySet(b)) return a;
  if (isEmptySet(a)) return b;
  const out: Record<string, FieldSet> = { ...a };
  for (const element of Object.keys(b)) {
    const right = b[element]!;
    const left = Object.hasOwn(out, element) ? out[element] : undefined;
    if (!left || left === right) out[element] = right;
    else if (element !== self) {
      out[element] = makeNode(isMember(left) || isMember(right), union(below(left), below(right)))!;
    }
  }
  return out;
}

/** The fields of `a` that are not in `b`; being below a field of `b` does not count. */
export function difference(a: FieldSet, b: FieldSet): FieldSet {
  if (isEmptySet(b)) return a;
  const out: Record<string, FieldSet> = {};
  let changed = false;
  for (const element of Object.keys(a)) {
    const left = a[element]!;
    const right = Object.hasOwn(b, element) ? b[element] : undefined;
    if (!right || element === self) {
      out[element] = left;
      continue;
    }
    const node = makeNode(isMember(left) && !isMember(right), difference(below(left), below(right)));
    if (node) out[element] = node;
    changed = true;
  }
  return changed ? out : a;
}

/** The fields of `a` that are neither in `b` nor below a field of `b`. */
export function recursiveDifference(a: FieldSet, b: FieldSet): FieldSet {
  const out: Record<string, FieldSet> = {};
  let changed = false;
  for (const element of Object.keys(a)) {
    const left = a[element]!;
    const right = Object.hasOwn(b, element) ? b[element] : undefined;
    if (!right) {
      out[element] = left;
      continue;
    }
    changed = true;
    if (isMember(right)) continue;
    const node = makeNode(isMember(left), recursiveDifference(below(left), below(right)));
    if (node) out[element] = node;
  }
  return changed ? out : a;
}

export function intersection(a: FieldSet, b: FieldSet): FieldSet {
  const out: Record<string, FieldSet> = {};
  for (const element of Object.keys(a)) {
    const right = Object.hasOwn(b, element) ? b[element] : undefined;
    if (!right || element === self) continue;
    const left = a[element]!;
    const node = makeNode(isMember(left) && isMember(right), intersection(below(left), below(right)));
    if (node) out[element] = node;
  }
  return out;
}

/** The paths of a set's fields, as element lists in order. */
export function* paths(set: FieldSet, prefix: readonly string[] = []): Generator<readonly string[]> {
  for (const element of Object.keys(set).sort(compareElements)) {
    if (element === self) continue;
    const node = set[element]!;
    const path = [...prefix, element];
    if (isMember(node)) yield path;
    yield* paths(below(node), path);
  }
}

const rank = (element: string): number => (element === self ? 0 : 'fkvi'.indexOf(element[0]!) + 1);

/** Fields before keys before values before indices, each by its text. */
function compareElements(a: string, b: string): number {
  if (a.charCodeAt(0) !== b.charCodeAt(0)) return rank(a) - rank(b);
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The set with its elements in upstream's order. */
export function sortedSet(set: FieldSet): FieldSet {
  const elements = Object.keys(set);
  if (elements.length === 0) return emptySet;
  if (elements.length > 1) elements.sort(compareElements);
  const out: Record<string, FieldSet> = {};
  for (const element of elements) out[element] = sortedSet(set[element]!);
  return out;
}

/** A path as messages show it: `.spec.containers[name="a"].image`. */
export function pathText(path: readonly string[]): string {
  return path.map(elementText).join('');
}

function elementText(element: string): string {
  const value = element.slice(2);
  switch (element[0]) {
    case 'k': {
      const keys = JSON.parse(value) as Record<string, unknown>;
      return `[${Object.keys(keys)
        .sort()
        .map((key) => `${key}=${JSON.stringify(keys[key])}`)
        .join(',')}]`;
    }
    case 'v':
      return `[=${value}]`;
    case 'i':
      return `[${value}]`;
    default:
      return `.${value}`;
  }
}

/** A set from a stored fieldsV1; undefined for what is not one. */
export function parseFieldSet(value: unknown, depth = 0): FieldSet | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || depth > 200) return undefined;
  for (const element of Object.keys(value)) {
    if (element !== self && !/^(?:f:|i:|k:\{|v:)/.test(element)) return undefined;
    if (!parseFieldSet((value as Record<string, unknown>)[element], depth + 1)) return undefined;
  }
  return value as FieldSet;
}
