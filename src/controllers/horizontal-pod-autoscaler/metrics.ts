/** The figures that an autoscaler works with, from the three metrics APIs. */
import type { Pod } from '../../api/core/pod.ts';
import type { KindRef, Shared } from '../../api/kind.ts';
import { parseDuration } from '../../api/machinery/duration.ts';
import { PodMetrics } from '../../api/metrics/pod-metrics.ts';
import type { MetricValue } from '../../api/types/custom_metrics-v1beta2.ts';
import type { ExternalMetricValue } from '../../api/types/external_metrics-v1beta1.ts';
import { parseTime } from '../../base/clock.ts';
import type { Client } from '../../client/client.ts';
import type { ResourceRequest } from '../../client/transport.ts';
import { milliOf, type PodUsage } from './ratio.ts';

const defaultWindowMs = 60_000;

async function fetchFrom<T>(api: string, fetch: () => Promise<T>): Promise<T> {
  try {
    return await fetch();
  } catch (error) {
    throw new Error(`unable to fetch metrics from ${api} metrics API: ${(error as Error).message}`);
  }
}

/** What each pod uses of a resource; of one container where it is named. */
export async function resourceUsage(
  client: Client,
  {
    namespace,
    selector,
    resource,
    container,
  }: { namespace: string; selector: string; resource: string; container?: string },
): Promise<Map<string, PodUsage>> {
  const { items } = await fetchFrom('resource', () => client.list(PodMetrics, { namespace, labelSelector: selector }));
  if (items.length === 0) throw new Error('no metrics returned from resource metrics API');
  const usage = new Map<string, PodUsage>();
  for (const { metadata, containers, timestamp, window } of items) {
    const measured = containers.filter(({ name }) => container === undefined || name === container);
    if (container !== undefined && measured.length === 0)
      throw new Error(
        `failed to get container metrics: container ${container} not present in metrics for pod ${namespace}/${metadata.name}`,
      );
    const figures = measured.map((one) => one.usage?.[resource]);
    // A pod whose figures are not all there is treated as one without figures.
    if (figures.length === 0 || figures.includes(undefined)) continue;
    usage.set(metadata.name, {
      milli: figures.reduce((total, figure) => total + milliOf(figure), 0),
      timestamp: parseTime(timestamp),
      windowMs: (parseDuration(window) ?? defaultWindowMs * 1e6) / 1e6,
    });
  }
  return usage;
}

/** What pods request of a resource. Throws for a pod that does not say. */
export function requestsOf(
  pods: readonly Shared<Pod>[],
  { resource, container }: { resource: string; container?: string },
): Map<string, number> {
  const requests = new Map<string, number>();
  for (const pod of pods) {
    const podLevel = container === undefined ? pod.spec.resources?.requests?.[resource] : undefined;
    if (podLevel !== undefined) {
      requests.set(pod.metadata.name, milliOf(podLevel));
      continue;
    }
    const sidecars = (pod.spec.initContainers ?? []).filter((one) => one.restartPolicy === 'Always');
    let total = 0;
    for (const one of [...pod.spec.containers, ...sidecars]) {
      if (container !== undefined && container !== one.name) continue;
      const request = one.resources.requests?.[resource];
      if (request === undefined) {
        throw new Error(`missing request for ${resource} in container ${one.name} of Pod ${pod.metadata.name}`);
      }
      total += milliOf(request);
    }
    requests.set(pod.metadata.name, total);
  }
  return requests;
}

interface Metric {
  readonly name: string;
  readonly selector: string;
}

interface Values {
  readonly items: readonly Shared<MetricValue>[];
}

/** A custom metric of each of a set of pods. */
export async function podMetric(
  client: Client,
  { namespace, selector, metric }: { namespace: string; selector: string; metric: Metric },
): Promise<Map<string, PodUsage>> {
  const { items } = await customMetric(client, { namespace, plural: 'pods', name: '*', selector, metric });
  if (items.length === 0) throw new Error('no metrics returned from custom metrics API');
  return new Map(
    items.map((item) => [
      item.describedObject.name ?? '',
      {
        milli: milliOf(item.value),
        timestamp: parseTime(item.timestamp),
        windowMs: item.windowSeconds === undefined ? defaultWindowMs : item.windowSeconds * 1000,
      },
    ]),
  );
}

/**
 * A custom metric of one object, in thousandths. An object without a namespace is asked for in the autoscaler's namespace all the
 * same; of namespaces only the autoscaler's own has metrics for it.
 */
export async function objectMetric(
  client: Client,
  resource: KindRef,
  { namespace, name, metric }: { namespace: string; name: string; metric: Metric },
): Promise<number> {
  const plural = resource.group ? `${resource.plural}.${resource.group}` : resource.plural;
  const of =
    plural === 'namespaces'
      ? { namespace, plural: 'metrics', name: metric.name, selector: '', metric: { ...metric, name: '' } }
      : { namespace, plural, name, selector: '', metric };
  const { items } = await customMetric(client, of);
  const [item] = items;
  if (!item || items.length > 1)
    throw new Error(
      `unable to fetch metrics from custom metrics API: the custom metrics API server returned ${items.length} results when we asked for exactly one`,
    );
  return milliOf(item.value);
}

interface CustomRequest {
  readonly namespace: string;
  readonly plural: string;
  readonly name: string;
  readonly selector: string;
  readonly metric: Metric;
}

async function customMetric(
  client: Client,
  { namespace, plural, name, selector, metric }: CustomRequest,
): Promise<Values> {
  const kind = {
    group: 'custom.metrics.k8s.io',
    version: 'v1beta2',
    kind: 'MetricValueList',
    plural,
    namespaced: true,
  };
  const request: ResourceRequest = {
    verb: 'get',
    kind,
    namespace,
    name,
    ...(metric.name ? { subresource: metric.name } : {}),
    query: {
      ...(selector ? { labelSelector: selector } : {}),
      ...(metric.selector ? { metricLabelSelector: metric.selector } : {}),
    },
  };
  return fetchFrom('custom', () => client.transport.request(request) as Promise<Values>);
}

/** The sum of an external metric's series, in thousandths. */
export async function externalMetric(client: Client, namespace: string, metric: Metric): Promise<number> {
  const kind: KindRef = {
    group: 'external.metrics.k8s.io',
    version: 'v1beta1',
    kind: 'ExternalMetricValueList',
    plural: metric.name,
    namespaced: true,
  };
  const list = await fetchFrom('external', () =>
    client.list(kind, { namespace, ...(metric.selector ? { labelSelector: metric.selector } : {}) }),
  );
  const items = list.items as unknown as readonly Shared<ExternalMetricValue>[];
  if (items.length === 0) throw new Error('no metrics returned from external metrics API');
  return items.reduce((total, item) => total + milliOf(item.value), 0);
}
