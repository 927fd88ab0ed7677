/** x-kubernetes-validations: CEL rules of a structural schema (KEP-2876), with transition rules and ratcheting. */
import { type CelBudget, CelBudgetError } from '../../../api/cel/budget.ts';
import { type CelProgram, compileCel } from '../../../api/cel/compile.ts';
import type { CelType } from '../../../api/cel/types.ts';
import { celValue } from '../../../api/cel/values.ts';
import {
  at,
  child,
  duplicate,
  type FieldError,
  fieldErrorMessage,
  forbidden,
  invalid,
  omittedValue,
  required,
} from '../../../api/machinery/field-error.ts';
import type { ValidationRule } from '../../../api/types/apiextensions-v1.ts';
import { type DeepReadonly, deepEqual } from '../../../base/deep.ts';
import { itemsOf, type Schema, valuesOf } from '../schema-types.ts';
import { celTypeOf } from './cel-types.ts';
import { correlate } from './correlate.ts';
import { parseFieldPath } from './field-path.ts';

interface CompiledRule {
  readonly rule: DeepReadonly<ValidationRule>;
  readonly program: CelProgram;
  readonly message: CelProgram | undefined;
  readonly usesOld: boolean;
  /** Where its failures are, below the value; empty for the value itself. */
  readonly fieldPath: string;
}

/** The rules of a schema and of everything below it; parts without rules are left out. */
export interface RuleTree {
  readonly schema: Schema;
  readonly type: CelType;
  readonly rules: readonly CompiledRule[];
  readonly properties: ReadonlyMap<string, RuleTree>;
  readonly items: RuleTree | undefined;
  readonly values: RuleTree | undefined;
}

/** A rule that does not compile, for validating definitions. */
export interface RuleProblem {
  /** `properties[spec].x-kubernetes-validations[0].rule` */
  readonly path: string;
  readonly value: string;
  readonly detail: string;
}

/** Compiles the rules of a schema; undefined when it has none. Problems are collected, not thrown. */
export function compileRules(
  schema: Schema,
  problems: RuleProblem[] = [],
  path = '',
  resource = true,
): RuleTree | undefined {
  const type = celTypeOf(schema, 'self', resource);
  const rules = rulesOf(schema, { type, path, problems });
  const below = (inner: Schema, name: string) =>
    compileRules(inner, problems, child(path, name), inner['x-kubernetes-embedded-resource'] === true);
  const properties = new Map<string, RuleTree>();
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const tree = below(property, `properties[${name}]`);
    if (tree) properties.set(name, tree);
  }
  const itemSchema = itemsOf(schema);
  const items = itemSchema && below(itemSchema, 'items');
  const valueSchema = valuesOf(schema);
  const values = valueSchema && valueSchema !== true ? below(valueSchema, 'additionalProperties') : undefined;
  if (rules.length === 0 && properties.size === 0 && !items && !values) return undefined;
  return { schema, type, rules, properties, items, values };
}

interface Place {
  readonly type: CelType;
  readonly path: string;
  readonly problems: RuleProblem[];
}

function rulesOf(schema: Schema, { type, path, problems }: Place): CompiledRule[] {
  const given = schema['x-kubernetes-validations'];
  if (!given?.length) return [];
  const variables = { self: type };
  const withOld = { self: type, oldSelf: type };
  const withOptional = { self: type, oldSelf: { optional: type } };
  const rules: CompiledRule[] = [];
  for (const [i, rule] of given.entries()) {
    const where = child(path, `x-kubernetes-validations[${i}]`);
    const mentionsOld = /\boldSelf\b/.test(rule.rule) || /\boldSelf\b/.test(rule.messageExpression ?? '');
    const scope = rule.optionalOldSelf ? withOptional : mentionsOld ? withOld : variables;
    const compile = (name: 'rule' | 'messageExpression', result: 'bool' | 'string') => {
      try {
        return compileCel(rule[name]!, { variables: scope, result: [result] });
      } catch (error) {
        const prefix = name === 'rule' ? '' : 'messageExpression ';
        const said = `${prefix}${error instanceof Error ? error.message : String(error)}`.replace(
          /^(messageExpression )?must evaluate to (bool|string)$/,
          (_, subject = 'cel expression ', wanted) => `${subject}must evaluate to a ${wanted}`,
        );
        problems.push({ path: `${where}.${name}`, value: rule[name]!, detail: said });
        return undefined;
      }
    };
    const program = compile('rule', 'bool');
    const message = rule.messageExpression ? compile('messageExpression', 'string') : undefined;
    if (!program) continue;
    rules.push({
      rule,
      program,
      message,
      usesOld: program.mentions.has('oldSelf'),
      fieldPath: rule.fieldPath ? pathOf(rule.fieldPath, schema) : '',
    });
  }
  return rules;
}

/** Definitions from before paths were checked may name fields that are not there. */
function pathOf(fieldPath: string, schema: Schema): string {
  try {
    return parseFieldPath(fieldPath, schema).path;
  } catch {
    return '';
  }
}

/** What the rules found: failures, and those of values that the update has left as they were, which are only told. */
export interface RuleFindings {
  readonly errors: FieldError[];
  readonly warnings: string[];
}

/**
 * Runs the rules on a value. `old` is what it was before an update, undefined on create; `path` leads to it, and is empty
 * for a whole object.
 */
export function runRules(
  tree: RuleTree,
  { value, old, path }: { readonly value: unknown; readonly old?: unknown; readonly path: string },
  budget: CelBudget,
): RuleFindings {
  const run: Run = { budget, errors: [], warnings: [] };
  try {
    walk(tree, { value, old, path, isUnchanged: () => false }, run);
  } catch (error) {
    if (!(error instanceof Exhausted)) throw error;
  }
  return run;
}

