/** Validation of admission policies in CEL and of their bindings. */
import type { DeepReadonly } from '../../base/deep.ts';
import { invalidEach, validateChoice, validateEach, validateOptionalChoice } from '../core/field-rules.ts';
import { at, child, duplicate, type FieldError, forbidden, invalid, required } from '../machinery/field-error.ts';
import { cIdentifier, dns1123Subdomain, qualifiedName } from '../machinery/names.ts';
import { validateLabelSelector } from '../machinery/selectors.ts';
import type {
  MatchResources,
  MutatingAdmissionPolicy,
  MutatingAdmissionPolicyBinding,
  ParamKind,
  ParamRef,
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
  Validation,
  Variable,
} from '../types/admissionregistration-v1.ts';
import { validateMatchConditions, validateRule } from './webhook-validation.ts';

/** A policy that refuses. */
export function validateValidatingPolicy({ spec }: DeepReadonly<ValidatingAdmissionPolicy>): FieldError[] {
  const { validations = [], auditAnnotations = [] } = spec;
  const errors = validatePolicyCommons(spec);
  if (!validations.length && !auditAnnotations.length) {
    const detail = 'validations or auditAnnotations must contain at least one item';
    errors.push(required('spec.validations', detail), required('spec.auditAnnotations', detail));
  }
  errors.push(...validateEach(validations, 'spec.validations', validateValidation));
  for (const [i, { key, valueExpression }] of auditAnnotations.entries()) {
    const path = at('spec.auditAnnotations', i);
    if (!key) errors.push(required(child(path, 'key')));
    else errors.push(...invalidEach(child(path, 'key'), key, qualifiedName(key)));
    if (auditAnnotations.findIndex((other) => other.key === key) < i) errors.push(duplicate(child(path, 'key'), key));
    if (!valueExpression.trim()) errors.push(required(child(path, 'valueExpression')));
  }
  return errors;
}

/** A policy that changes. */
export function validateMutatingPolicy({ spec }: DeepReadonly<MutatingAdmissionPolicy>): FieldError[] {
  const errors = validatePolicyCommons(spec);
  errors.push(...validateChoice(spec.reinvocationPolicy, ['IfNeeded', 'Never'], 'spec.reinvocationPolicy'));
  const { mutations = [] } = spec;
  if (!mutations.length) errors.push(required('spec.mutations', 'mutations must contain at least one item'));
  for (const [i, { patchType, applyConfiguration, jsonPatch }] of mutations.entries()) {
    const path = at('spec.mutations', i);
    errors.push(...validateChoice(patchType, ['ApplyConfiguration', 'JSONPatch'], child(path, 'patchType')));
    for (const [type, name, patch] of [
      ['ApplyConfiguration', 'applyConfiguration', applyConfiguration],
      ['JSONPatch', 'jsonPatch', jsonPatch],
    ] as const) {
      const patchPath = child(path, name);
      if (patchType !== type) {
        if (patch) errors.push(invalid(patchPath, patch, `must not be specified when patchType is ${patchType}`));
      } else if (!patch) errors.push(required(patchPath, `must be specified when patchType is ${type}`));
      else if (!patch.expression?.trim())
        errors.push(required(child(patchPath, 'expression'), 'expression is not specified'));
    }
  }
  return errors;
}

type PolicySpec = DeepReadonly<ValidatingAdmissionPolicy['spec'] | MutatingAdmissionPolicy['spec']>;

function validatePolicyCommons(spec: PolicySpec): FieldError[] {
  const errors = validateChoice(spec.failurePolicy, ['Fail', 'Ignore'], 'spec.failurePolicy');
  if (spec.paramKind) errors.push(...validateParamKind(spec.paramKind));
  const match = spec.matchConstraints;
  const matchPath = 'spec.matchConstraints';
  if (!match) errors.push(required(matchPath));
  else {
    errors.push(...validateMatchResources(match, matchPath));
    if (!match.resourceRules?.length) errors.push(required(child(matchPath, 'resourceRules')));
  }
  return [
    ...errors,
    ...validateMatchConditions(spec.matchConditions, 'spec.matchConditions'),
    ...validateVariables(spec.variables),
  ];
}

function validateParamKind({ apiVersion = '', kind = '' }: DeepReadonly<ParamKind>): FieldError[] {
  const path = 'spec.paramKind';
  const errors: FieldError[] = [];
  const parts = apiVersion.split('/');
  if (!apiVersion) errors.push(required(child(path, 'apiVersion')));
  else if (parts.length > 2) {
    errors.push(invalid(child(path, 'apiVersion'), apiVersion, `unexpected GroupVersion string: ${apiVersion}`));
  }
  return kind ? errors : [...errors, required(child(path, 'kind'))];
}

