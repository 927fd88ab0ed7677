/** What an update of a pod may change: little, once it exists. */
import { type DeepReadonly, deepEqual, mutableCopy } from '../../base/deep.ts';
import { at, child, type FieldError, forbidden, invalid } from '../machinery/field-error.ts';
import { inclusiveRange } from '../machinery/names.ts';
import type {
  Affinity,
  Container,
  NodeAffinity,
  NodeSelectorTerm,
  Pod,
  PodSchedulingGate,
  PodSpec,
  Toleration,
} from '../types/core-v1.ts';
import { describeDifference } from './difference.ts';
import { validatePodAnnotationUpdate } from './pod-annotation-validation.ts';

type SharedPod = DeepReadonly<Pod>;
type SharedSpec = DeepReadonly<PodSpec>;

const maxInt32 = 2147483647;

const updatableFields = [
  '`spec.containers[*].image`',
  '`spec.initContainers[*].image`',
  '`spec.activeDeadlineSeconds`',
  '`spec.tolerations` (only additions to existing tolerations)',
  '`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)',
];

/** An update of the pod itself, not of a subresource. */
export function validatePodUpdate(pod: SharedPod, old: SharedPod): FieldError[] {
  const errors = validatePodAnnotationUpdate(
    pod.metadata.annotations,
    old.metadata.annotations,
    'metadata.annotations',
  );
  for (const list of ['containers', 'initContainers'] as const) {
    if ((pod.spec[list]?.length ?? 0) !== (old.spec[list]?.length ?? 0)) {
      return [...errors, forbidden(`spec.${list}`, 'pod updates may not add or remove containers')];
    }
  }
  const deadline = validateDeadlineUpdate(pod.spec, old.spec);
  errors.push(...deadline);
  if (deadline.length && pod.spec.activeDeadlineSeconds !== undefined) return errors;
  errors.push(
    ...validateTolerationsUpdate(pod.spec.tolerations ?? [], old.spec.tolerations ?? []),
    ...validateGatesUpdate(pod.spec.schedulingGates ?? [], old.spec.schedulingGates ?? []),
  );
  if (deepEqual(pod.spec, old.spec)) return errors;
  const munged = withoutUpdatableFields(pod.spec, old.spec);
  if (old.spec.schedulingGates?.length) errors.push(...validateGatedUpdate(munged, old.spec));
  if (!deepEqual(munged, old.spec)) {
    const detail = `pod updates may not change fields other than ${updatableFields.join(',')}`;
    errors.push(forbidden('spec', `${detail}\n${describeDifference(old.spec, munged)}`));
  }
  return errors;
}

function validateDeadlineUpdate(spec: SharedSpec, old: SharedSpec): FieldError[] {
  const path = 'spec.activeDeadlineSeconds';
  const { activeDeadlineSeconds: seconds } = spec;
  const before = old.activeDeadlineSeconds;
  if (seconds === undefined) {
    return before === undefined ? [] : [invalid(path, null, 'must not update from a positive integer to nil value')];
  }
  if (seconds < 0 || seconds > maxInt32) return [invalid(path, seconds, inclusiveRange(0, maxInt32))];
  return before !== undefined && before < seconds
    ? [invalid(path, seconds, 'must be less than or equal to previous value')]
    : [];
}

function validateTolerationsUpdate(
  tolerations: readonly DeepReadonly<Toleration>[],
  old: readonly DeepReadonly<Toleration>[],
): FieldError[] {
  const kept = old.every((before) =>
    tolerations.some((after) =>
      deepEqual({ ...before, tolerationSeconds: undefined }, { ...after, tolerationSeconds: undefined }),
    ),
  );
  return kept
    ? []
    : [forbidden('spec.tolerations', 'existing toleration can not be modified except its tolerationSeconds')];
}

function validateGatesUpdate(gates: readonly PodSchedulingGate[], old: readonly PodSchedulingGate[]): FieldError[] {
  return gates.flatMap(({ name }, i) =>
    old.some((gate) => gate.name === name)
      ? []
      : [
          forbidden(
            `spec.schedulingGates[${i}].name`,
            `only deletion is allowed, but found new scheduling gate '${name}'`,
          ),
        ],
  );
}

