/** Arguments of the plugins that take any (`pluginConfig[].args`): their form, and upstream's rules for them. */
import {
  at,
  child,
  duplicate,
  type FieldError,
  forbidden,
  invalid,
  notSupported,
  required,
} from '../../api/machinery/field-error.ts';
import { qualifiedName } from '../../api/machinery/names.ts';
import type { NodeSelector, PreferredSchedulingTerm, TopologySpreadConstraint } from '../../api/types/core-v1.ts';
import { durationArgument } from '../arguments.ts';
import { checkShape, type Shape } from './shape.ts';

interface ArgumentRules {
  /** Of the fields besides `apiVersion` and `kind`. */
  readonly fields: Readonly<Record<string, Shape>>;
  validate(args: never, path: string): FieldError[];
}

const resources: Shape = { list: { fields: { name: 'string', weight: 'integer' } } };
const shapePoints: Shape = { list: { fields: { utilization: 'integer', score: 'integer' } } };

interface Point {
  readonly utilization?: number;
  readonly score?: number;
}

interface WeightedResource {
  readonly name?: string;
  readonly weight?: number;
}

/** Plugins with arguments; the others take none. */
const rules: Readonly<Record<string, ArgumentRules>> = {
  DefaultPreemption: {
    fields: { minCandidateNodesPercentage: 'integer', minCandidateNodesAbsolute: 'integer' },
    validate(args: { minCandidateNodesPercentage?: number; minCandidateNodesAbsolute?: number }, path) {
      const { minCandidateNodesPercentage: percentage = 10, minCandidateNodesAbsolute: absolute = 100 } = args;
      const [percentagePath, absolutePath] = [
        child(path, 'minCandidateNodesPercentage'),
        child(path, 'minCandidateNodesAbsolute'),
      ];
      const errors: FieldError[] = [];
      if (percentage < 0 || percentage > 100)
        errors.push(invalid(percentagePath, percentage, 'not in valid range [0, 100]'));
      if (absolute < 0) errors.push(invalid(absolutePath, absolute, 'not in valid range [0, inf)'));
      if (percentage === 0 && absolute === 0)
        errors.push(
          invalid(percentagePath, percentage, 'cannot be zero at the same time as minCandidateNodesAbsolute'),
        );
      return errors;
    },
  },
  DynamicResources: {
    fields: { filterTimeout: 'string', bindingTimeout: 'string' },
    validate(args: { filterTimeout?: string; bindingTimeout?: string }, path) {
      const errors = Object.entries(args)
        .filter(([name, text]) => name.endsWith('Timeout') && durationArgument(text) === undefined)
        .map(([name, text]) => invalid(child(path, name), text, 'must be a duration such as 10s'));
      const bindingMs = durationArgument(args.bindingTimeout);
      if (bindingMs !== undefined && bindingMs < 1000)
        errors.push(invalid(child(path, 'bindingTimeout'), args.bindingTimeout, 'must be at least 1 second'));
      return errors;
    },
  },
  InterPodAffinity: {
    fields: { hardPodAffinityWeight: 'integer', ignorePreferredTermsOfExistingPods: 'boolean' },
    validate({ hardPodAffinityWeight: weight = 1 }: { hardPodAffinityWeight?: number }, path) {
      if (weight >= 0 && weight <= 100) return [];
      return [invalid(child(path, 'hardPodAffinityWeight'), weight, 'not in valid range [0, 100]')];
    },
  },
  NodeAffinity: {
    fields: { addedAffinity: 'any' },
    validate({ addedAffinity }: { addedAffinity?: AddedAffinity }, path) {
      if (!addedAffinity) return [];
      const required_ = addedAffinity.requiredDuringSchedulingIgnoredDuringExecution;
      const requiredPath = child(path, 'addedAffinity.requiredDuringSchedulingIgnoredDuringExecution');
      const errors = required_ ? validateSelector(required_, requiredPath) : [];
      for (const [i, term] of (addedAffinity.preferredDuringSchedulingIgnoredDuringExecution ?? []).entries()) {
        const itemPath = at(child(path, 'addedAffinity.preferredDuringSchedulingIgnoredDuringExecution'), i);
        if (!(term.weight >= 1 && term.weight <= 100))
          errors.push(invalid(child(itemPath, 'weight'), term.weight, 'must be in the range 1-100'));
        errors.push(...validateSelector({ nodeSelectorTerms: [term.preference] }, child(itemPath, 'preference')));
      }
      return errors;
    },
  },
  NodeResourcesBalancedAllocation: {
    fields: { resources },
    validate({ resources: given = [] }: { resources?: readonly WeightedResource[] }, path) {
      return given.flatMap(({ name, weight = 1 }, i) => {
        const itemPath = at(child(path, 'resources'), i);
        return [
          ...(given.findIndex((other) => other.name === name) < i ? [duplicate(child(itemPath, 'name'), name)] : []),
          ...(weight === 1 ? [] : [invalid(child(itemPath, 'weight'), weight, 'must be 1')]),
        ];
      });
    },
  },
  NodeResourcesFit: {
    fields: {
      ignoredResources: { list: 'string' },
      ignoredResourceGroups: { list: 'string' },
      scoringStrategy: {
        fields: { type: 'string', resources, requestedToCapacityRatio: { fields: { shape: shapePoints } } },
      },
    },
    validate: validateFit,
  },
  PodTopologySpread: {
    fields: {
      defaultingType: 'string',
      defaultConstraints: {
        list: {
          fields: {
            maxSkew: 'integer',
            topologyKey: 'string',
            whenUnsatisfiable: 'string',
            labelSelector: 'any',
            minDomains: 'integer',
            nodeAffinityPolicy: 'string',
            nodeTaintsPolicy: 'string',
            matchLabelKeys: { list: 'string' },
          },
        },
      },
    },
    validate: validateSpread,
  },
  VolumeBinding: {
    fields: { bindTimeoutSeconds: 'integer', shape: shapePoints },
    validate({ bindTimeoutSeconds: seconds = 600, shape }: { bindTimeoutSeconds?: number; shape?: unknown }, path) {
      const errors: FieldError[] = [];
      if (seconds < 0) {
        const detail = 'invalid BindTimeoutSeconds, should not be a negative value';
        errors.push(invalid(child(path, 'bindTimeoutSeconds'), seconds, detail));
      }
      if (shape !== undefined) {
        const detail = 'unexpected field `shape`, remove it or turn on the feature gate StorageCapacityScoring';
        errors.push(invalid(child(path, 'shape'), shape, detail));
      }
      return errors;
    },
  },
};

