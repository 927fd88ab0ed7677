/** Validation of how pods spread over the cluster. */
import type { DeepReadonly } from '../../base/deep.ts';
import {
  at,
  child,
  duplicate,
  type FieldError,
  forbidden,
  invalid,
  notSupported,
  required,
} from '../machinery/field-error.ts';
import { qualifiedName } from '../machinery/names.ts';
import { validateLabelSelector } from '../machinery/selectors.ts';
import type { TopologySpreadConstraint } from '../types/core-v1.ts';
import { validateKeysNotSelected } from './affinity-validation.ts';
import { invalidEach, positiveMessage, validateOptionalChoice } from './field-rules.ts';

/** The constraints of a pod; topology key and action are unique together. */
export function validateTopologySpread(
  constraints: readonly DeepReadonly<TopologySpreadConstraint>[] | undefined,
  path: string,
): FieldError[] {
  return (constraints ?? []).flatMap((constraint, i) => {
    const itemPath = at(path, i);
    const errors = validateConstraint(constraint, itemPath);
    const { topologyKey, whenUnsatisfiable } = constraint;
    const repeated = constraints!
      .slice(i + 1)
      .some((other) => other.topologyKey === topologyKey && other.whenUnsatisfiable === whenUnsatisfiable);
    if (repeated) {
      const pairPath = child(itemPath, '{topologyKey, whenUnsatisfiable}');
      errors.push(duplicate(pairPath, `{${topologyKey}, ${whenUnsatisfiable}}`));
    }
    return errors;
  });
}

function validateConstraint(constraint: DeepReadonly<TopologySpreadConstraint>, path: string): FieldError[] {
  const { maxSkew, topologyKey, whenUnsatisfiable, minDomains, matchLabelKeys, labelSelector } = constraint;
  const errors: FieldError[] = [];
  if (maxSkew <= 0) errors.push(invalid(child(path, 'maxSkew'), maxSkew, positiveMessage));
  if (!topologyKey) errors.push(required(child(path, 'topologyKey'), 'can not be empty'));
  if (whenUnsatisfiable !== 'DoNotSchedule' && whenUnsatisfiable !== 'ScheduleAnyway') {
    const supported = ['DoNotSchedule', 'ScheduleAnyway'];
    errors.push(notSupported(child(path, 'whenUnsatisfiable'), whenUnsatisfiable, supported));
  }
  if (minDomains !== undefined) {
    const minPath = child(path, 'minDomains');
    if (minDomains <= 0) errors.push(invalid(minPath, minDomains, positiveMessage));
    if (whenUnsatisfiable !== 'DoNotSchedule') {
      const detail = `can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ${whenUnsatisfiable}`;
      errors.push(invalid(minPath, minDomains, detail));
    }
  }
  for (const name of ['nodeAffinityPolicy', 'nodeTaintsPolicy'] as const) {
    errors.push(...validateOptionalChoice(constraint[name], ['Honor', 'Ignore'], child(path, name)));
  }
  const keysPath = child(path, 'matchLabelKeys');
  if (matchLabelKeys?.length) {
    if (!labelSelector) errors.push(forbidden(keysPath, 'must not be specified when labelSelector is not set'));
    errors.push(...matchLabelKeys.flatMap((key, i) => invalidEach(at(keysPath, i), key, qualifiedName(key))));
    errors.push(...validateKeysNotSelected(matchLabelKeys, labelSelector, keysPath));
  }
  return [...errors, ...validateLabelSelector(labelSelector, child(path, 'labelSelector'))];
}
