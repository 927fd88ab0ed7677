/** One check of the benchmark, and what comes of it. */
import type { CisFacts } from './facts.ts';

/**
 * `MANUAL`: a matter of choice, or of what runs in the cluster; the reason gives the numbers to judge by.
 * `NOT APPLICABLE`: what the check is about does not exist in a cluster like this.
 */
export const cisStates = ['PASS', 'FAIL', 'NOT APPLICABLE', 'MANUAL'] as const;
export type CisState = (typeof cisStates)[number];

export interface Judgement {
  readonly state: CisState;
  readonly reason: string;
}

export interface CisCheck {
  /** Number in the benchmark. */
  readonly id: string;
  /** In our own words. */
  readonly title: string;
  /** Throws where the fact cannot be read, which makes the result MANUAL. */
  judge(facts: CisFacts): Judgement | Promise<Judgement>;
}

export interface CisResult extends Judgement {
  readonly id: string;
  readonly title: string;
}

export const pass = (reason: string): Judgement => ({ state: 'PASS', reason });
export const fail = (reason: string): Judgement => ({ state: 'FAIL', reason });
export const manual = (reason: string): Judgement => ({ state: 'MANUAL', reason });
export const notApplicable = (reason: string): Judgement => ({ state: 'NOT APPLICABLE', reason });

/** Pass or fail by a fact; the reason is of the fact that was found. */
export const judged = (good: boolean, whenGood: string, whenBad: string): Judgement =>
  good ? pass(whenGood) : fail(whenBad);

/** Checks that share one answer: what they are about does not exist here. */
export function absent(reason: string, checks: readonly (readonly [id: string, title: string])[]): CisCheck[] {
  return checks.map(([id, title]) => ({ id, title, judge: () => notApplicable(reason) }));
}
