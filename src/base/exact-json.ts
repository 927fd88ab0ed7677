/**
 * JSON whose whole numbers survive: what Go has as int64 and a double cannot hold is a bigint here. Such numbers are so rare
 * that the text is parsed as usual first, and again only where it has a run of digits that long.
 *
 * One value has one form: a bigint is always beyond Number.MAX_SAFE_INTEGER, and within int64. Whole numbers beyond int64 are
 * doubles, as Go's decoder has them in unstructured data. bigints compare, copy and freeze like numbers; what computes with
 * a field of type int64 takes Number() of it first.
 */

const minInt64 = -(2n ** 63n);
const maxInt64 = 2n ** 63n - 1n;
/** Of 2^53. */
const longDigits = 16;
const integer = /^-?\d+$/;

/** The form of a whole number: a number where that is exact or Go would have a double, else a bigint. */
export function exactInteger(value: bigint): number | bigint {
  if (value >= minInt64 && value <= maxInt64 && (value > Number.MAX_SAFE_INTEGER || value < Number.MIN_SAFE_INTEGER))
    return value;
  return Number(value);
}

/** Parses JSON; throws SyntaxError as JSON.parse does. Nesting of a text with long numbers must have a bound. */
export function parseExactJson(text: string): unknown {
  const value: unknown = JSON.parse(text);
  return hasLongNumber(text) ? withExactIntegers(text) : value;
}

/** The same for a text that is known to be JSON. */
export function withExactIntegers(text: string): unknown {
  return (JSON.parse as (text: string, reviver: Reviver) => unknown)(text, (_key, value, { source }) =>
    typeof value === 'number' && !Number.isSafeInteger(value) && source !== undefined && integer.test(source)
      ? exactInteger(BigInt(source))
      : value,
  );
}

/** Whether a text may have a number that {@link withExactIntegers} would read otherwise. */
export function hasLongNumber(text: string): boolean {
  // Every run of so many digits has one at a multiple of their number: the others need not be looked at.
  for (let at = longDigits - 1; at < text.length; at += longDigits) {
    if (!isDigit(text, at)) continue;
    let from = at;
    let to = at + 1;
    while (isDigit(text, from - 1)) from--;
    while (isDigit(text, to)) to++;
    if (to - from >= longDigits) return true;
  }
  return false;
}

function isDigit(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code >= 48 && code <= 57;
}

type Reviver = (key: string, value: unknown, context: { readonly source?: string }) => unknown;

// JSON.stringify refuses bigints otherwise; it is called in too many places to be wrapped in all of them.
Object.defineProperty(BigInt.prototype, 'toJSON', {
  configurable: true,
  writable: true,
  value(this: bigint): unknown {
    return (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON(String(this));
  },
});
