/** What one look at a DaemonSet creates and deletes: upstream's rules for placement and rolling updates, without a client. */
import type { DaemonSet } from '../../api/apps/daemon-set.ts';
import type { Node } from '../../api/core/node.ts';
import type { Pod } from '../../api/core/pod.ts';
import type { Shared } from '../../api/kind.ts';
import { scaledValue } from '../../api/machinery/int-or-string.ts';
import { parseTime } from '../../base/clock.ts';
import { revisionHashLabel } from '../controller-revisions.ts';
import { isPodAvailable } from '../pods/state.ts';
import { nodeOf, verdictOn } from './placement.ts';

type P = Shared<Pod>;
type Ds = Shared<DaemonSet>;

export interface DaemonPlan {
  /** Nodes that need a pod. */
  readonly create: readonly string[];
  readonly remove: readonly P[];
  /** Of those removed, the ones that ended and are replaced. */
  readonly ended: readonly P[];
}

export interface DaemonFacts {
  readonly nodes: readonly Shared<Node>[];
  readonly byNode: ReadonlyMap<string, readonly P[]>;
  readonly hash: string;
  readonly now: number;
  /** Whether failed pods of a node may be replaced now. */
  mayReplace(node: string): boolean;
}

/** The pods by the node that they are for. */
export function podsByNode(pods: readonly P[]): Map<string, P[]> {
  const byNode = new Map<string, P[]>();
  for (const pod of pods) {
    const node = nodeOf(pod);
    if (!node) continue;
    const there = byNode.get(node);
    if (there) there.push(pod);
    else byNode.set(node, [pod]);
  }
  return byNode;
}

const isNew = (pod: P, hash: string): boolean => pod.metadata.labels?.[revisionHashLabel] === hash;
const byAge = (a: P, b: P): number =>
  parseTime(a.metadata.creationTimestamp) - parseTime(b.metadata.creationTimestamp) ||
  (a.metadata.name < b.metadata.name ? -1 : 1);

/** Surge and unavailability in nodes, of those that should run a pod. Both zero would block: then one may be unavailable. */
export function limits(set: Ds, desired: number): { readonly maxSurge: number; readonly maxUnavailable: number } {
  const rolling = set.spec.updateStrategy.type === 'RollingUpdate' ? set.spec.updateStrategy.rollingUpdate : undefined;
  const maxSurge = scaledValue(rolling?.maxSurge ?? 0, desired, { roundUp: true });
  const maxUnavailable = scaledValue(rolling?.maxUnavailable ?? 1, desired, { roundUp: true });
  return { maxSurge, maxUnavailable: maxSurge === 0 && maxUnavailable === 0 ? 1 : maxUnavailable };
}

/** Puts a pod where one is missing and takes away what is too many or may not stay. */
export function planPlacement(set: Ds, facts: DaemonFacts): DaemonPlan {
  const create: string[] = [];
  const remove: P[] = [];
  const ended: P[] = [];
  const known = new Map(facts.nodes.map((node) => [node.metadata.name, node]));
  const surges = limits(set, 100).maxSurge > 0;
  for (const node of facts.nodes) {
    const name = node.metadata.name;
    const { shouldRun, mayStay } = verdictOn(set, node);
    const pods = facts.byNode.get(name) ?? [];
    if (shouldRun && pods.length === 0) create.push(name);
    else if (!mayStay) remove.push(...pods.filter((pod) => !pod.metadata.deletionTimestamp));
    else {
      const running: P[] = [];
      for (const pod of pods) {
        if (pod.metadata.deletionTimestamp) continue;
        if (pod.status.phase === 'Failed' || pod.status.phase === 'Succeeded') {
          if (pod.status.phase === 'Failed' && !facts.mayReplace(name)) continue;
          remove.push(pod);
          ended.push(pod);
        } else running.push(pod);
      }
      remove.push(...(surges ? surplusDuringSurge(set, running, facts) : [...running].sort(byAge).slice(1)));
    }
  }
  // A pod whose node is gone and that never got there would wait for ever.
  for (const [node, pods] of facts.byNode) {
    if (!known.has(node)) remove.push(...pods.filter((pod) => !pod.spec.nodeName && !pod.metadata.deletionTimestamp));
  }
  return { create, remove, ended };
}

/** While surging a node may have one old and one new pod; the old one goes when the new one is available. */
function surplusDuringSurge(set: Ds, running: readonly P[], { hash, now }: DaemonFacts): P[] {
  const fresh = running.filter((pod) => isNew(pod, hash)).sort(byAge);
  const old = running.filter((pod) => !isNew(pod, hash)).sort(byAge);
  const surplus = [...fresh.slice(1), ...old.slice(1)];
  const minReady = set.spec.minReadySeconds ?? 0;
  if (fresh[0] && old[0] && isPodAvailable(fresh[0], minReady, now)) surplus.push(old[0]);
  return surplus;
}

/** The next steps of a rolling update: old pods to delete, or nodes to surge onto. */
export function planUpdate(set: Ds, facts: DaemonFacts): DaemonPlan {
  const eligible = facts.nodes.filter((node) => verdictOn(set, node).shouldRun);
  const { maxSurge, maxUnavailable } = limits(set, eligible.length);
  const minReady = set.spec.minReadySeconds ?? 0;
  const isAvailable = (pod: P) => isPodAvailable(pod, minReady, facts.now);
  const create: string[] = [];
  const remove: P[] = [];
  const candidates: { pod: P; node: string }[] = [];
  let unavailable = 0;
  let surging = 0;
  for (const { metadata } of eligible) {
    const pods = (facts.byNode.get(metadata.name) ?? []).filter(
      (pod) => maxSurge === 0 || !pod.metadata.deletionTimestamp,
    );
    const fresh = pods.filter((pod) => isNew(pod, facts.hash));
    const old = pods.filter((pod) => !isNew(pod, facts.hash));
    if (fresh.length > 1 || old.length > 1) unavailable++;
    else if (fresh[0] && old[0]) {
      if (maxSurge === 0) unavailable++;
      else if (isAvailable(fresh[0])) remove.push(old[0]);
      else surging++;
    } else if (fresh[0]) {
      if (!isAvailable(fresh[0])) unavailable++;
    } else if (!old[0]) unavailable++;
    else if (old[0].metadata.deletionTimestamp) unavailable++;
    else if (isAvailable(old[0])) candidates.push({ pod: old[0], node: metadata.name });
    else if (maxSurge === 0) {
      // Down anyway: replacing it costs nothing.
      remove.push(old[0]);
      unavailable++;
    } else {
      create.push(metadata.name);
      surging++;
    }
  }
  if (maxSurge > 0) {
    for (const { node } of candidates.slice(0, Math.max(0, maxSurge - surging))) create.push(node);
  } else {
    for (const { pod } of candidates.slice(0, Math.max(0, maxUnavailable - unavailable))) remove.push(pod);
  }
  return { create, remove, ended: [] };
}
