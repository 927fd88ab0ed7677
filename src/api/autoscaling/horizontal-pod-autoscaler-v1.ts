import { mutableCopy } from '../../base/deep.ts';
import { defineKind, type Shared } from '../kind.ts';
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
  columns: (HorizontalPodAutoscaler.columns ?? []).map((column) => ({
    ...column,
    cell: (object: Shared<HorizontalPodAutoscalerV1>, now: number) => column.cell(toV2(mutableCopy(object)), now),
  })),
  tracksGeneration: false,
  allowUnconditionalUpdate: true,
  storedAs: { kind: () => HorizontalPodAutoscaler, toStorage: toV2, fromStorage: fromV2, warning: '' },
});
