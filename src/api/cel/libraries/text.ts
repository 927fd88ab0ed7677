/** Strings, regular expressions and lists: Kubernetes' own functions and cel-go's string extension. */
import { Duration, type Environment, UnsignedInt } from '@marcbachmann/cel-js/evaluator';
import { Quantity } from '../../machinery/quantity.ts';
import { charge } from '../budget.ts';
import { linearRegex } from './linear-regex.ts';
import { register, registerNamespace } from './register.ts';

/** Upstream counts a regular expression as a tenth of a unit a character of text, times the pattern's length. */
function chargeRegex(text: string, pattern: string): void {
  charge(Math.ceil((text.length + 1) * 0.1) * Math.ceil(pattern.length * 0.25));
}

function compare(a: unknown, b: unknown): number {
  const left = a instanceof UnsignedInt ? (a as unknown as { value: bigint }).value : a;
  const right = b instanceof UnsignedInt ? (b as unknown as { value: bigint }).value : b;
  if (typeof left !== typeof right) throw new TypeError('no such overload');
  if (left === right) return 0;
  return (left as number) < (right as number) ? -1 : 1;
}

/** Whether two values are equal, as `==` has it. */
export function same(a: unknown, b: unknown): boolean {
  if (a instanceof Duration && b instanceof Duration) return a.seconds === b.seconds && a.nanos === b.nanos;
  if (a instanceof Quantity && b instanceof Quantity) return a.cmp(b) === 0;
  if (a instanceof UnsignedInt) return same(a.valueOf(), b);
  if (b instanceof UnsignedInt) return same(a, b.valueOf());
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((item, i) => same(item, b[i]));
  if (a && b && typeof a === 'object' && typeof b === 'object' && !(a instanceof Date)) {
    const left = a as Record<string, unknown>;
    const right = b as Record<string, unknown>;
    const keys = Object.keys(left);
    return (
      keys.length === Object.keys(right).length && keys.every((key) => key in right && same(left[key], right[key]))
    );
  }
  if (a instanceof Date && b instanceof Date) return a.getTime() === b.getTime();
  // Numbers of different types are equal when their values are.
  // biome-ignore lint/suspicious/noDoubleEquals: 1n == 1 is what CEL means by it.
  return typeof a !== typeof b && typeof a !== 'string' && typeof b !== 'string' ? a == b : a === b;
}

function sum(list: readonly unknown[]): unknown {
  charge(list.length);
  if (list.length === 0) return 0n;
  return list.reduce((total, item) => {
    if (item instanceof Duration) return (total as Duration).addDuration(item);
    return (total as number) + (item as number);
  });
}

function extreme(list: readonly unknown[], sign: 1 | -1, name: string): unknown {
  charge(list.length);
  if (list.length === 0) throw new Error(`${name} called on empty list`);
  return list.reduce((best, item) => (compare(item, best) * sign > 0 ? item : best));
}

/** cel-go's `format`: %s %d %f %e %b %o %x %X with a precision. */
function format(template: string, args: readonly unknown[]): string {
  charge(Math.ceil(template.length * 0.1));
  let next = 0;
  return template.replace(/%(?:\.(\d+))?(.)/g, (_, precision: string | undefined, verb: string) => {
    if (verb === '%') return '%';
    if (next >= args.length) throw new Error(`index ${next} out of range`);
    const value = args[next++];
    switch (verb) {
      case 's':
        return display(value);
      case 'd':
        return String(value);
      case 'f':
        return Number(value).toFixed(Number(precision ?? 6));
      case 'e':
        return Number(value)
          .toExponential(Number(precision ?? 6))
          .replace(/e([+-])(\d)$/, 'e$10$2');
      case 'b':
        return typeof value === 'boolean' ? (value ? '1' : '0') : BigInt(value as bigint).toString(2);
      case 'o':
        return BigInt(value as bigint).toString(8);
      case 'x':
      case 'X': {
        const hex =
          typeof value === 'string' ? Buffer.from(value).toString('hex') : BigInt(value as bigint).toString(16);
        return verb === 'X' ? hex.toUpperCase() : hex;
      }
      default:
        throw new Error(`could not parse formatting clause: unrecognized formatting clause ${JSON.stringify(verb)}`);
    }
  });
}

