/**
 * How many pods match a selector, per node and per topology domain, kept current as pods come and go. Spreading and
 * affinity ask the same few questions for every pod of a workload: each is answered from sums instead of a walk over all
 * pods of the cluster.
 */
import type { SchedulerCache } from './cache.ts';
import type { NodeInfo, PodInfo } from './node-info.ts';

/** The answer to one question. */
export class PodCounts {
  readonly #weight: (info: PodInfo) => number;
  readonly byNode = new Map<string, number>();
  readonly #domains = new Map<string, Map<string, number>>();
  readonly #cache: SchedulerCache;
  total = 0;

  /** @param weight how much a pod counts; 0 when it does not match */
  private constructor(cache: SchedulerCache, weight: (info: PodInfo) => number) {
    this.#cache = cache;
    this.#weight = weight;
  }

  /** Counts that start at nothing: who makes them reports every pod. */
  static empty(cache: SchedulerCache, weight: (info: PodInfo) => number): PodCounts {
    return new PodCounts(cache, weight);
  }

  /** Counts of the pods that are placed now. */
  static ofPlaced(cache: SchedulerCache, weight: (info: PodInfo) => number): PodCounts {
    const counts = new PodCounts(cache, weight);
    for (const node of cache.nodes()) for (const info of node.pods.values()) counts.change(node, info, 1);
    return counts;
  }

  /** Sums by the value of a node label; nodes without the label are in none. */
  byDomain(topologyKey: string): ReadonlyMap<string, number> {
    let sums = this.#domains.get(topologyKey);
    if (!sums) {
      sums = new Map();
      for (const [nodeName, count] of this.byNode) {
        const value = this.#cache.node(nodeName)?.node.metadata.labels?.[topologyKey];
        if (value !== undefined) sums.set(value, (sums.get(value) ?? 0) + count);
      }
      this.#domains.set(topologyKey, sums);
    }
    return sums;
  }

  /** A pod came to a node (1) or left it (-1). */
  change(node: NodeInfo, info: PodInfo, sign: 1 | -1): void {
    const weight = this.#weight(info);
    if (weight === 0) return;
    const by = sign * weight;
    this.total += by;
    add(this.byNode, node.name, by);
    for (const [topologyKey, sums] of this.#domains) {
      const value = node.node.metadata.labels?.[topologyKey];
      if (value !== undefined) add(sums, value, by);
    }
  }

  /** Nodes came, went or were labelled anew: sums by label are made again when asked for. */
  forgetDomains(): void {
    this.#domains.clear();
  }

  /** A node is gone, and its pods with it. */
  removeNode(nodeName: string): void {
    this.total -= this.byNode.get(nodeName) ?? 0;
    this.byNode.delete(nodeName);
    this.#domains.clear();
  }
}

function add(sums: Map<string, number>, key: string, by: number): void {
  const sum = (sums.get(key) ?? 0) + by;
  if (sum === 0) sums.delete(key);
  else sums.set(key, sum);
}

/** Questions that are remembered; the least recently asked is forgotten. */
const maxQuestions = 2000;

/** What is asked: which pods, in which namespaces (undefined: all). The key names both completely. */
export interface PodQuestion {
  readonly key: string;
  readonly namespaces: ReadonlySet<string> | undefined;
  /** How much a pod of these namespaces counts; 0 when it does not match. */
  weight(info: PodInfo): number;
}

/** All questions asked lately. A pod that comes or goes is held only against those about its namespace. */
export class PodCountIndex {
  readonly #cache: SchedulerCache;
  readonly #byKey = new Map<string, { question: PodQuestion; counts: PodCounts }>();
  readonly #byNamespace = new Map<string, Set<PodCounts>>();
  readonly #everywhere = new Set<PodCounts>();

  constructor(cache: SchedulerCache) {
    this.#cache = cache;
  }

  get(question: PodQuestion): PodCounts {
    let known = this.#byKey.get(question.key);
    if (known) this.#byKey.delete(question.key);
    else {
      const { namespaces } = question;
      const counts = PodCounts.ofPlaced(this.#cache, (info) =>
        !namespaces || namespaces.has(info.pod.metadata.namespace) ? question.weight(info) : 0,
      );
      known = { question, counts };
      for (const set of this.#setsOf(question)) set.add(counts);
    }
    this.#byKey.set(question.key, known);
    if (this.#byKey.size > maxQuestions) {
      const [oldest, { question: forgotten, counts }] = this.#byKey.entries().next().value!;
      this.#byKey.delete(oldest);
      for (const set of this.#setsOf(forgotten)) set.delete(counts);
    }
    return known.counts;
  }

  podChanged(node: NodeInfo, info: PodInfo, sign: 1 | -1): void {
    for (const counts of this.#byNamespace.get(info.pod.metadata.namespace) ?? []) counts.change(node, info, sign);
    for (const counts of this.#everywhere) counts.change(node, info, sign);
  }

  nodesChanged(): void {
    for (const { counts } of this.#byKey.values()) counts.forgetDomains();
  }

  nodeRemoved(nodeName: string): void {
    for (const { counts } of this.#byKey.values()) counts.removeNode(nodeName);
  }

  #setsOf({ namespaces }: PodQuestion): Set<PodCounts>[] {
    if (!namespaces) return [this.#everywhere];
    return [...namespaces].map((namespace) => {
      let set = this.#byNamespace.get(namespace);
      if (!set) {
        set = new Set();
        this.#byNamespace.set(namespace, set);
      }
      return set;
    });
  }
}
