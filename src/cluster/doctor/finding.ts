/** What an examination of the machine and the cluster finds. */

/** `broken` needs a hand before the cluster works; `warning` will, or may be meant so. */
export type Verdict = 'ok' | 'warning' | 'broken';

export interface Finding {
  readonly part: 'machine' | 'data' | 'cluster';
  /** What was looked at, in two or three words. */
  readonly check: string;
  readonly verdict: Verdict;
  /** What was found. */
  readonly message: string;
  /** What to do about it; with every finding that is not ok. */
  readonly advice?: string;
}

/** Collects the findings of one part. */
export class Findings {
  readonly list: Finding[] = [];
  readonly #part: Finding['part'];

  constructor(part: Finding['part']) {
    this.#part = part;
  }

  ok(check: string, message: string): void {
    this.list.push({ part: this.#part, check, verdict: 'ok', message });
  }

  warn(check: string, message: string, advice: string): void {
    this.list.push({ part: this.#part, check, verdict: 'warning', message, advice });
  }

  broken(check: string, message: string, advice: string): void {
    this.list.push({ part: this.#part, check, verdict: 'broken', message, advice });
  }
}

/** A number of bytes for people: `1.5 GiB`. */
export function sizeText(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${value >= 10 || unit === 0 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/** Days until a moment, rounded down. */
export const daysUntil = (moment: number, now: number): number => Math.floor((moment - now) / 86_400_000);
