/** What a cycle found against each node. */
import type { Verdict } from './framework.ts';
import type { NodeInfo } from './node-info.ts';

/** Nodes with their verdicts in the order they were looked at; cheap to fill, by name only on demand. */
export class NodeVerdicts {
  readonly #nodes: NodeInfo[] = [];
  readonly #verdicts: Verdict[] = [];
  #byName: Map<string, Verdict> | undefined;

  /** The same verdict for every node. */
  static forAll(nodes: readonly NodeInfo[], verdict: Verdict): NodeVerdicts {
    const all = new NodeVerdicts();
    for (const node of nodes) all.add(node, verdict);
    return all;
  }

  get size(): number {
    return this.#nodes.length;
  }

  add(node: NodeInfo, verdict: Verdict): void {
    this.#nodes.push(node);
    this.#verdicts.push(verdict);
  }

  get(nodeName: string): Verdict | undefined {
    this.#byName ??= new Map(this.#nodes.map((node, i) => [node.name, this.#verdicts[i]!]));
    return this.#byName.get(nodeName);
  }

  /** The nodes whose verdict has a code. */
  nodesWith(code: Verdict['code']): NodeInfo[] {
    const verdicts = this.#verdicts;
    return this.#nodes.filter((_, i) => verdicts[i]!.code === code);
  }

  /** Names of the plugins that refused a node. */
  plugins(): Set<string> {
    const names = new Set<string>();
    let last: Verdict | undefined;
    for (const verdict of this.#verdicts) {
      if (verdict === last) continue;
      last = verdict;
      names.add(verdict.plugin);
    }
    return names;
  }

  /** How many nodes there are for each reason. */
  reasonCounts(): Map<string, number> {
    // Few verdicts are shared by many nodes: they are counted first, their words after.
    const byVerdict = new Map<Verdict, number>();
    const verdicts = this.#verdicts;
    for (let i = 0; i < verdicts.length; ) {
      const begin = i;
      const verdict = verdicts[begin]!;
      while (i < verdicts.length && verdicts[i] === verdict) i++;
      byVerdict.set(verdict, (byVerdict.get(verdict) ?? 0) + i - begin);
    }
    const counts = new Map<string, number>();
    for (const [verdict, count] of byVerdict)
      for (const reason of verdict.reasons) counts.set(reason, (counts.get(reason) ?? 0) + count);
    return counts;
  }
}
