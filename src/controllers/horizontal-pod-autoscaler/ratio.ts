/** From what pods use to how many there should be: upstream's replica calculator, free of any client. */
import type { Pod } from '../../api/core/pod.ts';
import type { Shared } from '../../api/kind.ts';
import { Quantity } from '../../api/machinery/quantity.ts';
import { parseTime } from '../../base/clock.ts';
import { findCondition } from '../conditions.ts';
import { isPodReady } from '../pods/state.ts';

/** What one pod uses (CPU in thousandths, all else in thousandths of its unit), and of which span of time. */
export interface PodUsage {
  readonly milli: number;
  readonly timestamp: number;
  readonly windowMs: number;
}

export interface Tolerances {
  /** Part by which the ratio may be above or below 1 without a change. */
  readonly up: number;
  readonly down: number;
}

/** As upstream's --horizontal-pod-autoscaler-cpu-initialization-period and -initial-readiness-delay. */
const cpuInitializationMs = 300_000;
const initialReadinessMs = 30_000;

interface Groups {
  readonly ready: number;
  readonly unready: readonly string[];
  readonly missing: readonly string[];
  readonly usage: Map<string, number>;
}

type P = Shared<Pod>;

export interface UsageFacts {
  readonly pods: readonly P[];
  readonly usage: ReadonlyMap<string, PodUsage>;
  readonly now: number;
  /** CPU of a pod that has only just started says little. */
  readonly isCpu: boolean;
}

/** Sorts pods into those that count, those that are not ready to count, and those without figures. */
function groupPods({ pods, usage, now, isCpu }: UsageFacts): Groups {
  const unready: string[] = [];
  const missing: string[] = [];
  const counted = new Map<string, number>();
  for (const pod of pods) {
    const { name } = pod.metadata;
    if (pod.metadata.deletionTimestamp || pod.status.phase === 'Failed') continue;
    if (pod.status.phase === 'Pending') {
      unready.push(name);
      continue;
    }
    const figure = usage.get(name);
    if (!figure) missing.push(name);
    else if (isCpu && isWarmingUp(pod, figure, now)) unready.push(name);
    else counted.set(name, figure.milli);
  }
  return { ready: counted.size, unready, missing, usage: counted };
}

function isWarmingUp(pod: P, figure: PodUsage, now: number): boolean {
  const condition = findCondition(pod.status.conditions, 'Ready');
  if (!condition?.lastTransitionTime || !pod.status.startTime) return true;
  const started = parseTime(pod.status.startTime);
  const changed = parseTime(condition.lastTransitionTime);
  if (started + cpuInitializationMs > now) {
    return condition.status === 'False' || figure.timestamp < changed + figure.windowMs;
  }
  return condition.status === 'False' && started + initialReadinessMs > changed;
}

const sum = (numbers: Iterable<number>): number => {
  let total = 0;
  for (const number of numbers) total += number;
  return total;
};

const within = (ratio: number, { up, down }: Tolerances): boolean => ratio >= 1 - down && ratio <= 1 + up;

/** Rounds up, but not for the dust of floating point. */
const ceil = (value: number): number => Math.ceil(value - 1e-9);

export interface Proposal {
  readonly replicas: number;
  /** Average use per pod, in thousandths. */
  readonly averageMilli: number;
  /** Percent of what is requested, where the target is a utilization. */
  readonly utilization?: number;
}

export interface Calculation extends UsageFacts {
  readonly current: number;
  readonly tolerances: Tolerances;
}

/** Replicas by percent of what pods request. Throws when no pod that counts has figures. */
export function byUtilization(
  calculation: Calculation,
  requests: ReadonlyMap<string, number>,
  targetPercent: number,
): Proposal {
  const groups = groupPods(calculation);
  assertFigures(calculation, groups);
  const ratioOf = (usage: ReadonlyMap<string, number>): number => {
    const requested = sum([...usage.keys()].map((name) => requests.get(name) ?? 0));
    return requested === 0 ? 0 : Math.trunc((sum(usage.values()) * 100) / requested) / targetPercent;
  };
  const utilization = Math.trunc(
    (sum(groups.usage.values()) * 100) /
      Math.max(1, sum([...groups.usage.keys()].map((name) => requests.get(name) ?? 0))),
  );
  const fallback = (name: string) => ((requests.get(name) ?? 0) * Math.max(100, targetPercent)) / 100;
  const replicas = propose(calculation, groups, { ratioOf, fallback });
  return { replicas, averageMilli: Math.trunc(sum(groups.usage.values()) / groups.usage.size), utilization };
}

