/** Autoscalers on custom and external metrics, which another API server has: aggregated, over HTTPS, in a whole cluster. */
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { APIService } from '../../src/api/apiregistration/api-service.ts';
import { Deployment } from '../../src/api/apps/deployment.ts';
import { HorizontalPodAutoscaler } from '../../src/api/autoscaling/horizontal-pod-autoscaler.ts';
import { Event } from '../../src/api/core/event.ts';
import { Pod } from '../../src/api/core/pod.ts';
import type { ControllerDefinition } from '../../src/client/reconcile.ts';
import { type Cluster, startCluster } from '../../src/cluster/start.ts';
import { type MetricsServer, startMetricsServer } from './metrics-server.ts';

let cluster: Cluster;
let metrics: MetricsServer;
const namespace = 'default';
const waitMs = 60_000;

/** Upstream looks every 15 s; the tests have no need of that long. */
const everySecond = (definition: ControllerDefinition): ControllerDefinition => ({
  ...definition,
  async reconcile(key, context) {
    return (await definition.reconcile!(key, context)) && { requeueAfterMs: 300 };
  },
});

beforeAll(async () => {
  cluster = await startCluster({
    nodes: 2,
    controllers: (builtin) => builtin.map((one) => (one.name === 'horizontal-pod-autoscaler' ? everySecond(one) : one)),
  });
  metrics = await startMetricsServer(cluster.client);
  await vi.waitFor(
    async () => {
      for (const name of ['v1beta2.custom.metrics.k8s.io', 'v1beta1.external.metrics.k8s.io']) {
        const { status } = await cluster.client.get(APIService, { name });
        expect(status.conditions).toContainEqual(expect.objectContaining({ type: 'Available', status: 'True' }));
      }
    },
    { timeout: waitMs, interval: 50 },
  );
}, waitMs);

afterAll(async () => {
  await metrics[Symbol.asyncDispose]();
  await cluster.stop();
});

/** A deployment of two, its pods, and an autoscaler that goes by some metrics. */
async function scaled(name: string, specs: readonly object[], replicas = 2) {
  await cluster.client.create(Deployment, {
    metadata: { name, namespace },
    spec: {
      replicas,
      selector: { matchLabels: { app: name } },
      template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: 'main', image: 'app:1' }] } },
    },
  });
  await vi.waitFor(
    async () => expect((await cluster.client.get(Deployment, { namespace, name })).status.readyReplicas).toBe(replicas),
    { timeout: waitMs, interval: 50 },
  );
  await cluster.client.create(HorizontalPodAutoscaler, {
    metadata: { name, namespace },
    spec: {
      scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name },
      minReplicas: 1,
      maxReplicas: 10,
      behavior: { scaleDown: { stabilizationWindowSeconds: 0 } },
      metrics: specs as never,
    },
  });
  const { items } = await cluster.client.list(Pod, { namespace, labelSelector: `app=${name}` });
  return items.map((pod) => pod.metadata.name);
}

const whenSize = (name: string, replicas: number) =>
  vi.waitFor(
    async () => expect((await cluster.client.get(Deployment, { namespace, name })).spec.replicas).toBe(replicas),
    { timeout: waitMs, interval: 50 },
  );
const statusOf = async (name: string) =>
  (await cluster.client.get(HorizontalPodAutoscaler, { namespace, name })).status;
const eventsOf = async (name: string) =>
  (await cluster.client.list(Event, { namespace })).items
    .filter(({ involvedObject }) => involvedObject.name === name && involvedObject.kind === 'HorizontalPodAutoscaler')
    .map(({ type, reason, message }) => `${type} ${reason} ${message}`);
const whenEvent = (name: string, event: string) =>
  vi.waitFor(async () => expect(await eventsOf(name)).toContain(event), { timeout: waitMs, interval: 50 });
const whenCondition = (name: string, type: string, expected: object) =>
  vi.waitFor(
    async () => expect((await statusOf(name)).conditions?.find((one) => one.type === type)).toMatchObject(expected),
    { timeout: waitMs, interval: 50 },
  );

