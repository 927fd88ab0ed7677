/**
 * The scheduling framework: upstream's extension points (KEP-624), as one interface that plugins implement in part.
 *
 * A scheduling cycle is synchronous: nothing changes under it, so plugins read the cache itself and no snapshot is made.
 * Only what follows the decision (permit, preBind, bind) may wait.
 */
import type { KindRef, KubeObject, Shared } from '../api/kind.ts';
import type { Pod } from '../api/types/core-v1.ts';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/log.ts';
import type { MetricsRegistry } from '../base/metrics.ts';
import type { Random } from '../base/random.ts';
import type { Client } from '../client/client.ts';
import type { EventRecorder } from '../client/events.ts';
import type { InformerSet, Lister } from '../client/informer.ts';
import type { SchedulerCache } from './cache.ts';
import type { Devices } from './devices/devices.ts';
import type { NodeInfo } from './node-info.ts';
import type { NodeVerdicts } from './node-verdicts.ts';
import type { Nominator } from './nominator.ts';

/**
 * Why a pod does not fit. `Unschedulable` may be mended by removing pods (preemption), `UnresolvableUnschedulable` may
 * not; `Wait` holds the pod in permit; `Skip` leaves the plugin out of the rest of the cycle.
 */
export interface Verdict {
  readonly code: 'Unschedulable' | 'UnschedulableAndUnresolvable' | 'Wait' | 'Skip' | 'Error';
  readonly plugin: string;
  /** In upstream's words: `Insufficient cpu`, `node(s) had untolerated taint {…}`. */
  readonly reasons: readonly string[];
  /** How long a `Wait` lasts before it becomes a refusal. */
  readonly timeoutMs?: number;
}

/** undefined is success: made explicit by the name. */
export const success = undefined;
export type MaybeVerdict = Verdict | typeof success;

/** What plugins keep between the extension points of one cycle, by their own key. */
export type CycleState = Map<string, unknown>;

/** A change in the cluster that may make an unschedulable pod schedulable. */
export interface ClusterEvent {
  readonly kind: string;
  readonly action: 'add' | 'update' | 'delete';
  readonly object: Shared<KubeObject>;
  readonly old?: Shared<KubeObject>;
}

/** What plugins are made with. */
export interface SchedulerEnvironment {
  readonly client: Client;
  readonly informers: InformerSet;
  lister<T extends KubeObject>(kind: KindRef<T>): Lister<T>;
  readonly cache: SchedulerCache;
  readonly nominator: Nominator;
  readonly devices: Devices;
  readonly events: EventRecorder;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: MetricsRegistry;
  /** The plugin's arguments from the profile's pluginConfig. */
  readonly args: Readonly<Record<string, unknown>>;
  /** The profile's framework, for plugins that run others' filters (preemption). */
  readonly framework: () => Framework;
}

export interface PreFilterResult {
  /** Only these nodes need to be looked at. */
  readonly nodeNames?: ReadonlySet<string>;
}

/** A plugin at work. Every method is optional; the verdict undefined means success. */
export interface RunningPlugin {
  /** Before the pod enters the active queue; a refusal keeps it out until an event. */
  preEnqueue?(pod: Shared<Pod>): MaybeVerdict;
  /** Events that may help a pod that this plugin refused; without it every event of `events` does. */
  helps?(event: ClusterEvent, pod: Shared<Pod>): boolean;
  /** Asked once for each event of `events`, before the pods: false when it can help none of them. */
  concerns?(event: ClusterEvent): boolean;
  preFilter?(state: CycleState, pod: Shared<Pod>): PreFilterResult | Verdict | undefined;
  /** For preemption's what-if: the prefilter state as if a pod were added to or taken from a node. */
  addPod?(state: CycleState, pod: Shared<Pod>, added: Shared<Pod>, node: NodeInfo): void;
  removePod?(state: CycleState, pod: Shared<Pod>, removed: Shared<Pod>, node: NodeInfo): void;
  filter?(state: CycleState, pod: Shared<Pod>, node: NodeInfo): MaybeVerdict;
  /** When no node fits; returns a node to nominate. */
  postFilter?(
    state: CycleState,
    pod: Shared<Pod>,
    verdicts: NodeVerdicts,
  ): Promise<{ nominatedNode?: string; message?: string } | undefined>;
  preScore?(state: CycleState, pod: Shared<Pod>, nodes: readonly NodeInfo[]): Verdict | undefined;
  /** 0 to 100, or any number when the plugin normalises. */
  score?(state: CycleState, pod: Shared<Pod>, node: NodeInfo): number;
  normalize?(state: CycleState, pod: Shared<Pod>, nodes: readonly NodeInfo[], scores: Float64Array): void;
  reserve?(state: CycleState, pod: Shared<Pod>, nodeName: string): MaybeVerdict;
  unreserve?(state: CycleState, pod: Shared<Pod>, nodeName: string): void | Promise<void>;
  permit?(state: CycleState, pod: Shared<Pod>, nodeName: string): MaybeVerdict;
  preBind?(state: CycleState, pod: Shared<Pod>, nodeName: string): Promise<MaybeVerdict>;
  /** True when this plugin has bound the pod. */
  bind?(state: CycleState, pod: Shared<Pod>, nodeName: string): Promise<boolean>;
  postBind?(state: CycleState, pod: Shared<Pod>, nodeName: string): void;
}

