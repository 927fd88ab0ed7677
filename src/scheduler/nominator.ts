/** Pods that preemption has promised a node: their room is kept from pods of lower priority until they are placed. */
import type { Shared } from '../api/kind.ts';
import type { Pod } from '../api/types/core-v1.ts';

const none: readonly Shared<Pod>[] = [];

export class Nominator {
  readonly #nodeOf = new Map<string, string>();
  readonly #byNode = new Map<string, Map<string, Shared<Pod>>>();

  add(pod: Shared<Pod>, nodeName: string): void {
    this.remove(pod.metadata.uid);
    this.#nodeOf.set(pod.metadata.uid, nodeName);
    let pods = this.#byNode.get(nodeName);
    if (!pods) {
      pods = new Map();
      this.#byNode.set(nodeName, pods);
    }
    pods.set(pod.metadata.uid, pod);
  }

  remove(uid: string): void {
    const nodeName = this.#nodeOf.get(uid);
    if (nodeName === undefined) return;
    this.#nodeOf.delete(uid);
    const pods = this.#byNode.get(nodeName);
    pods?.delete(uid);
    if (pods?.size === 0) this.#byNode.delete(nodeName);
  }

  /** The other pods nominated to a node whose priority is at least the pod's. */
  onNode(nodeName: string, pod: Shared<Pod>): readonly Shared<Pod>[] {
    const pods = this.#byNode.get(nodeName);
    if (!pods) return none;
    const priority = pod.spec.priority ?? 0;
    return [...pods.values()].filter(
      (other) => other.metadata.uid !== pod.metadata.uid && (other.spec.priority ?? 0) >= priority,
    );
  }
}
