/** Validation of admission webhooks, and of the rules that say which requests webhooks and policies see. */
import type { DeepReadonly } from '../../base/deep.ts';
import { invalidEach, validateEach, validateOptionalChoice } from '../core/field-rules.ts';
import { selectorValues, type Tolerable, tolerable } from '../core/ratcheting.ts';
import {
  at,
  child,
  duplicate,
  type FieldError,
  invalid,
  notSupported,
  required,
  tooMany,
} from '../machinery/field-error.ts';
import { dns1035Label, fullyQualifiedName, qualifiedName } from '../machinery/names.ts';
import { validateLabelSelector } from '../machinery/selectors.ts';
import type {
  MatchCondition,
  MutatingWebhook,
  RuleWithOperations,
  ValidatingWebhook,
} from '../types/admissionregistration-v1.ts';
import { validateClientConfig } from './webhook-client-validation.ts';

type Webhook = DeepReadonly<MutatingWebhook | ValidatingWebhook>;

const acceptedReviewVersions = ['v1', 'v1beta1'];
const maxMatchConditions = 64;

/** What configurations of v1beta1's time may keep on update. */
export const webhookRules: readonly Tolerable[] = [
  selectorValues,
  tolerable({ path: /\.admissionReviewVersions$/ }),
  tolerable({ path: /\.sideEffects$/ }),
  { matches: ({ type, path }) => type === 'FieldValueDuplicate' && /^webhooks\[\d+\]\.name$/.test(path) },
];

/** The webhooks of a configuration, with names of their own. */
export function validateWebhooks({ webhooks }: { readonly webhooks?: readonly Webhook[] }): FieldError[] {
  const names = new Set<string>();
  return validateEach(webhooks, 'webhooks', (webhook, path) => {
    const errors = validateWebhook(webhook, path);
    if (webhook.name && names.has(webhook.name)) errors.push(duplicate(child(path, 'name'), webhook.name));
    names.add(webhook.name);
    return errors;
  });
}

function validateWebhook(webhook: Webhook, path: string): FieldError[] {
  const { sideEffects, timeoutSeconds } = webhook;
  const errors = [
    ...validateReviewVersions(webhook.admissionReviewVersions, child(path, 'admissionReviewVersions')),
    ...fullyQualifiedName(child(path, 'name'), webhook.name),
    ...validateEach(webhook.rules, child(path, 'rules'), validateRule),
    ...validateOptionalChoice(webhook.failurePolicy, ['Fail', 'Ignore'], child(path, 'failurePolicy')),
    ...validateOptionalChoice(webhook.matchPolicy, ['Equivalent', 'Exact'], child(path, 'matchPolicy')),
  ];
  const safe = ['None', 'NoneOnDryRun'];
  if (sideEffects === undefined) {
    errors.push(required(child(path, 'sideEffects'), `must specify one of ${safe.join(', ')}`));
  } else errors.push(...validateOptionalChoice(sideEffects, safe, child(path, 'sideEffects')));
  if (timeoutSeconds !== undefined && (timeoutSeconds < 1 || timeoutSeconds > 30)) {
    const detail = 'the timeout value must be between 1 and 30 seconds';
    errors.push(invalid(child(path, 'timeoutSeconds'), timeoutSeconds, detail));
  }
  if ('reinvocationPolicy' in webhook) {
    const policies = ['IfNeeded', 'Never'];
    errors.push(...validateOptionalChoice(webhook.reinvocationPolicy, policies, child(path, 'reinvocationPolicy')));
  }
  return [
    ...errors,
    ...validateLabelSelector(webhook.namespaceSelector, child(path, 'namespaceSelector')),
    ...validateLabelSelector(webhook.objectSelector, child(path, 'objectSelector')),
    ...validateClientConfig(webhook.clientConfig, child(path, 'clientConfig')),
    ...validateMatchConditions(webhook.matchConditions, child(path, 'matchConditions')),
  ];
}

function validateReviewVersions(versions: readonly string[] | undefined, path: string): FieldError[] {
  const list = acceptedReviewVersions.join(', ');
  if (!versions?.length) return [required(path, `must specify one of ${list}`)];
  const errors = versions.flatMap((version, i) =>
    versions.indexOf(version) < i
      ? [invalid(at(path, i), version, 'duplicate version')]
      : invalidEach(at(path, i), version, dns1035Label(version)),
  );
  return versions.some((version) => acceptedReviewVersions.includes(version))
    ? errors
    : [...errors, invalid(path, versions, `must include at least one of ${list}`)];
}

