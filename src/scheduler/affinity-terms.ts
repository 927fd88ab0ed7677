/** Pod affinity terms with their selectors compiled, and groups of placed pods that have the same term. */
import type { Shared } from '../api/kind.ts';
import { type LabelMatcher, labelSelectorMatcher } from '../api/machinery/selectors.ts';
import type { Pod, PodAffinityTerm } from '../api/types/core-v1.ts';
import type { SchedulerCache } from './cache.ts';
import type { NodeInfo, PodInfo } from './node-info.ts';
import { PodCounts } from './pod-counts.ts';

type NamespaceLabels = (namespace: string) => Readonly<Record<string, string>> | undefined;

/** A term of a pod; two pods with the same signature mean the same by it. */
export interface AffinityTerm {
  readonly signature: string;
  readonly topologyKey: string;
  readonly weight: number;
  readonly namespaces: ReadonlySet<string>;
  /** Further namespaces, by their labels. */
  readonly namespaceSelector: LabelMatcher | undefined;
  readonly selector: LabelMatcher;
}

/** Compiles a term as the pod that has it means it: without namespaces it is about the pod's own. */
export function compileTerm(pod: Shared<Pod>, term: Shared<PodAffinityTerm>, weight = 1): AffinityTerm {
  const own = !term.namespaces?.length && !term.namespaceSelector;
  const namespaces = own ? [pod.metadata.namespace] : [...(term.namespaces ?? [])].sort();
  const namespaceSelector = term.namespaceSelector ? labelSelectorMatcher(term.namespaceSelector) : undefined;
  const selector = labelSelectorMatcher(term.labelSelector);
  return {
    signature: JSON.stringify([term.topologyKey, weight, namespaces, term.namespaceSelector, term.labelSelector]),
    topologyKey: term.topologyKey,
    weight,
    namespaces: new Set(namespaces),
    namespaceSelector,
    selector,
  };
}

/** Whether a term is about a pod. */
export function termSelects(term: AffinityTerm, pod: Shared<Pod>, namespaceLabels: NamespaceLabels): boolean {
  const { namespace, labels } = pod.metadata;
  if (!term.namespaces.has(namespace)) {
    if (!term.namespaceSelector) return false;
    if (!term.namespaceSelector.everything && !term.namespaceSelector.matches(namespaceLabels(namespace) ?? {}))
      return false;
  }
  return term.selector.matches(labels ?? {});
}

/** All the terms of a pod. */
export interface PodTerms {
  readonly requiredAffinity: readonly AffinityTerm[];
  readonly requiredAntiAffinity: readonly AffinityTerm[];
  readonly preferredAffinity: readonly AffinityTerm[];
  readonly preferredAntiAffinity: readonly AffinityTerm[];
}

const none: PodTerms = {
  requiredAffinity: [],
  requiredAntiAffinity: [],
  preferredAffinity: [],
  preferredAntiAffinity: [],
};
const compiled = new WeakMap<Shared<Pod>, PodTerms>();

/** The terms of a pod version, compiled once. */
export function podTerms(pod: Shared<Pod>): PodTerms {
  const { podAffinity, podAntiAffinity } = pod.spec.affinity ?? {};
  if (!podAffinity && !podAntiAffinity) return none;
  let terms = compiled.get(pod);
  if (!terms) {
    const required = (list: readonly Shared<PodAffinityTerm>[] | undefined) =>
      (list ?? []).map((t) => compileTerm(pod, t));
    const preferred = (
      list: readonly { readonly weight: number; readonly podAffinityTerm: Shared<PodAffinityTerm> }[] | undefined,
    ) => (list ?? []).map((t) => compileTerm(pod, t.podAffinityTerm, t.weight));
    terms = {
      requiredAffinity: required(podAffinity?.requiredDuringSchedulingIgnoredDuringExecution),
      requiredAntiAffinity: required(podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution),
      preferredAffinity: preferred(podAffinity?.preferredDuringSchedulingIgnoredDuringExecution),
      preferredAntiAffinity: preferred(podAntiAffinity?.preferredDuringSchedulingIgnoredDuringExecution),
    };
    compiled.set(pod, terms);
  }
  return terms;
}

/** Placed pods that have one term: how many there are, where. */
export interface TermGroup {
  readonly term: AffinityTerm;
  readonly counts: PodCounts;
}

/** Groups of placed pods by one sort of their terms. */
export class TermGroups {
  readonly #cache: SchedulerCache;
  readonly #termsOf: (pod: Shared<Pod>) => readonly AffinityTerm[];
  readonly #groups = new Map<string, TermGroup>();
  readonly #byNamespace = new Map<string, Set<TermGroup>>();
  readonly #selecting = new Set<TermGroup>();

  constructor(cache: SchedulerCache, termsOf: (pod: Shared<Pod>) => readonly AffinityTerm[]) {
    this.#cache = cache;
    this.#termsOf = termsOf;
  }

  change(node: NodeInfo, info: PodInfo, sign: 1 | -1): void {
    for (const term of this.#termsOf(info.pod)) {
      let group = this.#groups.get(term.signature);
      if (!group) {
        if (sign < 0) continue;
        group = { term, counts: PodCounts.empty(this.#cache, () => 1) };
        this.#groups.set(term.signature, group);
        for (const set of this.#setsOf(term)) set.add(group);
      }
      group.counts.change(node, info, sign);
      if (group.counts.total === 0) {
        this.#groups.delete(term.signature);
        for (const set of this.#setsOf(term)) set.delete(group);
      }
    }
  }

  /** The groups whose term is about a pod. */
  *selecting(pod: Shared<Pod>, namespaceLabels: NamespaceLabels): Iterable<TermGroup> {
    if (this.#groups.size === 0) return;
    for (const group of this.#byNamespace.get(pod.metadata.namespace) ?? [])
      if (termSelects(group.term, pod, namespaceLabels)) yield group;
    for (const group of this.#selecting)
      if (!group.term.namespaces.has(pod.metadata.namespace) && termSelects(group.term, pod, namespaceLabels))
        yield group;
  }

  nodesChanged(): void {
    for (const { counts } of this.#groups.values()) counts.forgetDomains();
  }

  nodeRemoved(nodeName: string): void {
    for (const [signature, group] of this.#groups) {
      group.counts.removeNode(nodeName);
      if (group.counts.total === 0) {
        this.#groups.delete(signature);
        for (const set of this.#setsOf(group.term)) set.delete(group);
      }
    }
  }

  #setsOf(term: AffinityTerm): Set<TermGroup>[] {
    const sets = [...term.namespaces].map((namespace) => {
      let set = this.#byNamespace.get(namespace);
      if (!set) {
        set = new Set();
        this.#byNamespace.set(namespace, set);
      }
      return set;
    });
    return term.namespaceSelector ? [...sets, this.#selecting] : sets;
  }
}
