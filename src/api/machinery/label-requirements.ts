/** The syntax of label selectors (apimachinery labels): text to requirements, with upstream's messages. */
import { at, type FieldError, fieldErrorMessage, invalid } from './field-error.ts';
import { labelValue, qualifiedName } from './names.ts';
import { badRequest } from './status.ts';

export type LabelOperator = '=' | '==' | '!=' | 'in' | 'notin' | 'exists' | '!' | 'gt' | 'lt';

/** One condition on one label; a matcher's labels satisfy all of its requirements. */
export interface LabelRequirement {
  readonly key: string;
  readonly operator: LabelOperator;
  /** Sorted, without repetition. */
  readonly values: readonly string[];
}

/** Whether a label's value counts as a number for gt and lt. */
export const isInteger = (text: string) => /^[+-]?[0-9]+$/.test(text);

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

/** The requirements of a `labelSelector` parameter, in the order of the text. Throws badRequest. */
export function parseRequirements(text: string): LabelRequirement[] {
  return new SelectorParser(text).parse();
}
