/** Validation of node selectors and of the affinity of pods. */
import type { DeepReadonly } from '../../base/deep.ts';
import { at, child, type FieldError, forbidden, invalid, required } from '../machinery/field-error.ts';
import { dns1123Label, dns1123Subdomain, labelValue, qualifiedName } from '../machinery/names.ts';
import { validateLabelSelector } from '../machinery/selectors.ts';
import type {
  Affinity,
  NodeSelector,
  NodeSelectorRequirement,
  NodeSelectorTerm,
  PodAffinity,
  PodAffinityTerm,
} from '../types/core-v1.ts';
import type { LabelSelector } from '../types/meta-v1.ts';
import { invalidEach, validateEach } from './field-rules.ts';

/** The affinity of a pod to nodes and to other pods. */
export function validateAffinity(affinity: DeepReadonly<Affinity> | undefined, path: string): FieldError[] {
  if (!affinity) return [];
  const { nodeAffinity, podAffinity, podAntiAffinity } = affinity;
  const errors: FieldError[] = [];
  if (nodeAffinity) {
    const nodePath = child(path, 'nodeAffinity');
    const needed = nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution;
    if (needed) {
      errors.push(...validateNodeSelector(needed, child(nodePath, 'requiredDuringSchedulingIgnoredDuringExecution')));
    }
    errors.push(
      ...validateEach(
        nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution,
        child(nodePath, 'preferredDuringSchedulingIgnoredDuringExecution'),
        ({ weight, preference }, itemPath) => [
          ...validateWeight(weight, itemPath),
          ...validateNodeSelectorTerm(preference, child(itemPath, 'preference'), { anyValues: true }),
        ],
      ),
    );
  }
  if (podAffinity) errors.push(...validatePodAffinity(podAffinity, child(path, 'podAffinity')));
  if (podAntiAffinity) errors.push(...validatePodAffinity(podAntiAffinity, child(path, 'podAntiAffinity')));
  return errors;
}

function validateWeight(weight: number, path: string): FieldError[] {
  return weight <= 0 || weight > 100 ? [invalid(child(path, 'weight'), weight, 'must be in the range 1-100')] : [];
}

/** A selector of nodes, with one term at least. */
export function validateNodeSelector(selector: DeepReadonly<NodeSelector>, path: string): FieldError[] {
  const termsPath = child(path, 'nodeSelectorTerms');
  if (!selector.nodeSelectorTerms?.length) return [required(termsPath, 'must have at least one node selector term')];
  return validateEach(selector.nodeSelectorTerms, termsPath, (term, itemPath) =>
    validateNodeSelectorTerm(term, itemPath, { anyValues: false }),
  );
}

function validateNodeSelectorTerm(
  term: DeepReadonly<NodeSelectorTerm>,
  path: string,
  { anyValues }: { anyValues: boolean },
): FieldError[] {
  return [
    ...validateEach(term.matchExpressions, child(path, 'matchExpressions'), (requirement, itemPath) =>
      validateNodeRequirement(requirement, itemPath, anyValues),
    ),
    ...validateEach(term.matchFields, child(path, 'matchFields'), validateNodeFieldRequirement),
  ];
}

