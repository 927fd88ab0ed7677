/**
 * YAML as upstream reads and writes it (sigs.k8s.io/yaml over go-yaml): YAML 1.1 booleans and octal numbers, no
 * sexagesimals or dates, one document, bounded aliases.
 */
import { type CollectionTag, isPair, isScalar, parseDocument, type ScalarTag, stringify, visit } from 'yaml';
import { exactInteger } from '../../base/exact-json.ts';
import { maxDepth, maxProblems, type Parsed, parseJson } from './parse-json.ts';
import { badRequest, StatusError } from './status.ts';

const booleans: ReadonlyMap<string, boolean> = new Map(
  Object.entries({ true: ['y', 'yes', 'true', 'on'], false: ['n', 'no', 'false', 'off'] }).flatMap(([value, words]) =>
    words
      .flatMap((word) => [word, word.toUpperCase(), word[0]!.toUpperCase() + word.slice(1)])
      .map((word) => [word, value === 'true'] as const),
  ),
);

const bool: ScalarTag = {
  default: true,
  tag: 'tag:yaml.org,2002:bool',
  identify: (value) => typeof value === 'boolean',
  test: /^(?:y|Y|yes|Yes|YES|n|N|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF)$/,
  resolve: (text) => booleans.get(text) ?? text,
  stringify: ({ value }) => String(value),
};

/** Go's base-0 integers: 0644 and 0o644 are octal, 0x and 0b prefixes, underscores between digits. */
const integer: ScalarTag = {
  default: true,
  tag: 'tag:yaml.org,2002:int',
  identify: (value) => Number.isInteger(value),
  test: /^[-+]?(?:0b[01_]+|0o?[0-7_]+|0x[0-9a-fA-F_]+|[0-9][0-9_]*)$/,
  resolve(text) {
    const digits = text.replaceAll('_', '');
    const sign = digits.startsWith('-') ? -1 : 1;
    const bare = digits.replace(/^[-+]/, '');
    const octal = /^0[0-7]+$/.test(bare);
    // 08 is not octal: Go's parser falls back to a decimal float.
    const value = sign * (octal ? Number.parseInt(bare, 8) : Number(bare));
    if (Number.isSafeInteger(value)) return value;
    return exactInteger(BigInt(sign) * BigInt(octal ? `0o${bare}` : bare));
  },
  stringify: ({ value }) => String(value),
};

const replaced: ReadonlySet<string | undefined> = new Set([bool.tag, integer.tag]);
const parseOptions = {
  version: '1.2',
  merge: true,
  // The library's own check compares every key with every other.
  uniqueKeys: false,
  logLevel: 'silent',
  prettyErrors: false,
  customTags: (tags: (ScalarTag | CollectionTag | string)[]) => [
    ...tags.filter((tag) => typeof tag === 'string' || !replaced.has(tag.tag)),
    bool,
    integer,
  ],
} as const;

/** Parses a YAML document; throws badRequest for what is not YAML, and for aliases that would expand without bound. */
export function parseYaml(input: string | Uint8Array): Parsed {
  const text = typeof input === 'string' ? input : Buffer.from(input).toString('utf8');
  try {
    if (isJson(text)) return parseJson(text);
    refuseDeepNesting(text);
    const document = parseCheaply(text);
    const lineOf = (offset: number) => text.slice(0, offset).split('\n').length;
    const wrong = document.errors[0];
    if (wrong?.message.includes('call stack')) throw badRequest('yaml: exceeded max depth');
    if (wrong) throw badRequest(`yaml: line ${lineOf(wrong.pos[0])}: ${wrong.message}`);
    const repeated: string[] = [];
    visit(document, {
      Map(_, map) {
        const seen = new Set<unknown>();
        for (const pair of map.items) {
          if (!isPair(pair) || !isScalar(pair.key)) continue;
          const key = pair.key.value;
          if (seen.has(key) && repeated.length < maxProblems) {
            repeated.push(`  line ${lineOf(pair.key.range?.[0] ?? 0)}: key ${JSON.stringify(key)} already set in map`);
          }
          seen.add(key);
        }
      },
    });
    const value = document.contents ? document.toJS({ maxAliasCount: 100 }) : null;
    return {
      value: plain(value, 0),
      duplicates: repeated.length ? [`yaml: unmarshal errors:\n${repeated.join('\n')}`] : [],
    };
  } catch (error) {
    if (error instanceof StatusError) throw error;
    if (error instanceof ReferenceError) throw badRequest(`yaml: ${aliasMessage(error.message)}`);
    if (error instanceof RangeError) throw badRequest('yaml: exceeded max depth');
    if (error instanceof Error) throw badRequest(`yaml: ${error.message}`);
    throw error;
  }
}

/** The library makes an error object for each mistake, whose stack traces are what hostile input costs most. */
function parseCheaply(text: string): ReturnType<typeof parseDocument> {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  try {
    return parseDocument(text, parseOptions as Parameters<typeof parseDocument>[1]);
  } finally {
    Error.stackTraceLimit = limit;
  }
}

/** Programs apply JSON, which is YAML too: its own parser is a hundred times faster. */
function isJson(text: string): boolean {
  if (!/^\s*\{/.test(text)) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

const aliasMessage = (message: string) =>
  message.startsWith('Excessive alias') ? 'document contains excessive aliasing' : message;

/** Characters with which a line goes on with a flow collection; others make the count of brackets start again. */
const flowPunctuation: ReadonlySet<number> = new Set([...'[]{},"\''].map((c) => c.charCodeAt(0)));

/** Flow collections nest by one character a level, block ones by two on a line: refused before they cost anything. */
function refuseDeepNesting(text: string): void {
  let flow = 0;
  let block = 0;
  let atLineStart = true;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 10) {
      atLineStart = true;
      block = 0;
    }
    if (code <= 32) continue;
    if (atLineStart && !flowPunctuation.has(code)) flow = 0;
    atLineStart = false;
    if (code === 91 || code === 123) flow++;
    else if (code === 93 || code === 125) flow = Math.max(0, flow - 1);
    block = (code === 45 || code === 63) && text.charCodeAt(i + 1) <= 32 ? block + 1 : 0;
    if (flow > maxDepth || block > maxDepth) throw badRequest('yaml: exceeded max depth');
  }
}

/** Only JSON's types: no maps, dates or bytes that tags may have made; shared nodes are copied. */
function plain(value: unknown, depth: number): unknown {
  if (depth > maxDepth) throw badRequest('yaml: exceeded max depth');
  if (value instanceof Uint8Array) return Buffer.from(value).toString('utf8');
  if (value instanceof Date) return value.toISOString();
  if (typeof value === 'bigint') return exactInteger(value);
  if (typeof value === 'number' && !Number.isFinite(value)) throw badRequest(`json: unsupported value: ${value}`);
  if (Array.isArray(value)) return value.map((element) => plain(element, depth + 1));
  if (value instanceof Set) return Object.fromEntries([...value].map((key) => [String(key), null]));
  const entries = value instanceof Map ? [...value] : undefined;
  if (entries) return Object.fromEntries(entries.map(([key, child]) => [String(key), plain(child, depth + 1)]));
  if (typeof value === 'object' && value !== null) {
    // fromEntries defines properties, so that a key of __proto__ stays a key.
    return Object.fromEntries(Object.entries(value).map(([key, child]) => [key, plain(child, depth + 1)]));
  }
  return value;
}

/** A value as a YAML document, keys sorted as sigs.k8s.io/yaml writes them. */
export function formatYaml(value: unknown): string {
  return stringify(value, { sortMapEntries: true, lineWidth: 0, indentSeq: false, version: '1.1' });
}
