import { ageColumn, nameColumn, textColumn } from '../core/columns.ts';
import { defineKind } from '../kind.ts';
import type * as autoscaling from '../types/autoscaling-v1.ts';
import { HorizontalPodAutoscaler } from './horizontal-pod-autoscaler.ts';
import { fromV2, toV2 } from './horizontal-pod-autoscaler-conversion.ts';

/** The older form of an autoscaler: one target for cpu, everything else in annotations. */
export type HorizontalPodAutoscalerV1 = autoscaling.HorizontalPodAutoscaler;

/** autoscaling/v1 HorizontalPodAutoscaler: the same objects as autoscaling/v2, converted. */
export const HorizontalPodAutoscalerV1 = defineKind<HorizontalPodAutoscalerV1>({
  group: 'autoscaling',
  version: 'v1',
  kind: 'HorizontalPodAutoscaler',
  plural: 'horizontalpodautoscalers',
  shortNames: ['hpa'],
  categories: ['all'],
  scope: 'Namespaced',
  schema: 'autoscaling/v1.HorizontalPodAutoscaler',
  subresources: { status: true },
  defaults({ spec }) {
    spec.minReplicas ??= 1;
  },
  columns: [
    nameColumn,
    textColumn('Reference', (a) => `${a.spec.scaleTargetRef.kind}/${a.spec.scaleTargetRef.name}`),
    textColumn('Targets', ({ spec, status }) => {
      if (spec.targetCPUUtilizationPercentage === undefined) return '<none>';
      const current = status.currentCPUUtilizationPercentage;
      return `cpu: ${current === undefined ? '<unknown>' : `${current}%`}/${spec.targetCPUUtilizationPercentage}%`;
    }),
    textColumn('MinPods', (a) => a.spec.minReplicas ?? '<unset>'),
    textColumn('MaxPods', (a) => a.spec.maxReplicas),
    textColumn('Replicas', (a) => a.status.currentReplicas),
    ageColumn,
  ],
  tracksGeneration: false,
  allowUnconditionalUpdate: true,
  storedAs: { kind: () => HorizontalPodAutoscaler, toStorage: toV2, fromStorage: fromV2, warning: '' },
});
