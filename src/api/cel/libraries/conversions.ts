/** Conversions and comparisons of cel-go's standard library that the evaluator lacks. */
import type { Duration, Environment, UnsignedInt } from '@marcbachmann/cel-js/evaluator';
import { register } from './register.ts';

const maxInt = 2n ** 63n - 1n;

/** Seconds with as many decimals as needed: `5400s`, `0.25s`. */
function durationText(duration: Duration): string {
  const total = BigInt(duration.seconds) * 1_000_000_000n + BigInt(duration.nanos);
  const size = total < 0n ? -total : total;
  const decimals = String(size % 1_000_000_000n)
    .padStart(9, '0')
    .replace(/0+$/, '');
  return `${total < 0n ? '-' : ''}${size / 1_000_000_000n}${decimals && `.${decimals}`}s`;
}

/** RFC 3339, the fraction without trailing zeros. */
const timestampText = (time: Date) =>
  time
    .toISOString()
    .replace('.000Z', 'Z')
    .replace(/(\.\d*[1-9])0+Z$/, '$1Z');

function uintToInt(value: UnsignedInt): bigint {
  const number = BigInt(value.valueOf());
  if (number > maxInt) throw new Error('integer overflow');
  return number;
}

/** Adds the functions and operators. */
export function registerConversions(environment: Environment): void {
  const duration = 'google.protobuf.Duration';
  const timestamp = 'google.protobuf.Timestamp';
  register(environment, {
    [`string(${duration}): string`]: durationText,
    [`string(${timestamp}): string`]: timestampText,
    [`int(${timestamp}): int`]: (time: Date) => BigInt(Math.floor(time.getTime() / 1000)),
    'int(uint): int': uintToInt,
  });
  for (const type of [duration, timestamp]) environment.registerOperator(`${type} == null`, (() => false) as never);
  const orders = {
    '<': (order: number) => order < 0,
    '<=': (order: number) => order <= 0,
    '>': (order: number) => order > 0,
    '>=': (order: number) => order >= 0,
  };
  for (const [operator, holds] of Object.entries(orders)) {
    const handler = (a: Uint8Array, b: Uint8Array) => holds(Buffer.compare(a, b));
    environment.registerOperator(`bytes ${operator} bytes`, handler as never);
  }
}
