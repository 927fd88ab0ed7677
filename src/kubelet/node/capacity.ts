/** What a node has, and what of it pods may ask for. */
import { Quantity } from '../../api/machinery/quantity.ts';
import type { NodeSettings } from '../context.ts';

type Amounts = Record<string, string>;

/** What eviction keeps free of memory, and of disk and inodes in parts of a whole: upstream's default hard thresholds. */
export const evictionReserve = { memoryBytes: 100 * 1024 * 1024, disk: 0.1, inodes: 0.05 } as const;

export function nodeCapacity(
  machine: { readonly cpus: number; readonly memoryBytes: number; readonly diskBytes: number },
  maxPods: number,
): Amounts {
  return {
    cpu: String(machine.cpus),
    'ephemeral-storage': `${Math.floor(machine.diskBytes / 1024)}Ki`,
    'hugepages-1Gi': '0',
    'hugepages-2Mi': '0',
    memory: `${Math.floor(machine.memoryBytes / 1024)}Ki`,
    pods: String(maxPods),
  };
}

type Reserved = Pick<NodeSettings, 'systemReserved' | 'kubeReserved'>;

const reservedOf = (settings: Reserved, name: string) =>
  [settings.systemReserved, settings.kubeReserved].reduce(
    (sum, amounts) => sum.add(Quantity.parse(amounts[name] ?? '0')),
    Quantity.zero,
  );

/** Milliseconds of CPU a second and bytes of memory that all pods together get: the capacity without what is reserved. */
export function podsShare(capacity: Amounts, settings: Reserved): { milliCpu: number; memoryBytes: number } {
  const left = (name: string) => Quantity.parse(capacity[name]!).sub(reservedOf(settings, name));
  return {
    milliCpu: Math.max(0, Number(left('cpu').milliValue())),
    memoryBytes: Math.max(0, Number(left('memory').value())),
  };
}

/** The capacity without what is reserved for the system and the agent, and what eviction keeps free. */
export function nodeAllocatable(capacity: Amounts, settings: Reserved): Amounts {
  const { milliCpu, memoryBytes } = podsShare(capacity, settings);
  const diskBytes = Number(Quantity.parse(capacity['ephemeral-storage']!).value());
  const reservedDisk = Number(reservedOf(settings, 'ephemeral-storage').value());
  return {
    ...capacity,
    cpu: milliCpu % 1000 === 0 ? String(milliCpu / 1000) : `${milliCpu}m`,
    'ephemeral-storage': String(Math.max(0, Math.floor(diskBytes * (1 - evictionReserve.disk)) - reservedDisk)),
    memory: `${Math.max(0, Math.floor((memoryBytes - evictionReserve.memoryBytes) / 1024))}Ki`,
  };
}
