import { ReplicaSet } from '../../api/apps/replica-set.ts';
import { StatefulSet } from '../../api/apps/stateful-set.ts';
import { ReplicationController } from '../../api/core/replication-controller.ts';
import { Service } from '../../api/core/service.ts';
import type { KubeObject, Shared } from '../../api/kind.ts';
import { type LabelMatcher, labelMatcher, labelSelectorMatcher } from '../../api/machinery/selectors.ts';
import type { Pod, TopologySpreadConstraint } from '../../api/types/core-v1.ts';
import { deepEqual } from '../../base/deep.ts';
import { defineSchedulerPlugin, skip, unresolvable, unschedulable } from '../framework.ts';
import type { NodeInfo } from '../node-info.ts';
import { requiredNodeAffinityMatches } from '../node-selector.ts';
import type { PodCounts } from '../pod-counts.ts';
import { maxNodeScore } from '../scores.ts';
import { firstUntolerated } from '../tolerations.ts';

const name = 'PodTopologySpread';
const hostnameLabel = 'kubernetes.io/hostname';

interface Constraint {
  readonly topologyKey: string;
  readonly maxSkew: number;
  readonly minDomains: number;
  readonly selector: LabelMatcher;
  readonly key: string;
  readonly honorAffinity: boolean;
  readonly honorTaints: boolean;
}

/** A constraint in one cycle: matching pods by domain, over the nodes that count. */
interface Spread {
  readonly constraint: Constraint;
  /** By value of the topology key; domains without pods are there with 0. */
  readonly counts: ReadonlyMap<string, number>;
  readonly selfMatches: number;
  /** What-if additions and removals by domain. */
  readonly changes: Map<string, number>;
}

/** The cluster's own soft constraints for pods that bring none (KEP-895). */
const systemDefaults: readonly Shared<TopologySpreadConstraint>[] = [
  { topologyKey: hostnameLabel, whenUnsatisfiable: 'ScheduleAnyway', maxSkew: 3 },
  { topologyKey: 'topology.kubernetes.io/zone', whenUnsatisfiable: 'ScheduleAnyway', maxSkew: 5 },
];

