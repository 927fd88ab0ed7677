/**
 * CEL with Kubernetes' libraries: compiling expressions against typed variables and running them under a cost limit.
 *
 *     const rule = compileCel('self.replicas <= self.maxReplicas', { variables: { self: type }, result: ['bool'] });
 *     const ok = rule.evaluate({ self: celValue(object, type) });
 *
 * Types are checked when compiling: unknown variables, undefined fields and operators without an overload are
 * CelCompileErrors. `evaluate` wants values made by {@link celValue} (once per object, however many expressions use it),
 * and returns a value of the same kind; {@link jsonValue} makes JSON of it. Numbers that are ints are bigints.
 */
import { type ASTNode, Environment } from '@marcbachmann/cel-js';
import { type CelBudget, CelBudgetError, charge, withBudget } from './budget.ts';
import { completeHas } from './has.ts';
import { registerAddresses } from './libraries/addresses.ts';
import { registerAmounts } from './libraries/amounts.ts';
import { registerAuthorizer } from './libraries/authorizer.ts';
import { registerConversions } from './libraries/conversions.ts';
import { registerOptionals } from './libraries/optionals.ts';
import { registerNoList } from './libraries/register.ts';
import { registerRewritten } from './libraries/rewritten.ts';
import { registerText } from './libraries/text.ts';
import { registerTwoVariables } from './libraries/two-variables.ts';
import { rewriteSyntax } from './syntax.ts';
import { type CelType, resolveType } from './types.ts';
import { type ValueSize, worstCaseCost } from './worst-case.ts';

/** The expression is wrong. `message` is what validation errors and status conditions carry. */
export class CelCompileError extends Error {
  override readonly name = 'CelCompileError';
}

/** The expression is right but failed on these values: `no such key: foo`, `index out of bounds: 3`. */
export class CelRuntimeError extends Error {
  override readonly name = 'CelRuntimeError';
}

export type CelResultType = 'bool' | 'string' | 'int' | 'dyn' | 'list' | 'map' | 'message' | 'null';

export interface CelOptions {
  /** The variables that the expression may use. */
  readonly variables: Readonly<Record<string, CelType>>;
  /** Types that the result may have; any by default. `dyn` in an expression's result matches everything. */
  readonly result?: readonly CelResultType[];
}

export interface CelProgram {
  readonly expression: string;
  /** The type that the checker found: `bool`, `list<string>`, `dyn`, … */
  readonly type: string;
  /** The most that one run can cost, when what is in the variables is at most this large. */
  worstCaseCost(sizes: Readonly<Record<string, ValueSize>>): number;
  /** Names of the variables that the expression mentions. */
  readonly mentions: ReadonlySet<string>;
  /** The result. Throws CelRuntimeError or CelBudgetError. Must not use the authorizer: see {@link evaluateAsync}. */
  evaluate(variables: Readonly<Record<string, unknown>>, budget?: CelBudget): unknown;
  /** The same for expressions that may ask the authorizer. */
  evaluateAsync(variables: Readonly<Record<string, unknown>>, budget?: CelBudget): Promise<unknown>;
}

/** Upstream's limit of the length of an expression. */
const maxExpressionLength = 100_000;

let baseEnvironment: Environment | undefined;

function base(): Environment {
  if (!baseEnvironment) {
    baseEnvironment = new Environment({ enableOptionalTypes: true, homogeneousAggregateLiterals: false });
    registerNoList(baseEnvironment);
    registerText(baseEnvironment);
    registerAddresses(baseEnvironment);
    registerAmounts(baseEnvironment);
    registerRewritten(baseEnvironment);
    registerAuthorizer(baseEnvironment);
    registerTwoVariables(baseEnvironment);
    registerOptionals(baseEnvironment);
    registerConversions(baseEnvironment);
  }
  return baseEnvironment;
}

const scalarNames: Readonly<Record<string, string>> = {
  timestamp: 'google.protobuf.Timestamp',
  duration: 'google.protobuf.Duration',
  null: 'null',
  intOrString: 'dyn',
  quantity: 'kubernetes.Quantity',
  authorizer: 'kubernetes.authorization.Authorizer',
  resourceCheck: 'kubernetes.authorization.ResourceCheck',
};

/** Objects' operators are declared for the checker; what runs takes values as they come. */
function neverRun(): never {
  throw new Error('an operator that is only declared was run');
}

