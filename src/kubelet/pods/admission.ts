/** What a node refuses though it was bound to it: more than it has, or what it does not allow. */
import { podQosClass } from '../../api/core/pod-qos.ts';
import type { Shared } from '../../api/kind.ts';
import { Quantity } from '../../api/machinery/quantity.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import type { PodKit } from './pod-kit.ts';
import type { WaitingReason } from './pod-status.ts';
import type { PodWorker } from './pod-worker.ts';

/** Sysctls that concern nothing but the pod itself. */
const safeSysctls = [
  'kernel.shm_rmid_forced',
  'net.ipv4.ip_local_port_range',
  'net.ipv4.tcp_syncookies',
  'net.ipv4.ping_group_range',
  'net.ipv4.ip_unprivileged_port_start',
  'net.ipv4.ip_local_reserved_ports',
  'net.ipv4.tcp_keepalive_time',
  'net.ipv4.tcp_fin_timeout',
  'net.ipv4.tcp_keepalive_intvl',
  'net.ipv4.tcp_keepalive_probes',
  'net.ipv4.tcp_rmem',
  'net.ipv4.tcp_wmem',
];

/** Why a new pod cannot run here; undefined when it can. Pods that run already (after a restart) are never refused. */
export function admitPod(kit: PodKit, pod: Shared<Pod>, workers: readonly PodWorker[]): WaitingReason | undefined {
  const { phase, containerStatuses } = pod.status;
  if ((phase && phase !== 'Pending') || containerStatuses?.some((status) => status.containerID)) return undefined;
  if (pod.metadata.deletionTimestamp) return undefined;
  const others = workers.filter((worker) => worker.active && worker.uid !== pod.metadata.uid);
  if (others.length >= kit.context.settings.maxPods) {
    return {
      reason: 'OutOfpods',
      message: `Node didn't have enough resource: pods, requested: 1, used: ${others.length}, capacity: ${kit.context.settings.maxPods}`,
    };
  }
  if (pod.spec.os && pod.spec.os.name !== 'linux') {
    return { reason: 'PodOSNotSupported', message: "Failed to admit pod as the OS field doesn't match node OS" };
  }
  const pressure = pressureRefusal(kit, pod);
  if (pressure) return pressure;
  for (const resource of ['cpu', 'memory', 'ephemeral-storage'] as const) {
    const amount = (some: Shared<Pod>) => podRequest(some, resource);
    const requested = amount(pod);
    if (requested.sign() === 0) continue;
    const capacity = Quantity.parse(kit.allocatable[resource] ?? '0');
    const used = others.reduce((sum, worker) => sum.add(amount(worker.pod)), Quantity.zero);
    if (used.add(requested).cmp(capacity) > 0) {
      const show = (quantity: Quantity) => (resource === 'cpu' ? quantity.milliValue() : quantity.value());
      return {
        reason: `OutOf${resource}`,
        message: `Node didn't have enough resource: ${resource}, requested: ${show(requested)}, used: ${show(used)}, capacity: ${show(capacity)}`,
      };
    }
  }
  return portConflict(pod, others) ?? forbiddenSysctl(kit, pod);
}

const systemCritical = 2_000_000_000;

/** A node that runs short takes no more pods; short of memory alone it takes those that have asked for theirs. */
function pressureRefusal(kit: Pick<PodKit, 'pressures'>, pod: Shared<Pod>): WaitingReason | undefined {
  const pressures = kit.pressures.current();
  if (pressures.length === 0 || (pod.spec.priority ?? 0) >= systemCritical) return undefined;
  const onlyMemory = pressures.every((pressure) => pressure === 'MemoryPressure');
  const tolerates = pod.spec.tolerations?.some(
    ({ key, operator, effect }) =>
      (!effect || effect === 'NoSchedule') &&
      (key === 'node.kubernetes.io/memory-pressure' || (!key && operator === 'Exists')),
  );
  if (onlyMemory && (podQosClass(pod.spec) !== 'BestEffort' || tolerates)) return undefined;
  return { reason: 'Evicted', message: `The node had condition: [${pressures.join(' ')}]. ` };
}

/** Ports of the host are for one pod each, by address and protocol. */
function portConflict(pod: Shared<Pod>, others: readonly PodWorker[]): WaitingReason | undefined {
  const hostPorts = (some: Shared<Pod>) =>
    [...some.spec.containers, ...(some.spec.initContainers ?? []).filter((c) => c.restartPolicy === 'Always')]
      .flatMap((container) => container.ports ?? [])
      .filter((port) => port.hostPort);
  const wanted = hostPorts(pod);
  if (wanted.length === 0) return undefined;
  const anyAddress = (ip: string | undefined) => !ip || ip === '0.0.0.0' || ip === '::';
  const taken = others.flatMap((worker) => hostPorts(worker.pod));
  const clash = wanted.some((mine) =>
    taken.some(
      (port) =>
        port.hostPort === mine.hostPort &&
        (port.protocol ?? 'TCP') === (mine.protocol ?? 'TCP') &&
        (anyAddress(port.hostIP) || anyAddress(mine.hostIP) || port.hostIP === mine.hostIP),
    ),
  );
  return clash
    ? {
        reason: 'NodePorts',
        message: "Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports",
      }
    : undefined;
}

function forbiddenSysctl(kit: PodKit, pod: Shared<Pod>): WaitingReason | undefined {
  for (const { name } of pod.spec.securityContext?.sysctls ?? []) {
    const dotted = name.replaceAll('/', '.');
    const allowed = [...safeSysctls, ...kit.context.settings.allowedUnsafeSysctls].some((pattern) =>
      pattern.endsWith('*') ? dotted.startsWith(pattern.slice(0, -1)) : pattern === dotted,
    );
    if (!allowed) return { reason: 'SysctlForbidden', message: `forbidden sysctl: "${name}" not allowlisted` };
  }
  return undefined;
}

/** What a pod takes of a resource: its main containers and sidecars together, or its largest init container. */
export function podRequest(pod: Shared<Pod>, resource: string): Quantity {
  const own = pod.spec.resources?.requests?.[resource];
  const overhead = Quantity.parse(pod.spec.overhead?.[resource] ?? '0');
  if (own) return Quantity.parse(own).add(overhead);
  const of = (container: { readonly resources?: { readonly requests?: Readonly<Record<string, string>> } }) =>
    Quantity.parse(container.resources?.requests?.[resource] ?? '0');
  let sidecars = Quantity.zero;
  let largestInit = Quantity.zero;
  for (const container of pod.spec.initContainers ?? []) {
    if (container.restartPolicy === 'Always') {
      sidecars = sidecars.add(of(container));
      if (sidecars.cmp(largestInit) > 0) largestInit = sidecars;
    } else {
      const needed = sidecars.add(of(container));
      if (needed.cmp(largestInit) > 0) largestInit = needed;
    }
  }
  const main = pod.spec.containers.reduce((sum, container) => sum.add(of(container)), sidecars);
  return (main.cmp(largestInit) > 0 ? main : largestInit).add(overhead);
}
