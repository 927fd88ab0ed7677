/**
 * Resource quantities (`250m`, `1.5Gi`, `12e6`): exact fixed-point numbers down to 10⁻⁹ that keep the notation they were
 * written in (apimachinery api/resource).
 */

/** How a quantity is written: powers of ten by suffix, powers of 1024 by suffix, or with an exponent. */
export type QuantityFormat = 'DecimalSI' | 'BinarySI' | 'DecimalExponent';

/** A text that is not a quantity; the message is upstream's. */
export class QuantityError extends Error {
  override readonly name = 'QuantityError';
  readonly code = 'InvalidQuantity';
}

const formatMessage = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
const numericMessage = 'unable to parse numeric part of quantity';
const suffixMessage = "unable to parse quantity's suffix";

const syntax = /^([+-]?)0*([0-9]*)(?:\.([0-9]*))?([eEinumkKMGTP]*[-+]?[0-9]*)$/;
const decimalSuffixes: Readonly<Record<string, number>> = {
  n: -9,
  u: -6,
  m: -3,
  '': 0,
  k: 3,
  M: 6,
  G: 9,
  T: 12,
  P: 15,
  E: 18,
};
const decimalNames = new Map(Object.entries(decimalSuffixes).map(([suffix, exponent]) => [exponent, suffix]));
const binarySuffixes = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];

const nano = 1_000_000_000n;
const milli = 1_000_000n;
const maxBinary = (2n ** 63n - 1n) * nano;
/** Beyond any real amount; keeps hostile input from growing huge integers. */
const maxDigits = 512;

const parsed = new Map<string, Quantity>();
const maxRemembered = 4096;

/** An immutable amount. */
export class Quantity {
  readonly format: QuantityFormat;
  readonly #nanos: bigint;
  #text: string | undefined;

  private constructor(nanos: bigint, format: QuantityFormat, text?: string) {
    this.#nanos = nanos;
    this.format = format;
    this.#text = text;
  }

  static readonly zero: Quantity = new Quantity(0n, 'DecimalSI', '0');

  /** The quantity that a text or a JSON number stands for; throws {@link QuantityError}. */
  static parse(text: string | number): Quantity {
    const key = typeof text === 'number' ? String(text) : text;
    let quantity = parsed.get(key);
    if (!quantity) {
      quantity = Quantity.#read(key.trim());
      if (parsed.size >= maxRemembered) parsed.clear();
      if (key.length <= 64) parsed.set(key, quantity);
    }
    return quantity;
  }

  /** As {@link parse}, but undefined for what is not a quantity (or absent). */
  static tryParse(text: string | number | undefined | null): Quantity | undefined {
    if (text === undefined || text === null) return undefined;
    try {
      return Quantity.parse(text);
    } catch (error) {
      if (error instanceof QuantityError) return undefined;
      throw error;
    }
  }

  /** A whole amount. */
  static of(value: number | bigint, format: QuantityFormat = 'DecimalSI'): Quantity {
    return new Quantity(BigInt(value) * nano, format);
  }

  /** An amount in thousandths. */
  static ofMilli(value: number | bigint, format: QuantityFormat = 'DecimalSI'): Quantity {
    return new Quantity(BigInt(value) * milli, format);
  }