function validateVariables(variables: readonly DeepReadonly<Variable>[] | undefined): FieldError[] {
  return validateEach(variables, 'spec.variables', ({ name, expression }, path, i) => {
    const errors: FieldError[] = [];
    if (!name.trim()) errors.push(required(child(path, 'name'), 'name is not specified'));
    else {
      errors.push(...invalidEach(child(path, 'name'), name, cIdentifier(name)));
      if (variables!.findIndex((other) => other.name === name) < i) errors.push(duplicate(child(path, 'name'), name));
    }
    if (!expression.trim()) errors.push(required(child(path, 'expression'), 'expression is not specified'));
    return errors;
  });
}

function validateValidation(validation: DeepReadonly<Validation>, path: string): FieldError[] {
  const { expression, message = '', messageExpression, reason } = validation;
  const trimmed = message.trim();
  const errors: FieldError[] = [];
  if (!expression.trim()) errors.push(required(child(path, 'expression'), 'expression is not specified'));
  if (messageExpression && !messageExpression.trim()) {
    errors.push(invalid(child(path, 'messageExpression'), messageExpression, 'must be non-empty if specified'));
  }
  const messagePath = child(path, 'message');
  if (message && !trimmed) errors.push(invalid(messagePath, message, 'message must be non-empty if specified'));
  else if (trimmed.includes('\n')) errors.push(invalid(messagePath, message, 'message must not contain line breaks'));
  else if (expression.trim().includes('\n') && !trimmed) {
    errors.push(required(messagePath, 'message must be specified if expression contains line breaks'));
  }
  const reasons = ['Forbidden', 'Invalid', 'RequestEntityTooLarge', 'Unauthorized'];
  return [...errors, ...validateOptionalChoice(reason, reasons, child(path, 'reason'))];
}

function validateMatchResources(match: DeepReadonly<MatchResources>, path: string): FieldError[] {
  const errors = validateChoice(match.matchPolicy, ['Equivalent', 'Exact'], child(path, 'matchPolicy'));
  for (const name of ['namespaceSelector', 'objectSelector'] as const) {
    if (!match[name]) errors.push(required(child(path, name)));
    else errors.push(...validateLabelSelector(match[name], child(path, name)));
  }
  for (const name of ['resourceRules', 'excludeResourceRules'] as const) {
    errors.push(
      ...validateEach(match[name], child(path, name), (rule, rulePath) => [
        ...validateRule(rule, rulePath),
        ...validateEach(rule.resourceNames, child(rulePath, 'resourceNames'), (resourceName, namePath, i) => [
          ...(resourceName ? [] : [required(namePath)]),
          ...(rule.resourceNames!.indexOf(resourceName) < i ? [duplicate(namePath, resourceName)] : []),
        ]),
      ]),
    );
  }
  return errors;
}

type Binding = DeepReadonly<ValidatingAdmissionPolicyBinding | MutatingAdmissionPolicyBinding>;

/** A binding of a policy that changes. */
export function validatePolicyBinding({ spec }: Binding): FieldError[] {
  const name = spec.policyName ?? '';
  const errors = name ? invalidEach('spec.policyName', name, dns1123Subdomain(name)) : [required('spec.policyName')];
  if (spec.paramRef) errors.push(...validateParamRef(spec.paramRef));
  if (spec.matchResources) errors.push(...validateMatchResources(spec.matchResources, 'spec.matchResources'));
  return errors;
}

/** A binding of a policy that refuses: also what is to happen. */
export function validateValidatingPolicyBinding(binding: DeepReadonly<ValidatingAdmissionPolicyBinding>): FieldError[] {
  const path = 'spec.validationActions';
  const { validationActions: actions = [] } = binding.spec;
  const errors = validatePolicyBinding(binding);
  if (!actions.length) errors.push(required(path));
  for (const [i, action] of actions.entries()) {
    errors.push(...validateOptionalChoice(action, ['Audit', 'Deny', 'Warn'], path));
    if (actions.indexOf(action) < i) errors.push(duplicate(path, action));
  }
  if (actions.includes('Deny') && actions.includes('Warn')) {
    const detail =
      'must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)';
    errors.push(invalid(path, actions, detail));
  }
  return errors;
}

function validateParamRef({ name = '', selector, parameterNotFoundAction }: DeepReadonly<ParamRef>): FieldError[] {
  const path = 'spec.paramRef';
  const errors: FieldError[] = [];
  if (name && selector) {
    errors.push(forbidden(child(path, 'name'), 'name and selector are mutually exclusive'));
    errors.push(forbidden(child(path, 'selector'), 'name and selector are mutually exclusive'));
  } else if (!name && !selector) errors.push(required(path, 'one of name or selector must be specified'));
  else if (name) errors.push(...invalidEach(child(path, 'name'), name, dns1123Subdomain(name)));
  errors.push(...validateLabelSelector(selector, child(path, 'selector')));
  return [
    ...errors,
    ...validateChoice(parameterNotFoundAction, ['Allow', 'Deny'], child(path, 'parameterNotFoundAction')),
  ];
}
