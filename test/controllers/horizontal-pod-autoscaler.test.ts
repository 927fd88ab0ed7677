import { describe, expect, test } from 'vitest';
import { Deployment } from '../../src/api/apps/deployment.ts';
import { HorizontalPodAutoscaler } from '../../src/api/autoscaling/horizontal-pod-autoscaler.ts';
import { formatTime } from '../../src/base/clock.ts';
import { deploymentController } from '../../src/controllers/deployment/deployment.ts';
import { horizontalPodAutoscalerController } from '../../src/controllers/horizontal-pod-autoscaler/horizontal-pod-autoscaler.ts';
import { replicaSetController } from '../../src/controllers/replica-set.ts';
import { type Harness, startHarness, template } from './harness.ts';

const web = { namespace: 'default', name: 'web' };

/** A cluster whose metrics API says that every pod uses so many thousandths of a CPU. */
async function start(cpu: { milli: number | undefined }) {
  const running: { names: readonly string[] } = { names: [] };
  const h: Harness = await startHarness({
    controllers: [horizontalPodAutoscalerController, deploymentController, replicaSetController],
    nodes: 2,
    intercept(request) {
      if (request.kind.group !== 'metrics.k8s.io' || cpu.milli === undefined) return undefined;
      const at = formatTime(h.clock.now());
      return {
        metadata: {},
        items: running.names.map((name) => ({
          metadata: { name, namespace: 'default' },
          timestamp: at,
          window: '30s',
          containers: [{ name: 'app', usage: { cpu: `${cpu.milli}m`, memory: '1Mi' } }],
        })),
      };
    },
  });
  h.lifeOf = (pod) => {
    running.names = [...new Set([...running.names, pod.metadata.name])];
    return 'ready';
  };
  const pods = template({ app: 'web' });
  await h.client.create(Deployment, {
    metadata: web,
    spec: {
      replicas: 2,
      selector: { matchLabels: { app: 'web' } },
      template: {
        ...pods,
        spec: { containers: [{ ...pods.spec.containers[0]!, resources: { requests: { cpu: '1' } } }] },
      },
    },
  });
  await h.advance(600_000);
  await h.client.create(HorizontalPodAutoscaler, {
    metadata: web,
    spec: {
      scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' },
      minReplicas: 1,
      maxReplicas: 6,
      metrics: [
        { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 50 } } },
      ],
    },
  });
  return h;
}

const size = async (h: Harness) => (await h.client.get(Deployment, web)).spec.replicas;
const conditions = async (h: Harness) =>
  Object.fromEntries(
    ((await h.client.get(HorizontalPodAutoscaler, web)).status.conditions ?? []).map((c) => [
      c.type,
      `${c.status}/${c.reason}`,
    ]),
  );

describe('a horizontal pod autoscaler', () => {
  test('grows a deployment by its CPU up to the maximum, and shrinks it only after five minutes', async () => {
    const cpu = { milli: 1000 as number | undefined };
    await using h = await start(cpu);
    await h.settle();
    expect(await size(h)).toBe(4);
    const status = (await h.client.get(HorizontalPodAutoscaler, web)).status;
    expect(status).toMatchObject({ currentReplicas: 2, desiredReplicas: 4 });
    expect(status.currentMetrics).toEqual([
      { type: 'Resource', resource: { name: 'cpu', current: { averageUtilization: 100, averageValue: '1' } } },
    ]);
    expect((await conditions(h))['AbleToScale']).toBe('True/SucceededRescale');
    await h.advance(900_000);
    expect(await size(h)).toBe(6);
    expect((await conditions(h))['ScalingLimited']).toBe('True/TooManyReplicas');
    cpu.milli = 50;
    await h.advance(240_000);
    expect(await size(h)).toBe(6);
    expect((await conditions(h))['AbleToScale']).toBe('True/ScaleDownStabilized');
    await h.advance(180_000);
    expect(await size(h)).toBe(1);
  });

  test('leaves a deployment alone when there are no figures, and says so', async () => {
    await using h = await start({ milli: undefined });
    await h.advance(60_000);
    expect(await size(h)).toBe(2);
    expect((await conditions(h))['ScalingActive']).toBe('False/FailedGetResourceMetric');
  });

  test('brings a size back between its limits', async () => {
    await using h = await start({ milli: 500 });
    await h.client.patch(Deployment, web, { spec: { replicas: 9 } }, { type: 'merge' });
    await h.advance(20_000);
    expect(await size(h)).toBe(6);
  });
});
