/**
 * Forms of CEL that the evaluator's grammar does not have, rewritten to function calls before parsing: messages
 * (`Object{spec: …}`), optional entries (`[?a]`, `{?k: v}`), and `matches`, which has to run in linear time. Positions
 * in later errors refer to the rewritten text only where one of these forms comes before them on the line.
 */

interface Token {
  readonly text: string;
  readonly kind: 'identifier' | 'string' | 'number' | 'space' | 'punctuation';
}

const tokenForm =
  /(?<space>\s+|\/\/[^\n]*)|(?<string>[bBrR]{0,2}(?:"""[\s\S]*?"""|'''[\s\S]*?'''|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'))|(?<number>\d[\w.]*)|(?<identifier>[A-Za-z_]\w*)|(?<punctuation>[\s\S])/gy;

function tokenize(text: string): Token[] {
  const out: Token[] = [];
  for (const { 0: piece, groups } of text.matchAll(tokenForm)) {
    const kind = (['space', 'string', 'number', 'identifier'] as const).find((k) => groups![k] !== undefined);
    out.push({ text: piece, kind: kind ?? 'punctuation' });
  }
  return out;
}

const needsRewriting = /[A-Za-z_]\w*\s*\{|[[{,]\s*\?|\bmatches\b/;

/** The text with those forms as calls of the functions that {@link file://./libraries/rewritten.ts} defines. */
export function rewriteSyntax(expression: string): string {
  if (!needsRewriting.test(expression)) return expression;
  return new Rewriter(tokenize(expression)).all();
}

class Rewriter {
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  all(): string {
    return this.#until('', 'group').text;
  }

  /** Everything up to the closing bracket (not taken). */
  #until(closer: string, context: 'group' | 'list' | 'map' | 'message'): { text: string; optional: boolean } {
    let out = '';
    let optional = false;
    // An entry begins here: after the opening bracket and after each comma.
    let entryStart = context !== 'group';
    let pendingClose = '';
    let previous: Token | undefined;
    while (this.#at < this.#tokens.length) {
      const token = this.#tokens[this.#at]!;
      if (token.text === closer && token.kind === 'punctuation') break;
      this.#at++;
      if (token.kind === 'space') {
        out += token.text;
        continue;
      }
      if (entryStart && token.text === '?' && token.kind === 'punctuation') {
        optional = true;
        if (context === 'list') {
          out += '__entry(';
          pendingClose = ')';
        } else pendingClose = '?';
        continue;
      }
      if (token.kind === 'identifier') out += this.#identifier(token, { context, entryStart, previous });
      else if (token.text === ':' && pendingClose === '?') {
        out += ': __entry(';
        pendingClose = ')';
      } else if (token.text === ',' && context !== 'group') {
        out += `${pendingClose},`;
        pendingClose = '';
        entryStart = true;
        previous = token;
        continue;
      } else if (token.text === '[' || token.text === '{' || token.text === '(') {
        out += this.#bracket(token.text, previous);
        previous = { text: ')', kind: 'punctuation' };
        entryStart = false;
        continue;
      } else out += token.text;
      entryStart = false;
      previous = token;
    }
    return { text: out + pendingClose, optional };
  }

  #identifier(
    token: Token,
    { context, entryStart, previous }: { context: string; entryStart: boolean; previous: Token | undefined },
  ): string {
    if (context === 'message' && (entryStart || previous === undefined || previous.text === '?')) {
      if (this.#peek()?.text === ':') return JSON.stringify(token.text);
    }
    if (token.text === 'matches' && this.#peek()?.text === '(') return 'matchesLinear';
    const name = token.text === 'in' ? undefined : this.#messageName(token.text);
    if (name === undefined) return token.text;
    const body = this.#until('}', 'message');
    this.#at++;
    return `__message(${JSON.stringify(name)}, {${body.text}})`;
  }

  /** The dotted name that a message literal begins with, taken up to and with its brace. */
  #messageName(first: string): string | undefined {
    let name = first;
    let at = this.#at;
    const skip = () => {
      while (this.#tokens[at]?.kind === 'space') at++;
    };
    for (;;) {
      skip();
      const next = this.#tokens[at];
      if (next?.text === '{') {
        this.#at = at + 1;
        return name;
      }
      if (next?.text !== '.') return undefined;
      at++;
      skip();
      if (this.#tokens[at]?.kind !== 'identifier') return undefined;
      name += `.${this.#tokens[at]!.text}`;
      at++;
    }
  }

  #bracket(open: string, previous: Token | undefined): string {
    const close = open === '[' ? ']' : open === '{' ? '}' : ')';
    const isOperand =
      previous !== undefined &&
      (previous.kind === 'string' ||
        previous.text === ')' ||
        (previous.kind === 'identifier' && previous.text !== 'in'));
    if (open === '[' && !isOperand) {
      const { text, optional } = this.#until(close, 'list');
      this.#at++;
      return optional ? `__list([${text}])` : `[${text}]`;
    }
    if (open === '{') {
      const { text, optional } = this.#until(close, 'map');
      this.#at++;
      return optional ? `__map({${text}})` : `{${text}}`;
    }
    const { text } = this.#until(close, 'group');
    this.#at++;
    return `${open}${text}${close}`;
  }

  #peek(): Token | undefined {
    let at = this.#at;
    while (this.#tokens[at]?.kind === 'space') at++;
    return this.#tokens[at];
  }
}
