/** Choosing the policies of a request, with the bindings and parameters to evaluate them with. */
import { CelBudget } from '../../../api/cel/budget.ts';
import type { KubeObject, Shared } from '../../../api/kind.ts';
import type {
  MatchCondition,
  MatchResources,
  ParamKind,
  ParamRef,
} from '../../../api/types/admissionregistration-v1.ts';
import type { AdmissionEnvironment, AdmissionRequest } from '../admission.ts';
import { matchConditionValues } from '../cel-request.ts';
import { evaluateMatchConditions } from '../match-conditions.ts';
import { isExempt, matchesResources } from '../matching.ts';
import { findParams } from './params.ts';

/** What validating and mutating policies share. */
export interface PolicyLike {
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly paramKind?: Shared<ParamKind>;
    readonly matchConstraints?: Shared<MatchResources>;
    readonly matchConditions?: readonly Shared<MatchCondition>[];
    readonly failurePolicy?: string;
  };
}

export interface BindingLike {
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly policyName?: string;
    readonly paramRef?: Shared<ParamRef>;
    readonly matchResources?: Shared<MatchResources>;
  };
}

/** One evaluation of a policy. */
export interface Evaluation<P extends PolicyLike, B extends BindingLike> {
  readonly policy: P;
  readonly binding: B;
  readonly params: Shared<KubeObject> | undefined;
  readonly budget: CelBudget;
}

export interface Policies<P extends PolicyLike, B extends BindingLike> {
  readonly policies: readonly P[];
  bindingsOf(policyName: string): readonly B[];
}

const budgets = new WeakMap<AdmissionRequest, CelBudget>();

/** The cost left to all policies of a request. */
function budgetOf(request: AdmissionRequest): CelBudget {
  let budget = budgets.get(request);
  if (!budget) {
    budget = new CelBudget();
    budgets.set(request, budget);
  }
  return budget;
}

/**
 * Calls `evaluate` for each policy, binding and parameter that want the request, in the order of names. What goes wrong
 * before that is handed to `failed` when the policy's failures count (failurePolicy Fail).
 */
export async function forEachEvaluation<P extends PolicyLike, B extends BindingLike>(
  environment: AdmissionEnvironment,
  request: AdmissionRequest,
  options: {
    readonly all: Policies<P, B>;
    evaluate(evaluation: Evaluation<P, B>): Promise<void>;
    failed(policy: P, binding: B | undefined, message: string): void;
  },
): Promise<void> {
  if (isExempt(request)) return;
  const budget = budgetOf(request);
  const byName = <T extends { metadata: { name: string } }>(items: readonly T[]) =>
    [...items].sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  for (const policy of byName(options.all.policies)) {
    const bindings = options.all.bindingsOf(policy.metadata.name);
    if (bindings.length === 0) continue;
    const ignores = policy.spec.failurePolicy === 'Ignore';
    if (!(await matchesResources(environment, policy.spec.matchConstraints, request))) continue;
    const conditions = await evaluateMatchConditions(
      policy.spec.matchConditions,
      () => matchConditionValues(environment.authorizer, request),
      budget,
    );
    if ('error' in conditions) {
      if (!ignores) options.failed(policy, undefined, conditions.error);
      continue;
    }
    if (!conditions.matches) continue;
    for (const binding of byName(bindings)) {
      if (!(await matchesResources(environment, binding.spec.matchResources, request))) continue;
      let found: Awaited<ReturnType<typeof findParams>>;
      try {
        found = await findParams(environment, request, {
          paramKind: policy.spec.paramKind,
          paramRef: binding.spec.paramRef,
        });
      } catch (error) {
        if (!ignores) options.failed(policy, binding, `failed to configure binding: ${(error as Error).message}`);
        continue;
      }
      for (const params of found) await options.evaluate({ policy, binding, params, budget });
    }
  }
}