  static #read(text: string): Quantity {
    if (text === '0') return Quantity.zero;
    const match = syntax.exec(text);
    if (text === '' || !match) throw new QuantityError(formatMessage);
    const [, sign, whole = '', fraction = '', suffix = ''] = match;
    const { base, exponent, format } = interpret(suffix);
    if (whole.length + fraction.length > maxDigits || exponent > maxDigits) throw new QuantityError(numericMessage);
    const digits = whole + fraction || '0';
    let nanos: bigint;
    if (base === 2) nanos = divideUp(BigInt(digits) * 2n ** BigInt(exponent) * nano, 10n ** BigInt(fraction.length));
    else {
      const shift = exponent - fraction.length + 9;
      // Less than a billionth is rounded up: who asks for something gets something.
      nanos =
        shift >= 0
          ? BigInt(digits) * 10n ** BigInt(shift)
          : divideUp(BigInt(digits), 10n ** BigInt(Math.min(-shift, 2 * maxDigits)));
    }
    let shown = format;
    if (base === 2) {
      if (nanos > maxBinary) nanos = maxBinary;
      if (nanos > 0n && nanos < nano) shown = 'DecimalSI';
    }
    return new Quantity(
      sign === '-' ? -nanos : nanos,
      shown,
      keepsText({ whole: whole || '0', fraction, base, exponent }) ? text : undefined,
    );
  }

  /** The sum; zero takes the other's notation. */
  add(other: Quantity): Quantity {
    return new Quantity(this.#nanos + other.#nanos, this.#nanos === 0n ? other.format : this.format);
  }

  sub(other: Quantity): Quantity {
    return new Quantity(this.#nanos - other.#nanos, this.#nanos === 0n ? other.format : this.format);
  }

  neg(): Quantity {
    return new Quantity(-this.#nanos, this.format);
  }

  /** The product with a whole number. */
  mul(factor: number | bigint): Quantity {
    return new Quantity(this.#nanos * BigInt(factor), this.format);
  }

  /** Negative, zero or positive as this is less than, equal to or greater than the other. */
  cmp(other: Quantity): -1 | 0 | 1 {
    return this.#nanos < other.#nanos ? -1 : this.#nanos > other.#nanos ? 1 : 0;
  }

  /** Whether the amounts are equal, whatever their notation. */
  equals(other: Quantity): boolean {
    return this.#nanos === other.#nanos;
  }

  isZero(): boolean {
    return this.#nanos === 0n;
  }

  sign(): -1 | 0 | 1 {
    return this.#nanos < 0n ? -1 : this.#nanos > 0n ? 1 : 0;
  }

  /** Thousandths, rounded away from zero. */
  milliValue(): number {
    return Number(roundAway(this.#nanos, milli));
  }

  /** The whole amount, rounded away from zero. */
  value(): number {
    return Number(roundAway(this.#nanos, nano));
  }

  /** The amount as the nearest floating-point number. */
  toNumber(): number {
    return Number(this.#nanos) / 1e9;
  }

  /** The canonical text: no fraction, the largest suffix that keeps it exact. */
  toString(): string {
    this.#text ??= this.#write();
    return this.#text;
  }

  toJSON(): string {
    return this.toString();
  }

  #write(): string {
    const nanos = this.#nanos;
    if (nanos === 0n) return '0';
    const small = nanos > -1024n * nano && nanos < 1024n * nano;
    if (this.format === 'BinarySI' && !small && nanos % nano === 0n) {
      let value = nanos / nano;
      let power = 0;
      while (value % 1024n === 0n && power < binarySuffixes.length - 1) {
        value /= 1024n;
        power++;
      }
      return `${value}${binarySuffixes[power]}`;
    }
    let value = nanos;
    let exponent = -9;
    const largest = this.format === 'DecimalExponent' ? Number.POSITIVE_INFINITY : 18;
    while (value % 1000n === 0n && exponent < largest) {
      value /= 1000n;
      exponent += 3;
    }
    if (this.format === 'DecimalExponent') return exponent === 0 ? `${value}` : `${value}e${exponent}`;
    return `${value}${decimalNames.get(exponent)}`;
  }
}

function interpret(suffix: string): { base: 2 | 10; exponent: number; format: QuantityFormat } {
  const decimal = Object.hasOwn(decimalSuffixes, suffix) ? decimalSuffixes[suffix] : undefined;
  if (decimal !== undefined) return { base: 10, exponent: decimal, format: 'DecimalSI' };
  const binary = binarySuffixes.indexOf(suffix);
  if (binary > 0) return { base: 2, exponent: binary * 10, format: 'BinarySI' };
  if (/^[eE][-+]?[0-9]+$/.test(suffix)) {
    return { base: 10, exponent: Number(suffix.slice(1)), format: 'DecimalExponent' };
  }
  throw new QuantityError(suffixMessage);
}

/** Whether upstream's parser takes the text for canonical as it is; a few texts that are not quite so stay too. */
function keepsText(parts: { whole: string; fraction: string; base: 2 | 10; exponent: number }): boolean {
  const { whole, fraction, base, exponent } = parts;
  const digits = whole + fraction;
  if (base === 2) {
    const precision = 15 - whole.length - Math.trunc((exponent * 3) / 10) - 1;
    return fraction === '' && precision >= 0 && (Number(whole) & 7) !== 0;
  }
  const scale = exponent - fraction.length;
  return digits.length <= 18 && scale >= -9 && scale % 3 === 0 && !digits.endsWith('000') && !digits.startsWith('0');
}

function divideUp(value: bigint, by: bigint): bigint {
  return (value + by - 1n) / by;
}

function roundAway(value: bigint, unit: bigint): bigint {
  return value < 0n ? -divideUp(-value, unit) : divideUp(value, unit);
}
