/**
 * JSON text to values, as upstream's decoder (sigs.k8s.io/json) takes it: duplicate fields are found, nesting is limited,
 * lone surrogates become U+FFFD, and syntax errors are worded as Go's.
 */
import { hasLongNumber, withExactIntegers } from '../../base/exact-json.ts';
import { badRequest } from './status.ts';

/** A parsed document. */
export interface Parsed {
  readonly value: unknown;
  /** `duplicate field "spec.replicas"`, each once; the last of the values counts. */
  readonly duplicates: string[];
}

/** Deeper nesting than any real object has; everything after parsing may recurse. */
export const maxDepth = 500;
/** As many strict errors as upstream reports. */
export const maxProblems = 100;

/** Parses a JSON document; throws badRequest with the Go decoder's words for what is not JSON. */
export function parseJson(input: string | Uint8Array): Parsed {
  const text =
    typeof input === 'string' ? input : Buffer.from(input.buffer, input.byteOffset, input.byteLength).toString('utf8');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw badRequest(syntaxError(text));
  }
  const keys = countKeys(value, 0);
  if (hasLongNumber(text)) value = withExactIntegers(text);
  const duplicates = keys === countColons(text) ? [] : new Scanner(text).duplicates();
  return { value: /\\u[dD][89a-fA-F]/.test(text) ? wellFormed(value) : value, duplicates };
}

function countKeys(value: unknown, depth: number): number {
  if (typeof value !== 'object' || value === null) return 0;
  if (depth > maxDepth) throw badRequest('exceeded max depth');
  let count = 0;
  if (Array.isArray(value)) {
    for (const element of value) if (typeof element === 'object') count += countKeys(element, depth + 1);
    return count;
  }
  for (const key in value) {
    count++;
    const child = (value as Record<string, unknown>)[key];
    if (typeof child === 'object' && child !== null) count += countKeys(child, depth + 1);
  }
  return count;
}

/** Colons outside strings: one a member. Hops from quote to quote, so that long strings cost little. */
function countColons(text: string): number {
  let count = 0;
  let open = text.indexOf('"');
  while (open >= 0) {
    let close = text.indexOf('"', open + 1);
    while (isEscaped(text, close)) close = text.indexOf('"', close + 1);
    let next = close + 1;
    for (let code = text.charCodeAt(next); code <= 32; code = text.charCodeAt(next)) next++;
    if (text.charCodeAt(next) === 58) count++;
    open = text.indexOf('"', next);
  }
  return count;
}

function isEscaped(text: string, quote: number): boolean {
  let backslashes = 0;
  while (text.charCodeAt(quote - 1 - backslashes) === 92) backslashes++;
  return backslashes % 2 === 1;
}

function wellFormed(value: unknown): unknown {
  if (typeof value === 'string') return value.toWellFormed();
  if (Array.isArray(value)) return value.map(wellFormed);
  if (typeof value !== 'object' || value === null) return value;
  const out: Record<string, unknown> = {};
  for (const [key, child] of Object.entries(value)) setOwn(out, key.toWellFormed(), wellFormed(child));
  return out;
}

/** Sets an own property whatever its name: assigning to `__proto__` would set the prototype. */
export function setOwn(object: Record<string, unknown>, key: string, value: unknown): void {
  if (key === '__proto__') {
    Object.defineProperty(object, key, { value, enumerable: true, writable: true, configurable: true });
  } else object[key] = value;
}

/** What Go's decoder says of a text that is not JSON. */
function syntaxError(text: string): string {
  try {
    new Scanner(text).duplicates();
  } catch (error) {
    if (error instanceof ScanError) return error.message;
    throw error;
  }
  return 'invalid JSON';
}

class ScanError extends Error {}

const isSpace = (c: string) => c === ' ' || c === '\n' || c === '\t' || c === '\r';
const isDigit = (c: string | undefined) => c !== undefined && c >= '0' && c <= '9';

/** A slow but exact reader of the grammar, for when something is wrong. */
class Scanner {
  readonly #text: string;
  #at = 0;
  #found = new Set<string>();

  constructor(text: string) {
    this.#text = text;
  }

