/** Upstream's workqueue_* metrics, one set of families per registry with a label for each queue. */
import type { Counter, Histogram, MetricsRegistry } from '../base/metrics.ts';

interface QueueState {
  /** Keys that are ready. */
  depth(): number;
  /** For each step under way, the seconds since it began. */
  runningSeconds(): readonly number[];
}

interface Families {
  readonly queues: Map<string, QueueState>;
  readonly adds: Counter;
  readonly retries: Counter;
  readonly queueDuration: Histogram;
  readonly workDuration: Histogram;
}

const families = new WeakMap<MetricsRegistry, Families>();
/** 10 ns to 10 s in powers of ten, as upstream. */
const buckets = Array.from({ length: 10 }, (_, i) => 10 ** (i - 8));

function familiesOf(metrics: MetricsRegistry): Families {
  const known = families.get(metrics);
  if (known) return known;
  const queues = new Map<string, QueueState>();
  const gauge = (name: string, help: string, value: (state: QueueState) => number) =>
    metrics.gauge(name, help, (g) => {
      for (const [queue, state] of queues) g.set(value(state), { name: queue });
    });
  gauge('workqueue_depth', 'Current depth of workqueue', (state) => state.depth());
  gauge(
    'workqueue_unfinished_work_seconds',
    'Seconds of work in progress that work_duration has not observed',
    (state) => state.runningSeconds().reduce((sum, seconds) => sum + seconds, 0),
  );
  gauge('workqueue_longest_running_processor_seconds', 'Seconds that the longest running step has taken', (state) =>
    Math.max(0, ...state.runningSeconds()),
  );
  const made: Families = {
    queues,
    adds: metrics.counter('workqueue_adds_total', 'Total number of adds handled by workqueue'),
    retries: metrics.counter('workqueue_retries_total', 'Total number of retries handled by workqueue'),
    queueDuration: metrics.histogram(
      'workqueue_queue_duration_seconds',
      'How long in seconds an item stays in workqueue before being requested',
      buckets,
    ),
    workDuration: metrics.histogram(
      'workqueue_work_duration_seconds',
      'How long in seconds processing an item from workqueue takes',
      buckets,
    ),
  };
  families.set(metrics, made);
  return made;
}

/** The recorder of one queue. */
export function workQueueMetrics(metrics: MetricsRegistry, name: string, state: QueueState) {
  const { queues, adds, retries, queueDuration, workDuration } = familiesOf(metrics);
  queues.set(name, state);
  const labels = { name };
  return {
    added: () => adds.inc(labels),
    retried: () => retries.inc(labels),
    waited: (seconds: number) => queueDuration.observe(seconds, labels),
    worked: (seconds: number) => workDuration.observe(seconds, labels),
  };
}
