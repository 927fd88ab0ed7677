import { Namespace } from '../../api/core/namespace.ts';
import type { Shared } from '../../api/kind.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import { deepEqual } from '../../base/deep.ts';
import { type AffinityTerm, podTerms, type TermGroup, termSelects } from '../affinity-terms.ts';
import { type CycleState, defineSchedulerPlugin, skip, unresolvable, unschedulable } from '../framework.ts';
import { type NodeInfo, type PodInfo, podInfo } from '../node-info.ts';
import type { PodCounts } from '../pod-counts.ts';
import { maxNodeScore } from '../scores.ts';

const name = 'InterPodAffinity';

/** A pod put on or taken from a node in a what-if. */
interface Change {
  readonly pod: Shared<Pod>;
  readonly node: NodeInfo;
  readonly sign: 1 | -1;
}

interface State {
  /** Placed pods whose required anti-affinity is about the pod. */
  readonly against: readonly TermGroup[];
  readonly affinity: readonly AffinityTerm[];
  /** Placed pods that match all affinity terms together, as upstream counts them. */
  readonly matchingAll: PodCounts | undefined;
  readonly antiAffinity: readonly { readonly term: AffinityTerm; readonly counts: PodCounts }[];
  /** The pod matches its own affinity terms: the first of a group may go anywhere. */
  readonly matchesItself: boolean;
  readonly changes: Change[];
}

const labelOf = (node: NodeInfo, key: string) => node.node.metadata.labels?.[key];

