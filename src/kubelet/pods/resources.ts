/** Requests and limits as the kernel takes them: shares, quota, memory, OOM scores, and the groups of the QoS classes. */
import { podQosClass, type QosClass } from '../../api/core/pod-qos.ts';
import type { Shared } from '../../api/kind.ts';
import { Quantity } from '../../api/machinery/quantity.ts';
import type { Container, Pod, PodSpec, ResourceRequirements } from '../../api/types/core-v1.ts';
import { type CgroupLimits, cpuPeriodMicros } from '../../cri/cgroups.ts';
import type { Sent } from '../../cri/types.ts';

type Resources = Shared<ResourceRequirements>;

const minShares = 2;
const maxShares = 262144;
const minQuotaMicros = 1000;

const cpuMilli = (text: string | undefined) => (text === undefined ? 0 : Number(Quantity.parse(text).milliValue()));
const bytes = (text: string | undefined) => (text === undefined ? 0 : Number(Quantity.parse(text).value()));

export function cpuShares(milliCpu: number): number {
  return milliCpu === 0 ? minShares : Math.min(maxShares, Math.max(minShares, Math.floor((milliCpu * 1024) / 1000)));
}

/** Microseconds per period; 0 means that there is no limit. */
export function cpuQuota(milliCpu: number): number {
  return milliCpu === 0 ? 0 : Math.max(minQuotaMicros, Math.floor((milliCpu * cpuPeriodMicros) / 1000));
}

/** What a container is created with. */
export function containerResources(
  pod: Shared<Pod>,
  container: Shared<Pick<Container, 'name' | 'resources'>>,
  node: { readonly memoryBytes: number },
): Sent<'LinuxContainerResources'> {
  const { requests, limits } = container.resources ?? {};
  // A limit without a request is a request of the same size; defaulting has done that for pods from the API.
  const cpuRequest = requests?.['cpu'] ?? limits?.['cpu'];
  const quota = cpuQuota(cpuMilli(limits?.['cpu']));
  const memory = bytes(limits?.['memory']);
  return {
    cpu_shares: cpuShares(cpuMilli(cpuRequest)),
    ...(quota > 0 ? { cpu_quota: quota, cpu_period: cpuPeriodMicros } : {}),
    ...(memory > 0 ? { memory_limit_in_bytes: memory } : {}),
    oom_score_adj: oomScoreAdjust(pod, container, node.memoryBytes),
  };
}

const systemNodeCritical = 2_000_001_000;

/** Who goes first when memory runs out: -997 for guaranteed pods, 1000 for best effort, between them by request. */
export function oomScoreAdjust(
  pod: Shared<Pod>,
  container: Shared<Pick<Container, 'name' | 'resources'>>,
  nodeMemoryBytes: number,
): number {
  if ((pod.spec.priority ?? 0) >= systemNodeCritical) return -997;
  const qos = podQosClass(pod.spec);
  if (qos === 'Guaranteed') return -997;
  if (qos === 'BestEffort') return 1000;
  const request = bytes(container.resources?.requests?.['memory']);
  const score = Math.floor(1000 - (1000 * request) / nodeMemoryBytes);
  const sidecar = pod.spec.initContainers?.some((c) => c.name === container.name && c.restartPolicy === 'Always');
  if (sidecar) {
    const least = Math.min(...pod.spec.containers.map((c) => oomScoreAdjust(pod, c, nodeMemoryBytes)));
    if (score > least) return least;
  }
  if (score < 3) return 3;
  return score === 1000 ? 999 : score;
}

/** What a whole pod may use: its own resources, else the sum of its containers'; a missing limit of one lifts the sum's. */
export function podCgroupLimits(pod: Shared<Pod>): CgroupLimits {
  const qos = podQosClass(pod.spec);
  const cpu = podTotal(pod.spec, 'cpu', cpuMilli);
  const memory = podTotal(pod.spec, 'memory', bytes);
  const quota = cpu.limit === undefined ? -1 : cpuQuota(cpu.limit) || -1;
  const limits = qos === 'BestEffort' ? { cpuQuota: -1, memory: -1 } : { cpuQuota: quota, memory: memory.limit ?? -1 };
  return { cpuShares: qos === 'BestEffort' ? minShares : cpuShares(cpu.request), ...limits };
}

function podTotal(
  spec: Shared<PodSpec>,
  name: 'cpu' | 'memory',
  parse: (text: string | undefined) => number,
): { request: number; limit: number | undefined } {
  const overhead = parse(spec.overhead?.[name]);
  const own = spec.resources;
  const request = own?.requests?.[name] ?? own?.limits?.[name];
  const sums = (pick: (resources: Resources) => string | undefined) => {
    let main = 0;
    let sidecars = 0;
    let init = 0;
    for (const container of spec.containers) main += parse(pick(container.resources ?? {}));
    for (const container of spec.initContainers ?? []) {
      const value = parse(pick(container.resources ?? {}));
      if (container.restartPolicy === 'Always') sidecars += value;
      init = Math.max(init, sidecars + (container.restartPolicy === 'Always' ? 0 : value));
    }
    return Math.max(main + sidecars, init);
  };
  const unlimited = [...spec.containers, ...(spec.initContainers ?? [])].some((c) => !c.resources?.limits?.[name]);
  const limit = own?.limits?.[name]
    ? parse(own.limits[name])
    : unlimited
      ? undefined
      : sums((resources) => resources.limits?.[name]);
  return {
    request: overhead + (request ? parse(request) : sums((r) => r.requests?.[name] ?? r.limits?.[name])),
    limit: limit === undefined ? undefined : limit + overhead,
  };
}

const qosGroup: Record<QosClass, string> = {
  Guaranteed: '',
  Burstable: '/burstable',
  BestEffort: '/besteffort',
};

/** The group of a QoS class below the cluster's root. */
export const qosCgroup = (root: string, qos: QosClass): string => `${root}/kubepods${qosGroup[qos]}`;

/** The group of a pod, which its sandbox and containers are in. */
export function podCgroup(root: string, pod: Shared<Pod>): string {
  return `${qosCgroup(root, podQosClass(pod.spec))}/pod${pod.metadata.uid}`;
}

/** The same for the systemd driver: a slice whose name tells its place. */
export function podSlice(root: string, pod: Shared<Pod>): string {
  const dashed = [...root.split('/').filter(Boolean), 'kubepods'].map((part) => part.replaceAll('-', '_'));
  const qos = qosGroup[podQosClass(pod.spec)].slice(1);
  return `${[...dashed, ...(qos ? [qos] : []), `pod${pod.metadata.uid!.replaceAll('-', '_')}`].join('-')}.slice`;
}
