/** cel-go's optional values beyond what the evaluator has: `optMap`, `optFlatMap`, `ofNonZeroValue`, `first`, `last`. */
import { Optional } from '@marcbachmann/cel-js';
import { Duration, type Environment, UnsignedInt } from '@marcbachmann/cel-js/evaluator';
import type { Checker, Context, Evaluator, Node } from './macro.ts';
import { register } from './register.ts';
import { same } from './text.ts';

interface Macro {
  readonly receiver: Node;
  readonly name: string;
  readonly body: Node;
  inner?: Context;
}

/** `optMap` wraps what the body gives; `optFlatMap`'s body gives an optional itself. */
function mapMacro(wraps: boolean) {
  const name = wraps ? 'optMap' : 'optFlatMap';
  return ({ args: [variable, body], receiver }: { args: readonly [Node, Node]; receiver: Node }) => {
    if (variable.op !== 'id') throw new Error(`${name}() variable name must be a simple identifier`);
    const made: Macro = { receiver, name: String(variable.args), body };
    return {
      ...made,
      async: false,
      typeCheck(checker: Checker, self: Macro, context: Context) {
        const over = checker.check(self.receiver, context);
        if (over.kind !== 'optional' && over.kind !== 'dyn') {
          const message = `found no matching overload for '${name}' applied to '${over.name}'`;
          throw checker.createError('no_matching_overload', message, self.receiver);
        }
        self.inner = context.forkWithVariable(self.name, over.valueType ?? checker.getType('dyn'));
        const type = checker.check(self.body, self.inner);
        if (wraps) return checker.getType(`optional<${type.name}>`);
        if (type.kind === 'optional') return type;
        if (type.kind === 'dyn') return checker.getType('optional<dyn>');
        throw checker.createError(
          'optional_expected',
          `${name}() must give an optional, not '${type.name}'`,
          self.body,
        );
      },
      evaluate(evaluator: Evaluator, self: Macro, context: Context) {
        const value = evaluator.run(self.receiver, context);
        if (!(value instanceof Optional)) throw new Error('no such overload');
        if (!value.hasValue()) return value;
        const given = evaluator.run(self.body, self.inner!.reuse(context).setIterValue(value.value(), evaluator));
        if (wraps) return Optional.of(given);
        if (given instanceof Optional) return given;
        throw new Error('no such overload');
      },
    };
  };
}

function isZero(value: unknown): boolean {
  if (value === null || value === undefined || value === '' || value === false || value === 0 || value === 0n) {
    return true;
  }
  if (typeof value !== 'object') return false;
  if (Array.isArray(value) || value instanceof Uint8Array) return value.length === 0;
  if (value instanceof Map) return value.size === 0;
  if (value instanceof UnsignedInt) return value.valueOf() === 0n;
  if (value instanceof Duration) return value.seconds === 0n && value.nanos === 0;
  const prototype = Object.getPrototypeOf(value);
  return (prototype === null || prototype === Object.prototype) && Object.keys(value).length === 0;
}

function unwrap(list: readonly unknown[]): unknown[] {
  return list.flatMap((item) => {
    if (!(item instanceof Optional)) throw new Error('no such overload');
    return item.hasValue() ? [item.value()] : [];
  });
}

/** Adds the macros and functions. */
export function registerOptionals(environment: Environment): void {
  environment.registerFunction('optional.optMap(ast, ast): optional<dyn>', mapMacro(true) as never);
  environment.registerFunction('optional.optFlatMap(ast, ast): optional<dyn>', mapMacro(false) as never);
  register(environment, {
    'OptionalNamespace.ofNonZeroValue(A): optional<A>': (_: unknown, value: unknown) =>
      isZero(value) ? Optional.none() : Optional.of(value),
    'OptionalNamespace.unwrap(list): list': (_: unknown, list: readonly unknown[]) => unwrap(list),
    'list.unwrapOpt(): list': unwrap,
    'list<A>.first(): optional<A>': (list: readonly unknown[]) => Optional.of(list[0]),
    'list<A>.last(): optional<A>': (list: readonly unknown[]) => Optional.of(list.at(-1)),
  });
  const equal = (a: Optional, b: Optional) =>
    a.hasValue() && b.hasValue() ? same(a.value(), b.value()) : a.hasValue() === b.hasValue();
  environment.registerOperator('optional<A> == optional<A>', equal as never);
}
