/** The scheduler's view of nodes and the pods on them, with the pods that it has placed but not yet seen bound. */
import type { Shared } from '../api/kind.ts';
import type { Node, Pod } from '../api/types/core-v1.ts';
import { deepEqual } from '../base/deep.ts';
import { podTerms, TermGroups } from './affinity-terms.ts';
import { NodeInfo, type PodInfo, podInfo, samePodInfo } from './node-info.ts';
import { PodCountIndex } from './pod-counts.ts';

interface Placed {
  pod: Shared<Pod>;
  nodeName: string;
  assumed: boolean;
}

const zoneLabel = 'topology.kubernetes.io/zone';
const regionLabel = 'topology.kubernetes.io/region';

/**
 * Nodes by name and pods by UID. A pod may arrive before its node: it is counted once the node is there. Nodes are walked
 * zone by zone in turn (upstream's node tree), so that the first nodes that fit are spread over zones.
 */
export class SchedulerCache {
  readonly #nodes = new Map<string, NodeInfo>();
  readonly #pods = new Map<string, Placed>();
  /** Pods bound to nodes that are not (or no longer) known. */
  readonly #strays = new Map<string, Set<string>>();
  #ordered: NodeInfo[] | undefined;
  /** Sums over the placed pods, for spreading and affinity. */
  readonly counts: PodCountIndex = new PodCountIndex(this);
  /** Placed pods by their affinity terms, for what they mean to a new pod. */
  readonly terms = {
    requiredAntiAffinity: new TermGroups(this, (pod) => podTerms(pod).requiredAntiAffinity),
    requiredAffinity: new TermGroups(this, (pod) => podTerms(pod).requiredAffinity),
    preferredAffinity: new TermGroups(this, (pod) => podTerms(pod).preferredAffinity),
    preferredAntiAffinity: new TermGroups(this, (pod) => podTerms(pod).preferredAntiAffinity),
  };
  #domainValues = new Map<string, ReadonlyMap<string, number>>();
  readonly #nodesWithImage = new Map<string, number>();

  get nodeCount(): number {
    return this.#nodes.size;
  }

  node(name: string): NodeInfo | undefined {
    return this.#nodes.get(name);
  }

  /** Every node, zones interleaved; the same array until a node comes, goes or changes its zone. */
  nodes(): readonly NodeInfo[] {
    this.#ordered ??= interleaveZones(this.#nodes.values());
    return this.#ordered;
  }

  /** How many nodes have an image. */
  nodesWithImage(image: string): number {
    return this.#nodesWithImage.get(image) ?? 0;
  }

  /** The values of a node label and how many nodes have each. */
  domains(topologyKey: string): ReadonlyMap<string, number> {
    let values = this.#domainValues.get(topologyKey);
    if (!values) {
      const made = new Map<string, number>();
      for (const { node } of this.#nodes.values()) {
        const value = node.metadata.labels?.[topologyKey];
        if (value !== undefined) made.set(value, (made.get(value) ?? 0) + 1);
      }
      values = made;
      this.#domainValues.set(topologyKey, values);
    }
    return values;
  }

  setNode(node: Shared<Node>): void {
    const known = this.#nodes.get(node.metadata.name);
    if (known) {
      if (zoneOf(known.node) !== zoneOf(node)) this.#ordered = undefined;
      this.#countImages(known, -1);
      const relabelled = !deepEqual(known.node.metadata.labels, node.metadata.labels);
      known.setNode(node);
      this.#countImages(known, 1);
      if (relabelled) this.#labelsChanged();
      return;
    }
    const info = new NodeInfo(node);
    this.#nodes.set(info.name, info);
    this.#countImages(info, 1);
    this.#ordered = undefined;
    this.#domainValues.clear();
    for (const uid of this.#strays.get(info.name) ?? []) {
      const placed = this.#pods.get(uid);
      if (placed) this.#add(info, podInfo(placed.pod));
    }
    this.#strays.delete(info.name);
  }

  removeNode(name: string): void {
    const info = this.#nodes.get(name);
    if (!info) return;
    this.#nodes.delete(name);
    this.#countImages(info, -1);
    this.#ordered = undefined;
    this.#domainValues.clear();
    this.counts.nodeRemoved(name);
    for (const groups of Object.values(this.terms)) groups.nodeRemoved(name);
    if (info.pods.size) this.#strays.set(name, new Set(info.pods.keys()));
  }

  /** A pod with a node, as the API has it; replaces what was assumed. */
  setPod(pod: Shared<Pod>): void {
    const nodeName = pod.spec.nodeName!;
    const known = this.#pods.get(pod.metadata.uid);
    if (known?.pod === pod) return;
    if (known && known.nodeName === nodeName && known.pod.metadata.uid === pod.metadata.uid) {
      const before = podInfo(known.pod);
      const node = this.#nodes.get(nodeName);
      if (node?.pods.get(pod.metadata.uid) === before && weighsTheSame(known.pod, pod)) {
        node.pods.set(pod.metadata.uid, samePodInfo(before, pod));
        known.pod = pod;
        known.assumed = false;
        return;
      }
    }
    this.#place(pod, nodeName, false);
  }

