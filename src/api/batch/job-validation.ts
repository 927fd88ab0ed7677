/** Validation of jobs. */
import { type DeepReadonly, deepEqual, mutableCopy } from '../../base/deep.ts';
import { validateNonNegative } from '../core/field-rules.ts';
import { validatePodTemplate } from '../core/pod-spec-validation.ts';
import { validateTemplateLabels } from '../core/workload-validation.ts';
import { child, type FieldError, invalid, notSupported, required, tooLong } from '../machinery/field-error.ts';
import { dns1123Label, domainPrefixedPath } from '../machinery/names.ts';
import { validateImmutable } from '../machinery/object-meta.ts';
import { validateLabelSelector } from '../machinery/selectors.ts';
import type { Job, JobSpec } from '../types/batch-v1.ts';
import type { PodTemplateSpec } from '../types/core-v1.ts';
import { validatePodFailurePolicy, validateSuccessPolicy } from './job-policy-validation.ts';

type SharedJob = DeepReadonly<Job>;
type SharedSpec = DeepReadonly<JobSpec>;

const maxParallelismWhenIndexed = 100_000;
const maxFailedIndexes = 100_000;
/** Above this number of completions, parallelism and failed indexes are bounded more tightly. */
const manyCompletions = 100_000;
const limitForManyCompletions = 10_000;

/** A job on create and update. */
export function validateJob(job: SharedJob): FieldError[] {
  const { spec, metadata } = job;
  const errors = [...validateGeneratedSelector(job), ...validateJobSpec(spec, 'spec')];
  if (!spec.selector) errors.push(required('spec.selector'));
  else errors.push(...validateLabelSelector(spec.selector, 'spec.selector'));
  errors.push(...validateTemplateLabels(spec.selector, spec.template, 'spec.template'));
  if (spec.completionMode === 'Indexed' && (spec.completions ?? 0) > 0) {
    const lastPod = `${metadata.name}-${spec.completions! - 1}`;
    for (const message of dns1123Label(lastPod)) {
      const detail = `will not able to create pod with invalid DNS label: ${message}`;
      errors.push(invalid('metadata.name', metadata.name, detail));
    }
  }
  return errors;
}

function validateGeneratedSelector({ metadata, spec }: SharedJob): FieldError[] {
  if (spec.manualSelector || !spec.selector) return [];
  if (!metadata.uid) return [required('metadata.uid')];
  const errors: FieldError[] = [];
  const labels = spec.template.metadata.labels ?? {};
  for (const [key, expected] of [
    ['batch.kubernetes.io/controller-uid', metadata.uid],
    ['batch.kubernetes.io/job-name', metadata.name],
    ['controller-uid', metadata.uid],
    ['job-name', metadata.name],
  ] as const) {
    const path = `spec.template.metadata.labels[${key}]`;
    const actual = labels[key];
    if (actual === undefined) errors.push(required(path, `must be '${expected}'`));
    else if (actual !== expected) errors.push(invalid(path, actual, `must be '${expected}'`));
  }
  const { matchLabels = {} } = spec.selector;
  const uid = matchLabels['batch.kubernetes.io/controller-uid'] ?? matchLabels['controller-uid'];
  if (uid !== metadata.uid) errors.push(invalid('spec.selector', spec.selector, '`selector` not auto-generated'));
  return errors;
}

/** The spec of a job, also of those that a cron job makes. */
export function validateJobSpec(spec: SharedSpec, path: string): FieldError[] {
  const errors: FieldError[] = [];
  for (const field of [
    'parallelism',
    'completions',
    'activeDeadlineSeconds',
    'backoffLimit',
    'ttlSecondsAfterFinished',
    'backoffLimitPerIndex',
    'maxFailedIndexes',
  ] as const) {
    errors.push(...validateNonNegative(spec[field], child(path, field)));
  }
  if (spec.managedBy !== undefined) {
    const managedByPath = child(path, 'managedBy');
    errors.push(...domainPrefixedPath(managedByPath, spec.managedBy));
    if (spec.managedBy.length > 63) errors.push(tooLong(managedByPath, spec.managedBy, 63));
  }
  errors.push(...validateCompletionMode(spec, path));
  if (spec.podFailurePolicy) errors.push(...validatePodFailurePolicy(spec, child(path, 'podFailurePolicy')));
  if (spec.successPolicy) {
    const policyPath = child(path, 'successPolicy');
    if (spec.completionMode === 'Indexed') errors.push(...validateSuccessPolicy(spec, policyPath));
    else errors.push(invalid(policyPath, spec.successPolicy, 'requires indexed completion mode'));
  }
  errors.push(...validateReplacementPolicy(spec, path), ...validatePodTemplate(spec.template, child(path, 'template')));
  return [...errors, ...validateRestartPolicy(spec, child(path, 'template.spec.restartPolicy'))];
}

