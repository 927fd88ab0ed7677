/**
 * What an expression may cost at most, from its syntax and the largest sizes of what it reads. The numbers are
 * upstream's (cel-go's checker and the estimates of Kubernetes' libraries): which rules a definition may have is part of
 * the API.
 */
import type { ASTNode } from '@marcbachmann/cel-js';

/** How large a value may be: characters of a string, elements of a list or map; 0 for numbers and objects. */
export interface ValueSize {
  readonly max: number;
  /** Of the elements of a list, or the values of a map. */
  readonly items?: ValueSize;
  /** By the name that expressions write. */
  readonly fields?: Readonly<Record<string, ValueSize>>;
}

interface Found {
  readonly cost: number;
  /** Infinity when nothing is known. */
  readonly size: number;
  readonly at?: ValueSize | undefined;
  readonly literal?: boolean;
}

type Scope = ReadonlyMap<string, Pick<Found, 'size' | 'at'>>;

const traversal = 0.1;
const regexLength = 0.25;
const newList = 10;
const newMap = 30;
const authorizerCheck = 350_000;
const scalars = new Set([
  'bool',
  'type',
  'int',
  'uint',
  'double',
  'google.protobuf.Timestamp',
  'google.protobuf.Duration',
]);

const times = (a: number, b: number) => (a === 0 || b === 0 ? 0 : a * b);
const scaled = (size: number, factor: number) => Math.ceil(size * factor);
const typeOf = (node: ASTNode) => String((node as { checkedType?: unknown }).checkedType ?? 'dyn');
const isText = (type: string) => type === 'string' || type === 'bytes';

/** The most that one run can cost; Infinity where no bound is known. The syntax tree must have been checked. */
export function worstCaseCost(root: ASTNode, variables: Readonly<Record<string, ValueSize>>): number {
  const scope = new Map(Object.entries(variables).map(([name, at]) => [name, { size: at.max, at }]));
  return visit(root, scope).cost;
}

function visit(node: ASTNode, scope: Scope): Found {
  const found = visitForm(node, scope);
  // A scalar whose size nobody knows better is one.
  return found.size === Number.POSITIVE_INFINITY && scalars.has(typeOf(node)) ? { ...found, size: 1 } : found;
}

const unknown = (cost: number): Found => ({ cost, size: Number.POSITIVE_INFINITY });

function visitForm(node: ASTNode, scope: Scope): Found {
  const op = node.op as string;
  const args = node.args as unknown;
  switch (op) {
    case 'value':
      return { cost: 0, size: literalSize(args), literal: true };
    case 'id': {
      const variable = scope.get(args as string);
      return variable ? { cost: 1, ...variable } : unknown(1);
    }
    case '.':
    case '.?': {
      const [operand, name] = args as [ASTNode, string | ASTNode];
      const inner = visit(operand, scope);
      const at = inner.at?.fields?.[typeof name === 'string' ? name : String(name.args)];
      const cost = inner.cost + (typeOf(operand) === 'dyn' ? 0 : 1);
      return at ? { cost, size: at.max, at } : unknown(cost);
    }
    case '[]':
    case '[?]': {
      const [container, key] = (args as ASTNode[]).map((each) => visit(each, scope)) as [Found, Found];
      const at = container.at?.items;
      const cost = container.cost + key.cost + 1;
      return at ? { cost, size: at.max, at } : unknown(cost);
    }
    case 'list': {
      const elements = (args as ASTNode[]).map((each) => visit(each, scope));
      const items = { max: Math.max(0, ...elements.map((each) => each.size)) };
      const at = { max: elements.length, items };
      return { cost: sum(elements) + newList, size: elements.length, at };
    }
    case 'map': {
      const entries = (args as [ASTNode, ASTNode][]).map((pair) => pair.map((each) => visit(each, scope)));
      const items = { max: Math.max(0, ...entries.map(([, value]) => value!.size)) };
      return { cost: sum(entries.flat()) + newMap, size: entries.length, at: { max: entries.length, items } };
    }
    case '?:': {
      const [condition, yes, no] = (args as ASTNode[]).map((each) => visit(each, scope)) as [Found, Found, Found];
      const cost = condition.cost + Math.max(yes.cost, no.cost);
      return { cost, size: Math.max(yes.size, no.size), at: yes.at ?? no.at };
    }
    case '!_':
    case '-_':
      return unknown(visit((Array.isArray(args) ? args[0] : args) as ASTNode, scope).cost + 1);
    case 'call': {
      const [name, given] = args as [string, ASTNode[]];
      return call(name, undefined, { node, given, scope });
    }
    case 'rcall': {
      const [name, receiver, given] = args as [string, ASTNode, ASTNode[]];
      return call(name, receiver, { node, given, scope });
    }
    default:
      return binary(op, args as [ASTNode, ASTNode], scope);
  }
}

