/** Label and field selectors (apimachinery labels, fields, and meta/v1 LabelSelector). */
import type { DeepReadonly } from '../../base/deep.ts';
import type { LabelSelector, LabelSelectorRequirement } from '../types/meta-v1.ts';
import { at, child, type FieldError, forbidden, invalid, required } from './field-error.ts';
import { isInteger, type LabelOperator, type LabelRequirement, parseRequirements } from './label-requirements.ts';
import { labelValue, qualifiedName } from './names.ts';
import { validateLabels } from './object-meta.ts';
import { badRequest } from './status.ts';

type Labels = Readonly<Record<string, string>> | undefined;

/** A label selector ready for use. */
export interface LabelMatcher {
  matches(labels: Labels): boolean;
  readonly requirements: readonly LabelRequirement[];
  /** Selects every object. */
  readonly everything: boolean;
  /** Selects no object at all, as a nil LabelSelector does. */
  readonly nothing: boolean;
  /** The form of the `labelSelector` parameter, requirements sorted by key. */
  toString(): string;
}

const nothing: LabelMatcher = {
  matches: () => false,
  requirements: [],
  everything: false,
  nothing: true,
  toString: () => '',
};

const has = (labels: Labels, key: string) => labels !== undefined && Object.hasOwn(labels, key);

function test({ key, operator, values }: LabelRequirement, labels: Labels): boolean {
  const present = has(labels, key);
  const value = present ? labels![key]! : '';
  switch (operator) {
    case '=':
    case '==':
    case 'in':
      return present && values.includes(value);
    case '!=':
    case 'notin':
      return !present || !values.includes(value);
    case 'exists':
      return present;
    case '!':
      return !present;
    case 'gt':
      return present && isInteger(value) && BigInt(value) > BigInt(values[0]!);
    case 'lt':
      return present && isInteger(value) && BigInt(value) < BigInt(values[0]!);
  }
}

function requirementText({ key, operator, values }: LabelRequirement): string {
  switch (operator) {
    case 'exists':
      return key;
    case '!':
      return `!${key}`;
    case 'in':
    case 'notin':
      return `${key} ${operator} (${values.join(',')})`;
    case 'gt':
      return `${key}>${values[0]}`;
    case 'lt':
      return `${key}<${values[0]}`;
    default:
      return `${key}${operator}${values[0]}`;
  }
}

/** A matcher of requirements that are known to be valid. */
export function labelMatcher(requirements: readonly LabelRequirement[]): LabelMatcher {
  const sorted = [...requirements].sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  const only = sorted.length === 1 ? sorted[0]! : undefined;
  return {
    matches: only ? (labels) => test(only, labels) : (labels) => sorted.every((r) => test(r, labels)),
    requirements: sorted,
    everything: sorted.length === 0,
    nothing: false,
    toString: () => sorted.map(requirementText).join(','),
  };
}

const operators: Readonly<Record<string, LabelOperator>> = {
  In: 'in',
  NotIn: 'notin',
  Exists: 'exists',
  DoesNotExist: '!',
};

/** The matcher of a LabelSelector: none matches nothing, an empty one everything. Throws badRequest on a wrong operator. */
export function labelSelectorMatcher(selector: DeepReadonly<LabelSelector> | undefined | null): LabelMatcher {
  if (!selector) return nothing;
  const requirements: LabelRequirement[] = Object.entries(selector.matchLabels ?? {}).map(([key, value]) => ({
    key,
    operator: '=',
    values: [value],
  }));
  for (const { key, operator, values } of selector.matchExpressions ?? []) {
    const known = Object.hasOwn(operators, operator) ? operators[operator] : undefined;
    if (!known) throw badRequest(`${JSON.stringify(operator)} is not a valid label selector operator`);
    requirements.push({ key, operator: known, values: [...new Set(values ?? [])].sort() });
  }
  return labelMatcher(requirements);
}