function validateCompletionMode(spec: SharedSpec, path: string): FieldError[] {
  const { completionMode = 'NonIndexed', completions, parallelism, backoffLimitPerIndex } = spec;
  const errors: FieldError[] = [];
  const tooLarge = (field: string, value: number, limit: number, when = '') =>
    errors.push(invalid(child(path, field), value, `must be less than or equal to ${limit}${when}`));
  if (completionMode !== 'Indexed' && completionMode !== 'NonIndexed') {
    errors.push(notSupported(child(path, 'completionMode'), completionMode, ['NonIndexed', 'Indexed']));
  }
  if (completionMode !== 'Indexed') {
    for (const field of ['backoffLimitPerIndex', 'maxFailedIndexes'] as const) {
      const value = spec[field];
      if (value !== undefined) errors.push(invalid(child(path, field), value, 'requires indexed completion mode'));
    }
    return errors;
  }
  if (completions === undefined) errors.push(required(child(path, 'completions'), 'when completion mode is Indexed'));
  if (parallelism !== undefined && parallelism > maxParallelismWhenIndexed) {
    tooLarge('parallelism', parallelism, maxParallelismWhenIndexed, ' when completion mode is Indexed');
  }
  const failed = spec.maxFailedIndexes;
  if (failed !== undefined) {
    if (completions !== undefined && failed > completions) {
      errors.push(invalid(child(path, 'maxFailedIndexes'), failed, 'must be less than or equal to completions'));
    }
    if (failed > maxFailedIndexes) tooLarge('maxFailedIndexes', failed, maxFailedIndexes);
    if (backoffLimitPerIndex === undefined) {
      errors.push(required(child(path, 'backoffLimitPerIndex'), 'when maxFailedIndexes is specified'));
    }
  }
  if (backoffLimitPerIndex === undefined || (completions ?? 0) <= manyCompletions) return errors;
  const when = ' when completions are above 100000 and used with backoff limit per index';
  if (parallelism !== undefined && parallelism > limitForManyCompletions) {
    tooLarge('parallelism', parallelism, limitForManyCompletions, when);
  }
  if (failed === undefined)
    errors.push(required(child(path, 'maxFailedIndexes'), 'must be specified when completions is above 100000'));
  else if (failed > limitForManyCompletions) tooLarge('maxFailedIndexes', failed, limitForManyCompletions, when);
  return errors;
}

function validateReplacementPolicy({ podReplacementPolicy, podFailurePolicy }: SharedSpec, path: string): FieldError[] {
  if (podReplacementPolicy === undefined) return [];
  const supported = podFailurePolicy ? ['Failed'] : ['Failed', 'TerminatingOrFailed'];
  return supported.includes(podReplacementPolicy)
    ? []
    : [notSupported(child(path, 'podReplacementPolicy'), podReplacementPolicy, supported)];
}

function validateRestartPolicy({ template, podFailurePolicy }: SharedSpec, path: string): FieldError[] {
  const policy = template.spec.restartPolicy ?? '';
  const errors: FieldError[] = [];
  if (policy === '' || policy === 'Always') errors.push(required(path, 'valid values: "OnFailure", "Never"'));
  else if (policy !== 'OnFailure' && policy !== 'Never')
    errors.push(notSupported(path, policy, ['OnFailure', 'Never']));
  if (podFailurePolicy && policy !== 'Never') {
    errors.push(invalid(path, policy, 'only "Never" is supported when podFailurePolicy is specified'));
  }
  return errors;
}

/** What an update of a job may not change. */
export function validateJobUpdate(job: SharedJob, old: SharedJob): FieldError[] {
  const { spec } = job;
  const errors = [
    ...validateCompletionsUpdate(spec, old.spec),
    ...validateImmutable(spec.selector, old.spec.selector, 'spec.selector'),
    ...validateTemplateUpdate(job, old),
  ];
  for (const field of [
    'completionMode',
    'podFailurePolicy',
    'backoffLimitPerIndex',
    'managedBy',
    'successPolicy',
  ] as const) {
    errors.push(...validateImmutable(spec[field], old.spec[field], child('spec', field)));
  }
  return errors;
}

/** Indexed jobs may grow and shrink, with as many pods at once as indexes. */
function validateCompletionsUpdate(spec: SharedSpec, old: SharedSpec): FieldError[] {
  const path = 'spec.completions';
  if (spec.completions === old.completions) return [];
  if (spec.completionMode !== 'Indexed' || spec.completions === undefined || old.completions === undefined) {
    return validateImmutable(spec.completions, old.completions, path);
  }
  return spec.parallelism === spec.completions
    ? []
    : [invalid(path, spec.completions, 'can only be modified in tandem with spec.parallelism')];
}

const schedulingFields = ['affinity', 'nodeSelector', 'tolerations', 'schedulingGates'] as const;

/** Where the pods of a suspended job go may change while it has none, and so may their resources. */
function validateTemplateUpdate({ spec }: SharedJob, old: SharedJob): FieldError[] {
  const template = mutableCopy(spec.template) as PodTemplateSpec;
  if (isAtRest(old)) {
    const before = mutableCopy(old.spec.template) as PodTemplateSpec;
    for (const field of ['labels', 'annotations'] as const) restore(template.metadata, before.metadata, field);
    for (const field of schedulingFields) restore(template.spec, before.spec, field);
    for (const list of ['containers', 'initContainers'] as const) {
      for (const [i, container] of (template.spec[list] ?? []).entries()) {
        const resources = before.spec[list]?.[i]?.resources;
        if (resources) container.resources = resources;
      }
    }
  }
  return deepEqual(template, old.spec.template) ? [] : [invalid('spec.template', spec.template, 'field is immutable')];
}

function isAtRest({ spec, status }: SharedJob): boolean {
  if (!spec.suspend || (status.active ?? 0) > 0) return false;
  return !status.startTime || (status.conditions ?? []).some((c) => c.type === 'Suspended' && c.status === 'True');
}

function restore<T extends object, K extends keyof T>(object: T, before: T, field: K): void {
  if (before[field] === undefined) delete object[field];
  else object[field] = before[field];
}
