/** What-if: which pods would have to go from a node so that another fits, and which node costs least. */
import type { Shared } from '../../api/kind.ts';
import { labelSelectorMatcher } from '../../api/machinery/selectors.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import type { PodDisruptionBudget } from '../../api/types/policy-v1.ts';
import { parseTime } from '../../base/clock.ts';
import type { CycleState, Framework } from '../framework.ts';
import type { NodeInfo, PodInfo } from '../node-info.ts';
import type { Nominator } from '../nominator.ts';
import { filterNode } from '../schedule-one.ts';

/** A node that the pod would fit on without some others. */
export interface Candidate {
  readonly nodeName: string;
  /** Most important first. */
  readonly victims: readonly Shared<Pod>[];
  /** Victims whose removal breaks a disruption budget. */
  readonly budgetViolations: number;
  /** Compared element by element. */
  readonly cost: readonly number[];
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
  {
    pod,
    node,
    budgets,
    nominator,
  }: {
    pod: Shared<Pod>;
    node: NodeInfo;
    budgets: readonly Shared<PodDisruptionBudget>[];
    nominator: Nominator;
  },
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
  const refused = () => filterNode(framework, state, { pod, node: trial, filters, nominator });
  const removed = new Set<PodInfo>();
  try {
    for (const info of lower) {
      remove(info);
      removed.add(info);
    }
    if (refused()) return undefined;
    const { violating, others } = splitByBudget(lower.toSorted(moreImportant), budgets);
    let budgetViolations = 0;
    const victims: PodInfo[] = [];
    const reprieve = (info: PodInfo): boolean => {
      putBack(info);
      removed.delete(info);
      if (!refused()) return true;
      remove(info);
      removed.add(info);
      victims.push(info);
      return false;
    };
    for (const info of violating) if (!reprieve(info)) budgetViolations++;
    for (const info of others) reprieve(info);
    const ordered = victims.toSorted(moreImportant).map((info) => info.pod);
    return candidateOf(node.name, ordered, budgetViolations);
  } finally {
    // The cycle's state is shared by the trials of all nodes: leave it as it was.
    for (const info of removed) putBack(info);
  }
}

/** A node with the pods that would go, the most important first. */
export const candidateOf = (
  nodeName: string,
  victims: readonly Shared<Pod>[],
  budgetViolations: number,
): Candidate => ({
  nodeName,
  victims,
  budgetViolations,
  cost: victims.length ? costOf(victims, budgetViolations) : [],
});

/**
 * What taking a candidate costs, the most telling first: broken budgets, the priority of the most important victim, the
 * sum of priorities, the number of victims, and how long the most important ones have run.
 */
function costOf(victims: readonly Shared<Pod>[], budgetViolations: number): readonly number[] {
  const top = priorityOf(victims[0]!);
  // The offset makes the sum of negative priorities grow with the number of victims, as upstream's does.
  const sum = victims.reduce((total, victim) => total + priorityOf(victim) + 2 ** 31, 0);
  const earliestStart = Math.min(...victims.filter((v) => priorityOf(v) === top).map(startOf));
  return [budgetViolations, top, sum, victims.length, -earliestStart];
}

/** The candidate that costs least; one without victims costs nothing. The first of equals. */
export function cheapest(candidates: readonly Candidate[]): Candidate | undefined {
  let best: Candidate | undefined;
  for (const candidate of candidates) if (!best || costsLess(candidate, best)) best = candidate;
  return best;
}

function costsLess(a: Candidate, b: Candidate): boolean {
  if (a.victims.length === 0 || b.victims.length === 0) return b.victims.length > 0;
  for (let i = 0; i < a.cost.length; i++) if (a.cost[i] !== b.cost[i]) return a.cost[i]! < b.cost[i]!;
  return false;
}