/** Replicas by what each pod uses on average. */
export function byAverage(calculation: Calculation, targetMilli: number): Proposal {
  const groups = groupPods(calculation);
  assertFigures(calculation, groups);
  const ratioOf = (usage: ReadonlyMap<string, number>) => Math.trunc(sum(usage.values()) / usage.size) / targetMilli;
  const replicas = propose(calculation, groups, { ratioOf, fallback: () => targetMilli });
  return { replicas, averageMilli: Math.trunc(sum(groups.usage.values()) / groups.usage.size) };
}

function assertFigures({ pods }: UsageFacts, groups: Groups): void {
  if (pods.length === 0) throw new Error('no pods returned by selector while calculating replica count');
  if (groups.usage.size === 0) throw new Error('did not receive metrics for targeted pods (pods might be unready)');
}

/** Pods without figures are taken for what makes the change smaller, so that a gap in the figures does no harm. */
function propose(
  { current, tolerances }: Calculation,
  groups: Groups,
  { ratioOf, fallback }: { ratioOf(usage: ReadonlyMap<string, number>): number; fallback(name: string): number },
): number {
  const ratio = ratioOf(groups.usage);
  const countUnready = groups.unready.length > 0 && ratio > 1;
  if (!countUnready && groups.missing.length === 0) {
    return within(ratio, tolerances) ? current : ceil(ratio * groups.ready);
  }
  const usage = new Map(groups.usage);
  for (const name of groups.missing) {
    if (ratio < 1) usage.set(name, fallback(name));
    else if (ratio > 1) usage.set(name, 0);
  }
  if (countUnready) for (const name of groups.unready) usage.set(name, 0);
  const careful = ratioOf(usage);
  if (within(careful, tolerances) || (ratio < 1 && careful > 1) || (ratio > 1 && careful < 1)) return current;
  const replicas = ceil(careful * usage.size);
  if ((careful < 1 && replicas > current) || (careful > 1 && replicas < current)) return current;
  return replicas;
}

/** Replicas by one figure for all pods together, and how the status reports it. Throws when it needs pods and there are none. */
export function bySingleValue(
  figureMilli: number,
  target: { readonly value?: string | undefined; readonly averageValue?: string | undefined },
  {
    current,
    reported,
    pods,
    tolerances,
  }: Pick<Calculation, 'current' | 'pods' | 'tolerances'> & { readonly reported: number },
): { readonly replicas: number; readonly current: { value: string } | { averageValue: string } } {
  if (target.value !== undefined) {
    const ratio = figureMilli / milliOf(target.value);
    const value = printMilli(figureMilli);
    if (current === 0) return { replicas: ceil(ratio), current: { value } };
    if (within(ratio, tolerances)) return { replicas: current, current: { value } };
    if (pods.length === 0)
      throw new Error('unable to calculate ready pods: no pods returned by selector while calculating replica count');
    const ready = pods.filter((pod) => pod.status.phase === 'Running' && isPodReady(pod)).length;
    return { replicas: ceil(ratio * ready), current: { value } };
  }
  const average = milliOf(target.averageValue);
  const ratio = reported === 0 ? Number.POSITIVE_INFINITY : figureMilli / (average * reported);
  return {
    replicas: within(ratio, tolerances) ? reported : ceil(figureMilli / average),
    current: { averageValue: printMilli(Math.ceil(reported === 0 ? figureMilli : figureMilli / reported)) },
  };
}

/** Thousandths as a quantity. */
export const printMilli = (milli: number): string => Quantity.ofMilli(Math.round(milli)).toString();

export const milliOf = (quantity: string | undefined): number => Quantity.tryParse(quantity)?.milliValue() ?? 0;
