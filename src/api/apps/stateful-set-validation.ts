/** Validation of stateful sets. */
import { type DeepReadonly, deepEqual } from '../../base/deep.ts';
import { invalidEach, validateNonNegative } from '../core/field-rules.ts';
import { validateClaimSpec } from '../core/persistent-volume-claim-validation.ts';
import { validatePodAnnotations } from '../core/pod-annotation-validation.ts';
import { validatePodSpec } from '../core/pod-spec-validation.ts';
import {
  isZero,
  validateAtMost100Percent,
  validateCollisionCount,
  validateCounts,
  validateIntOrPercent,
  validateReplicaCounts,
  validateTemplateLabels,
  validateWorkloadSelector,
} from '../core/workload-validation.ts';
import { type FieldError, forbidden, invalid, notSupported, required } from '../machinery/field-error.ts';
import { dns1123Subdomain } from '../machinery/names.ts';
import { validateAnnotations, validateLabels } from '../machinery/object-meta.ts';
import type { StatefulSet, StatefulSetUpdateStrategy } from '../types/apps-v1.ts';

type SharedSet = DeepReadonly<StatefulSet>;

/** A stateful set on create and update. */
export function validateStatefulSet({ spec }: SharedSet): FieldError[] {
  const policy = spec.podManagementPolicy;
  const errors: FieldError[] = [];
  if (!policy) errors.push(required('spec.podManagementPolicy'));
  else if (policy !== 'OrderedReady' && policy !== 'Parallel') {
    errors.push(invalid('spec.podManagementPolicy', policy, "must be 'OrderedReady' or 'Parallel'"));
  }
  errors.push(...validateStrategy(spec.updateStrategy));
  for (const name of ['whenDeleted', 'whenScaled'] as const) {
    const value = spec.persistentVolumeClaimRetentionPolicy?.[name];
    if (value !== undefined && value !== 'Retain' && value !== 'Delete') {
      errors.push(notSupported(`spec.persistentVolumeClaimRetentionPolicy.${name}`, value, ['Retain', 'Delete']));
    }
  }
  errors.push(
    ...validateNonNegative(spec.replicas, 'spec.replicas'),
    ...validateNonNegative(spec.minReadySeconds, 'spec.minReadySeconds'),
    ...validateNonNegative(spec.ordinals?.start, 'spec.ordinals.start'),
    ...validateWorkloadSelector(spec.selector, 'statefulset', 'spec.selector'),
    ...validateTemplateLabels(spec.selector, spec.template, 'spec.template'),
    ...validateTemplate(spec.template),
  );
  return errors;
}

/** What holds for the template of every set; those of old may have other faults, which the controller then meets. */
function validateTemplate({ metadata, spec }: SharedSet['spec']['template']): FieldError[] {
  const path = 'spec.template';
  const errors = [
    ...validateLabels(metadata.labels, `${path}.labels`),
    ...validateAnnotations(metadata.annotations, `${path}.annotations`),
    ...validatePodAnnotations(metadata.annotations, spec, `${path}.annotations`),
  ];
  if (spec.restartPolicy !== 'Always') {
    errors.push(notSupported(`${path}.spec.restartPolicy`, spec.restartPolicy ?? '', ['Always']));
  }
  if (spec.activeDeadlineSeconds !== undefined) {
    const detail = 'activeDeadlineSeconds in StatefulSet is not Supported';
    errors.push(forbidden(`${path}.spec.activeDeadlineSeconds`, detail));
  }
  return errors;
}

