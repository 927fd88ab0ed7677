/** Prometheus metrics of the node: of the agent itself, and of what containers use. */
import type { PodKit } from '../pods/pod-kit.ts';
import type { PodWorkers } from '../pods/pod-workers.ts';
import type { ProbeCount } from '../probes/probes.ts';
import { nodeCpuNanos, nodeMemory } from './node-usage.ts';
import { type ContainerUsage, containerUsages } from './summary.ts';

/** The text of one of the metrics endpoints. */
export async function nodeMetrics(
  kit: PodKit,
  workers: PodWorkers,
  which: 'agent' | 'resource' | 'cadvisor' | 'probes',
): Promise<string> {
  if (which === 'agent') return kit.context.metrics.expose();
  if (which === 'probes') return probeMetrics(kit.probes.counts());
  const usages = await containerUsages(kit, workers);
  return which === 'resource' ? resourceMetrics(usages, kit.context.clock.now()) : cadvisorMetrics(usages);
}

const quoteLabel = (text: string) => text.replace(/[\\"\n]/g, (c) => (c === '\n' ? '\\n' : `\\${c}`));

function family(name: string, type: 'counter' | 'gauge', help: string, samples: readonly string[]): string {
  return samples.length > 0 ? `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${samples.join('\n')}\n` : '';
}

function probeMetrics(counts: readonly ProbeCount[]): string {
  const samples = counts.flatMap(({ pod, container, kind, results }) => {
    const { name = '', namespace = '', uid = '' } = pod.metadata;
    const labels = Object.entries({ container, namespace, pod: name, pod_uid: uid, probe_type: kind });
    const text = labels.map(([label, value]) => `${label}="${quoteLabel(value)}"`).join(',');
    return Object.entries(results).map(([result, count]) => `prober_probe_total{${text},result="${result}"} ${count}`);
  });
  const help = '[BETA] Cumulative number of a liveness, readiness or startup probe for a container by result.';
  return family('prober_probe_total', 'counter', help, samples);
}

function resourceMetrics(usages: readonly ContainerUsage[], now: number): string {
  const labels = (usage: ContainerUsage) =>
    `{container="${quoteLabel(usage.container)}",namespace="${quoteLabel(usage.namespace)}",pod="${quoteLabel(usage.pod)}"}`;
  const pods = new Map<string, { labels: string; cpu: number; memory: number; at: number }>();
  for (const usage of usages) {
    const pod = pods.get(usage.podUid) ?? {
      labels: `{namespace="${quoteLabel(usage.namespace)}",pod="${quoteLabel(usage.pod)}"}`,
      cpu: 0,
      memory: 0,
      at: 0,
    };
    pod.cpu += usage.cpuNanos / 1e9;
    pod.memory += usage.workingSetBytes;
    pod.at = Math.max(pod.at, usage.timestampMs);
    pods.set(usage.podUid, pod);
  }
  const time = (ms: number) => Math.round(ms);
  return [
    family(
      'container_cpu_usage_seconds_total',
      'counter',
      '[STABLE] Cumulative cpu time consumed by the container in core-seconds',
      usages.map(
        (usage) =>
          `container_cpu_usage_seconds_total${labels(usage)} ${usage.cpuNanos / 1e9} ${time(usage.timestampMs)}`,
      ),
    ),
    family(
      'container_memory_working_set_bytes',
      'gauge',
      '[STABLE] Current working set of the container in bytes',
      usages.map(
        (usage) =>
          `container_memory_working_set_bytes${labels(usage)} ${usage.workingSetBytes} ${time(usage.timestampMs)}`,
      ),
    ),
    family(
      'container_start_time_seconds',
      'gauge',
      '[STABLE] Start time of the container since unix epoch in seconds',
      usages.map((usage) => `container_start_time_seconds${labels(usage)} ${usage.startedAt / 1000}`),
    ),
    family(
      'node_cpu_usage_seconds_total',
      'counter',
      '[STABLE] Cumulative cpu time consumed by the node in core-seconds',
      [`node_cpu_usage_seconds_total ${nodeCpuNanos() / 1e9} ${time(now)}`],
    ),
    family('node_memory_working_set_bytes', 'gauge', '[STABLE] Current working set of the node in bytes', [
      `node_memory_working_set_bytes ${nodeMemory().workingSetBytes} ${time(now)}`,
    ]),
    family(
      'pod_cpu_usage_seconds_total',
      'counter',
      '[STABLE] Cumulative cpu time consumed by the pod in core-seconds',
      [...pods.values()].map((pod) => `pod_cpu_usage_seconds_total${pod.labels} ${pod.cpu} ${time(pod.at)}`),
    ),
    family(
      'pod_memory_working_set_bytes',
      'gauge',
      '[STABLE] Current working set of the pod in bytes',
      [...pods.values()].map((pod) => `pod_memory_working_set_bytes${pod.labels} ${pod.memory} ${time(pod.at)}`),
    ),
    family(
      'resource_scrape_error',
      'gauge',
      '[STABLE] 1 if there was an error while getting container metrics, 0 otherwise',
      ['resource_scrape_error 0'],
    ),
  ].join('');
}

function cadvisorMetrics(usages: readonly ContainerUsage[]): string {
  const sample = (name: string, value: (usage: ContainerUsage) => number, extra = '') =>
    usages.map(
      (usage) =>
        `${name}{container="${quoteLabel(usage.container)}",id="${usage.containerId}",namespace="${quoteLabel(usage.namespace)}",pod="${quoteLabel(usage.pod)}"${extra}} ${value(usage)} ${Math.round(usage.timestampMs)}`,
    );
  const one = (
    name: string,
    type: 'counter' | 'gauge',
    help: string,
    value: (usage: ContainerUsage) => number,
    extra = '',
  ) => family(name, type, help, sample(name, value, extra));
  return [
    one(
      'container_cpu_usage_seconds_total',
      'counter',
      'Cumulative cpu time consumed in seconds.',
      (u) => u.cpuNanos / 1e9,
      ',cpu="total"',
    ),
    one('container_memory_working_set_bytes', 'gauge', 'Current working set in bytes.', (u) => u.workingSetBytes),
    one('container_memory_usage_bytes', 'gauge', 'Current memory usage in bytes.', (u) => u.usageBytes),
    one('container_memory_rss', 'gauge', 'Size of RSS in bytes.', (u) => u.rssBytes),
    one(
      'container_fs_usage_bytes',
      'gauge',
      'Number of bytes that are consumed by the container on this filesystem.',
      (u) => u.writableBytes,
    ),
    one(
      'container_start_time_seconds',
      'gauge',
      'Start time of the container since unix epoch in seconds.',
      (u) => u.startedAt / 1000,
    ),
  ].join('');
}
