/** IntOrString: a number, or a string that is a percentage or a name (apimachinery util/intstr). */

/** A value that is neither a number nor a percentage; the message is upstream's. */
export class IntOrStringError extends Error {
  override readonly name = 'IntOrStringError';
  readonly code = 'InvalidIntOrString';
}

/** Whether the value is a percentage, such as `25%`. */
export const isPercent = (value: number | string): boolean => typeof value === 'string' && /^[+-]?[0-9]+%$/.test(value);

/**
 * The number that a count or percentage of `total` stands for, a percentage rounded up or down (upstream's
 * GetScaledValueFromIntOrPercent). Throws {@link IntOrStringError} for a string that is not a percentage.
 */
export function scaledValue(value: number | string, total: number, options: { roundUp: boolean }): number {
  if (typeof value === 'number') return value;
  const share = (percentOf(value) * total) / 100;
  return options.roundUp ? Math.ceil(share) : Math.floor(share);
}

function percentOf(text: string): number {
  if (!text.endsWith('%')) {
    throw new IntOrStringError('invalid value for IntOrString: invalid type: string is not a percentage');
  }
  const digits = text.slice(0, -1);
  if (!/^[+-]?[0-9]+$/.test(digits)) {
    throw new IntOrStringError(
      `invalid value for IntOrString: invalid value ${JSON.stringify(text)}: strconv.Atoi: parsing ${JSON.stringify(digits)}: invalid syntax`,
    );
  }
  return Number(digits);
}

/** The value as a number: a string of digits counts, anything else is 0 (upstream's IntValue). */
export function intValue(value: number | string): number {
  if (typeof value === 'number') return value;
  return /^[+-]?[0-9]+$/.test(value) ? Number(value) : 0;
}
