import { ageColumn, nameColumn, textColumn } from '../core/columns.ts';
import { ratcheted, tolerable } from '../core/ratcheting.ts';
import { defineKind } from '../kind.ts';
import type * as autoscaling from '../types/autoscaling-v2.ts';
import { formatMetrics } from './horizontal-pod-autoscaler-columns.ts';
import {
  validateHorizontalPodAutoscaler,
  validateHorizontalPodAutoscalerStatus,
} from './horizontal-pod-autoscaler-validation.ts';

/** Changes the number of a workload's pods as metrics ask for. */
export type HorizontalPodAutoscaler = autoscaling.HorizontalPodAutoscaler;

/** autoscaling/v2 HorizontalPodAutoscaler: the form in which both versions are stored. */
export const HorizontalPodAutoscaler = defineKind<HorizontalPodAutoscaler>({
  group: 'autoscaling',
  version: 'v2',
  kind: 'HorizontalPodAutoscaler',
  plural: 'horizontalpodautoscalers',
  shortNames: ['hpa'],
  categories: ['all'],
  scope: 'Namespaced',
  schema: 'autoscaling/v2.HorizontalPodAutoscaler',
  subresources: { status: true },
  defaults({ spec }) {
    spec.minReplicas ??= 1;
    if (!spec.metrics?.length) {
      spec.metrics = [
        { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } } },
      ];
    }
    if (!spec.behavior) return;
    spec.behavior.scaleUp = {
      stabilizationWindowSeconds: 0,
      selectPolicy: 'Max',
      policies: [
        { type: 'Pods', value: 4, periodSeconds: 15 },
        { type: 'Percent', value: 100, periodSeconds: 15 },
      ],
      ...spec.behavior.scaleUp,
    };
    spec.behavior.scaleDown = {
      selectPolicy: 'Max',
      policies: [{ type: 'Percent', value: 100, periodSeconds: 15 }],
      ...spec.behavior.scaleDown,
    };
  },
  prepareCreate(autoscaler) {
    autoscaler.status = { desiredReplicas: 0, currentMetrics: [] };
  },
  validate: ratcheted(validateHorizontalPodAutoscaler, [
    tolerable({ path: /^spec\.minReplicas$/ }),
    tolerable({ path: /\.apiVersion$/ }),
  ]),
  validateStatusUpdate: validateHorizontalPodAutoscalerStatus,
  columns: [
    nameColumn,
    textColumn('Reference', (a) => `${a.spec.scaleTargetRef.kind}/${a.spec.scaleTargetRef.name}`),
    textColumn('Targets', formatMetrics),
    textColumn('MinPods', (a) => a.spec.minReplicas ?? '<unset>'),
    textColumn('MaxPods', (a) => a.spec.maxReplicas),
    textColumn('Replicas', (a) => a.status.currentReplicas ?? 0),
    ageColumn,
  ],
  tracksGeneration: false,
  allowUnconditionalUpdate: true,
});
