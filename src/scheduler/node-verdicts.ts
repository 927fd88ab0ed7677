/** What a cycle found against each node. */
import type { Verdict } from './framework.ts';
import type { NodeInfo } from './node-info.ts';

/** Verdicts by the place of the node in a list; cheap to fill, by name only on demand. */
export class NodeVerdicts {
  readonly nodes: readonly NodeInfo[];
  readonly #verdicts: (Verdict | undefined)[];
  #count = 0;

  constructor(nodes: readonly NodeInfo[]) {
    this.nodes = nodes;
    this.#verdicts = new Array<Verdict | undefined>(nodes.length).fill(undefined);
  }

  /** The same verdict for every node. */
  static forAll(nodes: readonly NodeInfo[], verdict: Verdict): NodeVerdicts {
    const all = new NodeVerdicts(nodes);
    all.#verdicts.fill(verdict);
    all.#count = nodes.length;
    return all;
  }

  /** Nodes with a verdict. */
  get size(): number {
    return this.#count;
  }

  set(index: number, verdict: Verdict): void {
    if (this.#verdicts[index] === undefined) this.#count++;
    this.#verdicts[index] = verdict;
  }

  /** The same by the node, which must be in the list. */
  add(node: NodeInfo, verdict: Verdict): void {
    this.set(this.nodes.indexOf(node), verdict);
  }

  get(nodeName: string): Verdict | undefined {
    return this.#verdicts[this.nodes.findIndex(({ name }) => name === nodeName)];
  }

  /** The places of the nodes whose verdict has a code. */
  placesWith(code: Verdict['code']): Uint32Array {
    const verdicts = this.#verdicts;
    const places = new Uint32Array(this.#count);
    let found = 0;
    for (let i = 0; i < verdicts.length; i++) if (verdicts[i]?.code === code) places[found++] = i;
    return places.subarray(0, found);
  }

  /** Names of the plugins that refused a node. */
  plugins(): Set<string> {
    return new Set([...this.#byVerdict().keys()].map(({ plugin }) => plugin));
  }

  /** How many nodes there are for each reason. */
  reasonCounts(): Map<string, number> {
    const counts = new Map<string, number>();
    for (const [verdict, count] of this.#byVerdict())
      for (const reason of verdict.reasons) counts.set(reason, (counts.get(reason) ?? 0) + count);
    return counts;
  }

  /** Few verdicts are shared by many nodes: they are counted first, their words after. */
  #byVerdict(): Map<Verdict, number> {
    const counts = new Map<Verdict, number>();
    const verdicts = this.#verdicts;
    for (let i = 0; i < verdicts.length; ) {
      const begin = i;
      const verdict = verdicts[begin];
      while (i < verdicts.length && verdicts[i] === verdict) i++;
      if (verdict) counts.set(verdict, (counts.get(verdict) ?? 0) + i - begin);
    }
    return counts;
  }
}
