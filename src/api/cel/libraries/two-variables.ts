/** cel-go's comprehensions over two variables: index and element of a list, key and value of a map. */
import type { Environment } from '@marcbachmann/cel-js';
import { charge } from '../budget.ts';
import type { Checker, Context, Evaluator, Node } from './macro.ts';

interface Macro {
  readonly receiver: Node;
  readonly names: readonly [string, string];
  readonly bodies: readonly Node[];
  inner?: Context;
  outer?: Context;
}

type Combine = (
  entries: Iterable<readonly [unknown, unknown]>,
  run: (body: number, key: unknown, value: unknown) => unknown,
  bodies: number,
) => unknown;

function entriesOf(value: unknown): Iterable<readonly [unknown, unknown]> {
  if (Array.isArray(value)) return value.map((item, i) => [BigInt(i), item] as const);
  if (value instanceof Map) return value;
  if (value !== null && typeof value === 'object') return Object.entries(value);
  throw new Error('no such overload');
}

const isTrue = (value: unknown): boolean => {
  if (typeof value !== 'boolean') throw new Error('no such overload');
  return value;
};

function macro(result: string, combine: Combine) {
  return ({ args, receiver }: { args: readonly Node[]; receiver: Node }) => {
    const [key, value, ...bodies] = args;
    if (key?.op !== 'id' || value?.op !== 'id') throw new Error('iteration variables must be identifiers');
    const made: Macro = { receiver, names: [String(key.args), String(value.args)], bodies };
    return {
      ...made,
      async: false,
      typeCheck(checker: Checker, self: Macro, context: Context) {
        const over = checker.check(self.receiver, context);
        const dyn = checker.getType('dyn');
        const keyType = over.kind === 'list' ? checker.getType('int') : (over.keyType ?? dyn);
        self.outer = context.forkWithVariable(self.names[0], keyType);
        self.inner = self.outer.forkWithVariable(self.names[1], over.valueType ?? dyn);
        for (const body of self.bodies) checker.check(body, self.inner);
        return checker.getType(result);
      },
      evaluate(evaluator: Evaluator, self: Macro, context: Context) {
        const run = (body: number, k: unknown, v: unknown) => {
          charge(5);
          const outer = self.outer!.reuse(context).setIterValue(k, evaluator);
          return evaluator.run(self.bodies[body]!, self.inner!.reuse(outer).setIterValue(v, evaluator));
        };
        return combine(entriesOf(evaluator.run(self.receiver, context)), run, self.bodies.length);
      },
    };
  };
}

function every(entries: Parameters<Combine>[0], run: Parameters<Combine>[1], wanted: boolean): boolean {
  let failure: unknown;
  for (const [k, v] of entries) {
    try {
      if (isTrue(run(0, k, v)) === wanted) return wanted;
    } catch (error) {
      failure ??= error;
    }
  }
  if (failure) throw failure;
  return !wanted;
}

const combiners: Readonly<
  Record<string, { readonly result: string; readonly arity: readonly number[]; readonly combine: Combine }>
> = {
  all: { result: 'bool', arity: [3], combine: (entries, run) => every(entries, run, false) },
  exists: { result: 'bool', arity: [3], combine: (entries, run) => every(entries, run, true) },
  existsOne: {
    result: 'bool',
    arity: [3],
    combine: (entries, run) => [...entries].filter(([k, v]) => isTrue(run(0, k, v))).length === 1,
  },
  transformList: {
    result: 'list',
    arity: [3, 4],
    combine: (entries, run, bodies) =>
      [...entries].flatMap(([k, v]) => (bodies === 2 && !isTrue(run(0, k, v)) ? [] : [run(bodies - 1, k, v)])),
  },
  transformMap: {
    result: 'map',
    arity: [3, 4],
    combine(entries, run, bodies) {
      const out: Record<string, unknown> = Object.create(null);
      for (const [k, v] of entries) if (bodies === 1 || isTrue(run(0, k, v))) out[String(k)] = run(bodies - 1, k, v);
      return out;
    },
  },
  transformMapEntry: {
    result: 'map',
    arity: [3, 4],
    combine(entries, run, bodies) {
      const out: Record<string, unknown> = Object.create(null);
      for (const [k, v] of entries) {
        if (bodies === 2 && !isTrue(run(0, k, v))) continue;
        for (const [key, value] of entriesOf(run(bodies - 1, k, v))) {
          const name = String(key);
          if (name in out) throw new Error(`insert failed: key ${name} already exists`);
          out[name] = value;
        }
      }
      return out;
    },
  },
};

/** Adds the macros to lists and maps. */
export function registerTwoVariables(environment: Environment): void {
  for (const [name, { result, arity, combine }] of Object.entries(combiners)) {
    for (const count of arity) {
      const args = new Array(count).fill('ast').join(', ');
      for (const receiver of ['list', 'map']) {
        environment.registerFunction(`${receiver}.${name}(${args}): ${result}`, macro(result, combine) as never);
      }
    }
  }
}
