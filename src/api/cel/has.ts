/**
 * `has(e.f)` for every operand that cel-go takes: an index, a call, parentheses, an optional selection. The evaluator's
 * own macro knows only chains of fields that begin with a variable, and does not check the field.
 */
import { type ASTNode, Optional } from '@marcbachmann/cel-js';

/** The parts of the evaluator's macro interface that are needed; it has no types for them. */
interface Selection {
  readonly op: string;
  readonly args: readonly [ASTNode, string];
}
interface Macro {
  readonly args: readonly [Selection];
}
interface Checker {
  check(node: unknown, context: unknown): unknown;
  getType(name: string): unknown;
  createError(code: string, message: string, node: unknown): Error;
}
interface Evaluator {
  run(node: ASTNode, context: unknown): unknown;
  debugType(value: unknown): { fieldLazy(value: unknown, name: string, node: unknown, evaluator: Evaluator): unknown };
}

function typeCheck(checker: Checker, { args: [selection] }: Macro, context: unknown): unknown {
  if (selection.op !== '.') {
    throw checker.createError('invalid_macro_argument', 'invalid argument to has() macro', selection);
  }
  checker.check(selection, context);
  return checker.getType('bool');
}

/** What the operand itself lacks is an error; only the last field may be missing. */
function evaluate(evaluator: Evaluator, { args: [selection] }: Macro, context: unknown): boolean {
  const [operand, field] = selection.args;
  let value = evaluator.run(operand, context);
  if (value instanceof Optional) {
    if (!value.hasValue()) return false;
    value = value.value();
  }
  return evaluator.debugType(value).fieldLazy(value, field, selection, evaluator) !== undefined;
}

/** Makes a parsed `has(…)` behave so; other nodes stay as they are. To be called before the tree is checked. */
export function completeHas(node: ASTNode): void {
  if (node.op !== 'call' || (node.args as unknown as readonly unknown[])[0] !== 'has') return;
  const { macro } = (node as unknown as { meta: { macro?: object } }).meta;
  if (macro) Object.assign(macro, { typeCheck, evaluate });
}
