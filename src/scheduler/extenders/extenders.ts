/** The extenders of a scheduler, asked one after the other, and what their answers mean to a cycle. */
import type { Shared } from '../../api/kind.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/log.ts';
import type { ExtenderConfig } from '../config/extenders.ts';
import type { Verdict } from '../framework.ts';
import type { NodeInfo } from '../node-info.ts';
import type { NodeVerdicts } from '../node-verdicts.ts';
import { maxNodeScore } from '../scores.ts';
import { type ExtenderVictims, HttpExtender } from './http-extender.ts';

/** The name under which extenders refuse pods. */
export const extenderPlugin = 'Extender';
const maxExtenderScore = 10;

export class Extenders {
  readonly #all: readonly HttpExtender[];
  readonly #log: Logger;

  constructor(configs: readonly ExtenderConfig[], { clock, log }: { clock: Clock; log: Logger }) {
    this.#all = configs.map((config) => new HttpExtender(config, clock));
    this.#log = log;
  }

  /** Whether a pod's cycle has to wait for an extender. */
  concern(pod: Shared<Pod>): boolean {
    return this.#all.some(
      (extender) => (extender.config.filterVerb || extender.config.prioritizeVerb) && extender.isInterested(pod),
    );
  }

  /** The nodes that no extender objects to; objections go to the verdicts. Throws when one fails that may not. */
  async filter(pod: Shared<Pod>, nodes: readonly NodeInfo[], verdicts: NodeVerdicts): Promise<readonly NodeInfo[]> {
    let left = nodes;
    for (const extender of this.#all) {
      if (left.length === 0) break;
      if (!extender.config.filterVerb || !extender.isInterested(pod)) continue;
      const given = left;
      const result = await this.#unlessIgnorable(extender, () =>
        extender.filter(
          pod,
          given.map(({ node }) => node),
        ),
      );
      if (!result) continue;
      left = given.filter((node) => {
        if (result.nodeNames.has(node.name)) return true;
        const forGood = result.failedForGood[node.name];
        const reason = forGood ?? result.failed[node.name] ?? `node(s) were refused by extender ${extender.name}`;
        verdicts.add(node, refusal(forGood === undefined ? 'Unschedulable' : 'UnschedulableAndUnresolvable', reason));
        return false;
      });
    }
    return left;
  }

  /** What extenders add to the scores of nodes. One that fails adds nothing. */
  async scores(pod: Shared<Pod>, nodes: readonly NodeInfo[]): Promise<Float64Array> {
    const sums = new Float64Array(nodes.length);
    const asked = this.#all.filter((extender) => extender.config.prioritizeVerb && extender.isInterested(pod));
    await Promise.all(
      asked.map(async (extender) => {
        try {
          const scores = await extender.prioritize(
            pod,
            nodes.map(({ node }) => node),
          );
          const factor = (extender.config.weight ?? 0) * (maxNodeScore / maxExtenderScore);
          for (let i = 0; i < nodes.length; i++) sums[i]! += (scores.get(nodes[i]!.name) ?? 0) * factor;
        } catch (error) {
          this.#log.warn('an extender could not rate nodes', { extender: extender.name, error });
        }
      }),
    );
    return sums;
  }

  /** Narrows down where pods may be removed for another, and which. */
  async preempt(
    pod: Shared<Pod>,
    victims: ReadonlyMap<string, ExtenderVictims>,
    node: (name: string) => NodeInfo | undefined,
  ): Promise<ReadonlyMap<string, ExtenderVictims>> {
    let left = victims;
    for (const extender of this.#all) {
      if (left.size === 0) break;
      if (!extender.config.preemptVerb || !extender.isInterested(pod)) continue;
      const given = left;
      const result = await this.#unlessIgnorable(extender, () => extender.preempt(pod, given));
      if (!result) continue;
      left = new Map(
        [...result].map(([name, { uids, budgetViolations }]) => {
          const pods = uids.map((uid) => {
            const found = node(name)?.pods.get(uid)?.pod;
            if (found) return found;
            throw new Error(
              `extender: ${extender.name} claims to preempt pod (UID: ${uid}) on node: ${name}, but the pod is not found on that node`,
            );
          });
          return [name, { pods, budgetViolations }];
        }),
      );
    }
    return left;
  }

  /** True when an extender has bound the pod. */
  async bind(pod: Shared<Pod>, nodeName: string): Promise<boolean> {
    const binder = this.#all.find((extender) => extender.config.bindVerb && extender.isInterested(pod));
    if (!binder) return false;
    await binder.bind(pod, nodeName);
    return true;
  }

  close(): void {
    for (const extender of this.#all) extender.close();
  }

  async #unlessIgnorable<T>(extender: HttpExtender, ask: () => Promise<T>): Promise<T | undefined> {
    try {
      return await ask();
    } catch (error) {
      if (!extender.config.ignorable) throw error;
      this.#log.warn('skipping an extender that can be done without', { extender: extender.name, error });
      return undefined;
    }
  }
}

const refusal = (code: Verdict['code'], reason: string): Verdict => ({
  code,
  plugin: extenderPlugin,
  reasons: [reason],
});
