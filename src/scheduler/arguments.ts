/** Reading plugins' arguments, which the configuration has checked. */
import { parseDuration } from '../base/duration.ts';

/** A duration such as `10s` in milliseconds; undefined when it is not given. */
export const durationArgument = (value: unknown): number | undefined =>
  typeof value === 'string' ? parseDuration(value) : undefined;