/** The new spec with the old values of what may change: any difference left is one that may not. */
function withoutUpdatableFields(spec: SharedSpec, old: SharedSpec): PodSpec {
  const munged = mutableCopy(spec) as PodSpec;
  const before = mutableCopy(old) as PodSpec;
  for (const list of ['containers', 'initContainers'] as const) {
    for (const [i, container] of (munged[list] ?? []).entries()) assign(container, 'image', before[list]![i]!.image);
  }
  assign(munged, 'activeDeadlineSeconds', before.activeDeadlineSeconds);
  assign(munged, 'schedulingGates', before.schedulingGates);
  assign(munged, 'tolerations', before.tolerations);
  if ((before.terminationGracePeriodSeconds ?? 0) < 0 && munged.terminationGracePeriodSeconds === 1) {
    assign(munged, 'terminationGracePeriodSeconds', before.terminationGracePeriodSeconds);
  }
  return munged;
}

function assign<T, K extends keyof T>(object: T, key: K, value: T[K] | undefined): void {
  if (value === undefined) delete object[key];
  else object[key] = value;
}

/** A gated pod may narrow where it may go; what was checked is set back in the given spec. */
function validateGatedUpdate(spec: PodSpec, old: SharedSpec): FieldError[] {
  const errors: FieldError[] = [];
  if (!deepEqual(spec.nodeSelector ?? {}, old.nodeSelector ?? {})) {
    const kept = Object.entries(old.nodeSelector ?? {}).every(([key, value]) => spec.nodeSelector?.[key] === value);
    if (!kept) {
      const detail = 'only additions to spec.nodeSelector are allowed (no mutations or deletions)';
      errors.push(invalid('spec.nodeSelector', spec.nodeSelector ?? null, detail));
    }
    assign(spec, 'nodeSelector', old.nodeSelector && { ...old.nodeSelector });
  }
  const before = old.affinity?.nodeAffinity;
  if (deepEqual(spec.affinity?.nodeAffinity, before)) return errors;
  errors.push(...validateNodeAffinityUpdate(spec.affinity?.nodeAffinity, before));
  const affinity: Affinity = { ...spec.affinity };
  assign(affinity, 'nodeAffinity', before && (mutableCopy(before) as NodeAffinity));
  assign(spec, 'affinity', Object.keys(affinity).length || old.affinity ? affinity : undefined);
  return errors;
}

function validateNodeAffinityUpdate(
  affinity: DeepReadonly<NodeAffinity> | undefined,
  old: DeepReadonly<NodeAffinity> | undefined,
): FieldError[] {
  const oldTerms = old?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  const terms = affinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  const path = 'spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms';
  if (oldTerms.length && oldTerms.length !== terms.length) {
    return [invalid(path, terms, 'no additions/deletions to non-empty NodeSelectorTerms list are allowed')];
  }
  return oldTerms.flatMap((before, i) =>
    hasOnlyAdditions(terms[i]!, before)
      ? []
      : [invalid(at(path, i), terms[i], 'only additions are allowed (no mutations or deletions)')],
  );
}

function hasOnlyAdditions(term: DeepReadonly<NodeSelectorTerm>, old: DeepReadonly<NodeSelectorTerm>): boolean {
  const lists = ['matchExpressions', 'matchFields'] as const;
  if (lists.every((list) => !old[list]?.length)) return lists.every((list) => !term[list]?.length);
  return lists.every((list) => {
    const before = old[list] ?? [];
    return deepEqual((term[list] ?? []).slice(0, before.length), before);
  });
}

/** What `pods/ephemeralcontainers` may do: add containers, and nothing to those that are there. */
export function validateEphemeralContainersUpdate(pod: SharedPod, old: SharedPod): FieldError[] {
  if (old.metadata.annotations?.['kubernetes.io/config.mirror'] !== undefined) {
    return [forbidden('', 'static pods do not support ephemeral containers')];
  }
  const path = 'spec.ephemeralContainers';
  return (old.spec.ephemeralContainers ?? []).flatMap((before) => {
    const after = pod.spec.ephemeralContainers?.find((c) => c.name === before.name);
    const named = `existing ephemeral containers ${JSON.stringify(before.name)}`;
    if (!after) return [forbidden(path, `${named} may not be removed\n`)];
    return deepEqual(after, before)
      ? []
      : [forbidden(path, `${named} may not be changed\n${describeDifference(before, after)}`)];
  });
}

/** The main containers and sidecars by path: those whose resources `pods/resize` may change. */
export function resizableContainers(spec: SharedSpec): [string, number, DeepReadonly<Container>][] {
  const lists = [
    ['containers', spec.containers],
    ['initContainers', spec.initContainers ?? []],
  ] as const;
  return lists.flatMap(([name, list]) =>
    list.flatMap((container, i): [string, number, DeepReadonly<Container>][] =>
      name === 'containers' || container.restartPolicy === 'Always' ? [[child('spec', name), i, container]] : [],
    ),
  );
}
