import type { MutatingAdmissionPolicy } from '../../api/admissionregistration/mutating-admission-policy.ts';
import type { MutatingWebhookConfiguration } from '../../api/admissionregistration/mutating-webhook-configuration.ts';
import type { ValidatingAdmissionPolicy } from '../../api/admissionregistration/validating-admission-policy.ts';
import { CelCompileError, type CelResultType, compileCel } from '../../api/cel/compile.ts';
import type { CelType } from '../../api/cel/types.ts';
import { type FieldError, invalid } from '../../api/machinery/field-error.ts';
import { invalidObject } from '../../api/machinery/status.ts';
import type { MatchCondition, Variable } from '../../api/types/admissionregistration-v1.ts';
import { defineAdmissionPlugin } from './admission.ts';
import { matchConditionVariables } from './cel-request.ts';
import { policyVariables } from './policy/variables.ts';

const group = 'admissionregistration.k8s.io';
const resources: ReadonlySet<string> = new Set([
  'validatingadmissionpolicies',
  'mutatingadmissionpolicies',
  'validatingwebhookconfigurations',
  'mutatingwebhookconfigurations',
]);

/** Policies and webhooks whose expressions do not compile are refused when they are written. Always on. */
export const policyExpressions = defineAdmissionPlugin({
  name: 'PolicyExpressions',
  order: 16,
  enabledByDefault: true,
  handles: ({ resource, operation, subresource }) =>
    resource.group === group &&
    resources.has(resource.plural) &&
    subresource === '' &&
    (operation === 'CREATE' || operation === 'UPDATE'),
  create: () => ({
    validate({ resource, kind, object }) {
      const errors =
        resource.plural === 'validatingadmissionpolicies'
          ? validatingErrors((object as ValidatingAdmissionPolicy).spec)
          : resource.plural === 'mutatingadmissionpolicies'
            ? mutatingErrors((object as MutatingAdmissionPolicy).spec)
            : webhookErrors(object as MutatingWebhookConfiguration);
      if (errors.length) throw invalidObject(kind, object!.metadata.name, errors);
    },
  }),
});

function expressionErrors(
  path: string,
  expression: string | undefined,
  { variables, result }: { variables: Readonly<Record<string, CelType>>; result?: readonly CelResultType[] },
): FieldError[] {
  if (!expression?.trim()) return [];
  try {
    compileCel(expression, { variables, ...(result ? { result } : {}) });
    return [];
  } catch (error) {
    if (!(error instanceof CelCompileError)) throw error;
    return [invalid(path, expression, error.message)];
  }
}

const conditionErrors = (path: string, conditions: readonly MatchCondition[] | undefined): FieldError[] =>
  (conditions ?? []).flatMap(({ expression }, i) =>
    expressionErrors(`${path}[${i}].expression`, expression, { variables: matchConditionVariables, result: ['bool'] }),
  );

const variableErrors = (variables: readonly Variable[] | undefined): FieldError[] =>
  (variables ?? []).flatMap(({ expression }, i) =>
    expressionErrors(`spec.variables[${i}].expression`, expression, { variables: policyVariables }),
  );

function validatingErrors(spec: ValidatingAdmissionPolicy['spec']): FieldError[] {
  const variables = policyVariables;
  return [
    ...variableErrors(spec.variables),
    ...conditionErrors('spec.matchConditions', spec.matchConditions),
    ...(spec.validations ?? []).flatMap(({ expression, messageExpression }, i) => [
      ...expressionErrors(`spec.validations[${i}].expression`, expression, { variables, result: ['bool'] }),
      ...expressionErrors(`spec.validations[${i}].messageExpression`, messageExpression, {
        variables,
        result: ['string'],
      }),
    ]),
    ...(spec.auditAnnotations ?? []).flatMap(({ valueExpression }, i) =>
      expressionErrors(`spec.auditAnnotations[${i}].valueExpression`, valueExpression, {
        variables,
        result: ['string', 'null'],
      }),
    ),
  ];
}

function mutatingErrors(spec: MutatingAdmissionPolicy['spec']): FieldError[] {
  const variables = policyVariables;
  return [
    ...variableErrors(spec.variables),
    ...conditionErrors('spec.matchConditions', spec.matchConditions),
    ...(spec.mutations ?? []).flatMap(({ applyConfiguration, jsonPatch }, i) => [
      ...expressionErrors(`spec.mutations[${i}].applyConfiguration.expression`, applyConfiguration?.expression, {
        variables,
        result: ['message'],
      }),
      ...expressionErrors(`spec.mutations[${i}].jsonPatch.expression`, jsonPatch?.expression, {
        variables,
        result: ['list'],
      }),
    ]),
  ];
}

const webhookErrors = (configuration: MutatingWebhookConfiguration): FieldError[] =>
  (configuration.webhooks ?? []).flatMap(({ matchConditions }, i) =>
    conditionErrors(`webhooks[${i}].matchConditions`, matchConditions),
  );
