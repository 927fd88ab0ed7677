/** What the whole machine uses. */
import { readFileSync } from 'node:fs';

/** Nanoseconds of CPU that all processors together have worked since boot. */
export function nodeCpuNanos(stat: string = readFileSync('/proc/stat', 'utf8')): number {
  const fields = stat.split('\n', 1)[0]!.trim().split(/\s+/).slice(1).map(Number);
  const [user = 0, nice = 0, system = 0, , , irq = 0, softIrq = 0, steal = 0] = fields;
  // Ticks of a hundredth of a second.
  return (user + nice + system + irq + softIrq + steal) * 1e7;
}

export function nodeMemory(info: string = readFileSync('/proc/meminfo', 'utf8')): {
  availableBytes: number;
  usageBytes: number;
  workingSetBytes: number;
  rssBytes: number;
} {
  const value = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(info)?.[1] ?? 0) * 1024;
  const total = value('MemTotal');
  const available = value('MemAvailable');
  return {
    availableBytes: available,
    usageBytes: total - value('MemFree'),
    workingSetBytes: total - available,
    rssBytes: value('AnonPages'),
  };
}