/** Affinity and anti-affinity between pods, required and preferred, in both directions. */
export const interPodAffinity = defineSchedulerPlugin({
  name,
  order: 120,
  weight: 2,
  enabledByDefault: true,
  events: [
    { kind: 'Pod', actions: ['add', 'update', 'delete'] },
    { kind: 'Node', actions: ['add', 'update'] },
  ],
  create({ cache, args, informers }) {
    const namespaces = informers.informer(Namespace);
    const namespaceLabels = (namespace: string) => namespaces.get(undefined, namespace)?.metadata.labels;
    const hardWeight = (args['hardPodAffinityWeight'] as number | undefined) ?? 1;
    const ignorePreferredOfExisting = args['ignorePreferredTermsOfExistingPods'] === true;

    /** Counts of the placed pods that terms select together. */
    function countsOf(terms: readonly AffinityTerm[]): PodCounts {
      // A namespace selector other than "all" depends on the namespaces of this moment: they become part of the key.
      const sets = terms.map((term) => {
        if (!term.namespaceSelector) return term.namespaces;
        if (term.namespaceSelector.everything) return undefined;
        const found = new Set(term.namespaces);
        for (const ns of namespaces.list())
          if (term.namespaceSelector.matches(ns.metadata.labels ?? {})) found.add(ns.metadata.name);
        return found;
      });
      const narrowest = sets.find((set) => set !== undefined);
      const key = `affinity ${terms.map((t) => t.signature).join(' ')} ${sets.map((set) => (set ? [...set].sort().join(',') : '*')).join(' ')}`;
      const matches = ({ pod }: PodInfo) =>
        terms.every(
          (term, i) =>
            (sets[i]?.has(pod.metadata.namespace) ?? true) && term.selector.matches(pod.metadata.labels ?? {}),
        );
      return cache.counts.get({ key, namespaces: narrowest, weight: (info) => (matches(info) ? 1 : 0) });
    }

    /** What the changes of a what-if add to the count of a node's domain. */
    function changed(
      state: State,
      node: NodeInfo,
      topologyKey: string,
      matches: (pod: Shared<Pod>) => boolean,
    ): number {
      let sum = 0;
      const value = labelOf(node, topologyKey);
      for (const change of state.changes)
        if (labelOf(change.node, topologyKey) === value && matches(change.pod)) sum += change.sign;
      return sum;
    }

    const selectedBy = (terms: readonly AffinityTerm[]) => (pod: Shared<Pod>) =>
      terms.every((term) => termSelects(term, pod, namespaceLabels));

    function affinitySatisfied(state: State, node: NodeInfo): boolean {
      let all = true;
      for (const term of state.affinity) {
        const value = labelOf(node, term.topologyKey);
        if (value === undefined) return false;
        const count =
          (state.matchingAll!.byDomain(term.topologyKey).get(value) ?? 0) +
          changed(state, node, term.topologyKey, selectedBy(state.affinity));
        if (count <= 0) all = false;
      }
      if (all) return true;
      const anywhere =
        state.matchingAll!.total +
        state.changes.reduce((sum, c) => sum + (selectedBy(state.affinity)(c.pod) ? c.sign : 0), 0);
      return anywhere <= 0 && state.matchesItself;
    }

    function antiAffinitySatisfied(state: State, node: NodeInfo): boolean {
      for (const { term, counts } of state.antiAffinity) {
        const value = labelOf(node, term.topologyKey);
        if (value === undefined) continue;
        if (
          (counts.byDomain(term.topologyKey).get(value) ?? 0) +
            changed(state, node, term.topologyKey, selectedBy([term])) >
          0
        )
          return false;
      }
      return true;
    }

    function othersSatisfied(state: State, pod: Shared<Pod>, node: NodeInfo): boolean {
      for (const { term, counts } of state.against) {
        const value = labelOf(node, term.topologyKey);
        if (value === undefined) continue;
        const has = (other: Shared<Pod>) =>
          podTerms(other).requiredAntiAffinity.some((t) => t.signature === term.signature);
        if ((counts.byDomain(term.topologyKey).get(value) ?? 0) + changed(state, node, term.topologyKey, has) > 0)
          return false;
      }
      for (const { pod: other, node: where, sign } of state.changes) {
        if (sign < 0) continue;
        for (const term of podTerms(other).requiredAntiAffinity) {
          const value = labelOf(node, term.topologyKey);
          if (
            value !== undefined &&
            labelOf(where, term.topologyKey) === value &&
            termSelects(term, pod, namespaceLabels)
          )
            return false;
        }
      }
      return true;
    }

    const stateOf = (state: CycleState) => state.get(name) as State;

    return {
      preFilter(state, pod) {
        const terms = podTerms(pod);
        const against = [...cache.terms.requiredAntiAffinity.selecting(pod, namespaceLabels)];
        if (against.length === 0 && terms.requiredAffinity.length === 0 && terms.requiredAntiAffinity.length === 0)
          return skip(name);
        const made: State = {
          against,
          affinity: terms.requiredAffinity,
          matchingAll: terms.requiredAffinity.length ? countsOf(terms.requiredAffinity) : undefined,
          antiAffinity: terms.requiredAntiAffinity.map((term) => ({ term, counts: countsOf([term]) })),
          matchesItself: selectedBy(terms.requiredAffinity)(pod),
          changes: [],
        };
        state.set(name, made);
        return undefined;
      },
      addPod: (state, _pod, added, node) => void stateOf(state).changes.push({ pod: added, node, sign: 1 }),
      removePod: (state, _pod, removed, node) => void stateOf(state).changes.push({ pod: removed, node, sign: -1 }),
      filter(cycle, pod, node) {
        const state = stateOf(cycle);
        if (state.affinity.length && !affinitySatisfied(state, node))
          return unresolvable(name, "node(s) didn't match pod affinity rules");
        if (state.antiAffinity.length && !antiAffinitySatisfied(state, node))
          return unschedulable(name, "node(s) didn't match pod anti-affinity rules");
        if (!othersSatisfied(state, pod, node))
          return unschedulable(name, "node(s) didn't satisfy existing pods anti-affinity rules");
        return undefined;
      },
      preScore(state, pod) {
        const terms = podTerms(pod);
        const sums = new Map<string, Map<string, number>>();
        const add = (topologyKey: string, counts: PodCounts, weight: number) => {
          let values = sums.get(topologyKey);
          if (!values) {
            values = new Map();
            sums.set(topologyKey, values);
          }
          for (const [value, count] of counts.byDomain(topologyKey))
            values.set(value, (values.get(value) ?? 0) + count * weight);
        };
        for (const term of terms.preferredAffinity) add(term.topologyKey, countsOf([term]), term.weight);
        for (const term of terms.preferredAntiAffinity) add(term.topologyKey, countsOf([term]), -term.weight);
        const hasPreferences = terms.preferredAffinity.length + terms.preferredAntiAffinity.length > 0;
        if (hasPreferences || !ignorePreferredOfExisting) {
          if (hardWeight > 0)
            for (const { term, counts } of cache.terms.requiredAffinity.selecting(pod, namespaceLabels))
              add(term.topologyKey, counts, hardWeight);
          for (const { term, counts } of cache.terms.preferredAffinity.selecting(pod, namespaceLabels))
            add(term.topologyKey, counts, term.weight);
          for (const { term, counts } of cache.terms.preferredAntiAffinity.selecting(pod, namespaceLabels))
            add(term.topologyKey, counts, -term.weight);
        }
        if (sums.size === 0) return skip(name);
        state.set(`${name}/score`, sums);
        return undefined;
      },
      score(state, _pod, node) {
        let sum = 0;
        for (const [topologyKey, values] of state.get(`${name}/score`) as Map<string, Map<string, number>>) {
          const value = labelOf(node, topologyKey);
          if (value !== undefined) sum += values.get(value) ?? 0;
        }
        return sum;
      },
      normalize(_state, _pod, nodes, scores) {
        let min = Number.POSITIVE_INFINITY;
        let max = Number.NEGATIVE_INFINITY;
        for (let i = 0; i < nodes.length; i++) {
          min = Math.min(min, scores[i]!);
          max = Math.max(max, scores[i]!);
        }
        for (let i = 0; i < nodes.length; i++)
          scores[i] = max > min ? Math.trunc((maxNodeScore * (scores[i]! - min)) / (max - min)) : 0;
      },
      concerns: (event) =>
        event.action !== 'update' || !deepEqual(event.object.metadata.labels, event.old?.metadata.labels),
      helps(event, pod) {
        if (event.kind !== 'Pod') return true;
        const terms = podTerms(pod);
        const other = event.object as unknown as Shared<Pod>;
        if (other.metadata.uid === pod.metadata.uid) return true;
        const selects = (list: readonly AffinityTerm[]) =>
          list.some((term) => termSelects(term, other, namespaceLabels));
        if (event.action !== 'delete' && selects(terms.requiredAffinity)) return true;
        if (event.action === 'add') return false;
        return selects(terms.requiredAntiAffinity) || podInfo(other).hasAffinity;
      },
    };
  },
});