function display(value: unknown): string {
  if (value === null) return 'null';
  if (value instanceof Date) return value.toISOString().replace('.000Z', 'Z');
  if (Array.isArray(value)) return `[${value.map(display).join(', ')}]`;
  if (value instanceof Uint8Array) return Buffer.from(value).toString();
  if (typeof value === 'object' && (Object.getPrototypeOf(value) === null || value.constructor === Object)) {
    const entries = Object.entries(value as object).sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${entries.map(([key, item]) => `${key}: ${display(item)}`).join(', ')}}`;
  }
  return String(value);
}

function replace(text: string, from: string, to: string, limit = -1n): string {
  charge(Math.ceil(text.length * 0.1));
  if (limit < 0n) return text.replaceAll(from, () => to);
  let out = text;
  let at = 0;
  for (let i = 0n; i < limit; i++) {
    const found = out.indexOf(from, at);
    if (found < 0) break;
    out = out.slice(0, found) + to + out.slice(found + from.length);
    at = found + to.length + (from === '' ? 1 : 0);
  }
  return out;
}

/** Adds the functions. */
export function registerText(environment: Environment): void {
  const sets = registerNamespace(environment, 'sets');
  const math = registerNamespace(environment, 'math');
  const strings = registerNamespace(environment, 'strings');
  const containsAll = (a: readonly unknown[], b: readonly unknown[]) => {
    charge(a.length * b.length);
    return b.every((item) => a.some((other) => same(item, other)));
  };
  register(environment, {
    'string.matchesLinear(string): bool': (text: string, pattern: string) => {
      chargeRegex(text, pattern);
      return linearRegex(pattern).test(text);
    },
    'matchesLinear(string, string): bool': (text: string, pattern: string) => {
      chargeRegex(text, pattern);
      return linearRegex(pattern).test(text);
    },
    'string.find(string): string': (text: string, pattern: string) => {
      chargeRegex(text, pattern);
      return linearRegex(pattern).exec(text)?.[0] ?? '';
    },
    'string.findAll(string): list<string>': (text: string, pattern: string) => {
      chargeRegex(text, pattern);
      return [...text.matchAll(linearRegex(pattern, 'g'))].map((match) => match[0]);
    },
    'string.findAll(string, int): list<string>': (text: string, pattern: string, limit: bigint) => {
      chargeRegex(text, pattern);
      const found = [...text.matchAll(linearRegex(pattern, 'g'))].map((match) => match[0]);
      return limit < 0n ? found : found.slice(0, Number(limit));
    },
    'string.charAt(int): string': (text: string, at: bigint) => {
      const characters = [...text];
      if (at < 0n || at > BigInt(characters.length)) throw new Error(`index out of range: ${at}`);
      return characters[Number(at)] ?? '';
    },
    'string.replace(string, string): string': replace,
    'string.replace(string, string, int): string': replace,
    'string.reverse(): string': (text: string) => [...text].reverse().join(''),
    'string.format(list): string': format,
    [`${strings}.quote(string): string`]: (_: unknown, text: string) => JSON.stringify(text),
    'list.isSorted(): bool': (list: readonly unknown[]) => {
      charge(list.length);
      return list.every((item, i) => i === 0 || compare(list[i - 1], item) <= 0);
    },
    'list<T>.sum(): T': sum,
    'list<T>.min(): T': (list: readonly unknown[]) => extreme(list, -1, 'min'),
    'list<T>.max(): T': (list: readonly unknown[]) => extreme(list, 1, 'max'),
    'list.indexOf(dyn): int': (list: readonly unknown[], wanted: unknown) => {
      charge(list.length);
      return BigInt(list.findIndex((item) => same(item, wanted)));
    },
    'list.lastIndexOf(dyn): int': (list: readonly unknown[], wanted: unknown) => {
      charge(list.length);
      return BigInt(list.findLastIndex((item) => same(item, wanted)));
    },
    'list<T>.reverse(): list<T>': (list: readonly unknown[]) => list.toReversed(),
    'list<T>.distinct(): list<T>': (list: readonly unknown[]) => {
      charge(list.length ** 2);
      return list.filter((item, i) => list.findIndex((other) => same(item, other)) === i);
    },
    'list<T>.sort(): list<T>': (list: readonly unknown[]) => {
      charge(list.length);
      return list.toSorted(compare);
    },
    'list<T>.slice(int, int): list<T>': (list: readonly unknown[], from: bigint, to: bigint) => {
      if (from < 0n || to < from || to > BigInt(list.length))
        throw new Error(`cannot slice(${from}, ${to}), list has ${list.length} elements`);
      return list.slice(Number(from), Number(to));
    },
    'list.flatten(): list': (list: readonly unknown[]) => list.flat(),
    [`${sets}.contains(list, list): bool`]: (_: unknown, a: unknown[], b: unknown[]) => containsAll(a, b),
    [`${sets}.equivalent(list, list): bool`]: (_: unknown, a: unknown[], b: unknown[]) =>
      containsAll(a, b) && containsAll(b, a),
    [`${sets}.intersects(list, list): bool`]: (_: unknown, a: unknown[], b: unknown[]) => {
      charge(a.length * b.length);
      return a.some((item) => b.some((other) => same(item, other)));
    },
    [`${math}.greatest(list): dyn`]: (_: unknown, list: unknown[]) => extreme(list, 1, 'math.greatest'),
    [`${math}.least(list): dyn`]: (_: unknown, list: unknown[]) => extreme(list, -1, 'math.least'),
    [`${math}.greatest(dyn, dyn): dyn`]: (_: unknown, a: unknown, b: unknown) => extreme([a, b], 1, 'math.greatest'),
    [`${math}.least(dyn, dyn): dyn`]: (_: unknown, a: unknown, b: unknown) => extreme([a, b], -1, 'math.least'),
    [`${math}.abs(int): int`]: (_: unknown, a: bigint) => (a < 0n ? -a : a),
    [`${math}.ceil(double): double`]: (_: unknown, a: number) => Math.ceil(a),
    [`${math}.floor(double): double`]: (_: unknown, a: number) => Math.floor(a),
    [`${math}.round(double): double`]: (_: unknown, a: number) => Math.sign(a) * Math.round(Math.abs(a)),
  });
}
