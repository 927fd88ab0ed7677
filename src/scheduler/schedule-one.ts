/** One scheduling cycle: from a pod to the node it should run on, or to the reasons why there is none. */
import type { Shared } from '../api/kind.ts';
import type { Pod } from '../api/types/core-v1.ts';
import type { Random } from '../base/random.ts';
import type { SchedulerCache } from './cache.ts';
import type { Extenders } from './extenders/extenders.ts';
import { type FilterMemo, filterQuestion, questionNumber } from './filter-memo.ts';
import type { CycleState, Framework, RunningPlugin, Verdict } from './framework.ts';
import { type NodeInfo, podInfo } from './node-info.ts';
import { NodeVerdicts } from './node-verdicts.ts';
import type { Nominator } from './nominator.ts';

export interface Placement {
  readonly kind: 'placed';
  readonly nodeName: string;
  readonly state: CycleState;
}

export interface Refusal {
  readonly kind: 'refused';
  readonly state: CycleState;
  /** Of the nodes that were looked at; the same for all when the pod was refused for all nodes together. */
  readonly verdicts: NodeVerdicts;
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
  readonly nominator: Nominator;
  readonly memo: FilterMemo;
}

const minFeasibleNodes = 100;

/** Upstream's numFeasibleNodesToFind. */
export function feasibleNodesToFind(nodeCount: number, percentage: number): number {
  if (nodeCount < minFeasibleNodes) return nodeCount;
  const share = percentage > 0 ? percentage : Math.max(5, Math.floor(50 - nodeCount / 125));
  if (share >= 100) return nodeCount;
  return Math.max(minFeasibleNodes, Math.floor((nodeCount * share) / 100));
}

/** The nodes that a pod fits on, among which the best is still to be found. */
export interface Fitting {
  readonly kind: 'fitting';
  readonly state: CycleState;
  readonly nodes: readonly NodeInfo[];
  readonly verdicts: NodeVerdicts;
}

/** Finds the node for a pod. */
export function scheduleOne(framework: Framework, pod: Shared<Pod>, options: CycleOptions): Placement | Refusal {
  const found = findFitting(framework, pod, options);
  return found.kind === 'refused' ? found : chooseNode(framework, pod, found, options);
}

/** The same for a pod that extenders have a say about. */
export async function scheduleExtended(
  framework: Framework,
  pod: Shared<Pod>,
  options: CycleOptions & { readonly extenders: Extenders },
): Promise<Placement | Refusal> {
  const found = findFitting(framework, pod, options);
  if (found.kind === 'refused') return found;
  const { state, verdicts } = found;
  const nodes = await options.extenders.filter(pod, found.nodes, verdicts);
  if (nodes.length === 0) return refusal(state, verdicts, undefined, options.cache.nodeCount);
  if (nodes.length === 1) return { kind: 'placed', nodeName: nodes[0]!.name, state };
  const scores = await options.extenders.scores(pod, nodes);
  return chooseNode(framework, pod, { ...found, nodes }, options, scores);
}

/** The best of the nodes that fit. */
function chooseNode(
  framework: Framework,
  pod: Shared<Pod>,
  { state, nodes }: Fitting,
  { random }: CycleOptions,
  further?: Float64Array,
): Placement {
  const [only] = nodes;
  const node = nodes.length === 1 ? only! : bestNode(framework, state, pod, nodes, random, further);
  return { kind: 'placed', nodeName: node.name, state };
}

function findFitting(framework: Framework, pod: Shared<Pod>, options: CycleOptions): Fitting | Refusal {
  const state: CycleState = new Map();
  const all = options.cache.nodes();
  const skipped = new Set<string>();
  state.set('skipped', skipped);
  let candidates: readonly NodeInfo[] = all;

  for (const { definition, running } of framework.preFilter) {
    const result = running.preFilter!(state, pod);
    if (!result) continue;
    if ('code' in result) {
      if (result.code === 'Skip') {
        skipped.add(definition.name);
        continue;
      }
      return refusal(state, NodeVerdicts.forAll(all, result), result, all.length);
    }
    if (result.nodeNames) {
      const names = result.nodeNames;
      candidates =
        candidates === all
          ? [...names].flatMap((name) => options.cache.node(name) ?? [])
          : candidates.filter((n) => names.has(n.name));
    }
  }

  const active = framework.filter.filter((p) => !skipped.has(p.definition.name));
  const filters = active.map((p) => p.running);
  const { nominator } = options;

  // A pod that preemption made room for goes there if it still can.
  const promised = nominator.nodeOf(pod);
  const promisedNode = promised === undefined ? undefined : options.cache.node(promised);
  if (
    promisedNode &&
    candidates.includes(promisedNode) &&
    !filterNode(framework, state, { pod, node: promisedNode, filters, nominator })
  )
    return { kind: 'fitting', nodes: [promisedNode], verdicts: new NodeVerdicts(candidates), state };

  const verdicts = new NodeVerdicts(candidates);
  const feasible: NodeInfo[] = [];
  const everywhere = candidates === all;
  const wanted = everywhere ? feasibleNodesToFind(all.length, options.percentageOfNodesToScore) : candidates.length;
  const start = everywhere && all.length > 0 ? options.cursor.next % all.length : 0;
  const remembers = everywhere && all.length >= memoFromNodes && active.every((p) => p.definition.nodeLocal);
  const question = remembers ? `${framework.schedulerName} ${filterQuestion(pod)}` : '';
  const answers = remembers ? options.memo.answers(question, all) : undefined;
  const crowdedAnswers =
    remembers && nominator.size > 0
      ? options.memo.answers(`${question} from ${pod.spec.priority ?? 0}`, all)
      : undefined;
  const ask = (node: NodeInfo) => runFilters(filters, state, pod, node);
  const askCrowded = (node: NodeInfo) => filterCrowded(framework, state, { pod, node, filters, nominator });
  let looked = 0;
  for (let at = start; looked < candidates.length && feasible.length < wanted; looked++) {
    const node = candidates[at]!;
    let verdict = answers ? answers.at(at, ask) : ask(node);
    if (!verdict && !nominator.isFree(node.name))
      verdict = crowdedAnswers ? crowdedAnswers.at(at, askCrowded) : askCrowded(node);
    if (verdict) verdicts.set(at, verdict);
    else feasible.push(node);
    if (++at === candidates.length) at = 0;
  }
  if (everywhere && all.length > 0) options.cursor.next = (start + looked) % all.length;

  if (feasible.length === 0) return refusal(state, verdicts, undefined, all.length);
  return { kind: 'fitting', nodes: feasible, verdicts, state };
}