function validateNodeRequirement(
  { key, operator, values = [] }: DeepReadonly<NodeSelectorRequirement>,
  path: string,
  anyValues: boolean,
): FieldError[] {
  const errors: FieldError[] = [];
  const valuesPath = child(path, 'values');
  switch (operator) {
    case 'In':
    case 'NotIn':
      if (!values.length) errors.push(required(valuesPath, "must be specified when `operator` is 'In' or 'NotIn'"));
      break;
    case 'Exists':
    case 'DoesNotExist':
      if (values.length) {
        errors.push(forbidden(valuesPath, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"));
      }
      break;
    case 'Gt':
    case 'Lt':
      if (values.length !== 1) {
        errors.push(required(valuesPath, "must be specified single value when `operator` is 'Lt' or 'Gt'"));
      }
      break;
    default:
      errors.push(invalid(child(path, 'operator'), operator, 'not a valid selector operator'));
  }
  errors.push(...invalidEach(child(path, 'key'), key, qualifiedName(key)));
  if (anyValues) return errors;
  return [...errors, ...values.flatMap((value, i) => invalidEach(at(valuesPath, i), value, labelValue(value)))];
}

function validateNodeFieldRequirement(
  { key, operator, values = [] }: DeepReadonly<NodeSelectorRequirement>,
  path: string,
): FieldError[] {
  const errors: FieldError[] = [];
  const valuesPath = child(path, 'values');
  if (operator !== 'In' && operator !== 'NotIn') {
    errors.push(invalid(child(path, 'operator'), operator, 'not a valid selector operator'));
  } else if (values.length !== 1) {
    const detail = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector";
    errors.push(required(valuesPath, detail));
  }
  if (key !== 'metadata.name') return [...errors, invalid(child(path, 'key'), key, 'not a valid field selector key')];
  return [...errors, ...values.flatMap((value, i) => invalidEach(at(valuesPath, i), value, dns1123Subdomain(value)))];
}

function validatePodAffinity(affinity: DeepReadonly<PodAffinity>, path: string): FieldError[] {
  return [
    ...validateEach(
      affinity.requiredDuringSchedulingIgnoredDuringExecution,
      child(path, 'requiredDuringSchedulingIgnoredDuringExecution'),
      validatePodAffinityTerm,
    ),
    ...validateEach(
      affinity.preferredDuringSchedulingIgnoredDuringExecution,
      child(path, 'preferredDuringSchedulingIgnoredDuringExecution'),
      ({ weight, podAffinityTerm }, itemPath) => [
        ...validateWeight(weight, itemPath),
        ...validatePodAffinityTerm(podAffinityTerm, child(itemPath, 'podAffinityTerm')),
      ],
    ),
  ];
}

function validatePodAffinityTerm(term: DeepReadonly<PodAffinityTerm>, path: string): FieldError[] {
  const keyPath = child(path, 'topologyKey');
  return [
    ...validateLabelSelector(term.labelSelector, child(path, 'labelSelector')),
    ...validateLabelSelector(term.namespaceSelector, child(path, 'namespaceSelector')),
    ...(term.namespaces ?? []).flatMap((name) => invalidEach(child(path, 'namespace'), name, dns1123Label(name))),
    ...validateLabelKeys(term, path),
    ...(term.topologyKey ? [] : [required(keyPath, 'can not be empty')]),
    ...invalidEach(keyPath, term.topologyKey, qualifiedName(term.topologyKey)),
  ];
}

function validateLabelKeys(term: DeepReadonly<PodAffinityTerm>, path: string): FieldError[] {
  const errors: FieldError[] = [];
  for (const name of ['matchLabelKeys', 'mismatchLabelKeys'] as const) {
    const keys = term[name] ?? [];
    if (!keys.length) continue;
    const keysPath = child(path, name);
    if (!term.labelSelector) errors.push(forbidden(keysPath, 'must not be specified when labelSelector is not set'));
    else errors.push(...keys.flatMap((key, i) => invalidEach(at(keysPath, i), key, qualifiedName(key))));
  }
  errors.push(...validateKeysNotSelected(term.matchLabelKeys, term.labelSelector, path));
  for (const [i, key] of (term.matchLabelKeys ?? []).entries()) {
    if (term.mismatchLabelKeys?.includes(key)) {
      const detail = 'exists in both matchLabelKeys and mismatchLabelKeys';
      errors.push(invalid(at(child(path, 'matchLabelKeys'), i), key, detail));
    }
  }
  return errors;
}

/** The selector holds each of the keys once by now, because creation merged them in; twice means that the user did too. */
export function validateKeysNotSelected(
  keys: readonly string[] | undefined,
  selector: DeepReadonly<LabelSelector> | undefined,
  path: string,
): FieldError[] {
  const seen = new Set(Object.keys(selector?.matchLabels ?? {}));
  const errors: FieldError[] = [];
  for (const { key } of selector?.matchExpressions ?? []) {
    const index = keys?.indexOf(key) ?? -1;
    if (index >= 0 && seen.has(key)) {
      errors.push(invalid(at(path, index), key, 'exists in both matchLabelKeys and labelSelector'));
    }
    seen.add(key);
  }
  return errors;
}
