import type { Random } from './random.ts';

/** How retries spread out: exponential from `initialMs` to `maxMs`, each lengthened by up to `jitter` of itself. */
export interface BackoffPolicy {
  readonly initialMs: number;
  readonly maxMs: number;
  /** Factor per attempt; 2 when absent. */
  readonly factor?: number;
  /** Part of the delay that is added at random, 0 to 1; none when absent. */
  readonly jitter?: number;
}

/** The delay before retry number `attempt` (0 is the first retry). */
export function backoffDelay(policy: BackoffPolicy, attempt: number, random?: Random): number {
  const base = Math.min(policy.maxMs, policy.initialMs * (policy.factor ?? 2) ** Math.min(attempt, 64));
  return policy.jitter && random ? base * (1 + policy.jitter * random.next()) : base;
}
