/** x-kubernetes-validations: CEL rules of a structural schema (KEP-2876), with transition rules and ratcheting. */
import { type CelBudget, CelBudgetError } from '../../api/cel/budget.ts';
import { type CelProgram, compileCel } from '../../api/cel/compile.ts';
import type { CelType } from '../../api/cel/types.ts';
import { celValue } from '../../api/cel/values.ts';
import { at, child, type FieldError, type FieldErrorType, invalid } from '../../api/machinery/field-error.ts';
import type { ValidationRule } from '../../api/types/apiextensions-v1.ts';
import { type DeepReadonly, deepEqual } from '../../base/deep.ts';
import { celTypeOf } from './cel-types.ts';
import { correlate } from './correlate.ts';
import { itemsOf, type Schema, valuesOf } from './schema-types.ts';

interface CompiledRule {
  readonly rule: DeepReadonly<ValidationRule>;
  readonly program: CelProgram;
  readonly message: CelProgram | undefined;
  readonly usesOld: boolean;
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
  const rules: CompiledRule[] = [];
  const given = schema['x-kubernetes-validations'] ?? [];
  if (given.length) {
    const variables = { self: type };
    const withOld = { self: type, oldSelf: type };
    const withOptional = { self: type, oldSelf: 'dyn' as const };
    for (const [i, rule] of given.entries()) {
      const where = child(path, `x-kubernetes-validations[${i}]`);
      try {
        const mentionsOld = /\boldSelf\b/.test(rule.rule) || /\boldSelf\b/.test(rule.messageExpression ?? '');
        const scope = rule.optionalOldSelf ? withOptional : mentionsOld ? withOld : variables;
        const program = compileCel(rule.rule, { variables: scope, result: ['bool'] });
        const usesOld = program.mentions.has('oldSelf');
        rules.push({ rule, program, message: compileMessage(rule, scope, where, problems), usesOld });
      } catch (error) {
        problems.push({
          path: `${where}.rule`,
          value: rule.rule,
          detail: error instanceof Error ? error.message : String(error),
        });
      }
    }
  }
  const properties = new Map<string, RuleTree>();
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const tree = compileRules(
      property,
      problems,
      child(path, `properties[${name}]`),
      property['x-kubernetes-embedded-resource'] === true,
    );
    if (tree) properties.set(name, tree);
  }
  const itemSchema = itemsOf(schema);
  const items =
    itemSchema &&
    compileRules(itemSchema, problems, child(path, 'items'), itemSchema['x-kubernetes-embedded-resource'] === true);
  const valueSchema = valuesOf(schema);
  const values =
    valueSchema && valueSchema !== true
      ? compileRules(
          valueSchema,
          problems,
          child(path, 'additionalProperties'),
          valueSchema['x-kubernetes-embedded-resource'] === true,
        )
      : undefined;
  if (rules.length === 0 && properties.size === 0 && !items && !values) return undefined;
  return { schema, type, rules, properties, items, values };
}

function compileMessage(
  rule: DeepReadonly<ValidationRule>,
  variables: Readonly<Record<string, CelType>>,
  where: string,
  problems: RuleProblem[],
): CelProgram | undefined {
  if (!rule.messageExpression) return undefined;
  try {
    return compileCel(rule.messageExpression, { variables, result: ['string'] });
  } catch (error) {
    problems.push({
      path: `${where}.messageExpression`,
      value: rule.messageExpression,
      detail: `messageExpression compilation failed: ${error instanceof Error ? error.message : String(error)}`,
    });
    return undefined;
  }
}

/** Runs the rules on a value. `old` is the value before an update, undefined on create or where nothing corresponds. */
export function runRules(
  tree: RuleTree,
  values: { readonly value: unknown; readonly old: unknown; readonly path: string },
  budget: CelBudget,
): FieldError[] {
  const errors: FieldError[] = [];
  try {
    walk(tree, values, { budget, errors });
  } catch (error) {
    if (!(error instanceof CelBudgetError)) throw error;
    errors.push(
      invalid(
        values.path || '<nil>',
        '',
        'validation failed due to running out of cost budget, no further validation rules will be run',
      ),
    );
  }
  return errors;
}

interface Run {
  readonly budget: CelBudget;
  readonly errors: FieldError[];
}