/** A rule: operations on resources of groups and versions, each list with something in it. */
export function validateRule(rule: DeepReadonly<RuleWithOperations>, path: string): FieldError[] {
  const operations = rule.operations ?? [];
  const operationsPath = child(path, 'operations');
  const supported = ['*', 'CONNECT', 'CREATE', 'DELETE', 'UPDATE'];
  const errors = operations.length ? [] : [required(operationsPath)];
  if (operations.length > 1 && operations.includes('*')) {
    errors.push(invalid(operationsPath, operations, "if '*' is present, must not specify other operations"));
  }
  for (const [i, operation] of operations.entries()) {
    if (!supported.includes(operation)) errors.push(notSupported(at(operationsPath, i), operation, supported));
  }
  const { apiGroups = [], apiVersions = [] } = rule;
  for (const [name, list, what] of [
    ['apiGroups', apiGroups, 'API groups'],
    ['apiVersions', apiVersions, 'API versions'],
  ] as const) {
    const listPath = child(path, name);
    if (!list.length) errors.push(required(listPath));
    if (list.length > 1 && list.includes('*')) {
      errors.push(invalid(listPath, list, `if '*' is present, must not specify other ${what}`));
    }
    if (name !== 'apiVersions') continue;
    for (const [i, version] of list.entries()) if (!version) errors.push(required(at(listPath, i)));
  }
  errors.push(...validateResources(rule.resources ?? [], child(path, 'resources')));
  return [...errors, ...validateOptionalChoice(rule.scope, ['*', 'Cluster', 'Namespaced'], child(path, 'scope'))];
}

function validateResources(resources: readonly string[], path: string): FieldError[] {
  if (!resources.length) return [required(path)];
  const errors: FieldError[] = [];
  const wildSubresourceOf = new Set<string>();
  const wildResourceOf = new Set<string>();
  let hasSingle = false;
  let hasDouble = false;
  for (const [i, resource] of resources.entries()) {
    const itemPath = at(path, i);
    if (!resource) {
      errors.push(required(itemPath));
      continue;
    }
    if (resource === '*/*') hasDouble = true;
    if (resource === '*') hasSingle = true;
    const [base, subresource = ''] = resource.split('/') as [string, string?];
    if (wildSubresourceOf.has(base)) {
      errors.push(invalid(itemPath, resource, `if '${base}/*' is present, must not specify ${resource}`));
    }
    if (wildResourceOf.has(subresource)) {
      errors.push(invalid(itemPath, resource, `if '*/${subresource}' is present, must not specify ${resource}`));
    }
    if (base === '*' && resource.includes('/')) wildResourceOf.add(subresource);
    if (subresource === '*') wildSubresourceOf.add(base);
  }
  if (resources.length > 1 && hasDouble) {
    errors.push(invalid(path, resources, "if '*/*' is present, must not specify other resources"));
  }
  if (hasSingle && resources.some((resource) => resource !== '*' && !resource.includes('/'))) {
    const detail = "if '*' is present, must not specify other resources without subresources";
    errors.push(invalid(path, resources, detail));
  }
  return errors;
}

/** Conditions in CEL: named, each once; the expressions are compiled where they are evaluated. */
export function validateMatchConditions(
  conditions: readonly DeepReadonly<MatchCondition>[] | undefined,
  path: string,
): FieldError[] {
  const list = conditions ?? [];
  const errors = list.length > maxMatchConditions ? [tooMany(path, list.length, maxMatchConditions)] : [];
  for (const [i, { name, expression }] of list.entries()) {
    const itemPath = at(path, i);
    if (!expression.trim()) errors.push(required(child(itemPath, 'expression')));
    if (!name) errors.push(required(child(itemPath, 'name')));
    else errors.push(...invalidEach(child(itemPath, 'name'), name, qualifiedName(name)));
    if (name && list.findIndex((other) => other.name === name) < i)
      errors.push(duplicate(child(itemPath, 'name'), name));
  }
  return errors;
}