/** Fewer nodes are looked at faster than they are looked up. */
const memoFromNodes = 50;

interface NodeQuestion {
  readonly pod: Shared<Pod>;
  readonly node: NodeInfo;
  readonly filters: readonly RunningPlugin[];
  readonly nominator: Nominator;
}

/** What the filters say of a node, minding the pods nominated to it: it must fit with them and without, as they may never come. */
export function filterNode(framework: Framework, state: CycleState, question: NodeQuestion): Verdict | undefined {
  return runFilters(question.filters, state, question.pod, question.node) ?? filterCrowded(framework, state, question);
}

/** What the filters say of a node with the pods nominated to it. */
function filterCrowded(
  framework: Framework,
  state: CycleState,
  { pod, node, filters, nominator }: NodeQuestion,
): Verdict | undefined {
  const nominated = nominator.onNode(node.name, pod);
  if (nominated.length === 0) return undefined;
  const skipped = state.get('skipped') as ReadonlySet<string>;
  const preFilters = framework.preFilter.filter((p) => !skipped.has(p.definition.name)).map((p) => p.running);
  const crowded = node.clone();
  for (const other of nominated) {
    crowded.addPod(podInfo(other));
    for (const plugin of preFilters) plugin.addPod?.(state, pod, other, crowded);
  }
  const verdict = runFilters(filters, state, pod, crowded);
  for (const other of nominated) for (const plugin of preFilters) plugin.removePod?.(state, pod, other, crowded);
  return verdict;
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

function bestNode(
  framework: Framework,
  state: CycleState,
  pod: Shared<Pod>,
  nodes: readonly NodeInfo[],
  random: Random,
  further?: Float64Array,
): NodeInfo {
  const skipped = new Set<string>();
  for (const { definition, running } of framework.preScore)
    if (running.preScore!(state, pod, nodes)?.code === 'Skip') skipped.add(definition.name);
  const scorers = framework.score.filter((p) => !skipped.has(p.definition.name));
  const local = scorers.filter((p) => p.definition.nodeLocal && !p.running.normalize);
  const totals = new Float64Array(nodes.length);
  if (local.length) {
    const question = questionNumber(
      `${framework.schedulerName} ${local.map((p) => p.definition.name).join()} ${filterQuestion(pod)}`,
    );
    for (let i = 0; i < nodes.length; i++) {
      const node = nodes[i]!;
      const known = node.scored;
      if (known?.generation === node.generation && known.question === question) {
        totals[i] = known.total;
        continue;
      }
      let total = 0;
      for (const { running, weight } of local) total += running.score!(state, pod, node) * weight;
      totals[i] = total;
      node.scored = { generation: node.generation, question, total };
    }
  }
  const scores = new Float64Array(nodes.length);
  for (const { definition, running, weight } of scorers) {
    if (definition.nodeLocal && !running.normalize) continue;
    for (let i = 0; i < nodes.length; i++) scores[i] = running.score!(state, pod, nodes[i]!);
    running.normalize?.(state, pod, nodes, scores);
    for (let i = 0; i < nodes.length; i++) totals[i]! += scores[i]! * weight;
  }
  if (further) for (let i = 0; i < nodes.length; i++) totals[i]! += further[i]!;
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

function refusal(state: CycleState, verdicts: NodeVerdicts, global: Verdict | undefined, nodeCount: number): Refusal {
  const refusedBy = verdicts.plugins();
  if (global) refusedBy.add(global.plugin);
  return { kind: 'refused', state, verdicts, refusedBy, message: describeRefusal(verdicts, global, nodeCount) };
}

/** `0/5 nodes are available: 1 Insufficient cpu, 3 node(s) had untolerated taint(s).` in upstream's form and order. */
export function describeRefusal(verdicts: NodeVerdicts, global: Verdict | undefined, nodeCount: number): string {
  if (nodeCount === 0) return 'no nodes available to schedule pods';
  const head = `0/${nodeCount} nodes are available`;
  if (global) return `${head}: ${global.reasons.join(', ')}.`;
  const parts = [...verdicts.reasonCounts()].map(([reason, count]) => `${count} ${reason}`).sort();
  return parts.length ? `${head}: ${parts.join(', ')}.` : `${head}.`;
}
