/** One measurement of `npm run bench`. */
export interface Bench {
  /** Dotted, area first: `store.create.durable`. */
  readonly name: string;
  readonly unit: string;
  /** What the design promises; a bench without one is for comparison only. */
  readonly target?: number;
  readonly better: 'higher' | 'lower';
  /** Measures once and returns the value in `unit`. Progress goes to standard error. */
  run(): Promise<number>;
}

/** The value in the middle; the mean of both for an even count. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** The smallest value that at least `q` (0 to 1) of the values do not exceed. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(q * sorted.length) - 1))] ?? Number.NaN;
}

/** Calls `step` for each of 0 … count-1, so many at once, and returns how many were done per second. */
export async function perSecond(
  load: { readonly count: number; readonly concurrency: number },
  step: (i: number) => Promise<unknown>,
): Promise<number> {
  let next = 0;
  const start = performance.now();
  const lane = async () => {
    for (let i = next++; i < load.count; i = next++) await step(i);
  };
  await Promise.all(Array.from({ length: load.concurrency }, lane));
  return load.count / ((performance.now() - start) / 1000);
}