/** What is wrong with a LabelSelector in an object. */
export function validateLabelSelector(selector: DeepReadonly<LabelSelector> | undefined, path: string): FieldError[] {
  if (!selector) return [];
  const errors = validateLabels(selector.matchLabels, child(path, 'matchLabels'));
  for (const [i, expression] of (selector.matchExpressions ?? []).entries()) {
    errors.push(...validateRequirement(expression, at(child(path, 'matchExpressions'), i)));
  }
  return errors;
}

function validateRequirement(expression: DeepReadonly<LabelSelectorRequirement>, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const count = expression.values?.length ?? 0;
  switch (expression.operator) {
    case 'In':
    case 'NotIn':
      if (count === 0) {
        errors.push(required(child(path, 'values'), "must be specified when `operator` is 'In' or 'NotIn'"));
      }
      break;
    case 'Exists':
    case 'DoesNotExist':
      if (count > 0) {
        errors.push(
          forbidden(child(path, 'values'), "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"),
        );
      }
      break;
    default:
      errors.push(invalid(child(path, 'operator'), expression.operator, 'not a valid selector operator'));
  }
  for (const message of qualifiedName(expression.key)) {
    errors.push(invalid(child(path, 'key'), expression.key, message));
  }
  for (const [i, value] of (expression.values ?? []).entries()) {
    for (const message of labelValue(value)) errors.push(invalid(at(child(path, 'values'), i), value, message));
  }
  return errors;
}

/** Parses a `labelSelector` parameter: `app=web,tier in (a, b),!canary`. Throws badRequest with upstream's words. */
export function parseLabelSelector(text: string): LabelMatcher {
  return labelMatcher(parseRequirements(text));
}

export interface FieldRequirement {
  readonly field: string;
  readonly operator: '=' | '!=';
  readonly value: string;
}

/** A field selector; which fields a kind has is for the caller to check. */
export interface FieldMatcher {
  readonly requirements: readonly FieldRequirement[];
  matches(getField: (field: string) => string): boolean;
  /** The value that the field must have, when the selector asks for exactly one. */
  exactValue(field: string): string | undefined;
  toString(): string;
}

/** Parses a `fieldSelector` parameter: `status.phase!=Failed,spec.nodeName=n1`; `\\`, `\,` and `\=` are escapes. */
export function parseFieldSelector(text: string): FieldMatcher {
  const requirements: FieldRequirement[] = [];
  for (const term of splitTerms(text)) {
    if (term === '') continue;
    const requirement = parseTerm(term);
    if (!requirement) throw badRequest(`invalid selector: '${text}'; can't understand '${term}'`);
    requirements.push(requirement);
  }
  return {
    requirements,
    matches: (getField) => requirements.every((r) => (getField(r.field) === r.value) === (r.operator === '=')),
    exactValue: (field) => requirements.find((r) => r.field === field && r.operator === '=')?.value,
    toString: () =>
      requirements.map((r) => `${r.field}${r.operator}${r.value.replace(/[\\,=]/g, (c) => `\\${c}`)}`).join(','),
  };
}

function splitTerms(text: string): string[] {
  const terms: string[] = [];
  let start = 0;
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '\\') i++;
    else if (text[i] === ',') {
      terms.push(text.slice(start, i));
      start = i + 1;
    }
  }
  terms.push(text.slice(start));
  return terms;
}

function parseTerm(term: string): FieldRequirement | undefined {
  for (let i = 0; i < term.length; i++) {
    if (term[i] === '\\') {
      i++;
      continue;
    }
    for (const operator of ['!=', '==', '=']) {
      if (term.startsWith(operator, i)) {
        return {
          field: term.slice(0, i),
          operator: operator === '!=' ? '!=' : '=',
          value: unescaped(term.slice(i + operator.length)),
        };
      }
    }
  }
  return undefined;
}

function unescaped(value: string): string {
  let out = '';
  for (let i = 0; i < value.length; i++) {
    const character = value[i]!;
    if (character === '\\') {
      const next = value[++i];
      if (next === undefined || !'\\,='.includes(next)) {
        throw badRequest(`invalid field selector: invalid escape sequence: \\${next ?? ''}`);
      }
      out += next;
    } else if (character === '=' || character === ',') {
      throw badRequest(`invalid field selector: unescaped character in value: ${character}`);
    } else out += character;
  }
  return out;
}