  duplicates(): string[] {
    this.#value('', 0);
    this.#space();
    if (this.#at < this.#text.length) this.#fail('after top-level value');
    return [...this.#found].slice(0, maxProblems);
  }

  #fail(context: string): never {
    const c = this.#text[this.#at];
    if (c === undefined) throw new ScanError('unexpected end of JSON input');
    const shown = c === "'" ? "'\\''" : c === '"' ? `'"'` : `'${JSON.stringify(c).slice(1, -1)}'`;
    throw new ScanError(`invalid character ${shown} ${context}`);
  }

  #space(): void {
    while (this.#at < this.#text.length && isSpace(this.#text[this.#at]!)) this.#at++;
  }

  #value(path: string, depth: number): void {
    if (depth > maxDepth) throw new ScanError('exceeded max depth');
    this.#space();
    const c = this.#text[this.#at];
    if (c === '{') this.#object(path, depth);
    else if (c === '[') this.#array(path, depth);
    else if (c === '"') this.#string();
    else if (c === '-' || isDigit(c)) this.#number();
    else if (c === 't') this.#literal('true');
    else if (c === 'f') this.#literal('false');
    else if (c === 'n') this.#literal('null');
    else this.#fail('looking for beginning of value');
  }

  #object(path: string, depth: number): void {
    const seen = new Set<string>();
    this.#at++;
    this.#space();
    if (this.#text[this.#at] === '}') {
      this.#at++;
      return;
    }
    for (;;) {
      this.#space();
      if (this.#text[this.#at] !== '"') this.#fail('looking for beginning of object key string');
      const key = this.#string();
      const here = path ? `${path}.${key}` : key;
      if (seen.has(key)) this.#found.add(`duplicate field "${here}"`);
      seen.add(key);
      this.#space();
      if (this.#text[this.#at] !== ':') this.#fail('after object key');
      this.#at++;
      this.#value(here, depth + 1);
      this.#space();
      const end = this.#text[this.#at];
      if (end !== ',' && end !== '}') this.#fail('after object key:value pair');
      this.#at++;
      if (end === '}') return;
    }
  }

  #array(path: string, depth: number): void {
    this.#at++;
    this.#space();
    if (this.#text[this.#at] === ']') {
      this.#at++;
      return;
    }
    for (let i = 0; ; i++) {
      this.#value(`${path}[${i}]`, depth + 1);
      this.#space();
      const end = this.#text[this.#at];
      if (end !== ',' && end !== ']') this.#fail('after array element');
      this.#at++;
      if (end === ']') return;
    }
  }

  #string(): string {
    const start = this.#at++;
    for (;;) {
      const c = this.#text[this.#at];
      if (c === undefined || c < ' ') this.#fail('in string literal');
      this.#at++;
      if (c === '"') return JSON.parse(this.#text.slice(start, this.#at)) as string;
      if (c !== '\\') continue;
      const escaped = this.#text[this.#at];
      if (escaped === undefined || !'"\\/bfnrtu'.includes(escaped)) this.#fail('in string escape code');
      this.#at++;
      if (escaped !== 'u') continue;
      for (let i = 0; i < 4; i++, this.#at++) {
        if (!/[0-9a-fA-F]/.test(this.#text[this.#at] ?? '')) this.#fail('in \\u hexadecimal character escape');
      }
    }
  }

  #number(): void {
    if (this.#text[this.#at] === '-') this.#at++;
    if (this.#text[this.#at] === '0') this.#at++;
    else this.#digits('in numeric literal');
    if (this.#text[this.#at] === '.') {
      this.#at++;
      this.#digits('after decimal point in numeric literal');
    }
    if (this.#text[this.#at] === 'e' || this.#text[this.#at] === 'E') {
      this.#at++;
      if (this.#text[this.#at] === '+' || this.#text[this.#at] === '-') this.#at++;
      this.#digits('in exponent of numeric literal');
    }
  }

  #digits(context: string): void {
    if (!isDigit(this.#text[this.#at])) this.#fail(context);
    while (isDigit(this.#text[this.#at])) this.#at++;
  }

  #literal(word: string): void {
    for (const letter of word) {
      if (this.#text[this.#at] !== letter) this.#fail(`in literal ${word} (expecting '${letter}')`);
      this.#at++;
    }
  }
}