  /** Counts a pod on a node before the API says so. */
  assume(pod: Shared<Pod>, nodeName: string): void {
    this.#place(pod, nodeName, true);
  }

  /** Takes back an assumption after a failed binding; a pod that the API has placed meanwhile stays. */
  forget(uid: string): void {
    if (this.#pods.get(uid)?.assumed) this.removePod(uid);
  }

  isAssumed(uid: string): boolean {
    return this.#pods.get(uid)?.assumed ?? false;
  }

  /** What is promised of a node has changed: answers about it are no longer true. */
  promisesChanged(nodeName: string): void {
    const node = this.#nodes.get(nodeName);
    if (node) node.generation++;
  }

  has(uid: string): boolean {
    return this.#pods.has(uid);
  }

  removePod(uid: string): void {
    const placed = this.#pods.get(uid);
    if (!placed) return;
    this.#pods.delete(uid);
    const info = podInfo(placed.pod);
    const node = this.#nodes.get(placed.nodeName);
    if (node?.removePod(uid)) this.#counted(node, info, -1);
    const strays = this.#strays.get(placed.nodeName);
    if (strays?.delete(uid) && strays.size === 0) this.#strays.delete(placed.nodeName);
  }

  #place(pod: Shared<Pod>, nodeName: string, assumed: boolean): void {
    const uid = pod.metadata.uid;
    this.removePod(uid);
    this.#pods.set(uid, { pod, nodeName, assumed });
    const info = podInfo(pod);
    const node = this.#nodes.get(nodeName);
    if (node) {
      this.#add(node, info);
      return;
    }
    let strays = this.#strays.get(nodeName);
    if (!strays) {
      strays = new Set();
      this.#strays.set(nodeName, strays);
    }
    strays.add(uid);
  }

  #add(node: NodeInfo, info: PodInfo): void {
    node.addPod(info);
    this.#counted(node, info, 1);
  }

  #counted(node: NodeInfo, info: PodInfo, sign: 1 | -1): void {
    this.counts.podChanged(node, info, sign);
    if (info.hasAffinity) for (const groups of Object.values(this.terms)) groups.change(node, info, sign);
  }

  #countImages({ images }: NodeInfo, by: 1 | -1): void {
    for (const image of images.keys()) {
      const count = (this.#nodesWithImage.get(image) ?? 0) + by;
      if (count > 0) this.#nodesWithImage.set(image, count);
      else this.#nodesWithImage.delete(image);
    }
  }

  #labelsChanged(): void {
    this.#domainValues.clear();
    this.counts.nodesChanged();
    for (const groups of Object.values(this.terms)) groups.nodesChanged();
  }
}

/** Whether two versions of a pod on one node count alike: most updates of a placed pod are of its status only. */
function weighsTheSame(a: Shared<Pod>, b: Shared<Pod>): boolean {
  return (
    a.metadata.generation === b.metadata.generation &&
    a.metadata.deletionTimestamp === b.metadata.deletionTimestamp &&
    deepEqual(a.metadata.labels, b.metadata.labels) &&
    allocatedAlike(a, b)
  );
}

function allocatedAlike(a: Shared<Pod>, b: Shared<Pod>): boolean {
  const parts = ({ status }: Shared<Pod>) => [
    status.allocatedResources,
    status.resources,
    status.conditions?.find((c) => c.type === 'PodResizePending')?.reason,
    ...[...(status.containerStatuses ?? []), ...(status.initContainerStatuses ?? [])].flatMap((c) =>
      c.allocatedResources || c.resources ? [c.name, c.allocatedResources, c.resources] : [],
    ),
  ];
  const [before, after] = [parts(a), parts(b)];
  return (!before.some(Boolean) && !after.some(Boolean)) || deepEqual(before, after);
}

/** Region and zone of a node: nodes with the same are one failure domain. */
export function zoneOf(node: Shared<Node>): string {
  const labels = node.metadata.labels;
  return `${labels?.[regionLabel] ?? ''}/${labels?.[zoneLabel] ?? ''}`;
}

function interleaveZones(nodes: Iterable<NodeInfo>): NodeInfo[] {
  const zones = new Map<string, NodeInfo[]>();
  for (const info of nodes) {
    const zone = zoneOf(info.node);
    const members = zones.get(zone);
    if (members) members.push(info);
    else zones.set(zone, [info]);
  }
  if (zones.size === 1) return [...zones.values()][0]!;
  const lists = [...zones.values()];
  const out: NodeInfo[] = [];
  for (let i = 0; lists.some((list) => i < list.length); i++)
    for (const list of lists) if (i < list.length) out.push(list[i]!);
  return out;
}
