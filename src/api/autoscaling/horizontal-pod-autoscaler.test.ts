import { describe, expect, it } from 'vitest';
import { admitted, cells, createProblems } from '../admitted.ts';
import { HorizontalPodAutoscaler } from './horizontal-pod-autoscaler.ts';
import { fromV2, toV2 } from './horizontal-pod-autoscaler-conversion.ts';
import { HorizontalPodAutoscalerV1 } from './horizontal-pod-autoscaler-v1.ts';

const scaleTargetRef = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'd' };
const autoscaler = (more: object = {}) =>
  admitted(HorizontalPodAutoscaler, { spec: { scaleTargetRef, maxReplicas: 3, ...more } });

describe('HorizontalPodAutoscaler', () => {
  it('aims at 80 % of cpu by default', () => {
    expect(autoscaler().spec).toMatchObject({
      minReplicas: 1,
      metrics: [
        { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } } },
      ],
    });
  });

  it('fills the behavior that is there', () => {
    const { behavior } = autoscaler({ behavior: { scaleDown: { stabilizationWindowSeconds: 5 } } }).spec;
    expect(behavior!.scaleDown).toEqual({
      stabilizationWindowSeconds: 5,
      selectPolicy: 'Max',
      policies: [{ type: 'Percent', value: 100, periodSeconds: 15 }],
    });
    expect(behavior!.scaleUp!.policies).toHaveLength(2);
  });

  const target = { type: 'Utilization', averageUtilization: 50 };
  it.each<[string, object, string[]]>([
    ['fine', {}, []],
    [
      'no maximum',
      { maxReplicas: 0 },
      [
        'spec.maxReplicas: Invalid value: 0: must be greater than 0',
        'spec.maxReplicas: Invalid value: 0: must be greater than or equal to `minReplicas`',
      ],
    ],
    ['less than one', { minReplicas: 0 }, ['spec.minReplicas: Invalid value: 0: must be greater than or equal to 1']],
    [
      'nothing to scale',
      { scaleTargetRef: { kind: 'Deployment', name: '' } },
      ['spec.scaleTargetRef.name: Required value'],
    ],
    [
      'unknown metric',
      { metrics: [{ type: 'Mood' }] },
      [
        'spec.metrics[0].type: Unsupported value: "Mood": supported values: "ContainerResource", "External", "Object", "Pods", "Resource"',
      ],
    ],
    [
      'metric without source',
      { metrics: [{ type: 'Pods' }] },
      ['spec.metrics[0].pods: Required value: must populate information for the given metric source'],
    ],
    [
      'no target',
      { metrics: [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization' } } }] },
      [
        'spec.metrics[0].resource.target.averageUtilization: Required value: must set either a target raw value or a target utilization',
      ],
    ],
    [
      'a window too long',
      { behavior: { scaleUp: { stabilizationWindowSeconds: 4000 } } },
      ['spec.behavior.scaleUp.stabilizationWindowSeconds: Invalid value: 4000: must be less than or equal to 3600'],
    ],
    [
      'container metric without container',
      { metrics: [{ type: 'ContainerResource', containerResource: { name: 'cpu', container: '', target } }] },
      ['spec.metrics[0].containerResource.container: Required value: must specify a container'],
    ],
  ])('%s', (_, more, problems) => {
    expect(createProblems(HorizontalPodAutoscaler, autoscaler(more))).toEqual(problems);
  });

  it('shows two of its metrics', () => {
    const external = {
      type: 'External',
      external: { metric: { name: 'q' }, target: { type: 'AverageValue', averageValue: '30' } },
    };
    const object = autoscaler({
      metrics: [{ type: 'Resource', resource: { name: 'cpu', target } }, external, external],
    });
    object.status.currentMetrics = [
      { type: 'Resource', resource: { name: 'cpu', current: { averageUtilization: 20 } } },
    ];
    expect(cells(HorizontalPodAutoscaler, object)).toMatchObject({
      Reference: 'Deployment/d',
      Targets: 'cpu: 20%/50%, <unknown>/30 (avg) + 1 more...',
      MinPods: 1,
      MaxPods: 3,
      Replicas: 0,
    });
  });
});

describe('autoscaling/v1', () => {
  it('is the cpu metric of v2', () => {
    const v1 = admitted(HorizontalPodAutoscalerV1, {
      spec: { scaleTargetRef, maxReplicas: 3, targetCPUUtilizationPercentage: 60 },
    });
    const v2 = toV2(structuredClone(v1));
    expect(v2.spec.metrics).toEqual([
      { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 60 } } },
    ]);
    expect(fromV2(v2)).toEqual(v1);
    expect(cells(HorizontalPodAutoscalerV1, v1).Targets).toBe('cpu: <unknown>/60%');
  });

  it('keeps everything else of v2 in annotations', () => {
    const metrics = [
      { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 60 } } },
      { type: 'Resource', resource: { name: 'memory', target: { type: 'AverageValue', averageValue: '1Gi' } } },
      { type: 'Pods', pods: { metric: { name: 'p' }, target: { type: 'AverageValue', averageValue: '5' } } },
      {
        type: 'Object',
        object: {
          describedObject: { kind: 'Ingress', name: 'i' },
          metric: { name: 'o' },
          target: { type: 'Value', value: '7' },
        },
      },
      {
        type: 'External',
        external: {
          metric: { name: 'e', selector: { matchLabels: { a: 'b' } } },
          target: { type: 'Value', value: '9' },
        },
      },
    ];
    const v2 = autoscaler({ metrics, behavior: { scaleUp: { selectPolicy: 'Disabled' } } });
    v2.status.conditions = [{ type: 'AbleToScale', status: 'True' }];
    v2.metadata.annotations = { mine: 'stays' };
    const v1 = fromV2(v2);
    expect(v1.spec.targetCPUUtilizationPercentage).toBe(60);
    expect(Object.keys(v1.metadata.annotations!).sort()).toEqual([
      'autoscaling.alpha.kubernetes.io/behavior',
      'autoscaling.alpha.kubernetes.io/conditions',
      'autoscaling.alpha.kubernetes.io/metrics',
      'mine',
    ]);
    expect(toV2(v1)).toEqual(v2);
  });

  it('takes annotations that nobody can read for absent', () => {
    const v1 = admitted(HorizontalPodAutoscalerV1, {
      metadata: { annotations: { 'autoscaling.alpha.kubernetes.io/metrics': '{' } },
      spec: { scaleTargetRef, maxReplicas: 3 },
    });
    expect(toV2(v1).spec).not.toHaveProperty('metrics');
  });
});
