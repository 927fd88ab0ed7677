/** One scheduling cycle: from a pod to the node it should run on, or to the reasons why there is none. */
import type { Shared } from '../api/kind.ts';
import type { Pod } from '../api/types/core-v1.ts';
import type { Random } from '../base/random.ts';
import type { SchedulerCache } from './cache.ts';
import type { CycleState, Framework, Verdict } from './framework.ts';
import { type NodeInfo, podInfo } from './node-info.ts';

export interface Placement {
  readonly kind: 'placed';
  readonly nodeName: string;
  readonly state: CycleState;
}

export interface Refusal {
  readonly kind: 'refused';
  readonly state: CycleState;
  /** By node; empty when the pod was refused for all nodes together. */
  readonly verdicts: ReadonlyMap<string, Verdict>;
  readonly refusedBy: ReadonlySet<string>;
  /** `0/5 nodes are available: 3 Insufficient cpu, …` */
  readonly message: string;
}

export interface CycleOptions {
  readonly cache: SchedulerCache;
  readonly random: Random;
  /** Percentage of nodes after which the search for feasible ones ends; 0 adapts to the number of nodes. */
  readonly percentageOfNodesToScore: number;
  /** Where the last search ended, so that all nodes get their turn. */
  readonly cursor: { next: number };
  /** Pods nominated to a node by preemption, of at least the pod's priority: their room is taken. */
  nominated(nodeName: string, pod: Shared<Pod>): readonly Shared<Pod>[];
}

const minFeasibleNodes = 100;

/** Upstream's numFeasibleNodesToFind. */
export function feasibleNodesToFind(nodeCount: number, percentage: number): number {
  if (nodeCount < minFeasibleNodes) return nodeCount;
  const share = percentage > 0 ? percentage : Math.max(5, Math.floor(50 - nodeCount / 125));
  if (share >= 100) return nodeCount;
  return Math.max(minFeasibleNodes, Math.floor((nodeCount * share) / 100));
}

/** Finds the node for a pod. */
export function scheduleOne(framework: Framework, pod: Shared<Pod>, options: CycleOptions): Placement | Refusal {
  const state: CycleState = new Map();
  const all = options.cache.nodes();
  const skipped = new Set<string>();
  let candidates: readonly NodeInfo[] = all;

  for (const { definition, running } of framework.preFilter) {
    const result = running.preFilter!(state, pod);
    if (!result) continue;
    if ('code' in result) {
      if (result.code === 'Skip') {
        skipped.add(definition.name);
        continue;
      }
      return refusal(state, new Map(), result, all.length, options.cache);
    }
    if (result.nodeNames) {
      const names = result.nodeNames;
      candidates =
        candidates.length === all.length
          ? [...names].flatMap((name) => options.cache.node(name) ?? [])
          : candidates.filter((n) => names.has(n.name));
    }
  }
  state.set('skipped', skipped);

  const filters = framework.filter.filter((p) => !skipped.has(p.definition.name)).map((p) => p.running);
  const verdicts = new Map<string, Verdict>();
  const feasible: NodeInfo[] = [];
  const wanted =
    candidates.length === all.length
      ? feasibleNodesToFind(all.length, options.percentageOfNodesToScore)
      : candidates.length;
  const start = candidates.length === all.length && all.length > 0 ? options.cursor.next % all.length : 0;
  let looked = 0;
  for (; looked < candidates.length && feasible.length < wanted; looked++) {
    const node = candidates[(start + looked) % candidates.length]!;
    const nominated = options.nominated(node.name, pod);
    const verdict = nominated.length
      ? filterWithNominated(framework, state, pod, node, nominated)
      : runFilters(filters, state, pod, node);
    if (verdict) verdicts.set(node.name, verdict);
    else feasible.push(node);
  }
  if (candidates.length === all.length && all.length > 0) options.cursor.next = (start + looked) % all.length;

  if (feasible.length === 0) return refusal(state, verdicts, undefined, all.length, options.cache);
  if (feasible.length === 1) return { kind: 'placed', nodeName: feasible[0]!.name, state };
  return { kind: 'placed', nodeName: bestNode(framework, state, pod, feasible, options.random).name, state };
}

