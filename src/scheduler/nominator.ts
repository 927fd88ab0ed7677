/** Pods that preemption has promised a node: their room is kept from pods of lower priority until they are placed. */
import type { Shared } from '../api/kind.ts';
import type { Pod } from '../api/types/core-v1.ts';

const none: readonly Shared<Pod>[] = [];

export class Nominator {
  readonly #nodeOf = new Map<string, string>();
  readonly #byNode = new Map<string, Map<string, Shared<Pod>>>();
  readonly #onChange: (nodeName: string) => void;

  /** @param onChange called with a node when a pod is promised it or no longer is */
  constructor(onChange: (nodeName: string) => void) {
    this.#onChange = onChange;
  }

  add(pod: Shared<Pod>, nodeName: string): void {
    this.remove(pod.metadata.uid);
    this.#nodeOf.set(pod.metadata.uid, nodeName);
    let pods = this.#byNode.get(nodeName);
    if (!pods) {
      pods = new Map();
      this.#byNode.set(nodeName, pods);
    }
    pods.set(pod.metadata.uid, pod);
    this.#onChange(nodeName);
  }

  remove(uid: string): void {
    const nodeName = this.#nodeOf.get(uid);
    if (nodeName === undefined) return;
    this.#nodeOf.delete(uid);
    const pods = this.#byNode.get(nodeName);
    pods?.delete(uid);
    if (pods?.size === 0) this.#byNode.delete(nodeName);
    this.#onChange(nodeName);
  }

  /** The node that a pod was promised. */
  nodeOf(pod: Shared<Pod>): string | undefined {
    return this.#nodeOf.get(pod.metadata.uid);
  }

  get size(): number {
    return this.#nodeOf.size;
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
