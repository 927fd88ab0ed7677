/** What-if: which pods would have to go from a node so that another fits, and which node costs least. */
import type { Shared } from '../../api/kind.ts';
import { labelSelectorMatcher } from '../../api/machinery/selectors.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import type { PodDisruptionBudget } from '../../api/types/policy-v1.ts';
import { parseTime } from '../../base/clock.ts';
import type { CycleState, Framework } from '../framework.ts';
import type { NodeInfo, PodInfo } from '../node-info.ts';
import { runFilters } from '../schedule-one.ts';

/** A node that the pod would fit on without some others. */
export interface Candidate {
  readonly nodeName: string;
  /** Most important first. */
  readonly victims: readonly Shared<Pod>[];
  readonly budgetViolations: number;
}

export const priorityOf = (pod: Shared<Pod>): number => pod.spec.priority ?? 0;
const startOf = (pod: Shared<Pod>) => parseTime(pod.status.startTime ?? pod.metadata.creationTimestamp);

/** Higher priority first; among equals the one that runs longer. */
const moreImportant = (a: PodInfo, b: PodInfo) =>
  priorityOf(b.pod) - priorityOf(a.pod) || startOf(a.pod) - startOf(b.pod);

/** Splits pods by whether evicting them all, in order, would break a disruption budget. */
function splitByBudget(
  pods: readonly PodInfo[],
  budgets: readonly Shared<PodDisruptionBudget>[],
): { violating: PodInfo[]; others: PodInfo[] } {
  const left = budgets.map((b) => b.status.disruptionsAllowed);
  const matchers = budgets.map((b) => labelSelectorMatcher(b.spec.selector));
  const violating: PodInfo[] = [];
  const others: PodInfo[] = [];
  for (const info of pods) {
    const { namespace, labels, name } = info.pod.metadata;
    let violates = false;
    if (labels && Object.keys(labels).length > 0) {
      budgets.forEach((budget, i) => {
        if (budget.metadata.namespace !== namespace || matchers[i]!.everything || !matchers[i]!.matches(labels)) return;
        // A pod that is being disrupted already is counted in the status.
        if (budget.status.disruptedPods?.[name] !== undefined) return;
        left[i]!--;
        if (left[i]! < 0) violates = true;
      });
    }
    (violates ? violating : others).push(info);
  }
  return { violating, others };
}

/**
 * The fewest and least important pods whose removal makes room on a node, or undefined when not even all pods of lower
 * priority would do (upstream's SelectVictimsOnNode).
 */
export function selectVictims(
  framework: Framework,
  state: CycleState,
  { pod, node, budgets }: { pod: Shared<Pod>; node: NodeInfo; budgets: readonly Shared<PodDisruptionBudget>[] },
): Candidate | undefined {
  const lower = [...node.pods.values()].filter((info) => priorityOf(info.pod) < priorityOf(pod));
  if (lower.length === 0) return undefined;
  const skipped = state.get('skipped') as ReadonlySet<string>;
  const active = (list: Framework['filter']) =>
    list.filter((p) => !skipped.has(p.definition.name)).map((p) => p.running);
  const filters = active(framework.filter);
  const preFilters = active(framework.preFilter);
  const trial = node.clone();
  const remove = (info: PodInfo) => {
    trial.removePod(info.pod.metadata.uid);
    for (const plugin of preFilters) plugin.removePod?.(state, pod, info.pod, trial);
  };
  const putBack = (info: PodInfo) => {
    trial.addPod(info);
    for (const plugin of preFilters) plugin.addPod?.(state, pod, info.pod, trial);
  };
  const removed = new Set<PodInfo>();
  try {
    for (const info of lower) {
      remove(info);
      removed.add(info);
    }
    if (runFilters(filters, state, pod, trial)) return undefined;
    const { violating, others } = splitByBudget(lower.toSorted(moreImportant), budgets);
    let budgetViolations = 0;
    const victims: PodInfo[] = [];
    const reprieve = (info: PodInfo): boolean => {
      putBack(info);
      removed.delete(info);
      if (!runFilters(filters, state, pod, trial)) return true;
      remove(info);
      removed.add(info);
      victims.push(info);
      return false;
    };
    for (const info of violating) if (!reprieve(info)) budgetViolations++;
    for (const info of others) reprieve(info);
    return { nodeName: node.name, victims: victims.toSorted(moreImportant).map((info) => info.pod), budgetViolations };
  } finally {
    // The cycle's state is shared by the trials of all nodes: leave it as it was.
    for (const info of removed) putBack(info);
  }
}

/**
 * The candidate to take: fewest broken budgets, then the least important victim at the top, then the smallest sum of
 * priorities, then the fewest victims, then the most important victim that started last.
 */
export function cheapest(candidates: readonly Candidate[]): Candidate | undefined {
  const earliestStart = (c: Candidate) => {
    const top = priorityOf(c.victims[0]!);
    return Math.min(...c.victims.filter((v) => priorityOf(v) === top).map(startOf));
  };
  // The offset makes the sum of negative priorities grow with the number of victims, as upstream's does.
  const sum = (c: Candidate) => c.victims.reduce((total, v) => total + priorityOf(v) + 2 ** 31, 0);
  const costs: ((c: Candidate) => number)[] = [
    (c) => c.budgetViolations,
    (c) => priorityOf(c.victims[0]!),
    sum,
    (c) => c.victims.length,
    (c) => -earliestStart(c),
  ];
  let left = candidates.filter((c) => c.victims.length > 0);
  if (left.length === 0) return candidates[0];
  for (const cost of costs) {
    if (left.length === 1) break;
    const values = left.map(cost);
    const min = Math.min(...values);
    left = left.filter((_, i) => values[i] === min);
  }
  return left[0];
}
