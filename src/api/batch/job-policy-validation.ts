/** Validation of a job's policies about failed pods and about success. */
import type { DeepReadonly } from '../../base/deep.ts';
import { invalidEach, validateChoice } from '../core/field-rules.ts';
import {
  at,
  child,
  duplicate,
  type FieldError,
  invalid,
  notSupported,
  required,
  tooLong,
  tooMany,
} from '../machinery/field-error.ts';
import { qualifiedName } from '../machinery/names.ts';
import type { JobSpec, PodFailurePolicyRule } from '../types/batch-v1.ts';
import { countIndexes, parseIndexList } from './index-list.ts';

const maxRules = 20;
const maxExitCodes = 255;
const maxConditions = 20;
const maxIndexesLength = 64 * 1024;

type SharedSpec = DeepReadonly<JobSpec>;

/** What happens to the job when a pod fails. */
export function validatePodFailurePolicy(spec: SharedSpec, path: string): FieldError[] {
  const rulesPath = child(path, 'rules');
  const { rules } = spec.podFailurePolicy!;
  const errors = rules.length > maxRules ? [tooMany(rulesPath, rules.length, maxRules)] : [];
  const { containers, initContainers = [] } = spec.template.spec;
  const containerNames = new Set([...containers, ...initContainers].map((c) => c.name));
  return [...errors, ...rules.flatMap((rule, i) => validateRule(rule, at(rulesPath, i), { spec, containerNames }))];
}

function validateRule(
  rule: DeepReadonly<PodFailurePolicyRule>,
  path: string,
  { spec, containerNames }: { spec: SharedSpec; containerNames: ReadonlySet<string> },
): FieldError[] {
  const { action, onExitCodes, onPodConditions = [] } = rule;
  const actions = ['Count', 'FailIndex', 'FailJob', 'Ignore'];
  const errors: FieldError[] = [];
  const actionPath = child(path, 'action');
  if (action === 'FailIndex' && spec.backoffLimitPerIndex === undefined) {
    errors.push(invalid(actionPath, action, 'requires the backoffLimitPerIndex to be set'));
  } else if (!action)
    errors.push(required(actionPath, `valid values: ${actions.map((a) => JSON.stringify(a)).join(', ')}`));
  else if (!actions.includes(action)) errors.push(notSupported(actionPath, action, actions));
  if (onExitCodes) errors.push(...validateExitCodes(rule, path, containerNames));
  const conditionsPath = child(path, 'onPodConditions');
  if (onPodConditions.length > maxConditions) {
    errors.push(tooMany(conditionsPath, onPodConditions.length, maxConditions));
  }
  for (const [i, { type, status }] of onPodConditions.entries()) {
    errors.push(...invalidEach(child(at(conditionsPath, i), 'type'), type, qualifiedName(type)));
    errors.push(...validateChoice(status, ['False', 'True', 'Unknown'], child(at(conditionsPath, i), 'status')));
  }
  if (onExitCodes && onPodConditions.length) {
    errors.push(invalid(path, rule, 'specifying both OnExitCodes and OnPodConditions is not supported'));
  } else if (!onExitCodes && !onPodConditions.length) {
    errors.push(invalid(path, rule, 'specifying one of OnExitCodes and OnPodConditions is required'));
  }
  return errors;
}

function validateExitCodes(
  { onExitCodes }: DeepReadonly<PodFailurePolicyRule>,
  rulePath: string,
  containerNames: ReadonlySet<string>,
): FieldError[] {
  const path = child(rulePath, 'onExitCodes');
  const { operator, values, containerName } = onExitCodes!;
  const errors = validateChoice(operator, ['In', 'NotIn'], child(path, 'operator'));
  if (containerName !== undefined && !containerNames.has(containerName)) {
    errors.push(
      invalid(
        child(path, 'containerName'),
        containerName,
        'must be one of the container or initContainer names in the pod template',
      ),
    );
  }
  const valuesPath = child(path, 'values');
  if (!values.length) errors.push(invalid(valuesPath, values, 'at least one value is required'));
  else if (values.length > maxExitCodes) errors.push(tooMany(valuesPath, values.length, maxExitCodes));
  let ordered = true;
  for (const [i, value] of values.entries()) {
    if (operator === 'In' && value === 0) {
      errors.push(invalid(at(valuesPath, i), value, 'must not be 0 for the In operator'));
    }
    if (values.indexOf(value) < i) errors.push(duplicate(at(valuesPath, i), value));
    if (i > 0 && value < values[i - 1]!) ordered = false;
  }
  if (!ordered) errors.push(invalid(valuesPath, values, 'must be ordered'));
  return errors;
}

/** When an indexed job has succeeded before all of it has. */
export function validateSuccessPolicy(spec: SharedSpec, path: string): FieldError[] {
  const { rules } = spec.successPolicy!;
  const rulesPath = child(path, 'rules');
  if (!rules.length)
    return [required(rulesPath, 'at least one rules must be specified when the successPolicy is specified')];
  const errors = rules.length > maxRules ? [tooMany(rulesPath, rules.length, maxRules)] : [];
  for (const [i, rule] of rules.entries()) {
    const rulePath = at(rulesPath, i);
    const { succeededIndexes, succeededCount } = rule;
    if (succeededIndexes === undefined && succeededCount === undefined) {
      errors.push(required(rulePath, 'at least one of succeededCount or succeededIndexes must be specified'));
    }
    const completions = spec.completions ?? 0;
    let selected: number | undefined;
    if (succeededIndexes !== undefined) {
      const indexesPath = child(rulePath, 'succeededIndexes');
      if (succeededIndexes.length > maxIndexesLength) {
        errors.push(tooLong(indexesPath, succeededIndexes, maxIndexesLength));
      }
      const ranges = parseIndexList(succeededIndexes, completions);
      if (typeof ranges === 'string') {
        errors.push(invalid(indexesPath, succeededIndexes, `error parsing succeededIndexes: ${ranges}`));
      } else selected = countIndexes(ranges);
    }
    if (succeededCount === undefined) continue;
    const countPath = child(rulePath, 'succeededCount');
    if (succeededCount < 0) errors.push(invalid(countPath, succeededCount, 'must be greater than or equal to 0'));
    else if (succeededCount > completions) {
      errors.push(
        invalid(
          countPath,
          succeededCount,
          `must be less than or equal to ${completions} (the number of specified completions)`,
        ),
      );
    }
    if (selected !== undefined && succeededCount > selected) {
      const detail = `must be less than or equal to ${selected} (the number of indexes in the specified succeededIndexes field)`;
      errors.push(invalid(countPath, succeededCount, detail));
    }
  }
  return errors;
}
