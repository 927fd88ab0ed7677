/** Conversion between autoscaling/v1, which knows one metric, and v2: what v1 has no field for is kept in annotations. */
import type { DeepReadonly } from '../../base/deep.ts';
import { mutableCopy } from '../../base/deep.ts';
import type * as v1 from '../types/autoscaling-v1.ts';
import type * as v2 from '../types/autoscaling-v2.ts';
import { metricSpecFromV1, metricSpecToV1, metricStatusFromV1, metricStatusToV1 } from './metric-conversion.ts';

const metricsAnnotation = 'autoscaling.alpha.kubernetes.io/metrics';
const currentMetricsAnnotation = 'autoscaling.alpha.kubernetes.io/current-metrics';
const conditionsAnnotation = 'autoscaling.alpha.kubernetes.io/conditions';
const behaviorAnnotation = 'autoscaling.alpha.kubernetes.io/behavior';
const annotationNames = [metricsAnnotation, currentMetricsAnnotation, conditionsAnnotation, behaviorAnnotation];

/** Reads an annotation's JSON; anything that is not what a conversion wrote counts as absent. */
function readAnnotation<T>(annotations: Readonly<Record<string, string>> | undefined, name: string): T | undefined {
  const text = annotations?.[name];
  if (text === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as T) : undefined;
  } catch {
    return undefined;
  }
}

function withoutAnnotations<T extends { annotations?: Record<string, string> }>(metadata: T): T {
  if (!metadata.annotations) return metadata;
  const kept = Object.entries(metadata.annotations).filter(([name]) => !annotationNames.includes(name));
  const { annotations: _, ...rest } = metadata;
  return (kept.length ? { ...rest, annotations: Object.fromEntries(kept) } : rest) as T;
}

/** autoscaling/v1 → v2. */
export function toV2(object: v1.HorizontalPodAutoscaler): v2.HorizontalPodAutoscaler {
  const { spec, status } = object;
  const { annotations } = object.metadata;
  const metrics = (readAnnotation<v1.MetricSpec[]>(annotations, metricsAnnotation) ?? []).map(metricSpecFromV1);
  if (spec.targetCPUUtilizationPercentage !== undefined) {
    const target = { type: 'Utilization', averageUtilization: spec.targetCPUUtilizationPercentage };
    metrics.unshift({ type: 'Resource', resource: { name: 'cpu', target } });
  }
  const currentMetrics = (readAnnotation<v1.MetricStatus[]>(annotations, currentMetricsAnnotation) ?? []).map(
    metricStatusFromV1,
  );
  if (status.currentCPUUtilizationPercentage !== undefined) {
    const current = { averageUtilization: status.currentCPUUtilizationPercentage };
    currentMetrics.unshift({ type: 'Resource', resource: { name: 'cpu', current } });
  }
  const conditions = readAnnotation<v2.HorizontalPodAutoscalerCondition[]>(annotations, conditionsAnnotation);
  const behavior = readAnnotation<v2.HorizontalPodAutoscalerBehavior>(annotations, behaviorAnnotation);
  return {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: withoutAnnotations(object.metadata),
    spec: {
      scaleTargetRef: spec.scaleTargetRef,
      ...(spec.minReplicas === undefined ? {} : { minReplicas: spec.minReplicas }),
      maxReplicas: spec.maxReplicas,
      ...(metrics.length ? { metrics } : {}),
      ...(behavior ? { behavior } : {}),
    },
    status: {
      ...(status.observedGeneration === undefined ? {} : { observedGeneration: status.observedGeneration }),
      ...(status.lastScaleTime ? { lastScaleTime: status.lastScaleTime } : {}),
      ...(status.currentReplicas ? { currentReplicas: status.currentReplicas } : {}),
      desiredReplicas: status.desiredReplicas,
      currentMetrics,
      ...(conditions?.length ? { conditions } : {}),
    },
  };
}

const isCpuUtilization = (metric: v2.MetricSpec) =>
  metric.type === 'Resource' &&
  metric.resource?.name === 'cpu' &&
  metric.resource.target.averageUtilization !== undefined;

/** autoscaling/v2 → v1. */
export function fromV2(shared: DeepReadonly<v2.HorizontalPodAutoscaler>): v1.HorizontalPodAutoscaler {
  const { metadata, spec, status } = mutableCopy(shared) as v2.HorizontalPodAutoscaler;
  const cpu = spec.metrics?.find(isCpuUtilization);
  const others = (spec.metrics ?? []).filter((m) => m !== cpu).map(metricSpecToV1);
  const currentCpu = status.currentMetrics?.find(
    (m) => m.resource?.name === 'cpu' && m.resource.current.averageUtilization !== undefined,
  );
  // The value in units has no field in v1, so a cpu metric that carries one stays in the annotation as well.
  const kept = (status.currentMetrics ?? []).filter(
    (m) => m !== currentCpu || m.resource?.current.averageValue !== undefined,
  );
  const saved: Record<string, unknown[] | object | undefined> = {
    [metricsAnnotation]: others,
    [currentMetricsAnnotation]: kept.map(metricStatusToV1),
    [conditionsAnnotation]: status.conditions ?? [],
    [behaviorAnnotation]: spec.behavior,
  };
  const annotations = { ...withoutAnnotations(metadata).annotations };
  for (const [name, value] of Object.entries(saved)) {
    if (value && (!Array.isArray(value) || value.length)) annotations[name] = JSON.stringify(value);
  }
  const target = cpu?.resource?.target.averageUtilization;
  const current = currentCpu?.resource?.current.averageUtilization;
  return {
    apiVersion: 'autoscaling/v1',
    kind: 'HorizontalPodAutoscaler',
    metadata: Object.keys(annotations).length ? { ...metadata, annotations } : metadata,
    spec: {
      scaleTargetRef: spec.scaleTargetRef,
      ...(spec.minReplicas === undefined ? {} : { minReplicas: spec.minReplicas }),
      maxReplicas: spec.maxReplicas,
      ...(target === undefined ? {} : { targetCPUUtilizationPercentage: target }),
    },
    status: {
      ...(status.observedGeneration === undefined ? {} : { observedGeneration: status.observedGeneration }),
      ...(status.lastScaleTime ? { lastScaleTime: status.lastScaleTime } : {}),
      currentReplicas: status.currentReplicas ?? 0,
      desiredReplicas: status.desiredReplicas,
      ...(current === undefined ? {} : { currentCPUUtilizationPercentage: current }),
    },
  };
}
