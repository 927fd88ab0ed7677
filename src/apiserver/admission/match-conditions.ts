/** Conditions in CEL that a webhook or policy puts before being called. */
import type { CelBudget } from '../../api/cel/budget.ts';
import { type CelProgram, compileCel } from '../../api/cel/compile.ts';
import type { Shared } from '../../api/kind.ts';
import type { MatchCondition } from '../../api/types/admissionregistration-v1.ts';
import { matchConditionVariables } from './cel-request.ts';

const compiled = new WeakMap<object, readonly { name: string; program: CelProgram }[]>();

/** What the conditions say; errors count only when no condition is false. */
export type ConditionsResult = { readonly matches: boolean } | { readonly error: string };

/** Evaluates conditions in order: a false one decides, whatever errors others have. */
export async function evaluateMatchConditions(
  conditions: readonly Shared<MatchCondition>[] | undefined,
  values: () => Readonly<Record<string, unknown>>,
  budget?: CelBudget,
): Promise<ConditionsResult> {
  if (!conditions?.length) return { matches: true };
  const errors: string[] = [];
  let programs = compiled.get(conditions);
  try {
    if (!programs) {
      programs = conditions.map(({ name, expression }) => ({
        name,
        program: compileCel(expression, { variables: matchConditionVariables, result: ['bool'] }),
      }));
      compiled.set(conditions, programs);
    }
  } catch (error) {
    return { error: `failed to compile match conditions: ${(error as Error).message}` };
  }
  const bound = values();
  for (const { name, program } of programs) {
    try {
      if ((await program.evaluateAsync(bound, budget)) !== true) return { matches: false };
    } catch (error) {
      errors.push(`matchCondition ${JSON.stringify(name)}: ${(error as Error).message}`);
    }
  }
  return errors.length ? { error: errors.join(', ') } : { matches: true };
}
