/** What the server fills in or resets when a pod is written. */
import type { DeepReadonly } from '../../base/deep.ts';
import type { KindContext } from '../kind.ts';
import type { Pod, PodAffinityTerm, PodSpec } from '../types/core-v1.ts';
import type { LabelSelector } from '../types/meta-v1.ts';
import { podQosClass } from './pod-qos.ts';
import { syncAppArmor } from './profile-annotations.ts';

/** Status Pending with its quality-of-service class, the gated condition, profiles, and matchLabelKeys in selectors. */
export function preparePodCreate(pod: Pod, { warn }: KindContext): void {
  pod.status = { phase: 'Pending', qosClass: podQosClass(pod.spec) };
  if (pod.spec.schedulingGates?.length) {
    pod.status.conditions = [
      {
        type: 'PodScheduled',
        status: 'False',
        reason: 'SchedulingGated',
        message: 'Scheduling is blocked due to non-empty scheduling gates',
      },
    ];
  }
  // Groups of pods that are scheduled together are an alpha feature.
  delete pod.spec.schedulingGroup;
  syncAppArmor(pod, warn);
  const labels = pod.metadata.labels ?? {};
  mergeMatchLabelKeys(pod.spec, labels);
  for (const constraint of pod.spec.topologySpreadConstraints ?? []) {
    addKeys(constraint.labelSelector, constraint.matchLabelKeys, labels, 'In');
  }
}

/** Keeps what only the binding, the kubelet and creation decide. */
export function preparePodStatusUpdate(pod: Pod, old: DeepReadonly<Pod>): void {
  const { ownerReferences, deletionTimestamp } = old.metadata as Pod['metadata'];
  if (ownerReferences) pod.metadata.ownerReferences = ownerReferences;
  else delete pod.metadata.ownerReferences;
  if (!deletionTimestamp) delete pod.metadata.deletionTimestamp;
  pod.status.qosClass ||= old.status.qosClass;
  if (!pod.status.qosClass) delete pod.status.qosClass;
  keepObservedGenerations(pod, old);
}

/** Clients that do not know of observed generations do not take them away. */
function keepObservedGenerations({ status }: Pod, { status: old }: DeepReadonly<Pod>): void {
  if (!status.observedGeneration && old.observedGeneration) status.observedGeneration = old.observedGeneration;
  // A type may be there more than once: the first belongs to the first.
  const left = [...(old.conditions ?? [])];
  for (const condition of status.conditions ?? []) {
    const i = left.findIndex(({ type }) => type === condition.type);
    const [before] = i < 0 ? [] : left.splice(i, 1);
    if (!condition.observedGeneration && before?.observedGeneration) {
      condition.observedGeneration = before.observedGeneration;
    }
  }
}

function affinityTerms(spec: PodSpec): PodAffinityTerm[] {
  const { podAffinity, podAntiAffinity } = spec.affinity ?? {};
  return [podAffinity, podAntiAffinity].flatMap((affinity) => [
    ...(affinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []),
    ...(affinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map((t) => t.podAffinityTerm),
  ]);
}

function mergeMatchLabelKeys(spec: PodSpec, labels: Readonly<Record<string, string>>): void {
  for (const term of affinityTerms(spec)) {
    addKeys(term.labelSelector, term.matchLabelKeys, labels, 'In');
    addKeys(term.labelSelector, term.mismatchLabelKeys, labels, 'NotIn');
  }
}

function addKeys(
  selector: LabelSelector | undefined,
  keys: readonly string[] | undefined,
  labels: Readonly<Record<string, string>>,
  operator: 'In' | 'NotIn',
): void {
  if (!selector) return;
  for (const key of keys ?? []) {
    const value = labels[key];
    if (value === undefined) continue;
    selector.matchExpressions = [...(selector.matchExpressions ?? []), { key, operator, values: [value] }];
  }
}