/** Declares a type's objects in an environment and returns the type's name there. */
function declare(environment: Environment, type: CelType, declared: Map<object, string>, depth = 0): string {
  const resolved = resolveType(type);
  if (typeof resolved === 'string') return scalarNames[resolved] ?? resolved;
  if ('list' in resolved) return `list<${declare(environment, resolved.list, declared, depth)}>`;
  if ('map' in resolved) return `map<string, ${declare(environment, resolved.map, declared, depth)}>`;
  if ('optional' in resolved) return `optional<${declare(environment, resolved.optional, declared, depth)}>`;
  const known = declared.get(resolved);
  if (known) return known;
  // Types that contain themselves (JSON schemas) are followed so far and no further.
  if (depth > 24) return 'dyn';
  const name = `t${declared.size}.${resolved.object.replace(/[^A-Za-z0-9_.]/g, '_')}`;
  declared.set(resolved, 'dyn');
  const fields: Record<string, string> = {};
  for (const [field, inner] of Object.entries(resolved.fields)) {
    fields[field] = declare(environment, inner, declared, depth + 1);
  }
  declared.set(resolved, name);
  environment.registerType(name, { fields } as never);
  for (const other of [name, 'null']) environment.registerOperator(`${name} == ${other}`, neverRun as never);
  return name;
}

interface Compiler {
  /** Knows the variables' types: for checking. */
  readonly typed: Environment;
  /** Takes them as they come: for running. */
  readonly dynamic: Environment;
}

const compilers = new WeakMap<object, Compiler>();

function compilerFor(variables: Readonly<Record<string, CelType>>): Compiler {
  let compiler = compilers.get(variables);
  if (!compiler) {
    const typed = base().clone();
    const dynamic = base().clone();
    const declared = new Map<object, string>();
    for (const [name, type] of Object.entries(variables)) {
      typed.registerVariable(name, declare(typed, type, declared) as never);
      const resolved = resolveType(type);
      const isOptional = typeof resolved === 'object' && 'optional' in resolved;
      dynamic.registerVariable(name, isOptional ? 'optional<dyn>' : 'dyn');
    }
    compiler = { typed, dynamic };
    compilers.set(variables, compiler);
  }
  return compiler;
}

/**
 * Compiles an expression. Give the same `variables` object for expressions over the same variables: what is known of its
 * types is kept with it. Throws CelCompileError.
 */
export function compileCel(expression: string, options: CelOptions): CelProgram {
  if (expression.length > maxExpressionLength) {
    throw new CelCompileError(`expression is longer than ${maxExpressionLength} characters`);
  }
  const { typed, dynamic } = compilerFor(options.variables);
  const text = rewriteSyntax(expression);
  const parse = (environment: Environment) => {
    try {
      return parseProgram(environment, text);
    } catch (error) {
      throw new CelCompileError(compileMessage(expression, error as Error));
    }
  };
  const checked = parse(typed).check();
  if (!checked.valid) throw new CelCompileError(compileMessage(expression, checked.error!));
  const type = checked.type ?? 'dyn';
  if (options.result && !options.result.some((wanted) => isOfType(type, wanted))) {
    throw new CelCompileError(resultMessage(options.result));
  }
  const program = parse(dynamic);
  // Types are only known from here on; macros are expanded by the check.
  const rechecked = program.check();
  if (!rechecked.valid) throw new CelCompileError(compileMessage(expression, rechecked.error!));
  const steps = comprehensionSteps(program.ast);
  for (const { step, cost } of steps) chargeEachStep(step, cost);
  const run = (variables: Readonly<Record<string, unknown>>, budget: CelBudget | undefined): unknown =>
    withBudget(budget, () => {
      charge(1);
      try {
        return program(variables as Record<string, unknown>);
      } catch (error) {
        throw runtimeError(error);
      }
    });
  return {
    expression,
    type,
    mentions: mentionedVariables(text, options.variables),
    worstCaseCost(sizes) {
      const typedProgram = parse(typed);
      typedProgram.check();
      return worstCaseCost(typedProgram.ast, sizes);
    },
    evaluate(variables, budget) {
      const result = run(variables, budget);
      if (result instanceof Promise) throw new CelRuntimeError('the authorizer cannot be asked here');
      return result;
    },
    async evaluateAsync(variables, budget) {
      try {
        return await run(variables, budget);
      } catch (error) {
        throw runtimeError(error);
      }
    },
  };
}

function parseProgram(environment: Environment, text: string): ReturnType<Environment['parse']> {
  const program = environment.parse(text);
  for (const node of nodes(program.ast)) completeHas(node);
  return program;
}

function isOfType(type: string, wanted: CelResultType): boolean {
  if (type === 'dyn' || wanted === 'dyn') return true;
  if (wanted === 'message') return type === 'Message';
  if (wanted === 'list' || wanted === 'map') return type === wanted || type.startsWith(`${wanted}<`);
  return type === wanted || type === `dyn<${wanted}>` || (wanted === 'null' && type === 'null');
}