const sum = (found: readonly Found[]) => found.reduce((total, { cost }) => total + cost, 0);

function literalSize(value: unknown): number {
  if (typeof value === 'string') return [...value].length;
  return value instanceof Uint8Array ? value.length : 1;
}

function binary(op: string, [leftNode, rightNode]: [ASTNode, ASTNode], scope: Scope): Found {
  const left = visit(leftNode, scope);
  const right = visit(rightNode, scope);
  const both = left.cost + right.cost;
  const type = typeOf(leftNode);
  switch (op) {
    case '&&':
    case '||':
      return unknown(both);
    case '==':
    case '!=':
      return unknown(both + scaled(Math.min(left.size, right.size), traversal));
    case '<':
    case '<=':
    case '>':
    case '>=':
      return unknown(both + (isText(type) ? scaled(Math.min(left.size, right.size), traversal) : 1));
    case 'in':
      return unknown(both + (typeOf(rightNode).startsWith('map') ? 1 : right.size));
    case '+': {
      const size = left.size + right.size;
      if (isText(type) || isText(typeOf(rightNode))) return { cost: both + scaled(size, traversal), size };
      if (!type.startsWith('list')) return unknown(both + 1);
      const items = left.at?.items && right.at?.items ? larger(left.at.items, right.at.items) : undefined;
      return { cost: both + 1, size, ...(items ? { at: { max: size, items } } : {}) };
    }
    default:
      return unknown(both + 1);
  }
}

const larger = (a: ValueSize, b: ValueSize) => (a.max >= b.max ? a : b);

interface CallSite {
  readonly node: ASTNode;
  readonly given: readonly ASTNode[];
  readonly scope: Scope;
}

function call(name: string, receiver: ASTNode | undefined, site: CallSite): Found {
  const { node, given, scope } = site;
  const { meta } = node as unknown as { meta?: Record<string, unknown> };
  if (meta?.['alternate'] || meta?.['macro']) {
    const expanded = macro(name, receiver, site);
    if (expanded) return expanded;
  }
  // `optional.of(…)`: what stands before the dot is part of the name.
  const isNamespace = receiver?.op === 'id' && !scope.has(receiver.args as unknown as string);
  const target = receiver && !isNamespace ? visit(receiver, scope) : undefined;
  const args = given.map((each) => visit(each, scope));
  const before = (target?.cost ?? 0) + sum(args);
  if (target) return method(name, { target, args, before, type: typeOf(receiver!) });
  const first = args[0]?.size ?? 0;
  switch (name) {
    case 'dyn':
      return { ...args[0]!, cost: before + 1 };
    case 'url':
      return unknown(before + scaled(first, traversal));
    case 'bytes':
    case 'string': {
      const from = typeOf(given[0]!);
      if (!isText(from) || from === name) return unknown(before + 1);
      return { cost: before + scaled(first, traversal), size: name === 'bytes' ? first * 4 : first };
    }
    default:
      return unknown(before + 1);
  }
}

interface MethodCall {
  readonly target: Found;
  readonly args: readonly Found[];
  readonly before: number;
  readonly type: string;
}

