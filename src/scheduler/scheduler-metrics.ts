/** Upstream's metrics of the scheduler. */
import type { MetricsRegistry } from '../base/metrics.ts';

/** What gauges read when they are asked. */
interface Gauged {
  nodes(): number;
  /** Pods that wait, by queue. */
  pending(): Readonly<Record<string, number>>;
}

/** Registers them; the counters are the scheduler's to feed. */
export function schedulerMetrics(metrics: MetricsRegistry, gauged: Gauged) {
  const attempts = metrics.counter(
    'scheduler_schedule_attempts_total',
    'Number of attempts to schedule pods, by the result.',
  );
  const attemptSeconds = metrics.histogram(
    'scheduler_scheduling_attempt_duration_seconds',
    'Scheduling attempt latency in seconds.',
  );
  const incoming = metrics.counter(
    'scheduler_queue_incoming_pods_total',
    'Number of pods added to scheduling queues by event and queue type.',
  );
  const podAttempts = metrics.histogram(
    'scheduler_pod_scheduling_attempts',
    'Number of attempts to successfully schedule a pod.',
    [1, 2, 4, 8, 16],
  );
  const sliSeconds = metrics.histogram(
    'scheduler_pod_scheduling_sli_duration_seconds',
    'E2e latency for a pod being scheduled, from the time the pod enters the scheduling queue.',
  );
  metrics.gauge('scheduler_cache_size', 'Number of nodes and pods in the scheduler cache.', (gauge) =>
    gauge.set(gauged.nodes(), { type: 'nodes' }),
  );
  const pending = metrics.gauge('scheduler_pending_pods', 'Number of pending pods, by the queue type.', (gauge) => {
    for (const [queueName, count] of Object.entries(gauged.pending())) gauge.set(count, { queue: queueName });
  });
  pending.set(0, { queue: 'active' });
  return { attempts, attemptSeconds, incoming, podAttempts, sliSeconds };
}
