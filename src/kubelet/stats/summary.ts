/** Usage of the node and its pods, as `/stats/summary` tells it. */

import { formatTime } from '../../base/clock.ts';
import type { Received } from '../../cri/types.ts';
import { fileSystem } from '../node/machine-facts.ts';
import type { PodKit } from '../pods/pod-kit.ts';
import type { PodWorkers } from '../pods/pod-workers.ts';
import { labelNames } from '../pods/runtime-labels.ts';
import { nodeCpuNanos, nodeMemory } from './node-usage.ts';

export interface ContainerUsage {
  readonly namespace: string;
  readonly pod: string;
  readonly podUid: string;
  readonly container: string;
  readonly containerId: string;
  readonly timestampMs: number;
  readonly startedAt: number;
  readonly cpuNanos: number;
  readonly workingSetBytes: number;
  readonly usageBytes: number;
  readonly rssBytes: number;
  readonly writableBytes: number;
}

const amountOf = (wrapped: { value: number } | undefined) => wrapped?.value ?? 0;

/** What each running container has used. */
export async function containerUsages(kit: PodKit, workers: PodWorkers): Promise<ContainerUsage[]> {
  const { stats } = await kit.context.runtime.runtime.listContainerStats({});
  return stats.flatMap((item) => toUsage(item, workers));
}

function toUsage(item: Received<'ContainerStats'>, workers: PodWorkers): ContainerUsage[] {
  const labels = item.attributes?.labels ?? {};
  const podUid = labels[labelNames.podUid];
  const worker = podUid ? workers.byUid(podUid) : undefined;
  if (!worker || !podUid || !item.cpu) return [];
  const id = item.attributes?.id ?? '';
  const container = worker.runtimePod.containers.find((candidate) => candidate.id === id);
  return [
    {
      namespace: labels[labelNames.podNamespace] ?? '',
      pod: labels[labelNames.podName] ?? '',
      podUid,
      container: labels[labelNames.containerName] ?? '',
      containerId: id,
      timestampMs: item.cpu.timestamp / 1e6,
      startedAt: container?.startedAt ?? 0,
      cpuNanos: amountOf(item.cpu.usage_core_nano_seconds),
      workingSetBytes: amountOf(item.memory?.working_set_bytes),
      usageBytes: amountOf(item.memory?.usage_bytes) || amountOf(item.memory?.working_set_bytes),
      rssBytes: amountOf(item.memory?.rss_bytes),
      writableBytes: amountOf(item.writable_layer?.used_bytes),
    },
  ];
}

/** Rates need two looks: the last cumulative value of each container, by id. */
const lastLooks = new WeakMap<PodKit, Map<string, { at: number; cpuNanos: number; rate: number }>>();
const minRateWindowMs = 1000;

function cpuRate(kit: PodKit, id: string, look: { at: number; cpuNanos: number }): number {
  let looks = lastLooks.get(kit);
  if (!looks) {
    looks = new Map();
    lastLooks.set(kit, looks);
  }
  const before = looks.get(id);
  if (before && look.at - before.at < minRateWindowMs) return before.rate;
  const rate = before ? Math.max(0, Math.round(((look.cpuNanos - before.cpuNanos) / (look.at - before.at)) * 1000)) : 0;
  looks.set(id, { ...look, rate });
  return rate;
}

export async function nodeSummary(kit: PodKit, workers: PodWorkers): Promise<unknown> {
  const { context } = kit;
  const now = context.clock.now();
  const usages = await containerUsages(kit, workers);
  const disk = await fileSystem(context.rootDir);
  const memory = nodeMemory();
  const nodeCpu = nodeCpuNanos();
  const fs = {
    time: formatTime(now),
    availableBytes: disk.available,
    capacityBytes: disk.total,
    usedBytes: disk.total - disk.available,
    inodesFree: disk.inodesFree,
    inodes: disk.inodes,
    inodesUsed: disk.inodes - disk.inodesFree,
  };
  const pods = workers
    .all()
    .filter((worker) => worker.active)
    .map((worker) => {
      const { metadata } = worker.pod;
      const own = usages.filter((usage) => usage.podUid === worker.uid);
      const sum = (pick: (usage: ContainerUsage) => number) => own.reduce((total, usage) => total + pick(usage), 0);
      const containers = own.map((usage) => ({
        name: usage.container,
        startTime: formatTime(usage.startedAt),
        cpu: {
          time: formatTime(usage.timestampMs),
          usageNanoCores: cpuRate(kit, usage.containerId, { at: usage.timestampMs, cpuNanos: usage.cpuNanos }),
          usageCoreNanoSeconds: usage.cpuNanos,
        },
        memory: {
          time: formatTime(usage.timestampMs),
          usageBytes: usage.usageBytes,
          workingSetBytes: usage.workingSetBytes,
          rssBytes: usage.rssBytes,
        },
        rootfs: { ...fs, usedBytes: usage.writableBytes },
        logs: { ...fs, usedBytes: 0 },
      }));
      return {
        podRef: { name: metadata.name, namespace: metadata.namespace, uid: worker.uid },
        startTime: worker.pod.status.startTime ?? formatTime(now),
        containers,
        cpu: {
          time: formatTime(now),
          usageNanoCores: containers.reduce((total, container) => total + container.cpu.usageNanoCores, 0),
          usageCoreNanoSeconds: sum((usage) => usage.cpuNanos),
        },
        memory: {
          time: formatTime(now),
          usageBytes: sum((usage) => usage.usageBytes),
          workingSetBytes: sum((usage) => usage.workingSetBytes),
          rssBytes: sum((usage) => usage.rssBytes),
        },
        'ephemeral-storage': { ...fs, usedBytes: sum((usage) => usage.writableBytes) },
        process_stats: { process_count: own.length },
      };
    });
  return {
    node: {
      nodeName: context.nodeName,
      startTime: formatTime(kit.startedAt),
      cpu: {
        time: formatTime(now),
        usageNanoCores: cpuRate(kit, 'node', { at: now, cpuNanos: nodeCpu }),
        usageCoreNanoSeconds: nodeCpu,
      },
      memory: { time: formatTime(now), ...memory },
      fs,
      runtime: { imageFs: fs, containerFs: fs },
    },
    pods,
  };
}
