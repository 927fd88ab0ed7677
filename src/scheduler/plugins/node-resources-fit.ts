import type { Shared } from '../../api/kind.ts';
import type { Node, Pod } from '../../api/types/core-v1.ts';
import { isServedByDevices } from '../devices/extended-resources.ts';
import { defineSchedulerPlugin, type MaybeVerdict, type Verdict } from '../framework.ts';
import { type NodeInfo, podInfo } from '../node-info.ts';
import { quantityNumber } from '../resources.ts';
import { maxNodeScore } from '../scores.ts';

const name = 'NodeResourcesFit';

interface ScoringStrategy {
  readonly type: 'LeastAllocated' | 'MostAllocated' | 'RequestedToCapacityRatio';
  readonly resources: readonly { readonly name: string; readonly weight: number }[];
  /** Points of utilization (0–100) and score (0–10). */
  readonly shape: readonly { readonly utilization: number; readonly score: number }[];
}

const defaultStrategy: ScoringStrategy = {
  type: 'LeastAllocated',
  resources: [
    { name: 'cpu', weight: 1 },
    { name: 'memory', weight: 1 },
  ],
  shape: [],
};

/** Everything that a node has too little of for a pod, in upstream's words. */
function insufficientResources(pod: Shared<Pod>, node: NodeInfo, counts: (resource: string) => boolean): string[] {
  const reasons: string[] = [];
  if (node.pods.size + 1 > node.allowedPods) reasons.push('Too many pods');
  for (const [resource, value] of podInfo(pod).requests) {
    const free = (node.allocatable.get(resource) ?? 0) - (node.requested.get(resource) ?? 0);
    if (value > 0 && value > free && counts(resource)) reasons.push(`Insufficient ${resource}`);
  }
  return reasons;
}

const verdicts = new Map<string, Verdict>();

/** One verdict object for all nodes that lack the same: thousands of nodes are refused for a few reasons. */
function sharedVerdict(code: Verdict['code'], reasons: readonly string[]): Verdict {
  const key = `${code} ${reasons.join(', ')}`;
  let verdict = verdicts.get(key);
  if (!verdict) {
    if (verdicts.size > 1000) verdicts.clear();
    verdict = { code, plugin: name, reasons };
    verdicts.set(key, verdict);
  }
  return verdict;
}

/** What is requested of a resource on a node with the pod added, as scoring counts it. */
function requestedWith(pod: Shared<Pod>, node: NodeInfo, resource: string): number {
  const info = podInfo(pod);
  if (resource === 'cpu') return node.nonZeroCpu + info.nonZero.cpu;
  if (resource === 'memory') return node.nonZeroMemory + info.nonZero.memory;
  return (node.requested.get(resource) ?? 0) + (info.requests.get(resource) ?? 0);
}

function interpolate(shape: ScoringStrategy['shape'], utilization: number): number {
  const index = shape.findIndex((point) => utilization <= point.utilization);
  if (index === 0) return shape[0]!.score;
  if (index < 0) return shape.at(-1)!.score;
  const [a, b] = [shape[index - 1]!, shape[index]!];
  return a.score + Math.trunc(((b.score - a.score) * (utilization - a.utilization)) / (b.utilization - a.utilization));
}

function resourceScore(strategy: ScoringStrategy, requested: number, capacity: number): number {
  if (capacity === 0) return 0;
  switch (strategy.type) {
    case 'LeastAllocated':
      return requested > capacity ? 0 : Math.trunc(((capacity - requested) * maxNodeScore) / capacity);
    case 'MostAllocated':
      return Math.trunc((Math.min(requested, capacity) * maxNodeScore) / capacity);
    case 'RequestedToCapacityRatio':
      return interpolate(strategy.shape, requested > capacity ? 100 : Math.trunc((requested * 100) / capacity)) * 10;
  }
}

