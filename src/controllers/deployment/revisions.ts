/** Which ReplicaSet is the newest of a Deployment, and the annotations by which rollouts are numbered. */
import type { Deployment } from '../../api/apps/deployment.ts';
import type { ReplicaSet } from '../../api/apps/replica-set.ts';
import type { Shared } from '../../api/kind.ts';
import type { PodTemplateSpec } from '../../api/types/core-v1.ts';
import { deepEqual } from '../../base/deep.ts';
import { byAge, desiredAnnotation, fenceposts, maxAnnotation, replicasOf } from './rollout-math.ts';

type D = Shared<Deployment>;
type RS = Shared<ReplicaSet>;

export const revisionAnnotation = 'deployment.kubernetes.io/revision';
const historyAnnotation = 'deployment.kubernetes.io/revision-history';
export const hashLabel = 'pod-template-hash';

/** Annotations that stay with the Deployment. */
const notCopied: ReadonlySet<string> = new Set([
  'kubectl.kubernetes.io/last-applied-configuration',
  revisionAnnotation,
  historyAnnotation,
  desiredAnnotation,
  maxAnnotation,
  'deprecated.deployment.rollback.to',
]);

export const revisionOf = (rs: RS): number => Number(rs.metadata.annotations?.[revisionAnnotation]) || 0;

/** Whether two templates are the same but for the hash label that the controller adds. */
export function sameTemplate(a: Shared<PodTemplateSpec>, b: Shared<PodTemplateSpec>): boolean {
  return deepEqual(withoutHash(a), withoutHash(b));
}

function withoutHash(template: Shared<PodTemplateSpec>): Shared<PodTemplateSpec> {
  const labels = template.metadata.labels;
  if (labels?.[hashLabel] === undefined) return template;
  const { [hashLabel]: _, ...rest } = labels;
  const { labels: __, ...metadata } = template.metadata;
  return { ...template, metadata: Object.keys(rest).length ? { ...metadata, labels: rest } : metadata };
}

/** The set with the Deployment's template: of several the oldest, so that every look finds the same. */
export function findNewSet(d: D, sets: readonly RS[]): RS | undefined {
  return [...sets].sort(byAge).find((rs) => sameTemplate(rs.spec.template, d.spec.template));
}

/** The annotations that the newest set should have; the very object when they are right already. */
export function newSetAnnotations(
  d: D,
  rs: RS | undefined,
  revision: number,
): Readonly<Record<string, string>> | undefined {
  const before = rs?.metadata.annotations;
  const next: Record<string, string> = { ...before };
  for (const [key, value] of Object.entries(d.metadata.annotations ?? {})) if (!notCopied.has(key)) next[key] = value;
  const old = rs ? revisionOf(rs) : 0;
  if (old < revision) next[revisionAnnotation] = String(revision);
  // Being given a new number means that a rollout went back to this set: the old number is remembered.
  if (before?.[revisionAnnotation] !== undefined && old < revision) {
    const history = before[historyAnnotation];
    next[historyAnnotation] = history
      ? `${history},${before[revisionAnnotation]}`
      : (before[revisionAnnotation] as string);
  }
  if (!rs) {
    next[desiredAnnotation] = String(replicasOf(d));
    next[maxAnnotation] = String(replicasOf(d) + fenceposts(d).maxSurge);
  }
  return deepEqual(before ?? {}, next) ? before : next;
}
