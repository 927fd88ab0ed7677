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
import type { Extenders } from './extenders/extenders.ts';
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
  /** Asked when pods are to be removed for another. */
  readonly extenders?: Extenders;
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
  /** When no node fits; returns a node to nominate, or null when there is none any more. */
  postFilter?(
    state: CycleState,
    pod: Shared<Pod>,
    verdicts: NodeVerdicts,
  ): Promise<{ nominatedNode?: string | null; message?: string } | undefined>;
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

/** Where plugins take part, in the order of a cycle. */
export const extensionPoints = [
  'preEnqueue',
  'preFilter',
  'filter',
  'postFilter',
  'preScore',
  'score',
  'reserve',
  'permit',
  'preBind',
  'bind',
  'postBind',
] as const;
export type ExtensionPoint = (typeof extensionPoints)[number];

/** One profile's plugins, sorted into their extension points. */
export interface Framework extends Readonly<Record<ExtensionPoint, readonly ActivePlugin[]>> {
  readonly schedulerName: string;
  /** Of the nodes, how many are looked at for the best; undefined for what holds for all profiles. */
  readonly percentageOfNodesToScore: number | undefined;
  readonly plugins: readonly ActivePlugin[];
}

/** What a profile switches on and off; `*` for all that it does not switch on itself. */
export interface PluginSet {
  readonly enabled?: readonly { readonly name: string; readonly weight?: number }[];
  readonly disabled?: readonly { readonly name: string }[];
}

/** By extension point; `multiPoint` for all the points that a plugin has. */
export type PluginSets = Readonly<Partial<Record<ExtensionPoint | 'multiPoint', PluginSet>>>;

/** A profile of the KubeSchedulerConfiguration. */
export interface SchedulerProfile {
  readonly schedulerName: string;
  readonly percentageOfNodesToScore?: number;
  readonly plugins?: PluginSets;
  readonly pluginArgs?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

interface Choice {
  readonly name: string;
  readonly weight: number | undefined;
}

const switchesOff = ({ disabled = [] }: PluginSet, name: string) =>
  disabled.some((one) => one.name === name || one.name === '*');

/** The plugins that run at all their points: the default ones as the profile changes them, then its own. */
function chooseMultiPoint(available: readonly SchedulerPlugin[], given: PluginSet = {}): Choice[] {
  const enabled = new Map(given.enabled?.map(({ name, weight }) => [name, weight]));
  const defaults = available
    .filter((plugin) => plugin.enabledByDefault && !switchesOff(given, plugin.name))
    .toSorted((a, b) => a.order - b.order)
    .map(({ name, weight }) => ({ name, weight: enabled.get(name) ?? weight }));
  const further = [...enabled].filter(([name]) => !defaults.some((one) => one.name === name));
  return [...defaults, ...further.map(([name, weight]) => ({ name, weight }))];
}

/** The plugins of one point: those of both sets first, in the point's order, then the rest of each. */
function chooseAt(multiPoint: readonly Choice[], given: PluginSet = {}): Choice[] {
  const own = (given.enabled ?? []).map(({ name, weight }) => ({ name, weight }));
  const isIn = (list: readonly Choice[]) => (one: Choice) => list.some(({ name }) => name === one.name);
  const both = own.filter(isIn(multiPoint)).map((one) => ({
    ...one,
    weight: one.weight ?? multiPoint.find(({ name }) => name === one.name)?.weight,
  }));
  const rest = multiPoint.filter((one) => !isIn(own)(one) && !switchesOff(given, one.name));
  return [...both, ...rest, ...own.filter((one) => !isIn(multiPoint)(one))];
}

/** Stands for the extenders: whom they refuse, any change of nodes and of placed pods may help. */
const asksAgain: ActivePlugin = {
  definition: {
    name: 'Extender',
    order: 0,
    enabledByDefault: false,
    events: [
      { kind: 'Node', actions: ['add', 'update', 'delete'] },
      { kind: 'Pod', actions: ['add', 'update', 'delete'] },
    ],
    create: () => ({}),
  },
  running: {},
  weight: 0,
};

/** Names of the plugins that a profile wants at an extension point, whether they have it or not. */
export const namesAt = (sets: PluginSets, available: readonly SchedulerPlugin[], point: ExtensionPoint): string[] =>
  chooseAt(chooseMultiPoint(available, sets.multiPoint), sets[point]).map(({ name }) => name);

/** Builds a profile's framework from the plugins there are; names that are not among them are passed over. */
export function createFramework(
  profile: SchedulerProfile,
  available: readonly SchedulerPlugin[],
  environment: Omit<SchedulerEnvironment, 'args' | 'framework'>,
): Framework {
  const { plugins: sets = {}, pluginArgs = {} } = profile;
  let framework: Framework | undefined;
  const running = new Map<string, Omit<ActivePlugin, 'weight'>>();
  const run = (name: string) => {
    const definition = available.find((plugin) => plugin.name === name);
    let plugin = running.get(name);
    if (!plugin && definition) {
      const args = pluginArgs[name] ?? {};
      plugin = { definition, running: definition.create({ ...environment, args, framework: () => framework! }) };
      running.set(name, plugin);
    }
    return plugin;
  };
  const multiPoint = chooseMultiPoint(available, sets.multiPoint);
  const plugins = new Map<string, ActivePlugin>();
  const at = (point: ExtensionPoint): ActivePlugin[] =>
    chooseAt(multiPoint, sets[point]).flatMap(({ name, weight }) => {
      const plugin = run(name);
      if (!plugin || plugin.running[point] === undefined) return [];
      // What has no weight of its own counts once.
      const active = { ...plugin, weight: weight || 1 };
      const known = plugins.get(name);
      if (point === 'score' || !known) plugins.set(name, active);
      return [point === 'score' || !known ? active : known];
    });
  const points = Object.fromEntries(extensionPoints.map((point) => [point, at(point)])) as Record<
    ExtensionPoint,
    ActivePlugin[]
  >;
  framework = {
    schedulerName: profile.schedulerName,
    percentageOfNodesToScore: profile.percentageOfNodesToScore,
    plugins: [...plugins.values(), ...(environment.extenders ? [asksAgain] : [])],
    ...points,
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