/** What older sets may have wrong: the name of the governing service, the pods' spec and the claims' templates. */
export function validateStatefulSetCreate({ spec }: SharedSet): FieldError[] {
  const { serviceName, template, volumeClaimTemplates = [] } = spec;
  const templatePath = 'spec.template.spec';
  const errors = serviceName ? invalidEach('spec.serviceName', serviceName, dns1123Subdomain(serviceName)) : [];
  errors.push(...validatePodSpec(withClaimVolumes(spec), templatePath, { isPod: false }));
  if (template.spec.ephemeralContainers?.length) {
    const detail = 'ephemeral containers not allowed in pod template';
    errors.push(forbidden(`${templatePath}.ephemeralContainers`, detail));
  }
  return [
    ...errors,
    ...volumeClaimTemplates.flatMap((claim, i) =>
      validateClaimSpec(claim.spec, `spec.volumeClaimTemplates[${i}].spec`),
    ),
  ];
}

/** The spec of the set's pods: its claims are volumes that the template need not list. */
function withClaimVolumes({
  template,
  volumeClaimTemplates = [],
}: SharedSet['spec']): SharedSet['spec']['template']['spec'] {
  const claims = volumeClaimTemplates.map(({ metadata: { name } }) => ({
    name,
    persistentVolumeClaim: { claimName: name },
  }));
  const others = (template.spec.volumes ?? []).filter(({ name }) => !claims.some((claim) => claim.name === name));
  return { ...template.spec, volumes: [...others, ...claims] };
}

function validateStrategy(strategy: DeepReadonly<StatefulSetUpdateStrategy>): FieldError[] {
  const { type, rollingUpdate } = strategy;
  const path = 'spec.updateStrategy';
  if (!type) return [required(path)];
  if (type === 'OnDelete') {
    const detail = "only allowed for updateStrategy 'RollingUpdate'";
    return rollingUpdate ? [invalid(`${path}.rollingUpdate`, rollingUpdate, detail)] : [];
  }
  if (type !== 'RollingUpdate') return [invalid(path, strategy, "must be 'RollingUpdate' or 'OnDelete'")];
  if (!rollingUpdate) return [];
  const maxPath = `${path}.rollingUpdate.maxUnavailable`;
  const { partition, maxUnavailable } = rollingUpdate;
  return [
    ...validateNonNegative(partition, `${path}.rollingUpdate.partition`),
    ...validateIntOrPercent(maxUnavailable, maxPath),
    ...(maxUnavailable !== undefined && isZero(maxUnavailable)
      ? [invalid(maxPath, maxUnavailable, 'cannot be 0')]
      : []),
    ...validateAtMost100Percent(maxUnavailable, maxPath),
  ];
}

const mutableFields = [
  'replicas',
  'ordinals',
  'template',
  'updateStrategy',
  'revisionHistoryLimit',
  'persistentVolumeClaimRetentionPolicy',
  'minReadySeconds',
] as const;

/** Everything but the fields of the list stays as it is. */
export function validateStatefulSetUpdate({ spec }: SharedSet, { spec: old }: SharedSet): FieldError[] {
  const fixed = (value: SharedSet['spec']) =>
    Object.fromEntries(Object.entries(value).filter(([key]) => !(mutableFields as readonly string[]).includes(key)));
  if (deepEqual(fixed(spec), fixed(old))) return [];
  const [last, ...others] = [...mutableFields].reverse().map((name) => `'${name}'`);
  const list = `${others.reverse().join(', ')} and ${last}`;
  return [forbidden('spec', `updates to statefulset spec for fields other than ${list} are forbidden`)];
}

/** The numbers that a stateful set reports. */
export function validateStatefulSetStatusUpdate({ status }: SharedSet, { status: old }: SharedSet): FieldError[] {
  const { replicas, readyReplicas, currentReplicas, updatedReplicas, observedGeneration, availableReplicas } = status;
  const parts = { readyReplicas: readyReplicas ?? 0, currentReplicas, updatedReplicas, availableReplicas };
  return [
    ...validateCounts({ replicas, ...parts, observedGeneration }, 'status'),
    ...validateCollisionCount(status.collisionCount, old.collisionCount, 'status'),
    ...validateReplicaCounts(replicas, parts, 'status'),
  ];
}