function resultMessage(result: readonly CelResultType[]): string {
  return result.length === 1 ? `must evaluate to ${result[0]}` : `must evaluate to one of ${result.join(', ')}`;
}

/** cel-go's words for what the checker found. */
function compileMessage(
  expression: string,
  error: Error & { summary?: string; code?: string; range?: { start: number } },
): string {
  const summary = error.summary ?? error.message.split('\n')[0]!;
  const said = summary
    .replace(/^Unknown variable: (.*)$/, "undeclared reference to '$1' (in container '')")
    .replace(/^No such key: (.*)$/, "undefined field '$1'")
    .replace(/matchesLinear/g, 'matches')
    .replace(/t\d+\.([A-Za-z0-9_.]+)/g, '$1');
  const kind = error.name === 'ParseError' ? `Syntax error: ${said}` : said;
  // A field that is not there is pointed at by its dot.
  const start = (error.range?.start ?? 0) - (summary.startsWith('No such key') ? 1 : 0);
  const at = Math.max(0, Math.min(start, expression.length));
  const before = expression.slice(0, at).split('\n');
  const line = expression.split('\n')[before.length - 1] ?? '';
  const column = before.at(-1)!.length;
  return `compilation failed: ERROR: <input>:${before.length}:${column + 1}: ${kind}\n | ${line}\n | ${'.'.repeat(column)}^`;
}

function runtimeError(error: unknown): Error {
  if (error instanceof CelRuntimeError) return error;
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    if (cause instanceof CelBudgetError) return cause;
  }
  const { summary, message } = error as Error & { summary?: string };
  const said = (summary ?? message.split('\n')[0]!)
    .replace(/^No such key: index out of bounds, index (-?\d+).*$/, 'index out of bounds: $1')
    .replace(/^No such key: /, 'no such key: ')
    .replace(/matchesLinear/g, 'matches');
  return new CelRuntimeError(said);
}

function isNode(value: unknown): value is ASTNode {
  return (
    typeof value === 'object' &&
    value !== null &&
    'op' in value &&
    typeof (value as ASTNode).toOldStructure === 'function'
  );
}

interface Comprehension {
  readonly iterable: ASTNode;
  readonly step: ASTNode;
}

/** The nodes directly below one; macros stand for what they expand to. */
function below(node: ASTNode): ASTNode[] {
  const { meta } = node as unknown as { meta: Record<string, unknown> };
  if (isNode(meta['alternate'])) return [meta['alternate']];
  const found: ASTNode[] = [];
  const seen = new Set<unknown>();
  const visit = (value: unknown) => {
    if (seen.has(value)) return;
    if (isNode(value)) {
      seen.add(value);
      found.push(value);
    } else if (Array.isArray(value)) value.forEach(visit);
    else if (typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype) {
      seen.add(value);
      for (const key of Object.keys(value)) visit((value as Record<string, unknown>)[key]);
    }
  };
  visit(meta['macro']);
  visit(node.args);
  return found;
}

function* nodes(root: ASTNode, seen: Set<ASTNode> = new Set()): Generator<ASTNode> {
  if (seen.has(root)) return;
  seen.add(root);
  yield root;
  for (const child of below(root)) yield* nodes(child, seen);
}

function comprehensionSteps(root: ASTNode): { step: ASTNode; cost: number }[] {
  const out: { step: ASTNode; cost: number }[] = [];
  for (const node of nodes(root)) {
    if ((node.op as string) !== 'comprehension') continue;
    const { step } = node.args as unknown as Comprehension;
    out.push({ step, cost: Math.max(1, [...nodes(step)].length) });
  }
  return out;
}

type Evaluate = (evaluator: unknown, node: ASTNode, context: unknown) => unknown;

/** The evaluator replaces a node's own `evaluate` by a faster one on first use: an accessor keeps the charge around it. */
function chargeEachStep(step: ASTNode, cost: number): void {
  const node = step as unknown as { evaluate: Evaluate };
  let inner = node.evaluate;
  const counted: Evaluate = (evaluator, ast, context) => {
    charge(cost);
    return inner.call(step, evaluator, ast, context);
  };
  Object.defineProperty(node, 'evaluate', {
    configurable: true,
    get: () => counted,
    set: (faster: Evaluate) => {
      if (faster !== counted) inner = faster;
    },
  });
}

function mentionedVariables(text: string, variables: Readonly<Record<string, CelType>>): ReadonlySet<string> {
  return new Set(Object.keys(variables).filter((name) => new RegExp(`(?<![\\w.])${name}\\b`).test(text)));
}
