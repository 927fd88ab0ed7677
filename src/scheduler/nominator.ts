/** Pods that preemption has promised a node: their room is kept from pods of lower priority until they are placed. */
import type { Shared } from '../api/kind.ts';
import type { Pod } from '../api/types/core-v1.ts';

const none: readonly Shared<Pod>[] = [];

export class Nominator {
  readonly #nodeOf = new Map<string, string>();
  readonly #byNode = new Map<string, Map<string, Shared<Pod>>>();
  #changes = 0;
  readonly #changedAt = new Map<string, number>();

  add(pod: Shared<Pod>, nodeName: string): void {
    this.remove(pod.metadata.uid);
    this.#nodeOf.set(pod.metadata.uid, nodeName);
    this.#changedAt.set(nodeName, ++this.#changes);
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
    this.#changedAt.set(nodeName, ++this.#changes);
    const pods = this.#byNode.get(nodeName);
    pods?.delete(uid);
    if (pods?.size === 0) this.#byNode.delete(nodeName);
  }

  /** The node that a pod was promised. */
  nodeOf(pod: Shared<Pod>): string | undefined {
    return this.#nodeOf.get(pod.metadata.uid);
  }

  get size(): number {
    return this.#nodeOf.size;
  }

  /** Grows when a pod is promised the node or no longer is. */
  versionOf(nodeName: string): number {
    return this.#changedAt.get(nodeName) ?? 0;
  }

  /** Whether no pod is promised a node. */
  isFree(nodeName: string): boolean {
    return !this.#byNode.has(nodeName);
  }

  /** Pods of lower priority that are promised a node: a more important pod takes it from them. */
  lessImportant(nodeName: string, pod: Shared<Pod>): readonly Shared<Pod>[] {
    const priority = pod.spec.priority ?? 0;
    return [...(this.#byNode.get(nodeName)?.values() ?? [])].filter((other) => (other.spec.priority ?? 0) < priority);
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
