/** x-kubernetes-validations in a definition: what rules say beside their expressions, and whether those can be run. */
import { at, child, type FieldError, invalid, notSupported, required } from '../../../api/machinery/field-error.ts';
import type { Schema } from '../schema-types.ts';
import { parseFieldPath } from '../values/field-path.ts';
import { compileRules, type RuleProblem, type RuleTree } from '../values/rules.ts';
import { checkRuleCosts } from './rule-costs.ts';

const reasons = ['FieldValueDuplicate', 'FieldValueForbidden', 'FieldValueInvalid', 'FieldValueRequired'];

/** Problems of one schema's rules, without their expressions. */
export function validateRuleTexts(schema: Schema, path: string): FieldError[] {
  const errors: FieldError[] = [];
  for (const [i, validation] of (schema['x-kubernetes-validations'] ?? []).entries()) {
    const { messageExpression, reason, fieldPath } = validation;
    const where = at(child(path, 'x-kubernetes-validations'), i);
    errors.push(...textProblems(validation, where));
    if (messageExpression && !messageExpression.trim())
      errors.push(required(child(where, 'messageExpression'), 'messageExpression must be non-empty if specified'));
    if (reason !== undefined && !reasons.includes(reason))
      errors.push(notSupported(child(where, 'reason'), reason, reasons));
    if (!fieldPath) continue;
    const wrong = (detail: string) => errors.push(invalid(child(where, 'fieldPath'), fieldPath, detail));
    if (!fieldPath.trim()) wrong('fieldPath must be non-empty if specified');
    if (/[\n\r]/.test(fieldPath)) wrong('fieldPath must not contain line breaks');
    if (!leads(schema, fieldPath)) wrong('fieldPath must be a valid path');
  }
  return errors;
}

function textProblems({ rule, message }: { rule: string; message?: string }, where: string): FieldError[] {
  const messagePath = child(where, 'message');
  if (!rule.trim()) return [required(child(where, 'rule'), 'rule is not specified')];
  if (message && !message.trim()) return [invalid(messagePath, message, 'message must be non-empty if specified')];
  if (/[\n\r]/.test(message?.trim() ?? ''))
    return [invalid(messagePath, message, 'message must not contain line breaks')];
  if (/[\n\r]/.test(rule.trim()) && !message)
    return [required(messagePath, 'message must be specified if rule contains line breaks')];
  return [];
}

function leads(schema: Schema, fieldPath: string): boolean {
  try {
    parseFieldPath(fieldPath, schema);
    return true;
  } catch {
    return false;
  }
}

/**
 * Problems of the expressions of a schema that is right otherwise: of their types, of what they may look at, and of what
 * they could cost. `cheap`: each for itself; all together always.
 */
export function validateRulePrograms(schema: Schema, path: string, cheap: boolean): FieldError[] {
  const problems: RuleProblem[] = [];
  const rules = compileRules(schema, problems);
  const errors: FieldError[] = [];
  if (rules) {
    checkOldSelf(rules, path, errors);
    errors.push(...checkRuleCosts(rules, path, cheap));
  }
  for (const problem of problems) errors.push(invalid(child(path, problem.path), problem.value, problem.detail));
  return errors;
}

/** What was before is unknown for the items of a list that is no map: `within` is the outermost such list. */
function checkOldSelf(tree: RuleTree, path: string, errors: FieldError[], within?: string): void {
  const { schema } = tree;
  for (const { rule, usesOld } of tree.rules) {
    const where = at(child(path, 'x-kubernetes-validations'), schema['x-kubernetes-validations']!.indexOf(rule));
    if (usesOld && within !== undefined) {
      const why = `oldSelf cannot be used on the uncorrelatable portion of the schema within ${within}`;
      errors.push(invalid(child(where, 'rule'), rule.rule, why));
    }
    if (!usesOld && rule.optionalOldSelf !== undefined) {
      const why = 'may not be set if oldSelf is not used in rule';
      errors.push(invalid(child(where, 'optionalOldSelf'), rule.optionalOldSelf, why));
    }
  }
  for (const [name, property] of tree.properties)
    checkOldSelf(property, child(path, `properties[${name}]`), errors, within);
  const known = schema['x-kubernetes-list-type'] === 'map';
  if (tree.items) checkOldSelf(tree.items, child(path, 'items'), errors, within ?? (known ? undefined : path));
  if (tree.values) checkOldSelf(tree.values, child(path, 'additionalProperties'), errors, within);
}