interface AddedAffinity {
  readonly requiredDuringSchedulingIgnoredDuringExecution?: NodeSelector;
  readonly preferredDuringSchedulingIgnoredDuringExecution?: readonly PreferredSchedulingTerm[];
}

/** What is wrong with a plugin's arguments. */
export function validateArguments(plugin: string, args: unknown, path: string): FieldError[] {
  const rule = rules[plugin];
  if (args === undefined || args === null) return [];
  const errors = checkShape(args, { fields: { apiVersion: 'string', kind: 'string', ...rule?.fields } }, path);
  if (errors.length > 0 || !rule) return errors;
  const { kind } = args as { kind?: string };
  if (kind !== undefined && kind !== `${plugin}Args`) return [invalid(path, kind, 'has to match plugin args')];
  return rule.validate(args as never, path);
}

const operators = ['In', 'NotIn', 'Exists', 'DoesNotExist', 'Gt', 'Lt'];

function validateSelector({ nodeSelectorTerms: terms }: NodeSelector, path: string): FieldError[] {
  if (!terms?.length) return [required(child(path, 'nodeSelectorTerms'), 'must have at least one node selector term')];
  return terms.flatMap((term, i) =>
    [...(term?.matchExpressions ?? []), ...(term?.matchFields ?? [])].flatMap((requirement, j) => {
      const itemPath = at(child(at(child(path, 'nodeSelectorTerms'), i), 'matchExpressions'), j);
      if (!operators.includes(requirement.operator))
        return [notSupported(child(itemPath, 'operator'), requirement.operator, operators)];
      return qualifiedName(requirement.key ?? '').map((why) => invalid(child(itemPath, 'key'), requirement.key, why));
    }),
  );
}

interface FitArguments {
  readonly ignoredResources?: readonly string[];
  readonly ignoredResourceGroups?: readonly string[];
  readonly scoringStrategy?: {
    readonly type?: string;
    readonly resources?: readonly WeightedResource[];
    readonly requestedToCapacityRatio?: { readonly shape?: readonly Point[] };
  };
}

const strategies = ['LeastAllocated', 'MostAllocated', 'RequestedToCapacityRatio'];