/** The first refusal of a node, or undefined when it fits. */
export function runFilters(
  filters: readonly { filter?(state: CycleState, pod: Shared<Pod>, node: NodeInfo): Verdict | undefined }[],
  state: CycleState,
  pod: Shared<Pod>,
  node: NodeInfo,
): Verdict | undefined {
  for (let i = 0; i < filters.length; i++) {
    const verdict = filters[i]!.filter!(state, pod, node);
    if (verdict) return verdict;
  }
  return undefined;
}

/** A node must fit both with the pods nominated to it and without them, as they may never come. */
function filterWithNominated(
  framework: Framework,
  state: CycleState,
  pod: Shared<Pod>,
  node: NodeInfo,
  nominated: readonly Shared<Pod>[],
): Verdict | undefined {
  const skipped = state.get('skipped') as ReadonlySet<string>;
  const filters = framework.filter.filter((p) => !skipped.has(p.definition.name)).map((p) => p.running);
  const without = runFilters(filters, state, pod, node);
  if (without) return without;
  const crowded = node.clone();
  for (const other of nominated) {
    crowded.addPod(podInfo(other));
    for (const p of framework.preFilter)
      if (!skipped.has(p.definition.name)) p.running.addPod?.(state, pod, other, crowded);
  }
  const verdict = runFilters(filters, state, pod, crowded);
  for (const other of nominated)
    for (const p of framework.preFilter)
      if (!skipped.has(p.definition.name)) p.running.removePod?.(state, pod, other, crowded);
  return verdict;
}

function bestNode(
  framework: Framework,
  state: CycleState,
  pod: Shared<Pod>,
  nodes: readonly NodeInfo[],
  random: Random,
): NodeInfo {
  const skipped = new Set<string>();
  for (const { definition, running } of framework.preScore)
    if (running.preScore!(state, pod, nodes)?.code === 'Skip') skipped.add(definition.name);
  const totals = new Float64Array(nodes.length);
  const scores = new Float64Array(nodes.length);
  for (const { definition, running, weight } of framework.score) {
    if (skipped.has(definition.name)) continue;
    for (let i = 0; i < nodes.length; i++) scores[i] = running.score!(state, pod, nodes[i]!);
    running.normalize?.(state, pod, nodes, scores);
    for (let i = 0; i < nodes.length; i++) totals[i]! += scores[i]! * weight;
  }
  // Among equals one is drawn at random (reservoir sampling), as upstream does.
  let best = 0;
  let equals = 1;
  for (let i = 1; i < nodes.length; i++) {
    if (totals[i]! > totals[best]!) {
      best = i;
      equals = 1;
    } else if (totals[i] === totals[best] && random.below(++equals) === 0) best = i;
  }
  return nodes[best]!;
}

function refusal(
  state: CycleState,
  verdicts: ReadonlyMap<string, Verdict>,
  global: Verdict | undefined,
  nodeCount: number,
  cache: SchedulerCache,
): Refusal {
  const refusedBy = new Set<string>();
  if (global) refusedBy.add(global.plugin);
  for (const verdict of verdicts.values()) refusedBy.add(verdict.plugin);
  let byNode: ReadonlyMap<string, Verdict> = verdicts;
  if (global) byNode = new Map(cache.nodes().map((n) => [n.name, global]));
  return { kind: 'refused', state, verdicts: byNode, refusedBy, message: describeRefusal(verdicts, global, nodeCount) };
}

/** `0/5 nodes are available: 1 Insufficient cpu, 3 node(s) had untolerated taint(s).` in upstream's form and order. */
export function describeRefusal(
  verdicts: ReadonlyMap<string, Verdict>,
  global: Verdict | undefined,
  nodeCount: number,
): string {
  if (nodeCount === 0) return 'no nodes available to schedule pods';
  const head = `0/${nodeCount} nodes are available`;
  if (global) return `${head}: ${global.reasons.join(', ')}.`;
  const counts = new Map<string, number>();
  for (const verdict of verdicts.values())
    for (const reason of verdict.reasons) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  const parts = [...counts].map(([reason, count]) => `${count} ${reason}`).sort();
  return parts.length ? `${head}: ${parts.join(', ')}.` : `${head}.`;
}
