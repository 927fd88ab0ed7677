/** Profiles: which plugins run at which extension points, with which arguments. */
import {
  at,
  child,
  duplicate,
  type FieldError,
  invalid,
  notSupported,
  required,
} from '../../api/machinery/field-error.ts';
import {
  type ExtensionPoint,
  extensionPoints,
  namesAt,
  type PluginSet,
  type PluginSets,
  type SchedulerProfile,
} from '../framework.ts';
import { pointsOf } from '../plugin-points.ts';
import { builtinSchedulerPlugins } from '../plugins.gen.ts';
import { validateArguments } from './plugin-arguments.ts';
import type { Shape } from './shape.ts';

export interface GivenProfile {
  readonly schedulerName?: string;
  readonly percentageOfNodesToScore?: number;
  readonly plugins?: PluginSets & { readonly queueSort?: PluginSet };
  readonly pluginConfig?: readonly { readonly name?: string; readonly args?: Readonly<Record<string, unknown>> }[];
}

const plugin: Shape = { fields: { name: 'string', weight: 'integer' } };
const set: Shape = { fields: { enabled: { list: plugin }, disabled: { list: plugin } } };

export const profileShape: Shape = {
  fields: {
    schedulerName: 'string',
    percentageOfNodesToScore: 'integer',
    plugins: { fields: Object.fromEntries(['multiPoint', 'queueSort', ...extensionPoints].map((name) => [name, set])) },
    pluginConfig: { list: { fields: { name: 'string', args: 'any' } } },
  },
};

/** The order of the queue is built in: by priority, then by age. */
const queueSorter = 'PrioritySort';
const removed = ['AzureDiskLimits', 'CinderLimits', 'EBSLimits', 'GCEPDLimits'];
const version = 'kubescheduler.config.k8s.io/v1';
const known = new Map(builtinSchedulerPlugins.map((one) => [one.name, one]));

export function validatePercentage(percentage: number | undefined, path: string): FieldError[] {
  if (percentage === undefined || (percentage >= 0 && percentage <= 100)) return [];
  return [invalid(path, percentage, 'not in valid range [0-100]')];
}

/** Upstream's rules for profiles. */
export function validateProfiles(profiles: readonly GivenProfile[], path: string): FieldError[] {
  const errors: FieldError[] = [];
  for (const [i, profile] of profiles.entries()) {
    const itemPath = at(path, i);
    const { schedulerName = 'default-scheduler', plugins = {}, pluginConfig = [] } = profile;
    const namePath = child(itemPath, 'schedulerName');
    if (!schedulerName) errors.push(required(namePath));
    const first = profiles.findIndex((other) => (other.schedulerName ?? 'default-scheduler') === schedulerName);
    if (first < i) errors.push(duplicate(namePath, child(at(path, first), 'schedulerName')));
    errors.push(...validatePercentage(profile.percentageOfNodesToScore, child(itemPath, 'percentageOfNodesToScore')));
    for (const [point, pluginSet] of Object.entries(plugins))
      errors.push(...validateSet(point, pluginSet, child(child(itemPath, 'plugins'), point)));
    const binders = namesAt(plugins, builtinSchedulerPlugins, 'bind').filter((name) => hasPoint(name, 'bind'));
    if (binders.length === 0) {
      const detail = `at least one bind plugin is needed for profile with scheduler name "${schedulerName}"`;
      errors.push(required(child(itemPath, 'plugins.bind'), detail));
    }
    for (const [j, { name = '', args }] of pluginConfig.entries()) {
      const configPath = at(child(itemPath, 'pluginConfig'), j);
      if (pluginConfig.findIndex((other) => other.name === name) < j) errors.push(duplicate(configPath, name));
      if (removed.includes(name)) errors.push(invalid(configPath, name, wasRemoved));
      else errors.push(...validateName(name, child(configPath, 'name')));
      errors.push(...validateArguments(name, args, child(configPath, 'args')));
    }
  }
  return errors;
}

function hasPoint(name: string, point: ExtensionPoint): boolean {
  const definition = known.get(name);
  return definition !== undefined && pointsOf(definition).includes(point);
}

const wasRemoved = `was invalid in version "${version}" (KubeSchedulerConfiguration is version "${version}")`;

function validateName(name: string, path: string): FieldError[] {
  if (name === queueSorter || known.has(name)) return [];
  return [notSupported(path, name, [...known.keys()].sort())];
}

function validateSet(point: string, { enabled = [], disabled = [] }: PluginSet, path: string): FieldError[] {
  const errors: FieldError[] = [];
  for (const [i, { name }] of enabled.entries()) {
    const itemPath = at(child(path, 'enabled'), i);
    if (removed.includes(name)) {
      errors.push(invalid(itemPath, name, wasRemoved));
      continue;
    }
    const unknown = validateName(name, child(itemPath, 'name'));
    errors.push(...unknown);
    if (enabled.findIndex((other) => other.name === name) < i) errors.push(duplicate(child(itemPath, 'name'), name));
    if (unknown.length > 0 || point === 'multiPoint') continue;
    const definition = known.get(name);
    const points: readonly string[] = definition ? pointsOf(definition) : ['queueSort'];
    if (!points.includes(point))
      errors.push(
        invalid(child(itemPath, 'name'), name, `the plugin does not extend ${point}; it has ${points.join(', ')}`),
      );
  }
  for (const [i, { name }] of disabled.entries())
    if (name !== '*' && !removed.includes(name))
      errors.push(...validateName(name, child(at(child(path, 'disabled'), i), 'name')));
  return errors;
}

/** A profile as the framework takes it. */
export function profileOf({
  schedulerName = 'default-scheduler',
  percentageOfNodesToScore,
  plugins: { queueSort: _, ...plugins } = {},
  pluginConfig = [],
}: GivenProfile): SchedulerProfile {
  return {
    schedulerName,
    plugins,
    pluginArgs: Object.fromEntries(pluginConfig.map(({ name, args }) => [name!, args ?? {}])),
    ...(percentageOfNodesToScore === undefined ? {} : { percentageOfNodesToScore }),
  };
}