export interface SchedulerPlugin {
  /** Upstream's name: `NodeResourcesFit`. */
  readonly name: string;
  /** Position among the plugins of an extension point; upstream's default order. */
  readonly order: number;
  /** Weight of its score in the default profile. */
  readonly weight?: number;
  readonly enabledByDefault: boolean;
  /**
   * Its filter, and its score unless it normalises, depends on nothing but the node's own info and the pod's requests, host ports, node name, node selector,
   * required node affinity and tolerations, so that an answer holds until the node changes.
   */
  readonly nodeLocal?: boolean;
  /** Kinds and actions whose events may help a pod that it refused. */
  readonly events: readonly { readonly kind: string; readonly actions: readonly ClusterEvent['action'][] }[];
  create(environment: SchedulerEnvironment): RunningPlugin;
}

/** Defines a scheduler plugin; the generated list of them makes the default profile. */
export function defineSchedulerPlugin(plugin: SchedulerPlugin): SchedulerPlugin {
  return plugin;
}

export interface ActivePlugin {
  readonly definition: SchedulerPlugin;
  readonly running: RunningPlugin;
  readonly weight: number;
}

/** One profile's plugins, sorted into their extension points. */
export interface Framework {
  readonly schedulerName: string;
  readonly plugins: readonly ActivePlugin[];
  readonly preEnqueue: readonly ActivePlugin[];
  readonly preFilter: readonly ActivePlugin[];
  readonly filter: readonly ActivePlugin[];
  readonly postFilter: readonly ActivePlugin[];
  readonly preScore: readonly ActivePlugin[];
  readonly score: readonly ActivePlugin[];
  readonly reserve: readonly ActivePlugin[];
  readonly permit: readonly ActivePlugin[];
  readonly preBind: readonly ActivePlugin[];
  readonly bind: readonly ActivePlugin[];
  readonly postBind: readonly ActivePlugin[];
}

/** A profile of the KubeSchedulerConfiguration. */
export interface SchedulerProfile {
  readonly schedulerName: string;
  /** Names switched off; `*` for all that are not in `enable`. */
  readonly disable?: readonly string[];
  readonly enable?: readonly { readonly name: string; readonly weight?: number }[];
  readonly pluginArgs?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

/** Builds a profile's framework from the plugins there are. */
export function createFramework(
  profile: SchedulerProfile,
  available: readonly SchedulerPlugin[],
  environment: Omit<SchedulerEnvironment, 'args' | 'framework'>,
): Framework {
  const enabled = new Map(profile.enable?.map((e) => [e.name, e.weight]) ?? []);
  const disabled = new Set(profile.disable ?? []);
  const unknown = [...enabled.keys(), ...disabled].find(
    (name) => name !== '*' && !available.some((p) => p.name === name),
  );
  if (unknown) throw new Error(`scheduler profile ${profile.schedulerName}: there is no plugin "${unknown}"`);
  let framework: Framework | undefined;
  const plugins = available
    .filter((p) => enabled.has(p.name) || (p.enabledByDefault && !disabled.has(p.name) && !disabled.has('*')))
    .toSorted((a, b) => a.order - b.order)
    .map(
      (definition): ActivePlugin => ({
        definition,
        weight: enabled.get(definition.name) ?? definition.weight ?? 0,
        running: definition.create({
          ...environment,
          args: profile.pluginArgs?.[definition.name] ?? {},
          framework: () => framework!,
        }),
      }),
    );
  const having = (point: keyof RunningPlugin) => plugins.filter((p) => p.running[point] !== undefined);
  framework = {
    schedulerName: profile.schedulerName,
    plugins,
    preEnqueue: having('preEnqueue'),
    preFilter: having('preFilter'),
    filter: having('filter'),
    postFilter: having('postFilter'),
    preScore: having('preScore'),
    score: having('score').filter((p) => p.weight > 0),
    reserve: having('reserve'),
    permit: having('permit'),
    preBind: having('preBind'),
    bind: having('bind'),
    postBind: having('postBind'),
  };
  return framework;
}

/** A refusal by a plugin. */
export const unschedulable = (plugin: string, ...reasons: string[]): Verdict => ({
  code: 'Unschedulable',
  plugin,
  reasons,
});
/** A refusal that no preemption can mend. */
export const unresolvable = (plugin: string, ...reasons: string[]): Verdict => ({
  code: 'UnschedulableAndUnresolvable',
  plugin,
  reasons,
});
/** The plugin has nothing to say about this pod. */
export const skip = (plugin: string): Verdict => ({ code: 'Skip', plugin, reasons: [] });
