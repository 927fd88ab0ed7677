/** The Targets column of autoscalers. */
import type { DeepReadonly } from '../../base/deep.ts';
import type { HorizontalPodAutoscaler, MetricSpec, MetricTarget, MetricValueStatus } from '../types/autoscaling-v2.ts';

/** `cpu: 10%/80%, 5/10 (avg) + 1 more...`: two metrics at most. */
export function formatMetrics({ spec, status }: DeepReadonly<HorizontalPodAutoscaler>): string {
  const metrics = spec.metrics ?? [];
  if (metrics.length === 0) return '<none>';
  const shown = metrics.slice(0, 2).map((metric, i) => formatMetric(metric, currentValue(status.currentMetrics?.[i])));
  const text = shown.join(', ');
  return metrics.length > 2 ? `${text} + ${metrics.length - 2} more...` : text;
}

type CurrentMetric = NonNullable<DeepReadonly<HorizontalPodAutoscaler>['status']['currentMetrics']>[number];

function currentValue(metric: CurrentMetric | undefined): DeepReadonly<MetricValueStatus> | undefined {
  return (metric?.resource ?? metric?.containerResource ?? metric?.pods ?? metric?.object ?? metric?.external)?.current;
}

function formatMetric(metric: DeepReadonly<MetricSpec>, current: DeepReadonly<MetricValueStatus> | undefined): string {
  const { pods, object, external, resource, containerResource } = metric;
  if (pods) return `${current?.averageValue ?? '<unknown>'}/${pods.target.averageValue ?? ''}`;
  const valued = object ?? external;
  if (valued) return formatValue(valued.target, current);
  const named = resource ?? containerResource;
  if (!named) return '<unknown type>';
  if (named.target.averageValue !== undefined) {
    return `${named.name}: ${current?.averageValue ?? '<unknown>'}/${named.target.averageValue}`;
  }
  const percent = (value: number | undefined, otherwise: string) => (value === undefined ? otherwise : `${value}%`);
  const now = percent(current?.averageUtilization, '<unknown>');
  return `${named.name}: ${now}/${percent(named.target.averageUtilization, '<auto>')}`;
}

function formatValue(target: DeepReadonly<MetricTarget>, current: DeepReadonly<MetricValueStatus> | undefined): string {
  if (target.averageValue !== undefined) return `${current?.averageValue ?? '<unknown>'}/${target.averageValue} (avg)`;
  return `${current?.value ?? '<unknown>'}/${target.value ?? ''}`;
}