function validateFit({ ignoredResources, ignoredResourceGroups, scoringStrategy }: FitArguments, path: string) {
  const errors: FieldError[] = [];
  const names = (list: readonly string[] | undefined, listPath: string) => {
    for (const [i, name] of (list ?? []).entries())
      errors.push(...qualifiedName(name).map((why) => invalid(at(listPath, i), name, why)));
  };
  names(ignoredResources, child(path, 'ignoredResources'));
  const groupsPath = child(path, 'ignoredResourceGroups');
  for (const [i, group] of (ignoredResourceGroups ?? []).entries())
    if (group.includes('/')) errors.push(invalid(at(groupsPath, i), group, "resource group name can't contain '/'"));
  names(ignoredResourceGroups, groupsPath);
  if (!scoringStrategy) return errors;
  const strategyPath = child(path, 'scoringStrategy');
  const { type = 'LeastAllocated', resources: weighted = [], requestedToCapacityRatio: ratio } = scoringStrategy;
  if (!strategies.includes(type)) errors.push(notSupported(child(strategyPath, 'type'), type, strategies));
  for (const [i, { name, weight = 1 }] of weighted.entries()) {
    const detail = `resource weight of ${name} not in valid range (0, 100]`;
    if (weight <= 0 || weight > 100)
      errors.push(invalid(child(at(child(strategyPath, 'resources'), i), 'weight'), weight, detail));
  }
  const ratioPath = child(strategyPath, 'requestedToCapacityRatio');
  if (type === 'RequestedToCapacityRatio') {
    if (!ratio) errors.push(required(ratioPath, 'must be specified when type is RequestedToCapacityRatio'));
    else errors.push(...validateShapeFunction(ratio.shape ?? [], child(ratioPath, 'shape')));
  } else if (ratio) errors.push(forbidden(ratioPath, 'must be nil when type is not RequestedToCapacityRatio'));
  return errors;
}

function validateShapeFunction(points: readonly Point[], path: string): FieldError[] {
  if (points.length === 0) return [required(path, 'at least one point must be specified')];
  return points.flatMap(({ utilization = 0, score = 0 }, i) => {
    const errors: FieldError[] = [];
    const itemPath = at(path, i);
    if (i > 0 && (points[i - 1]!.utilization ?? 0) >= utilization)
      errors.push(invalid(child(itemPath, 'utilization'), utilization, 'values must be sorted in increasing order'));
    if (utilization < 0 || utilization > 100)
      errors.push(invalid(child(itemPath, 'utilization'), utilization, 'not in valid range [0, 100]'));
    if (score < 0 || score > 10) errors.push(invalid(child(itemPath, 'score'), score, 'not in valid range [0, 10]'));
    return errors;
  });
}

interface SpreadArguments {
  readonly defaultingType?: string;
  readonly defaultConstraints?: readonly Partial<TopologySpreadConstraint>[];
}

function validateSpread(
  { defaultingType, defaultConstraints: constraints = [] }: SpreadArguments,
  path: string,
): FieldError[] {
  const type = defaultingType ?? (constraints.length ? 'List' : 'System');
  const typePath = child(path, 'defaultingType');
  const errors: FieldError[] = [];
  if (type !== 'System' && type !== 'List') errors.push(notSupported(typePath, type, ['System', 'List']));
  if (type === 'System' && constraints.length)
    errors.push(invalid(typePath, type, 'when .defaultConstraints are not empty'));
  for (const [i, { maxSkew = 0, topologyKey = '', whenUnsatisfiable = '', labelSelector }] of constraints.entries()) {
    const itemPath = at(child(path, 'defaultConstraints'), i);
    if (maxSkew <= 0) errors.push(invalid(child(itemPath, 'maxSkew'), maxSkew, 'not in valid range (0, inf)'));
    const keyPath = child(itemPath, 'topologyKey');
    if (!topologyKey) errors.push(required(keyPath, 'can not be empty'));
    else errors.push(...qualifiedName(topologyKey).map((why) => invalid(keyPath, topologyKey, why)));
    const actions = ['DoNotSchedule', 'ScheduleAnyway'];
    const actionPath = child(itemPath, 'whenUnsatisfiable');
    if (!whenUnsatisfiable) errors.push(required(actionPath, 'can not be empty'));
    else if (!actions.includes(whenUnsatisfiable)) errors.push(notSupported(actionPath, whenUnsatisfiable, actions));
    if (labelSelector) {
      const detail = 'constraint must not define a selector, as they deduced for each pod';
      errors.push(forbidden(child(itemPath, 'labelSelector'), detail));
    }
    const isTwin = (other: Partial<TopologySpreadConstraint>) =>
      other.topologyKey === topologyKey && other.whenUnsatisfiable === whenUnsatisfiable;
    if (constraints.findIndex(isTwin) < i) errors.push(duplicate(itemPath, `{${topologyKey}, ${whenUnsatisfiable}}`));
  }
  return errors;
}
