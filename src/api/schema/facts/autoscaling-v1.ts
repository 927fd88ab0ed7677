import type { SchemaFacts } from '../facts.ts';

/** The types of autoscaling/v1: the notation is explained in ../facts.ts. */
export const facts: SchemaFacts = {
  id: 'autoscaling/v1',
  apiVersion: 'autoscaling/v1',
  openapi: 'io.k8s.api.autoscaling.v1',
  text: `
type ContainerResourceMetricSource
  1 name core/v1.ResourceName
  2 targetAverageUtilization? *int32
  3 targetAverageValue? *Quantity
  5 container string
type ContainerResourceMetricStatus
  1 name core/v1.ResourceName
  2 currentAverageUtilization? *int32
  3 currentAverageValue Quantity
  4 container string
type CrossVersionObjectReference struct=atomic
  1 kind string
  2 name string
  3 apiVersion? string
type ExternalMetricSource
  1 metricName string
  2 metricSelector? *meta/v1.LabelSelector
  3 targetValue? *Quantity
  4 targetAverageValue? *Quantity
type ExternalMetricStatus
  1 metricName string
  2 metricSelector? *meta/v1.LabelSelector
  3 currentValue Quantity
  4 currentAverageValue? *Quantity
type HorizontalPodAutoscaler
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ObjectMeta
  2 spec? HorizontalPodAutoscalerSpec required
  3 status? HorizontalPodAutoscalerStatus
type HorizontalPodAutoscalerCondition
  1 type HorizontalPodAutoscalerConditionType
  2 status core/v1.ConditionStatus
  3 lastTransitionTime? Time
  4 reason? string
  5 message? string
alias HorizontalPodAutoscalerConditionType string ScalingActive AbleToScale ScalingLimited ScaledToZero
type HorizontalPodAutoscalerList
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ListMeta
  2 items []HorizontalPodAutoscaler
type HorizontalPodAutoscalerSpec
  1 scaleTargetRef CrossVersionObjectReference
  2 minReplicas? *int32
  3 maxReplicas int32 required
  4 targetCPUUtilizationPercentage? *int32
type HorizontalPodAutoscalerStatus
  1 observedGeneration? *int64
  2 lastScaleTime? *Time
  3 currentReplicas int32
  4 desiredReplicas int32
  5 currentCPUUtilizationPercentage? *int32
alias MetricSourceType string Object Pods Resource ContainerResource External
type MetricSpec
  1 type MetricSourceType
  2 object? *ObjectMetricSource
  3 pods? *PodsMetricSource
  4 resource? *ResourceMetricSource
  7 containerResource? *ContainerResourceMetricSource
  5 external? *ExternalMetricSource
type MetricStatus
  1 type MetricSourceType
  2 object? *ObjectMetricStatus
  3 pods? *PodsMetricStatus
  4 resource? *ResourceMetricStatus
  7 containerResource? *ContainerResourceMetricStatus
  5 external? *ExternalMetricStatus
type ObjectMetricSource
  1 target CrossVersionObjectReference
  2 metricName string
  3 targetValue Quantity
  4 selector? *meta/v1.LabelSelector
  5 averageValue? *Quantity
type ObjectMetricStatus
  1 target CrossVersionObjectReference
  2 metricName string
  3 currentValue Quantity
  4 selector? *meta/v1.LabelSelector
  5 averageValue? *Quantity
type PodsMetricSource
  1 metricName string
  2 targetAverageValue Quantity
  3 selector? *meta/v1.LabelSelector
type PodsMetricStatus
  1 metricName string
  2 currentAverageValue Quantity
  3 selector? *meta/v1.LabelSelector
type ResourceMetricSource
  1 name core/v1.ResourceName
  2 targetAverageUtilization? *int32
  3 targetAverageValue? *Quantity
type ResourceMetricStatus
  1 name core/v1.ResourceName
  2 currentAverageUtilization? *int32
  3 currentAverageValue Quantity
type Scale
  - ... meta/v1.TypeMeta
  1 metadata? meta/v1.ObjectMeta
  2 spec? ScaleSpec
  3 status? ScaleStatus
type ScaleSpec
  1 replicas? int32 default=0
type ScaleStatus
  1 replicas int32
  2 selector? string
`,
};
