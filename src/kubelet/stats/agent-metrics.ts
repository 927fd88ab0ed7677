/** Metrics of the agent itself, by upstream's names. */
import type { MetricsRegistry } from '../../base/metrics.ts';
import type { PodWorkers } from '../pods/pod-workers.ts';

/** Registers them; they are computed when they are asked for. */
export function registerAgentMetrics(
  metrics: MetricsRegistry,
  { nodeName, workers }: { nodeName: string; workers: PodWorkers },
): void {
  metrics.gauge('kubelet_node_name', "The node's name. The count is always 1.", (gauge) =>
    gauge.set(1, { node: nodeName }),
  );
  metrics.gauge('kubelet_running_pods', 'Number of pods that have a running pod sandbox', (gauge) =>
    gauge.set(workers.all().filter((worker) => worker.runtimePod.sandboxes.some(({ ready }) => ready)).length),
  );
  metrics.gauge('kubelet_running_containers', 'Number of containers currently running', (gauge) => {
    const counts = new Map<string, number>(['created', 'exited', 'running', 'unknown'].map((state) => [state, 0]));
    for (const worker of workers.all()) {
      for (const { state } of worker.runtimePod.containers) counts.set(state, (counts.get(state) ?? 0) + 1);
    }
    for (const [state, count] of counts) gauge.set(count, { container_state: state });
  });
  metrics.gauge('kubelet_desired_pods', 'The number of pods the kubelet is being instructed to run.', (gauge) =>
    gauge.set(workers.all().filter((worker) => worker.active).length),
  );
}
