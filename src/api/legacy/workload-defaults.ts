/** Defaults that the older versions of workloads had and the stable ones do not. */
import type { PodTemplateSpec } from '../types/core-v1.ts';
import type { LabelSelector, ObjectMeta } from '../types/meta-v1.ts';

/** What these versions used for no limit. */
export const unlimited = 2147483647;

/** Fills a missing selector, and missing labels of the object itself, from the labels of the pod template. */
export function selectTemplateLabels(
  metadata: ObjectMeta,
  spec: { selector?: LabelSelector; template: PodTemplateSpec },
): void {
  const labels = spec.template.metadata.labels;
  if (!labels) return;
  spec.selector ??= { matchLabels: { ...labels } };
  if (Object.keys(metadata.labels ?? {}).length === 0) metadata.labels = { ...labels };
}

/** Sets the parameters of a rolling update, the default strategy. */
export function setRollingUpdateDefault(
  strategy: { type?: string; rollingUpdate?: { maxUnavailable?: number | string; maxSurge?: number | string } },
  defaults: { maxUnavailable: number; maxSurge: number },
): void {
  strategy.type ||= 'RollingUpdate';
  if (strategy.type === 'RollingUpdate') strategy.rollingUpdate = { ...defaults, ...strategy.rollingUpdate };
}
