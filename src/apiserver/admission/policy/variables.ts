/** The variables of policies' expressions. */
import type { CelBudget } from '../../../api/cel/budget.ts';
import { type CelOptions, type CelProgram, compileCel } from '../../../api/cel/compile.ts';
import { type CelType, structType } from '../../../api/cel/types.ts';
import { celValue } from '../../../api/cel/values.ts';
import type { KubeObject, Shared } from '../../../api/kind.ts';
import { structSchema } from '../../../api/schema/schema.ts';
import type { Variable } from '../../../api/types/admissionregistration-v1.ts';
import type { AdmissionEnvironment, AdmissionRequest } from '../admission.ts';
import { matchConditionValues, requestType } from '../cel-request.ts';
import { namespaceOf } from '../matching.ts';

/** What the expressions of one policy see. */
export const policyVariables: Readonly<Record<string, CelType>> = {
  object: 'dyn',
  oldObject: 'dyn',
  request: requestType,
  params: 'dyn',
  namespaceObject: 'dyn',
  variables: 'dyn',
  authorizer: 'authorizer',
};

/** The same for an object whose type is known: for checking types ahead. */
export const typedPolicyVariables = (object: CelType): Readonly<Record<string, CelType>> => ({
  ...policyVariables,
  object,
  oldObject: object,
  namespaceObject: structType(structSchema('core/v1.Namespace')),
});

/** A policy's own variables, compiled. */
export interface CompiledVariables {
  readonly names: readonly string[];
  readonly programs: ReadonlyMap<string, CelProgram>;
}

export function compileVariables(variables: readonly Shared<Variable>[] | undefined): CompiledVariables {
  const programs = new Map<string, CelProgram>();
  for (const { name, expression } of variables ?? []) {
    programs.set(name, compileCel(expression, { variables: policyVariables }));
  }
  return { names: [...programs.keys()], programs };
}

/** Compiles one of a policy's expressions. */
export const compilePolicyExpression = (expression: string, result: NonNullable<CelOptions['result']>): CelProgram =>
  compileCel(expression, { variables: policyVariables, result });

/** Values for one evaluation of a policy. The policy's variables are computed when first read, and once. */
export async function policyValues(
  environment: AdmissionEnvironment,
  request: AdmissionRequest,
  options: { params: Shared<KubeObject> | undefined; variables: CompiledVariables; budget: CelBudget },
): Promise<Record<string, unknown>> {
  const namespace = await namespaceOf(environment, request.namespace);
  const values: Record<string, unknown> = {
    ...matchConditionValues(environment.authorizer, request),
    params: celValue(options.params ?? null),
    namespaceObject: celValue(namespace ?? null),
  };
  const variables: Record<string, unknown> = Object.create(null);
  values['variables'] = variables;
  for (const [name, program] of options.variables.programs) {
    if (program.mentions.has('authorizer')) {
      Object.defineProperty(variables, name, {
        enumerable: true,
        value: await program.evaluateAsync(values, options.budget),
      });
      continue;
    }
    Object.defineProperty(variables, name, {
      enumerable: true,
      configurable: true,
      get() {
        const value = program.evaluate(values, options.budget);
        Object.defineProperty(variables, name, { enumerable: true, value });
        return value;
      },
    });
  }
  return values;
}
