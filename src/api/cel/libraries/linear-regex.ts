/** Regular expressions in RE2's syntax, matched in time linear in the text whatever the pattern. */
import { setFlagsFromString } from 'node:v8';

const remembered = new Map<string, RegExp>();
const maxRemembered = 512;
let enabled = false;

/** RE2's notations that JavaScript writes differently. */
function translate(pattern: string): { source: string; flags: string } {
  let flags = '';
  let source = pattern.replace(/^\(\?([imsU]+)\)/, (_, letters: string) => {
    for (const letter of letters) if ('ims'.includes(letter)) flags += letter;
    return '';
  });
  source = source
    .replace(/\(\?P<([A-Za-z_]\w*)>/g, '(?<$1>')
    .replace(/\\A/g, '^')
    .replace(/\\z/g, '$')
    .replace(/\[\[:(\w+):\]\]/g, (_, name: string) => `[${posixClasses[name] ?? ''}]`)
    .replace(/\[:(\w+):\]/g, (_, name: string) => posixClasses[name] ?? '');
  return { source, flags };
}

const otherCase = (letter: string) => {
  const upper = letter.toUpperCase();
  const other = upper === letter ? letter.toLowerCase() : upper;
  return other.length === letter.length ? other : letter;
};

/** What a pattern that ignores case means, written out: the linear engine has no such flag. */
function foldCase(source: string): string {
  const piece = /\\(?:[pP]\{[^}]*\}|x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|.)|\(\?<\w+>|\[\^?\]?|\]|[\s\S]/g;
  let out = '';
  let inClass = false;
  let at = 0;
  for (const { 0: text, index } of source.matchAll(piece)) {
    if (index < at) continue;
    at = index + text.length;
    const range = inClass ? /^([A-Za-z])-([A-Za-z])/.exec(source.slice(index)) : null;
    if (range) {
      at = index + range[0].length;
      const [low, high] = [range[1]!, range[2]!];
      const sameCase = low >= 'a' === high >= 'a';
      // A range such as A-z has both cases of most letters; the whole alphabet is what it matches when folded.
      out += sameCase ? `${range[0]}${otherCase(low)}-${otherCase(high)}` : `${range[0]}A-Za-z`;
    } else if (text.length > 1 || otherCase(text) === text) {
      out += text;
      if (!inClass && text.startsWith('[')) inClass = true;
      else if (text === ']') inClass = false;
    } else out += inClass ? text + otherCase(text) : `[${text}${otherCase(text)}]`;
  }
  return out;
}

const posixClasses: Readonly<Record<string, string>> = {
  alnum: '0-9A-Za-z',
  alpha: 'A-Za-z',
  digit: '0-9',
  lower: 'a-z',
  upper: 'A-Z',
  space: '\\t\\n\\v\\f\\r ',
  punct: '!-\\/:-@\\[-`{-~',
  word: '0-9A-Za-z_',
  xdigit: '0-9A-Fa-f',
};

/**
 * Compiles a pattern for V8's linear engine. Throws SyntaxError for what RE2 does not have either (back references,
 * look-around) and for malformed patterns.
 */
export function linearRegex(pattern: string, extraFlags = ''): RegExp {
  const key = `${extraFlags}/${pattern}`;
  const known = remembered.get(key);
  if (known) {
    known.lastIndex = 0;
    return known;
  }
  if (!enabled) {
    setFlagsFromString('--enable-experimental-regexp-engine');
    enabled = true;
  }
  const { source, flags } = translate(pattern);
  const ignoresCase = flags.includes('i');
  const made = new RegExp(ignoresCase ? foldCase(source) : source, `l${flags.replaceAll('i', '')}${extraFlags}`);
  if (remembered.size >= maxRemembered) remembered.delete(remembered.keys().next().value!);
  remembered.set(key, made);
  return made;
}

/** A pattern of RE2's syntax for JavaScript's own engine, which knows Unicode classes; null where it cannot be read. */
export function unicodeRegex(pattern: string): RegExp | null {
  const { source, flags } = translate(pattern);
  for (const unicode of ['u', '']) {
    try {
      return new RegExp(source, flags + unicode);
    } catch {}
  }
  return null;
}
