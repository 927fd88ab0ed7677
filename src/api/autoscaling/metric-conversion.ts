/** Metrics in the shape that autoscaling/v1's annotations give them, to and from v2's. */
import type * as v1 from '../types/autoscaling-v1.ts';
import type * as v2 from '../types/autoscaling-v2.ts';

/** Leaves out what is undefined, so that JSON and equality see an absent field. */
function defined<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, v]) => v !== undefined)) as T;
}

const metricTarget = (value?: string, averageValue?: string, averageUtilization?: number): v2.MetricTarget =>
  defined({
    type: value !== undefined ? 'Value' : averageValue !== undefined ? 'AverageValue' : 'Utilization',
    value,
    averageValue,
    averageUtilization,
  }) as v2.MetricTarget;

const identifier = (name: string, selector: v2.MetricIdentifier['selector']): v2.MetricIdentifier =>
  defined({ name, selector }) as v2.MetricIdentifier;

/** One metric of the annotation as v2 writes it. */
export function metricSpecFromV1(metric: v1.MetricSpec): v2.MetricSpec {
  const { type, resource, containerResource, pods, object, external } = metric;
  const out: v2.MetricSpec = { type };
  if (resource) {
    const { name, targetAverageValue, targetAverageUtilization } = resource;
    out.resource = { name, target: metricTarget(undefined, targetAverageValue, targetAverageUtilization) };
  }
  if (containerResource) {
    const { name, container, targetAverageValue, targetAverageUtilization } = containerResource;
    const target = metricTarget(undefined, targetAverageValue, targetAverageUtilization);
    out.containerResource = { name, container, target };
  }
  if (pods) {
    out.pods = {
      metric: identifier(pods.metricName, pods.selector),
      target: metricTarget(undefined, pods.targetAverageValue),
    };
  }
  if (object) {
    const target =
      object.averageValue === undefined
        ? metricTarget(object.targetValue)
        : metricTarget(undefined, object.averageValue);
    out.object = { describedObject: object.target, metric: identifier(object.metricName, object.selector), target };
  }
  if (external) {
    const { metricName, metricSelector, targetValue, targetAverageValue } = external;
    out.external = {
      metric: identifier(metricName, metricSelector),
      target: metricTarget(targetValue, targetAverageValue),
    };
  }
  return out;
}

/** One metric of v2 as the annotation has it. */
export function metricSpecToV1(metric: v2.MetricSpec): v1.MetricSpec {
  const { type, resource, containerResource, pods, object, external } = metric;
  const out: v1.MetricSpec = { type };
  const perResource = (target: v2.MetricTarget) => ({
    targetAverageUtilization: target.averageUtilization,
    targetAverageValue: target.averageValue,
  });
  if (resource)
    out.resource = defined({ name: resource.name, ...perResource(resource.target) }) as v1.ResourceMetricSource;
  if (containerResource) {
    const { name, container, target } = containerResource;
    out.containerResource = defined({ name, ...perResource(target), container }) as v1.ContainerResourceMetricSource;
  }
  if (pods) {
    out.pods = defined({
      metricName: pods.metric.name,
      targetAverageValue: pods.target.averageValue ?? '0',
      selector: pods.metric.selector,
    }) as v1.PodsMetricSource;
  }
  if (object) {
    out.object = defined({
      target: object.describedObject,
      metricName: object.metric.name,
      targetValue: object.target.value ?? '0',
      selector: object.metric.selector,
      averageValue: object.target.averageValue,
    }) as v1.ObjectMetricSource;
  }
  if (external) {
    out.external = defined({
      metricName: external.metric.name,
      metricSelector: external.metric.selector,
      targetValue: external.target.value,
      targetAverageValue: external.target.averageValue,
    }) as v1.ExternalMetricSource;
  }
  return out;
}

/** One current metric of the annotation as v2 writes it. */
export function metricStatusFromV1(metric: v1.MetricStatus): v2.MetricStatus {
  const { type, resource, containerResource, pods, object, external } = metric;
  const out: v2.MetricStatus = { type };
  const current = (value?: string, averageValue?: string, averageUtilization?: number) =>
    defined({ value, averageValue, averageUtilization }) as v2.MetricValueStatus;
  if (resource) {
    const { name, currentAverageValue, currentAverageUtilization } = resource;
    out.resource = { name, current: current(undefined, currentAverageValue, currentAverageUtilization) };
  }
  if (containerResource) {
    const { name, container, currentAverageValue, currentAverageUtilization } = containerResource;
    const value = current(undefined, currentAverageValue, currentAverageUtilization);
    out.containerResource = { name, container, current: value };
  }
  if (pods) {
    const value = current(undefined, pods.currentAverageValue);
    out.pods = { metric: identifier(pods.metricName, pods.selector), current: value };
  }
  if (object) {
    const value = current(object.currentValue, object.averageValue);
    out.object = {
      describedObject: object.target,
      metric: identifier(object.metricName, object.selector),
      current: value,
    };
  }
  if (external) {
    const value = current(external.currentValue, external.currentAverageValue);
    out.external = { metric: identifier(external.metricName, external.metricSelector), current: value };
  }
  return out;
}

/** One current metric of v2 as the annotation has it. */
export function metricStatusToV1(metric: v2.MetricStatus): v1.MetricStatus {
  const { type, resource, containerResource, pods, object, external } = metric;
  const out: v1.MetricStatus = { type };
  const perResource = (current: v2.MetricValueStatus) => ({
    currentAverageUtilization: current.averageUtilization,
    currentAverageValue: current.averageValue ?? '0',
  });
  if (resource)
    out.resource = defined({ name: resource.name, ...perResource(resource.current) }) as v1.ResourceMetricStatus;
  if (containerResource) {
    const { name, container, current } = containerResource;
    out.containerResource = defined({ name, ...perResource(current), container }) as v1.ContainerResourceMetricStatus;
  }
  if (pods) {
    out.pods = defined({
      metricName: pods.metric.name,
      currentAverageValue: pods.current.averageValue ?? '0',
      selector: pods.metric.selector,
    }) as v1.PodsMetricStatus;
  }
  if (object) {
    out.object = defined({
      target: object.describedObject,
      metricName: object.metric.name,
      currentValue: object.current.value ?? '0',
      selector: object.metric.selector,
      averageValue: object.current.averageValue,
    }) as v1.ObjectMetricStatus;
  }
  if (external) {
    out.external = defined({
      metricName: external.metric.name,
      metricSelector: external.metric.selector,
      currentValue: external.current.value ?? '0',
      currentAverageValue: external.current.averageValue,
    }) as v1.ExternalMetricStatus;
  }
  return out;
}