/** Whether a node has the resources that a pod requests, and how well they suit. */
export const nodeResourcesFit = defineSchedulerPlugin({
  name,
  order: 70,
  weight: 1,
  enabledByDefault: true,
  nodeLocal: true,
  events: [
    { kind: 'Pod', actions: ['delete', 'update'] },
    { kind: 'Node', actions: ['add', 'update'] },
  ],
  create({ args, devices }) {
    const ignored = new Set((args['ignoredResources'] as string[] | undefined) ?? []);
    const ignoredGroups = new Set((args['ignoredResourceGroups'] as string[] | undefined) ?? []);
    const isIgnored = (resource: string) =>
      ignored.has(resource) || ignoredGroups.has(resource.slice(0, Math.max(0, resource.indexOf('/'))));
    /** Whether a node must have a resource itself: others are an extender's, or served by devices there. */
    const counts = (resource: string, node: NodeInfo) =>
      !isIgnored(resource) && !isServedByDevices(resource, node, devices);
    const given = args['scoringStrategy'] as
      | {
          type?: ScoringStrategy['type'];
          resources?: { name: string; weight?: number }[];
          requestedToCapacityRatio?: { shape?: ScoringStrategy['shape'] };
        }
      | undefined;
    const strategy: ScoringStrategy = {
      type: given?.type ?? defaultStrategy.type,
      resources: given?.resources?.map((r) => ({ name: r.name, weight: r.weight ?? 1 })) ?? defaultStrategy.resources,
      shape: given?.requestedToCapacityRatio?.shape ?? [],
    };
    return {
      filter(_state, pod, node): MaybeVerdict {
        // The common case allocates nothing: reasons are gathered only once something is known not to fit.
        let fits = node.pods.size < node.allowedPods;
        if (fits) {
          for (const [resource, value] of podInfo(pod).requests) {
            if (
              value > 0 &&
              value > (node.allocatable.get(resource) ?? 0) - (node.requested.get(resource) ?? 0) &&
              counts(resource, node)
            ) {
              fits = false;
              break;
            }
          }
        }
        if (fits) return undefined;
        const reasons = insufficientResources(pod, node, (resource) => counts(resource, node));
        const never = [...podInfo(pod).requests].some(
          ([resource, value]) => value > (node.allocatable.get(resource) ?? 0) && counts(resource, node),
        );
        return sharedVerdict(never ? 'UnschedulableAndUnresolvable' : 'Unschedulable', reasons);
      },
      concerns: (event) => event.kind !== 'Pod' || event.action === 'delete' || freedResources(event.old, event.object),
      helps(event, pod) {
        if (event.kind === 'Pod') {
          const other = event.object as unknown as Shared<Pod>;
          return event.action === 'delete' || Boolean(other.spec.nodeName) || other.metadata.uid === pod.metadata.uid;
        }
        const allocatableOf = (node: unknown) =>
          ((node as Shared<Node>).status.allocatable ?? {}) as Readonly<Record<string, string>>;
        const allocatable = allocatableOf(event.object);
        if (event.old && !hasGrown(pod, allocatableOf(event.old), allocatable)) return false;
        for (const [resource, value] of podInfo(pod).requests) {
          if (
            value > 0 &&
            value > (allocatable[resource] === undefined ? 0 : quantityNumber(resource, allocatable[resource])) &&
            !isIgnored(resource) &&
            !devices.classForResource(resource)
          )
            return false;
        }
        return true;
      },
      score(_state, pod, node) {
        let sum = 0;
        let weights = 0;
        for (const resource of strategy.resources) {
          const capacity = node.allocatable.get(resource.name) ?? 0;
          if (capacity === 0) continue;
          sum += resourceScore(strategy, requestedWith(pod, node, resource.name), capacity) * resource.weight;
          weights += resource.weight;
        }
        return weights ? Math.trunc(sum / weights) : 0;
      },
    };
  },
});

/** Whether a node has more of anything that a pod asks for, or room for more pods. */
function hasGrown(
  pod: Shared<Pod>,
  before: Readonly<Record<string, string>>,
  after: Readonly<Record<string, string>>,
): boolean {
  const amount = (list: Readonly<Record<string, string>>, resource: string) =>
    list[resource] === undefined ? 0 : quantityNumber(resource, list[resource]);
  return [...podInfo(pod).requests.keys(), 'pods'].some(
    (resource) => amount(after, resource) > amount(before, resource),
  );
}

/** Whether an update of a placed pod lowered what it requests, or ended it. */
function freedResources(old: unknown, current: unknown): boolean {
  if (!old) return false;
  const before = old as Shared<Pod>;
  const after = current as Shared<Pod>;
  const ended = (pod: Shared<Pod>) => pod.status.phase === 'Succeeded' || pod.status.phase === 'Failed';
  if (ended(after) && !ended(before)) return true;
  for (const [resource, value] of podInfo(before).requests)
    if ((podInfo(after).requests.get(resource) ?? 0) < value) return true;
  return false;
}