function method(name: string, { target, args, before, type }: MethodCall): Found {
  const { size } = target;
  const first = args[0]?.size ?? 0;
  switch (name) {
    case 'check':
      return unknown(before + authorizerCheck);
    case 'contains':
      return unknown(before + times(scaled(size, traversal), scaled(first, traversal)));
    case 'startsWith':
    case 'endsWith':
      return unknown(before + scaled(first, traversal));
    case 'matches':
    case 'matchesLinear':
      return unknown(before + times(scaled(size + 1, traversal), scaled(first, regexLength)));
    case 'find':
    case 'findAll':
      return { cost: before + times(scaled(size + 1, traversal), scaled(first, regexLength)), size };
    case 'isSorted':
    case 'sum':
    case 'max':
    case 'min':
    case 'indexOf':
    case 'lastIndexOf': {
      if (!type.startsWith('list')) return unknown(before + scaled(size, traversal));
      const text = isText(type.slice('list<'.length, -1));
      const each = 1 + (text ? scaled(target.at?.items?.max ?? Number.POSITIVE_INFINITY, traversal) : 0);
      return unknown(before + times(size, each));
    }
    case 'lowerAscii':
    case 'upperAscii':
    case 'substring':
    case 'trim':
      return { cost: before + scaled(size, traversal), size };
    case 'replace':
      return { cost: before + scaled(size, 2 * traversal), size: replacedSize(size, args) };
    case 'split':
      return { cost: before + scaled(size, 2 * traversal), size };
    case 'join': {
      const joined =
        times(size, target.at?.items?.max ?? Number.POSITIVE_INFINITY) + times(first, Math.max(0, size - 1));
      return { cost: before + scaled(joined, traversal), size: joined };
    }
    case 'containsIP':
    case 'containsCIDR':
      return unknown(
        before + 4 + (name === 'containsCIDR' ? 3 : 0) + (args[0]?.literal ? scaled(first, traversal) : 0),
      );
    case 'format':
      return { cost: before + scaled(size, traversal), size: size + first };
    case 'orValue':
      return { cost: before + 1, size: Math.max(size, first), at: target.at };
    case 'value':
      return { cost: before + 1, size, at: target.at };
    default:
      return unknown(before + 1);
  }
}

/** The longest that replacing can make a string. */
function replacedSize(size: number, [from, to]: readonly Found[]): number {
  const shortest = from?.literal ? from.size : 0;
  const replacement = to?.size ?? 0;
  if (shortest === 0) return size + times(size + 1, replacement);
  return replacement <= shortest ? size : times(Math.ceil(size / shortest), replacement);
}

/** Comprehensions, and the other forms that are no calls. */
function macro(name: string, receiver: ASTNode | undefined, { given, scope }: CallSite): Found | undefined {
  if (name === 'has') {
    const operand = (given[0]?.args as unknown as [ASTNode] | undefined)?.[0];
    // Kubernetes keeps the presence test itself free, as it was in early versions of cel-go.
    return unknown(operand ? visit(operand, scope).cost : 0);
  }
  if (!receiver || name === 'or' || name === 'orValue') return undefined;
  const nameOf = (node: ASTNode | undefined) => node?.args as unknown as string;
  if (name === 'bind' && given.length === 3) {
    const value = visit(given[1]!, scope);
    const result = visit(given[2]!, new Map(scope).set(nameOf(given[0]), value));
    return { ...result, cost: newList + value.cost + result.cost };
  }
  const range = visit(receiver, scope);
  const isMap = typeOf(receiver).startsWith('map');
  const item: Pick<Found, 'size' | 'at'> = range.at?.items
    ? { size: range.at.items.max, at: range.at.items }
    : { size: Number.POSITIVE_INFINITY };
  if (name === 'optMap' || name === 'optFlatMap') {
    const inner = visit(given[1]!, new Map(scope).set(nameOf(given[0]), range));
    return { ...inner, cost: range.cost + inner.cost + newList + 1 };
  }
  const key: Pick<Found, 'size' | 'at'> = { size: 0 };
  const pair = name.startsWith('transform') || (given.length === 3 && name !== 'map');
  const inner = new Map(scope).set(nameOf(given[0]), pair || isMap ? key : item);
  if (pair) inner.set(nameOf(given[1]), item);
  const steps = given.slice(pair ? 2 : 1).map((each) => visit(each, inner));
  const last = steps.at(-1)!;
  const loop = (cost: number, around: number) => range.cost + times(range.size, sum(steps) + cost) + around;
  const elements = { max: range.size, items: last.at ?? { max: last.size } };
  switch (name) {
    case 'all':
      return unknown(loop(3, 1));
    case 'exists':
      return unknown(loop(4, 1));
    case 'exists_one':
    case 'existsOne':
      return unknown(loop(2, 2));
    case 'filter':
      return { cost: loop(newList + 3, newList + 1), size: range.size, at: range.at };
    case 'map':
    case 'transformList':
      return { cost: loop(newList + 2, newList + 1), size: range.size, at: elements };
    case 'transformMap':
    case 'transformMapEntry':
      return { cost: loop(2, newMap + 1), size: range.size, at: elements };
    default:
      return unknown(loop(3, 1));
  }
}
