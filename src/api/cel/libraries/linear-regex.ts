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
  const made = new RegExp(source, `l${flags}${extraFlags}`);
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
