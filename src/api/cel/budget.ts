/**
 * What evaluating expressions may cost. Units are upstream's in kind: about one for each function call and each step of
 * a comprehension, and more where strings or lists are walked through.
 */

/** The cost went beyond the limit. */
export class CelBudgetError extends Error {
  override readonly name = 'CelBudgetError';

  constructor() {
    super('call cost exceeds limit');
  }
}

/** Upstream's limit of one expression (apiserver/pkg/apis/cel: PerCallLimit). */
export const perCallLimit = 1_000_000;
/** Upstream's limit of all expressions of one request (RuntimeCELCostBudget). */
export const perRequestLimit = 10_000_000;

/** Cost left to a request; shared by all expressions that it makes run. */
export class CelBudget {
  remaining: number;

  constructor(limit: number = perRequestLimit) {
    this.remaining = limit;
  }
}

let callRemaining = Number.POSITIVE_INFINITY;

/** Takes `cost` units from the expression that is running. Throws CelBudgetError when none are left. */
export function charge(cost: number): void {
  callRemaining -= cost;
  if (callRemaining < 0) throw new CelBudgetError();
}

/** Runs `evaluate` with at most the smaller of the call's limit and what the budget has left. */
export function withBudget<T>(budget: CelBudget | undefined, evaluate: () => T): T {
  const before = callRemaining;
  const limit = Math.min(perCallLimit, budget?.remaining ?? perCallLimit, before);
  callRemaining = limit;
  try {
    return evaluate();
  } finally {
    const used = limit - callRemaining;
    if (budget) budget.remaining -= used;
    callRemaining = before - used;
  }
}
