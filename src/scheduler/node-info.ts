/** What the scheduler knows of a node: its resources and the pods on it, kept up to date by the cache. */
import type { Shared } from '../api/kind.ts';
import type { Node, Pod } from '../api/types/core-v1.ts';
import { nonZeroRequests, podRequests, quantityNumber, type Resources } from './resources.ts';

/** A pod with what filters ask about it again and again, computed once per version. */
export interface PodInfo {
  readonly pod: Shared<Pod>;
  readonly requests: Resources;
  readonly nonZero: { readonly cpu: number; readonly memory: number };
  readonly hostPorts: readonly HostPort[];
  readonly hasAffinity: boolean;
}

export interface HostPort {
  readonly protocol: string;
  readonly ip: string;
  readonly port: number;
}

const infos = new WeakMap<Shared<Pod>, PodInfo>();

/** The info of a pod version; shared by everyone who asks. */
export function podInfo(pod: Shared<Pod>): PodInfo {
  let info = infos.get(pod);
  if (!info) {
    const requests = podRequests(pod);
    const affinity = pod.spec.affinity;
    info = {
      pod,
      requests,
      nonZero: nonZeroRequests(pod, requests),
      hostPorts: hostPortsOf(pod),
      hasAffinity: affinity?.podAffinity !== undefined || affinity?.podAntiAffinity !== undefined,
    };
    infos.set(pod, info);
  }
  return info;
}

/** The info of a new version of a pod that counts as the one before did. */
export function samePodInfo(before: PodInfo, pod: Shared<Pod>): PodInfo {
  const info = { ...before, pod };
  infos.set(pod, info);
  return info;
}

function hostPortsOf(pod: Shared<Pod>): HostPort[] {
  const ports: HostPort[] = [];
  const add = (containers: Shared<Pod>['spec']['containers'] | undefined) => {
    for (const container of containers ?? []) {
      for (const port of container.ports ?? []) {
        if (port.hostPort)
          ports.push({ protocol: port.protocol ?? 'TCP', ip: port.hostIP || '0.0.0.0', port: port.hostPort });
      }
    }
  };
  add(pod.spec.containers);
  add(pod.spec.initContainers?.filter((c) => c.restartPolicy === 'Always'));
  return ports;
}

const none: Resources = new Map();
const noImages = new Map<string, number>();

/** One node and the sum of its pods. */
export class NodeInfo {
  readonly name: string;
  node: Shared<Node>;
  readonly pods: Map<string, PodInfo>;
  readonly requested: Resources;
  nonZeroCpu = 0;
  nonZeroMemory = 0;
  allocatable: Resources = none;
  allowedPods = 0;
  hostPorts: HostPort[] = [];
  /** Size in bytes by image name. */
  images: Map<string, number> = noImages;
  /** The last sum of scores that depend on nothing but this node and what the pod asks for. */
  scored: { readonly generation: number; readonly question: number; readonly total: number } | undefined;
  /** Grows with every change, of what is promised to pods too, so that what is derived from it can be cached. */
  generation = 0;

  /** @param from whose pods and resources to begin with; nothing is shared with it that changes */
  constructor(node: Shared<Node>, from?: NodeInfo) {
    this.name = node.metadata.name;
    this.node = node;
    this.pods = new Map(from?.pods);
    this.requested = new Map(from?.requested);
    if (from) {
      this.nonZeroCpu = from.nonZeroCpu;
      this.nonZeroMemory = from.nonZeroMemory;
      this.allocatable = from.allocatable;
      this.allowedPods = from.allowedPods;
      this.hostPorts = [...from.hostPorts];
      this.images = from.images;
    } else this.setNode(node);
  }

  setNode(node: Shared<Node>): void {
    this.node = node;
    this.generation++;
    this.allocatable = new Map();
    const allocatable = (node.status.allocatable ?? {}) as Readonly<Record<string, string>>;
    for (const name of Object.keys(allocatable)) this.allocatable.set(name, quantityNumber(name, allocatable[name]!));
    this.allowedPods = this.allocatable.get('pods') ?? 0;
    this.images = new Map();
    for (const image of node.status.images ?? [])
      for (const name of image.names) this.images.set(name, image.sizeBytes ?? 0);
  }

  addPod(info: PodInfo): void {
    const uid = info.pod.metadata.uid;
    if (this.pods.has(uid)) this.removePod(uid);
    this.pods.set(uid, info);
    this.#count(info, 1);
    if (info.hostPorts.length) this.hostPorts.push(...info.hostPorts);
  }

  removePod(uid: string): PodInfo | undefined {
    const info = this.pods.get(uid);
    if (!info) return undefined;
    this.pods.delete(uid);
    this.#count(info, -1);
    if (info.hostPorts.length) this.hostPorts = [...this.pods.values()].flatMap((p) => p.hostPorts);
    return info;
  }

  /** A copy whose pods can be changed: for preemption's what-if. */
  clone(): NodeInfo {
    return new NodeInfo(this.node, this);
  }

  #count(info: PodInfo, sign: 1 | -1): void {
    for (const [name, value] of info.requests) this.requested.set(name, (this.requested.get(name) ?? 0) + sign * value);
    this.nonZeroCpu += sign * info.nonZero.cpu;
    this.nonZeroMemory += sign * info.nonZero.memory;
    this.generation++;
  }
}