describe('an autoscaler', () => {
  test('goes by a metric of its pods', { timeout: waitMs }, async () => {
    const path = 'namespaces/default/pods/*/hits';
    const pods = await scaled('by-pods', [
      {
        type: 'Pods',
        pods: {
          metric: { name: 'hits', selector: { matchLabels: { verb: 'GET' } } },
          target: { type: 'AverageValue', averageValue: '10' },
        },
      },
    ]);
    metrics.figures.set(
      path,
      pods.map((name) => ({ object: { kind: 'Pod', namespace, name }, value: '20' })),
    );
    await whenSize('by-pods', 4);
    expect(metrics.asked).toContain(`${path}?labelSelector=app=by-pods&metricLabelSelector=verb=GET`);
    await whenEvent('by-pods', 'Normal SuccessfulRescale New size: 4; reason: pods metric hits above target');
    await whenCondition('by-pods', 'ScalingActive', {
      status: 'True',
      reason: 'ValidMetricFound',
      message: 'the HPA was able to successfully calculate a replica count from pods metric hits',
    });
    expect((await statusOf('by-pods')).currentMetrics).toEqual([
      {
        type: 'Pods',
        pods: { metric: { name: 'hits', selector: { matchLabels: { verb: 'GET' } } }, current: { averageValue: '20' } },
      },
    ]);
  });

  test('goes by a metric of another object, and back when it is low', { timeout: waitMs }, async () => {
    const describedObject = { apiVersion: 'networking.k8s.io/v1', kind: 'Ingress', name: 'main' };
    const path = 'namespaces/default/ingresses.networking.k8s.io/main/requests';
    metrics.figures.set(path, [{ object: { ...describedObject, namespace }, value: '3k' }]);
    await scaled('by-object', [
      {
        type: 'Object',
        object: { describedObject, metric: { name: 'requests' }, target: { type: 'Value', value: '1k' } },
      },
    ]);
    await whenEvent('by-object', 'Normal SuccessfulRescale New size: 6; reason: Ingress metric requests above target');
    metrics.figures.set(path, [{ object: { ...describedObject, namespace }, value: '100' }]);
    await whenSize('by-object', 1);
    await whenEvent('by-object', 'Normal SuccessfulRescale New size: 1; reason: All metrics below target');
    await vi.waitFor(
      async () =>
        expect((await statusOf('by-object')).currentMetrics).toEqual([
          { type: 'Object', object: { describedObject, metric: { name: 'requests' }, current: { value: '100' } } },
        ]),
      { timeout: waitMs, interval: 50 },
    );
  });

  test('asks for the metrics of its own namespace, and of objects without one in it', { timeout: waitMs }, async () => {
    const metric = { name: 'load' };
    const target = { type: 'AverageValue', averageValue: '5' };
    metrics.figures.set('namespaces/default/metrics/load', [
      { object: { kind: 'Namespace', name: namespace }, value: '15' },
    ]);
    metrics.figures.set('namespaces/default/nodes/node-1/load', [
      { object: { kind: 'Node', name: 'node-1' }, value: '10' },
    ]);
    await scaled('by-scope', [
      {
        type: 'Object',
        object: { describedObject: { apiVersion: 'v1', kind: 'Node', name: 'node-1' }, metric, target },
      },
      {
        type: 'Object',
        object: { describedObject: { apiVersion: 'v1', kind: 'Namespace', name: 'other' }, metric, target },
      },
    ]);
    await whenSize('by-scope', 3);
    await whenEvent('by-scope', 'Normal SuccessfulRescale New size: 3; reason: external metric load(nil) above target');
  });

  test('goes by what is measured outside, all series together', { timeout: waitMs }, async () => {
    const metric = { name: 'queue', selector: { matchLabels: { name: 'mail' } } };
    const path = 'namespaces/default/queue';
    metrics.figures.set(path, [
      { labels: { shard: '1' }, value: '30' },
      { labels: { shard: '2' }, value: '20' },
    ]);
    await scaled('by-queue', [
      { type: 'External', external: { metric, target: { type: 'AverageValue', averageValue: '10' } } },
    ]);
    await whenSize('by-queue', 5);
    expect(metrics.asked).toContain(`${path}?labelSelector=name=mail`);
    const selector =
      '&LabelSelector{MatchLabels:map[string]string{name: mail,},MatchExpressions:[]LabelSelectorRequirement{},}';
    await whenEvent(
      'by-queue',
      `Normal SuccessfulRescale New size: 5; reason: external metric queue(${selector}) above target`,
    );
    await vi.waitFor(
      async () =>
        expect((await statusOf('by-queue')).currentMetrics).toEqual([
          { type: 'External', external: { metric, current: { averageValue: '10' } } },
        ]),
      { timeout: waitMs, interval: 50 },
    );
  });

  test('says what it cannot measure, and does not shrink meanwhile', { timeout: waitMs }, async () => {
    const describedObject = { apiVersion: 'v1', kind: 'Service', name: 'api' };
    metrics.figures.set('namespaces/default/low', [{ value: '1' }]);
    await scaled('in-the-dark', [
      {
        type: 'Object',
        object: { describedObject, metric: { name: 'absent' }, target: { type: 'Value', value: '1' } },
      },
      { type: 'External', external: { metric: { name: 'low' }, target: { type: 'Value', value: '10' } } },
    ]);
    const why =
      'unable to get metric absent: Service on default api/unable to fetch metrics from custom metrics API: the server could not find the metric absent';
    await whenCondition('in-the-dark', 'ScalingActive', {
      status: 'False',
      reason: 'FailedGetObjectMetric',
      message: `the HPA was unable to compute the replica count: ${why}`,
    });
    await whenEvent('in-the-dark', `Warning FailedGetObjectMetric ${why}`);
    await whenEvent(
      'in-the-dark',
      `Warning FailedComputeMetricsReplicas invalid metrics (1 invalid out of 2), first error is: failed to get object metric value: ${why}`,
    );
    const status = await statusOf('in-the-dark');
    expect(status.currentMetrics?.map(({ type }) => type)).toEqual(['', 'External']);
    expect((await cluster.client.get(Deployment, { namespace, name: 'in-the-dark' })).spec.replicas).toBe(2);
  });

  test.each([
    [
      'Pods',
      { pods: { metric: { name: 'none' }, target: { type: 'AverageValue', averageValue: '1' } } },
      'FailedGetPodsMetric',
      'unable to get metric none: no metrics returned from custom metrics API',
      'failed to get pods metric value: ',
    ],
    [
      'External',
      { external: { metric: { name: 'none' }, target: { type: 'Value', value: '1' } } },
      'FailedGetExternalMetric',
      'unable to get external metric default/none/nil: no metrics returned from external metrics API',
      'failed to get none external metric value: failed to get external metric none: ',
    ],
    [
      'Resource',
      { resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 50 } } },
      'FailedGetResourceMetric',
      expect.stringMatching(/^failed to get cpu utilization: unable to get metrics for resource cpu: /),
      'failed to get cpu resource metric value: ',
    ],
  ])(
    'without figures of type %s says so in its words',
    { timeout: waitMs },
    async (type, spec, reason, message, intro) => {
      metrics.figures.set('namespaces/default/pods/*/none', []);
      metrics.figures.set('namespaces/default/none', []);
      const name = `without-${type.toLowerCase()}`;
      await scaled(name, [{ type, ...spec }], 1);
      await vi.waitFor(
        async () => {
          const all = await cluster.client.list(Event, { namespace });
          const events = all.items.filter(
            ({ involvedObject: of }) => of.name === name && of.kind === 'HorizontalPodAutoscaler',
          );
          expect(events).toContainEqual(expect.objectContaining({ type: 'Warning', reason, message }));
          expect(events).toContainEqual(
            expect.objectContaining({
              reason: 'FailedComputeMetricsReplicas',
              message: expect.stringContaining(`invalid metrics (1 invalid out of 1), first error is: ${intro}`),
            }),
          );
        },
        { timeout: waitMs, interval: 50 },
      );
    },
  );
});