/** Spreads matching pods over topology domains: as a rule, and as a preference. */
export const podTopologySpread = defineSchedulerPlugin({
  name,
  order: 110,
  weight: 2,
  enabledByDefault: true,
  events: [
    { kind: 'Pod', actions: ['add', 'update', 'delete'] },
    { kind: 'Node', actions: ['add', 'update', 'delete'] },
  ],
  create({ cache, args, informers }) {
    const [services, controllers, replicaSets, statefulSets] = [
      informers.informer(Service),
      informers.informer(ReplicationController),
      informers.informer(ReplicaSet),
      informers.informer(StatefulSet),
    ];
    const defaults =
      args['defaultingType'] === 'List'
        ? ((args['defaultConstraints'] as TopologySpreadConstraint[] | undefined) ?? [])
        : systemDefaults;
    const systemDefaulted = args['defaultingType'] !== 'List';

    function compile(pod: Shared<Pod>, given: Shared<TopologySpreadConstraint>): Constraint {
      const labels = pod.metadata.labels ?? {};
      const own = labelSelectorMatcher(given.labelSelector);
      const added = (given.matchLabelKeys ?? []).flatMap((key) =>
        labels[key] === undefined ? [] : [{ key, operator: '=' as const, values: [labels[key]] }],
      );
      const selector = added.length && !own.nothing ? labelMatcher([...own.requirements, ...added]) : own;
      return {
        topologyKey: given.topologyKey,
        maxSkew: given.maxSkew,
        minDomains: given.minDomains ?? 1,
        selector,
        key: JSON.stringify([given.labelSelector ?? null, added]),
        honorAffinity: given.nodeAffinityPolicy !== 'Ignore',
        honorTaints: given.nodeTaintsPolicy === 'Honor',
      };
    }

    /** The selectors of the services and controllers that a pod belongs to, together; undefined when there are none. */
    function defaultSelector(pod: Shared<Pod>): { selector: LabelMatcher; key: string } | undefined {
      const { namespace, labels, ownerReferences } = pod.metadata;
      const set: Record<string, string> = {};
      for (const service of services.list(namespace)) {
        const wanted = service.spec.selector;
        if (wanted && Object.keys(wanted).length && Object.entries(wanted).every(([k, v]) => labels?.[k] === v))
          Object.assign(set, wanted);
      }
      const owner = ownerReferences?.find((o) => o.controller);
      let controller: LabelMatcher | undefined;
      if (owner?.kind === 'ReplicationController')
        Object.assign(set, controllers.get(namespace, owner.name)?.spec.selector);
      else if (owner?.kind === 'ReplicaSet')
        controller = labelSelectorMatcher(replicaSets.get(namespace, owner.name)?.spec.selector);
      else if (owner?.kind === 'StatefulSet')
        controller = labelSelectorMatcher(statefulSets.get(namespace, owner.name)?.spec.selector);
      const requirements = [
        ...Object.entries(set).map(([key, value]) => ({ key, operator: '=' as const, values: [value] })),
        ...(controller && !controller.nothing ? controller.requirements : []),
      ];
      return requirements.length
        ? { selector: labelMatcher(requirements), key: JSON.stringify(requirements) }
        : undefined;
    }

    function constraintsOf(
      pod: Shared<Pod>,
      when: 'DoNotSchedule' | 'ScheduleAnyway',
    ): { constraints: Constraint[]; fromSystem: boolean } {
      const given = pod.spec.topologySpreadConstraints;
      if (given?.length)
        return {
          constraints: given.filter((c) => c.whenUnsatisfiable === when).map((c) => compile(pod, c)),
          fromSystem: false,
        };
      const wanted = defaults.filter((c) => c.whenUnsatisfiable === when);
      if (wanted.length === 0) return { constraints: [], fromSystem: false };
      const found = defaultSelector(pod);
      return {
        constraints: found ? wanted.map((c) => ({ ...compile(pod, c), ...found })) : [],
        fromSystem: systemDefaulted,
      };
    }

    function podCounts(pod: Shared<Pod>, constraint: Constraint): PodCounts {
      const { namespace } = pod.metadata;
      return cache.counts.get({
        key: `spread ${namespace} ${constraint.key}`,
        namespaces: new Set([namespace]),
        weight: (info) =>
          !info.pod.metadata.deletionTimestamp && constraint.selector.matches(info.pod.metadata.labels ?? {}) ? 1 : 0,
      });
    }

    const includes = (constraint: Constraint, pod: Shared<Pod>, { node }: NodeInfo) =>
      (!constraint.honorAffinity || requiredNodeAffinityMatches(pod, node)) &&
      (!constraint.honorTaints ||
        !firstUntolerated(node.spec.taints, pod.spec.tolerations, ['NoSchedule', 'NoExecute']));
    const hasAll = (constraints: readonly Constraint[], { node }: NodeInfo) =>
      constraints.every((c) => node.metadata.labels?.[c.topologyKey] !== undefined);

    /** Counts by domain over the nodes that count for a constraint. */
    function domainCounts(
      pod: Shared<Pod>,
      constraint: Constraint,
      all: readonly Constraint[],
    ): ReadonlyMap<string, number> {
      const counts = podCounts(pod, constraint);
      const everyNode =
        !constraint.honorTaints &&
        (!constraint.honorAffinity ||
          (!pod.spec.nodeSelector && !pod.spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution));
      const domains = cache.domains(constraint.topologyKey);
      const sums = new Map<string, number>();
      if (everyNode && all.every((c) => c === constraint || sizeOf(cache.domains(c.topologyKey)) === cache.nodeCount)) {
        const known = counts.byDomain(constraint.topologyKey);
        if (known.size === domains.size) return known;
        for (const value of domains.keys()) sums.set(value, known.get(value) ?? 0);
        return sums;
      }
      for (const node of cache.nodes()) {
        if (!hasAll(all, node) || !includes(constraint, pod, node)) continue;
        const value = node.node.metadata.labels![constraint.topologyKey]!;
        sums.set(value, (sums.get(value) ?? 0) + (counts.byNode.get(node.name) ?? 0));
      }
      return sums;
    }

    function whatIf(
      spreads: readonly Spread[],
      pod: Shared<Pod>,
      other: Shared<Pod>,
      node: NodeInfo,
      by: number,
    ): void {
      if (other.metadata.namespace !== pod.metadata.namespace || other.metadata.deletionTimestamp) return;
      for (const { constraint, changes } of spreads) {
        const value = node.node.metadata.labels?.[constraint.topologyKey];
        if (value !== undefined && constraint.selector.matches(other.metadata.labels ?? {}))
          changes.set(value, (changes.get(value) ?? 0) + by);
      }
    }

    function smallest({ counts, changes, constraint }: Spread): number {
      if (counts.size < constraint.minDomains) return 0;
      let min = Number.POSITIVE_INFINITY;
      if (changes.size === 0) for (const count of counts.values()) min = Math.min(min, count);
      else for (const [value, count] of counts) min = Math.min(min, count + (changes.get(value) ?? 0));
      return min === Number.POSITIVE_INFINITY ? 0 : min;
    }

    return {
      concerns: (event) =>
        event.action !== 'update' || !deepEqual(event.object.metadata.labels, event.old?.metadata.labels),
      helps(event, pod) {
        const { constraints } = constraintsOf(pod, 'DoNotSchedule');
        if (event.kind === 'Pod') {
          const { uid, namespace, labels } = (event.object as unknown as Shared<Pod>).metadata;
          if (uid === pod.metadata.uid) return true;
          if (namespace !== pod.metadata.namespace) return false;
          return constraints.some(
            ({ selector }) =>
              selector.matches(labels ?? {}) || (event.old && selector.matches(event.old.metadata.labels ?? {})),
          );
        }
        const has = (node: Shared<KubeObject> | undefined) =>
          node !== undefined && constraints.every((c) => node.metadata.labels?.[c.topologyKey] !== undefined);
        return has(event.object) || has(event.old);
      },
      preFilter(state, pod) {
        const { constraints } = constraintsOf(pod, 'DoNotSchedule');
        if (constraints.length === 0) return skip(name);
        const spreads = constraints.map((constraint): Spread & { min: number | undefined } => ({
          constraint,
          counts: domainCounts(pod, constraint, constraints),
          selfMatches: constraint.selector.matches(pod.metadata.labels ?? {}) ? 1 : 0,
          changes: new Map(),
          min: undefined,
        }));
        for (const spread of spreads) spread.min = smallest(spread);
        state.set(name, spreads);
        return undefined;
      },
      addPod: (state, pod, added, node) => whatIf(state.get(name) as Spread[], pod, added, node, 1),
      removePod: (state, pod, removed, node) => whatIf(state.get(name) as Spread[], pod, removed, node, -1),
      filter(state, _pod, { node }) {
        for (const spread of state.get(name) as (Spread & { min: number })[]) {
          const { constraint, counts, changes, selfMatches } = spread;
          const value = node.metadata.labels?.[constraint.topologyKey];
          if (value === undefined)
            return unresolvable(name, "node(s) didn't match pod topology spread constraints (missing required label)");
          const min = changes.size ? smallest(spread) : spread.min;
          const skew = (counts.get(value) ?? 0) + (changes.get(value) ?? 0) + selfMatches - min;
          if (skew > constraint.maxSkew)
            return unschedulable(name, "node(s) didn't match pod topology spread constraints");
        }
        return undefined;
      },
      preScore(state, pod, nodes) {
        const { constraints, fromSystem } = constraintsOf(pod, 'ScheduleAnyway');
        if (constraints.length === 0) return skip(name);
        const scored = constraints.map((constraint) => {
          const perHost = constraint.topologyKey === hostnameLabel;
          const size = perHost
            ? nodes.length
            : new Set(nodes.flatMap(({ node }) => node.metadata.labels?.[constraint.topologyKey] ?? [])).size;
          return {
            constraint,
            weight: Math.log(size + 2),
            counts: perHost
              ? podCounts(pod, constraint).byNode
              : domainCounts(pod, constraint, fromSystem ? [] : constraints),
            perHost,
          };
        });
        state.set(`${name}/score`, { scored, requireAll: !fromSystem, constraints });
        return undefined;
      },
      score(state, _pod, info) {
        const { scored, requireAll, constraints } = state.get(`${name}/score`) as {
          scored: readonly {
            constraint: Constraint;
            weight: number;
            counts: ReadonlyMap<string, number>;
            perHost: boolean;
          }[];
          requireAll: boolean;
          constraints: readonly Constraint[];
        };
        if (requireAll && !hasAll(constraints, info)) return Number.NaN;
        let sum = 0;
        for (const { constraint, weight, counts, perHost } of scored) {
          const value = info.node.metadata.labels?.[constraint.topologyKey];
          if (value === undefined) continue;
          sum += (counts.get(perHost ? info.name : value) ?? 0) * weight + (constraint.maxSkew - 1);
        }
        return Math.round(sum);
      },
      normalize(_state, _pod, nodes, scores) {
        let min = Number.POSITIVE_INFINITY;
        let max = 0;
        for (let i = 0; i < nodes.length; i++) {
          // Nodes without the labels are not scored.
          if (Number.isNaN(scores[i])) continue;
          min = Math.min(min, scores[i]!);
          max = Math.max(max, scores[i]!);
        }
        for (let i = 0; i < nodes.length; i++) {
          if (Number.isNaN(scores[i])) scores[i] = 0;
          else scores[i] = max === 0 ? maxNodeScore : Math.trunc((maxNodeScore * (max + min - scores[i]!)) / max);
        }
      },
    };
  },
});

function sizeOf(domains: ReadonlyMap<string, number>): number {
  let sum = 0;
  for (const count of domains.values()) sum += count;
  return sum;
}
