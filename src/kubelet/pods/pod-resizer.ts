/** Resizing containers in place: new requests and limits of running containers, as far as the node has them. */
import { podQosClass } from '../../api/core/pod-qos.ts';
import type { Shared } from '../../api/kind.ts';
import { Quantity } from '../../api/machinery/quantity.ts';
import type { Container, Pod, PodCondition } from '../../api/types/core-v1.ts';
import { deepEqual } from '../../base/deep.ts';
import type { CgroupLimits } from '../../cri/cgroups.ts';
import type { Sent } from '../../cri/types.ts';
import { podRequest } from './admission.ts';
import { stopContainer } from './container-stopper.ts';
import type { PodKit } from './pod-kit.ts';
import { latestContainer, type RuntimeContainer, type RuntimePod } from './pod-runtime.ts';
import { containerResources, podCgroup, podCgroupLimits } from './resources.ts';
import { annotationNames } from './runtime-labels.ts';

type Limits = Pick<
  Sent<'LinuxContainerResources'>,
  'cpu_shares' | 'cpu_quota' | 'cpu_period' | 'memory_limit_in_bytes'
>;

export type ResizeCondition = Pick<PodCondition, 'type' | 'status'> & Partial<PodCondition>;

export interface ResizeResult {
  /** A container was changed or ended: look again. */
  readonly changed: boolean;
}

/** One pod's resizes. */
export class PodResizer {
  readonly #kit: PodKit;
  /** What containers have, by id, where it is no longer what they were created with. */
  readonly #applied = new Map<string, Limits>();
  /** What the pod's own group was last given, or found with. */
  #groupLimits: CgroupLimits | undefined;
  #condition: ResizeCondition | undefined;
  #judged: Shared<Pod> | undefined;

  constructor(kit: PodKit) {
    this.#kit = kit;
  }

  /** Whether the containers have what this version of the pod asks for; otherwise the status shows what was. */
  isInForce(pod: Shared<Pod>): boolean {
    return !this.#condition && (!this.#judged || this.#judged.metadata.generation === pod.metadata.generation);
  }

  /** Why the spec's resources are not (yet) in force. */
  get condition(): ResizeCondition | undefined {
    return this.#condition;
  }

  /**
   * Brings running containers to their spec's resources.
   * @param others the active pods of the node without this one
   */
  async sync(
    pod: Shared<Pod>,
    options: { current: RuntimePod; others: readonly Shared<Pod>[] },
  ): Promise<ResizeResult> {
    const result = await this.#resize(pod, options);
    this.#judged = pod;
    return result;
  }

  async #resize(
    pod: Shared<Pod>,
    options: { current: RuntimePod; others: readonly Shared<Pod>[] },
  ): Promise<ResizeResult> {
    const due = this.#due(pod, options.current);
    const limits = podCgroupLimits(pod);
    this.#groupLimits ??= limits;
    if (due.length === 0 && deepEqual(this.#groupLimits, limits)) {
      this.#condition = undefined;
      return { changed: false };
    }
    this.#condition = this.#refusal(pod, options.others);
    if (this.#condition) return { changed: false };
    const { cgroups, context } = this.#kit;
    const group = podCgroup(context.settings.cgroupRoot, pod);
    try {
      // A pod that grows must have room before its containers take it; one that shrinks, after.
      cgroups.applyUnlessBusy(group, limits);
      for (const { container, running, wanted, have } of due) {
        if (needsRestart(container, wanted, have)) {
          await stopContainer(context, {
            pod,
            container: running,
            message: `Container ${container.name} resize requires restart`,
            graceSeconds: pod.spec.terminationGracePeriodSeconds ?? 30,
            podIp: options.current.sandboxes[0]?.ips[0] ?? '127.0.0.1',
          });
          continue;
        }
        // No limit is said by -1: what is left out stays as it is.
        const linux = { cpu_quota: -1, memory_limit_in_bytes: -1, ...wanted };
        await context.runtime.runtime.updateContainerResources({ container_id: running.id, linux });
        this.#applied.set(running.id, wanted);
      }
      cgroups.applyUnlessBusy(group, limits);
      this.#groupLimits = limits;
      return { changed: true };
    } catch (error) {
      this.#condition = {
        type: 'PodResizeInProgress',
        status: 'True',
        reason: 'Error',
        message: (error as Error).message,
      };
      return { changed: false };
    }
  }

  #due(pod: Shared<Pod>, current: RuntimePod) {
    const containers = [
      ...pod.spec.containers,
      ...(pod.spec.initContainers ?? []).filter((c) => c.restartPolicy === 'Always'),
    ];
    return containers.flatMap((container) => {
      const running = latestContainer(current, container.name);
      if (running?.state !== 'running') return [];
      const have = this.#applied.get(running.id) ?? createdWith(running);
      const wanted = limitsOf(containerResources(pod, container, { memoryBytes: this.#kit.nodeMemoryBytes }));
      return have && !deepEqual(have, wanted) ? [{ container, running, wanted, have }] : [];
    });
  }

  #refusal(pod: Shared<Pod>, others: readonly Shared<Pod>[]): ResizeCondition | undefined {
    for (const resource of ['cpu', 'memory'] as const) {
      const capacity = Quantity.parse(this.#kit.allocatable[resource] ?? '0');
      const wanted = podRequest(pod, resource);
      const pending = (reason: string, message: string): ResizeCondition => ({
        type: 'PodResizePending',
        status: 'True',
        reason,
        message,
      });
      const show = (quantity: Quantity) => (resource === 'cpu' ? quantity.milliValue() : quantity.value());
      if (wanted.cmp(capacity) > 0) {
        return pending(
          'Infeasible',
          `Node didn't have enough capacity: ${resource}, requested: ${show(wanted)}, capacity: ${show(capacity)}`,
        );
      }
      const used = others.reduce((sum, other) => sum.add(podRequest(other, resource)), Quantity.zero);
      if (used.add(wanted).cmp(capacity) > 0) {
        return pending(
          'Deferred',
          `Node didn't have enough resource: ${resource}, requested: ${show(wanted)}, used: ${show(used)}, capacity: ${show(capacity)}`,
        );
      }
    }
    const before = pod.status.qosClass;
    if (before && before !== podQosClass(pod.spec)) {
      return {
        type: 'PodResizePending',
        status: 'True',
        reason: 'Infeasible',
        message: 'Pod QOS Class may not change as a result of resizing',
      };
    }
    return undefined;
  }
}

function limitsOf(resources: Sent<'LinuxContainerResources'>): Limits {
  const { cpu_shares, cpu_quota, cpu_period, memory_limit_in_bytes } = resources;
  return {
    cpu_shares,
    ...(cpu_quota ? { cpu_quota, cpu_period } : {}),
    ...(memory_limit_in_bytes ? { memory_limit_in_bytes } : {}),
  };
}

function createdWith(container: RuntimeContainer): Limits | undefined {
  const kept = container.annotations[annotationNames.resources];
  return kept ? limitsOf(JSON.parse(kept) as Sent<'LinuxContainerResources'>) : undefined;
}

/** Whether the resize policy of a resource that changes asks for a restart. */
function needsRestart(container: Shared<Container>, wanted: Limits, have: Limits): boolean {
  const changes = {
    cpu: wanted.cpu_shares !== have.cpu_shares || wanted.cpu_quota !== have.cpu_quota,
    memory: wanted.memory_limit_in_bytes !== have.memory_limit_in_bytes,
  };
  return (container.resizePolicy ?? []).some(
    (policy) => policy.restartPolicy === 'RestartContainer' && changes[policy.resourceName as 'cpu' | 'memory'],
  );
}
