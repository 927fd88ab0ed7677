/** Stable hashes of objects, in letters that are safe in names and labels (apimachinery util/rand SafeEncodeString). */

const safeAlphabet = 'bcdfghjklmnpqrstvwxz2456789';

/** FNV-1a with 32 bits over the UTF-8 bytes of a text, or on from an earlier hash. */
export function fnv32a(text: string, seed = 0x811c9dc5): number {
  let hash = seed;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code >= 0x80) return fnv32aBytes(Buffer.from(text.slice(i)), hash);
    hash = Math.imul(hash ^ code, 0x01000193);
  }
  return hash >>> 0;
}

function fnv32aBytes(bytes: Uint8Array, seed: number): number {
  let hash = seed;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

/** A text in which every character is replaced by one that cannot form words. */
export function safeEncode(text: string): string {
  let out = '';
  for (let i = 0; i < text.length; i++) out += safeAlphabet[text.charCodeAt(i) % safeAlphabet.length];
  return out;
}

/** The hash of a JSON-like value, whatever the order of its keys: ten safe letters. */
export function objectHash(value: unknown, seed?: number): string {
  return safeEncode(String(fnv32a(stableText(value), seed)).padStart(10, '0'));
}

/**
 * The pod-template-hash (or controller-revision-hash) of a template. A collision count gives another one. The same
 * template gives the same hash in every release of Timonel; it is not upstream's, which hashes Go's memory layout.
 */
export function podTemplateHash(template: unknown, collisionCount?: number): string {
  return objectHash(collisionCount === undefined ? template : [template, collisionCount]);
}

/** JSON with sorted keys; absent, undefined and empty-by-canonical-form differ only where JSON differs. */
function stableText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(stableText).join(',')}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value) ?? 'null';
  const record = value as Record<string, unknown>;
  const keys = Object.keys(record)
    .filter((key) => record[key] !== undefined)
    .sort();
  return `{${keys.map((key) => `${JSON.stringify(key)}:${stableText(record[key])}`).join(',')}}`;
}
