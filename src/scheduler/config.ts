/** A KubeSchedulerConfiguration (kubescheduler.config.k8s.io/v1) as the scheduler takes it. */
import { parse } from 'yaml';
import type { SchedulerProfile } from './framework.ts';

/** Settings of the scheduler. */
export interface SchedulerConfig {
  /** One profile named default-scheduler when absent. */
  readonly profiles?: readonly SchedulerProfile[];
  /** 0 adapts to the number of nodes. */
  readonly percentageOfNodesToScore?: number;
  readonly podInitialBackoffSeconds?: number;
  readonly podMaxBackoffSeconds?: number;
}

interface PluginSet {
  readonly enabled?: readonly { readonly name: string; readonly weight?: number }[];
  readonly disabled?: readonly { readonly name: string }[];
}

interface GivenProfile {
  readonly schedulerName?: string;
  readonly plugins?: Readonly<Record<string, PluginSet>>;
  readonly pluginConfig?: readonly { readonly name: string; readonly args?: Readonly<Record<string, unknown>> }[];
}

interface Given {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly profiles?: readonly GivenProfile[];
  readonly percentageOfNodesToScore?: number;
  readonly podInitialBackoffSeconds?: number;
  readonly podMaxBackoffSeconds?: number;
}

export class SchedulerConfigError extends Error {
  override readonly name = 'SchedulerConfigError';
}

/**
 * Reads a configuration file's text. A plugin is switched off when `multiPoint` disables it, or any of its extension points
 * does; weights come from `multiPoint` or `score`. Throws SchedulerConfigError for what it cannot follow.
 */
export function parseSchedulerConfig(text: string): SchedulerConfig {
  const given = (parse(text) ?? {}) as Given;
  if (given.kind !== 'KubeSchedulerConfiguration' || given.apiVersion !== 'kubescheduler.config.k8s.io/v1')
    throw new SchedulerConfigError(
      `the scheduler's configuration is ${given.apiVersion ?? '(no apiVersion)'} ${given.kind ?? '(no kind)'}; kubescheduler.config.k8s.io/v1 KubeSchedulerConfiguration is known`,
    );
  const profiles = given.profiles?.map(profileOf);
  const names = profiles?.map((profile) => profile.schedulerName) ?? [];
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) throw new SchedulerConfigError(`two profiles have the schedulerName "${twice}"`);
  const percentage = given.percentageOfNodesToScore;
  if (percentage !== undefined && !(percentage >= 0 && percentage <= 100))
    throw new SchedulerConfigError(`percentageOfNodesToScore is ${percentage}; it must be between 0 and 100`);
  const { podInitialBackoffSeconds: initial = 1, podMaxBackoffSeconds: max = 10 } = given;
  if (initial <= 0 || max < initial)
    throw new SchedulerConfigError(
      `podInitialBackoffSeconds (${initial}) must be above 0 and not above podMaxBackoffSeconds (${max})`,
    );
  return {
    ...(profiles?.length ? { profiles } : {}),
    ...(percentage === undefined ? {} : { percentageOfNodesToScore: percentage }),
    podInitialBackoffSeconds: initial,
    podMaxBackoffSeconds: max,
  };
}

function profileOf({
  schedulerName = 'default-scheduler',
  plugins = {},
  pluginConfig = [],
}: GivenProfile): SchedulerProfile {
  const disable = new Set<string>();
  const enable = new Map<string, number | undefined>();
  for (const [point, set] of Object.entries(plugins)) {
    for (const { name } of set.disabled ?? []) if (name !== '*' || point === 'multiPoint') disable.add(name);
    for (const { name, weight } of set.enabled ?? [])
      enable.set(name, point === 'score' || point === 'multiPoint' ? (weight ?? enable.get(name)) : enable.get(name));
  }
  return {
    schedulerName,
    disable: [...disable],
    enable: [...enable].map(([name, weight]) => ({ name, ...(weight === undefined ? {} : { weight }) })),
    pluginArgs: Object.fromEntries(pluginConfig.map(({ name, args = {} }) => [name, args])),
  };
}