interface Run extends RuleFindings {
  readonly budget: CelBudget;
}

/** A value on the way. */
interface Visit {
  readonly value: unknown;
  /** What corresponds to it in the old object; undefined where nothing does. */
  readonly old: unknown;
  readonly path: string;
  /** Whether the nearest value around it that has a counterpart is as it was. */
  readonly isUnchanged: () => boolean;
}

/** Thrown when no further rules are to be run; its error has been recorded. */
class Exhausted extends Error {}

function walk(tree: RuleTree, visit: Visit, run: Run): void {
  const { value, old, path } = visit;
  if (value === null || value === undefined) return;
  const isUnchanged = old === undefined ? visit.isUnchanged : () => deepEqual(value, old);
  if (tree.rules.length) evaluate(tree, { ...visit, isUnchanged }, run);
  if (Array.isArray(value)) {
    if (!tree.items) return;
    for (const [i, item] of value.entries())
      walk(tree.items, { value: item, old: correlate(tree.schema, old, item), path: at(path, i), isUnchanged }, run);
    return;
  }
  if (typeof value !== 'object') return;
  const object = value as Record<string, unknown>;
  const before = (typeof old === 'object' && old !== null && !Array.isArray(old) ? old : {}) as Record<string, unknown>;
  for (const [name, inner] of tree.properties)
    walk(inner, { value: object[name], old: before[name] ?? undefined, path: child(path, name), isUnchanged }, run);
  if (!tree.values) return;
  for (const key of Object.keys(object)) {
    if (tree.schema.properties && Object.hasOwn(tree.schema.properties, key)) continue;
    walk(tree.values, { value: object[key], old: before[key] ?? undefined, path: at(path, key), isUnchanged }, run);
  }
}

const ended = 'no further validation rules will be run';

function evaluate(tree: RuleTree, { value, old, path, isUnchanged }: Visit, run: Run): void {
  const { budget, errors, warnings } = run;
  const where = path || '<nil>';
  const type = tree.schema.type ?? (tree.schema['x-kubernetes-int-or-string'] ? '' : 'object');
  const stop = (detail: string): never => {
    errors.push(invalid(where, type, detail));
    throw new Exhausted();
  };
  const self = celValue(value, tree.type);
  const oldSelf = old === undefined ? undefined : celValue(old, tree.type);
  for (const compiled of tree.rules) {
    const { rule, program, usesOld } = compiled;
    const optional = rule.optionalOldSelf === true;
    if (usesOld && old === undefined && !optional) continue;
    const variables: Record<string, unknown> = { self };
    if (optional) variables['oldSelf'] = oldSelf === undefined ? noOld() : someOld(oldSelf);
    else if (usesOld) variables['oldSelf'] = oldSelf;
    const shown = (rule.message || rule.rule).trim();
    if (budget.remaining <= 0) stop(`validation failed due to running out of cost budget, ${ended}`);
    try {
      const passed = program.evaluate(variables, budget) === true;
      if (passed) continue;
    } catch (error) {
      if (error instanceof CelBudgetError) {
        if (budget.remaining < 0) stop(`validation failed due to running out of cost budget, ${ended}`);
        const limit = 'operation cancelled: actual cost limit exceeded';
        stop(`'${limit}': ${ended} due to call cost exceeds limit for rule: ${shown}`);
      }
      const why = error instanceof Error ? error.message : String(error);
      const detail = why.startsWith('no such overload')
        ? `'${why}': call arguments did not match a supported operator, function or macro signature for rule: ${shown}`
        : `${why} evaluating rule: ${shown}`;
      errors.push(invalid(where, type, detail));
      continue;
    }
    const text = messageOf(compiled, variables, { budget, stop });
    const error = failure(compiled, { text, path, value });
    // A value that was there before keeps being good; transition rules look at the change, not at the value.
    if (!usesOld && isUnchanged()) warnings.push(fieldErrorMessage(error));
    else errors.push(error);
  }
}

const emptyOptional = compileCel('optional.none()', { variables: {} });
const fullOptional = compileCel('optional.of(v)', { variables: { v: 'dyn' } });
const noOld = (): unknown => emptyOptional.evaluate({});
const someOld = (v: unknown): unknown => fullOptional.evaluate({ v });

const maxMessageBytes = 5 * 1024;

function messageOf(
  { rule, message }: CompiledRule,
  variables: Readonly<Record<string, unknown>>,
  { budget, stop }: { budget: CelBudget; stop: (detail: string) => never },
): string {
  if (message) {
    try {
      const text = String(message.evaluate(variables, budget)).trim();
      if (text !== '' && !text.includes('\n') && Buffer.byteLength(text) <= maxMessageBytes) return text;
    } catch (error) {
      if (error instanceof CelBudgetError)
        stop(
          budget.remaining < 0
            ? `messageExpression evaluation failed due to running out of cost budget, ${ended}`
            : `${ended} due to call cost exceeds limit for messageExpression: ${JSON.stringify(rule.messageExpression)}`,
        );
    }
  }
  return rule.message ? rule.message.trim() : `failed rule: ${rule.rule.trim()}`;
}

function failure(
  { rule, fieldPath }: CompiledRule,
  found: { readonly text: string; readonly path: string; readonly value: unknown },
): FieldError {
  const { text } = found;
  const path = (fieldPath ? child(found.path, fieldPath) : found.path) || '<nil>';
  const value = typeof found.value === 'object' ? omittedValue : found.value;
  switch (rule.reason) {
    case 'FieldValueForbidden':
      return forbidden(path, text);
    case 'FieldValueRequired':
      return required(path, text);
    case 'FieldValueDuplicate':
      return duplicate(path, value);
    default:
      return invalid(path, value, text);
  }
}
