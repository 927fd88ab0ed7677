/** Label and field selectors (apimachinery labels, fields, and meta/v1 LabelSelector). */
import type { DeepReadonly } from '../../base/deep.ts';
import type { LabelSelector, LabelSelectorRequirement } from '../types/meta-v1.ts';
import { at, child, type FieldError, fieldErrorMessage, forbidden, invalid, required } from './field-error.ts';
import { labelValue, qualifiedName } from './names.ts';
import { validateLabels } from './object-meta.ts';
import { badRequest } from './status.ts';

type Labels = Readonly<Record<string, string>> | undefined;

export type LabelOperator = '=' | '==' | '!=' | 'in' | 'notin' | 'exists' | '!' | 'gt' | 'lt';

/** One condition on one label; a matcher's labels satisfy all of its requirements. */
export interface LabelRequirement {
  readonly key: string;
  readonly operator: LabelOperator;
  /** Sorted, without repetition. */
  readonly values: readonly string[];
}

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

const isInteger = (text: string) => /^[+-]?[0-9]+$/.test(text);

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

/** The matcher of a map of labels that must all be there; nothing given selects everything. */
export function labelSetMatcher(labels: Labels): LabelMatcher {
  return labelMatcher(
    Object.entries(labels ?? {}).map(([key, value]) => ({ key, operator: '=' as const, values: [value] })),
  );
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
  return errors;
}

type Token = { readonly type: 'end' | 'identifier' | 'symbol' | 'error'; readonly text: string };

const symbols: ReadonlySet<string> = new Set([')', ',', '!', '==', '=', '>', '<', '!=', '(']);
const specials = '=!(),><';
const blanks = ' \t\r\n';

function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  let pos = 0;
  while (pos < text.length) {
    const start = pos;
    if (blanks.includes(text[pos]!)) {
      pos++;
    } else if (specials.includes(text[pos]!)) {
      const two = text.slice(pos, pos + 2);
      const symbol = symbols.has(two) ? two : text[pos]!;
      pos += symbol.length;
      tokens.push({ type: 'symbol', text: symbol });
    } else {
      while (pos < text.length && !blanks.includes(text[pos]!) && !specials.includes(text[pos]!)) pos++;
      tokens.push({ type: 'identifier', text: text.slice(start, pos) });
    }
  }
  tokens.push({ type: 'end', text: '' });
  return tokens;
}

class SelectorParser {
  readonly #tokens: Token[];
  #at = 0;

  constructor(text: string) {
    this.#tokens = tokenize(text);
  }

  parse(): LabelRequirement[] {
    const requirements: LabelRequirement[] = [];
    for (;;) {
      const token = this.#peek();
      if (token.type === 'end') return requirements;
      if (token.type !== 'identifier' && token.text !== '!') {
        throw badRequest(`found '${token.text}', expected: !, identifier, or 'end of string'`);
      }
      requirements.push(this.#requirement());
      const separator = this.#next();
      if (separator.type === 'end') return requirements;
      if (separator.text !== ',') throw badRequest(`found '${separator.text}', expected: ',' or 'end of string'`);
      const following = this.#peek();
      if (following.type !== 'identifier' && following.text !== '!') {
        throw badRequest(`found '${following.text}', expected: identifier after ','`);
      }
    }
  }

  #peek(): Token {
    return this.#tokens[this.#at]!;
  }

  #next(): Token {
    const token = this.#tokens[this.#at]!;
    if (token.type !== 'end') this.#at++;
    return token;
  }

  #requirement(): LabelRequirement {
    let token = this.#next();
    const negated = token.type === 'symbol';
    if (negated) token = this.#next();
    if (token.type !== 'identifier') throw unparsable(`found '${token.text}', expected: identifier`);
    const key = token.text;
    const wrong = qualifiedName(key);
    if (wrong.length) throw unparsable(fieldErrorMessage(invalid('<nil>', key, wrong.join('; '))));
    if (negated || this.#endsRequirement()) return { key, operator: negated ? '!' : 'exists', values: [] };
    const operator = this.#operator();
    const values = operator === 'in' || operator === 'notin' ? this.#values() : [this.#exactValue()];
    return checked({ key, operator, values });
  }

  #endsRequirement(): boolean {
    const token = this.#peek();
    return token.type === 'end' || token.text === ',';
  }

  #operator(): LabelOperator {
    const { text } = this.#next();
    switch (text) {
      case 'in':
      case 'notin':
      case '=':
      case '==':
      case '!=':
        return text;
      case '>':
        return 'gt';
      case '<':
        return 'lt';
      default:
        throw unparsable(`found '${text}', expected: in, notin, =, ==, !=, gt, lt`);
    }
  }

  #values(): string[] {
    const open = this.#next();
    if (open.text !== '(') throw unparsable(`found '${open.text}' expected: '('`);
    const values = new Set<string>();
    let expectsValue = true;
    for (;;) {
      const token = this.#next();
      if (token.type === 'identifier' && expectsValue) {
        values.add(token.text);
        expectsValue = false;
      } else if (token.text === ',') {
        if (expectsValue) values.add('');
        expectsValue = true;
      } else if (token.text === ')') {
        if (expectsValue) values.add('');
        return [...values].sort();
      } else {
        throw unparsable(`found '${token.text}', expected: ${expectsValue ? "',', or identifier" : "',' or ')'"}`);
      }
    }
  }

  #exactValue(): string {
    if (this.#endsRequirement()) return '';
    const token = this.#next();
    if (token.type !== 'identifier') throw unparsable(`found '${token.text}', expected: identifier`);
    return token.text;
  }
}

const unparsable = (why: string) => badRequest(`unable to parse requirement: ${why}`);

function checked(requirement: LabelRequirement): LabelRequirement {
  const { key, operator, values } = requirement;
  const errors: FieldError[] = [];
  for (const [i, value] of values.entries()) {
    if ((operator === 'gt' || operator === 'lt') && !isInteger(value)) {
      errors.push(invalid(at('values', i), value, "for 'Gt', 'Lt' operators, the value must be an integer"));
    }
    const wrong = labelValue(value);
    if (wrong.length) errors.push(invalid(`values[${i}][${key}]`, value, wrong.join('; ')));
  }
  if (errors.length === 0) return requirement;
  const messages = errors.map(fieldErrorMessage);
  throw unparsable(messages.length === 1 ? messages[0]! : `[${messages.join(', ')}]`);
}

/** Parses a `labelSelector` parameter: `app=web,tier in (a, b),!canary`. Throws badRequest with upstream's words. */
export function parseLabelSelector(text: string): LabelMatcher {
  return labelMatcher(new SelectorParser(text).parse());
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