function walk(
  tree: RuleTree,
  { value, old, path }: { readonly value: unknown; readonly old: unknown; readonly path: string },
  run: Run,
): void {
  if (value === null || value === undefined) return;
  if (tree.rules.length) evaluate(tree, { value, old, path }, run);
  if (Array.isArray(value)) {
    if (!tree.items) return;
    for (const [i, item] of value.entries())
      walk(tree.items, { value: item, old: correlate(tree.schema, old, item), path: at(path, i) }, run);
    return;
  }
  if (typeof value !== 'object') return;
  const object = value as Record<string, unknown>;
  const before = (typeof old === 'object' && old !== null && !Array.isArray(old) ? old : {}) as Record<string, unknown>;
  for (const [name, inner] of tree.properties)
    walk(inner, { value: object[name], old: before[name], path: child(path, name) }, run);
  if (!tree.values) return;
  for (const key of Object.keys(object)) {
    if (tree.schema.properties && Object.hasOwn(tree.schema.properties, key)) continue;
    walk(tree.values, { value: object[key], old: before[key], path: path ? `${path}[${key}]` : key }, run);
  }
}

function evaluate(
  tree: RuleTree,
  { value, old, path }: { readonly value: unknown; readonly old: unknown; readonly path: string },
  { budget, errors }: Run,
): void {
  const unchanged = old !== undefined && deepEqual(value, old);
  const self = celValue(value, tree.type);
  const oldSelf = old === undefined ? undefined : celValue(old, tree.type);
  for (const { rule, program, message, usesOld } of tree.rules) {
    const optional = rule.optionalOldSelf === true;
    if (usesOld && old === undefined && !optional) continue;
    // A value that was there before keeps being good; only transition rules look at it again.
    if (unchanged && !usesOld) continue;
    const variables: Record<string, unknown> = { self };
    if (optional) variables['oldSelf'] = oldSelf === undefined ? noOld() : someOld(oldSelf);
    else if (usesOld) variables['oldSelf'] = oldSelf;
    try {
      if (program.evaluate(variables, budget) === true) continue;
    } catch (error) {
      if (error instanceof CelBudgetError) throw error;
      const why = error instanceof Error ? error.message : String(error);
      errors.push(
        invalid(path || '<nil>', tree.schema.type ?? 'object', `${why} evaluating rule: ${rule.message || rule.rule}`),
      );
      continue;
    }
    errors.push(failure(tree, { rule, text: messageOf(rule, message, variables, budget), path, value }));
  }
}

const emptyOptional = compileCel('optional.none()', { variables: {} });
const fullOptional = compileCel('optional.of(v)', { variables: { v: 'dyn' } });
const noOld = (): unknown => emptyOptional.evaluate({});
const someOld = (v: unknown): unknown => fullOptional.evaluate({ v });

function messageOf(
  rule: DeepReadonly<ValidationRule>,
  expression: CelProgram | undefined,
  variables: Readonly<Record<string, unknown>>,
  budget: CelBudget,
): string {
  if (expression) {
    try {
      const text = expression.evaluate(variables, budget);
      if (typeof text === 'string' && text.trim() !== '' && !text.includes('\n') && text.length <= 5120)
        return text.trim();
    } catch (error) {
      if (error instanceof CelBudgetError) throw error;
    }
  }
  return rule.message?.trim() || `failed rule: ${rule.rule.replace(/\s+/g, ' ').trim()}`;
}

function failure(
  tree: RuleTree,
  found: { rule: DeepReadonly<ValidationRule>; text: string; path: string; value: unknown },
): FieldError {
  const { rule, text } = found;
  const path = found.path + fieldSuffix(rule.fieldPath, found.path === '') || '<nil>';
  const type = (rule.reason ?? 'FieldValueInvalid') as FieldErrorType;
  if (type === 'FieldValueRequired' || type === 'FieldValueForbidden') return { type, path, value: '', detail: text };
  if (type === 'FieldValueDuplicate') return { type, path, value: tree.schema.type ?? 'object', detail: '' };
  return invalid(path, tree.schema.type ?? 'object', text);
}

/** `.spec.foo` or `['a.b']`, appended to the path of the rule. */
function fieldSuffix(fieldPath: string | undefined, root: boolean): string {
  if (!fieldPath) return '';
  const text = fieldPath.replace(/\['([^']*)'\]/g, (_, key: string) =>
    /^[A-Za-z_]\w*$/.test(key) ? `.${key}` : `[${key}]`,
  );
  return root ? text.replace(/^\./, '') : text;
}
