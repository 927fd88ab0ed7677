/** A KubeSchedulerConfiguration (kubescheduler.config.k8s.io/v1) as the scheduler takes it. */
import { parseDocument } from 'yaml';
import { type FieldError, fieldErrorMessage, invalid } from '../api/machinery/field-error.ts';
import { type ExtenderConfig, extenderShape, validateExtenders } from './config/extenders.ts';
import { type GivenProfile, profileOf, profileShape, validatePercentage, validateProfiles } from './config/profiles.ts';
import { checkShape, type Shape } from './config/shape.ts';
import type { SchedulerProfile } from './framework.ts';

/** Settings of the scheduler. */
export interface SchedulerConfig {
  /** One profile named default-scheduler when absent. */
  readonly profiles?: readonly SchedulerProfile[];
  /** 0 adapts to the number of nodes. */
  readonly percentageOfNodesToScore?: number;
  readonly podInitialBackoffSeconds?: number;
  readonly podMaxBackoffSeconds?: number;
  readonly extenders?: readonly ExtenderConfig[];
}

interface Given extends Omit<SchedulerConfig, 'profiles'> {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly profiles?: readonly GivenProfile[];
  readonly parallelism?: number;
}

/** Fields that are about how upstream's process runs are taken and have no effect here. */
const shape: Shape = {
  fields: {
    apiVersion: 'string',
    kind: 'string',
    parallelism: 'integer',
    leaderElection: 'any',
    clientConnection: 'any',
    enableProfiling: 'boolean',
    enableContentionProfiling: 'boolean',
    delayCacheUntilActive: 'boolean',
    percentageOfNodesToScore: 'integer',
    podInitialBackoffSeconds: 'integer',
    podMaxBackoffSeconds: 'integer',
    profiles: { list: profileShape },
    extenders: { list: extenderShape },
  },
};

const version = 'kubescheduler.config.k8s.io/v1';

/** A configuration that cannot be followed; the message is one line that names the fields. */
export class SchedulerConfigError extends Error {
  override readonly name = 'SchedulerConfigError';
}

/** Reads a configuration file's text: YAML or JSON. Throws SchedulerConfigError. */
export function parseSchedulerConfig(text: string): SchedulerConfig {
  const document = parseDocument(text);
  const problem = document.errors[0];
  if (problem) throw new SchedulerConfigError(problem.message.split('\n')[0]!.replace(/:$/, ''));
  const given = (document.toJS() ?? {}) as Given;
  if (given.kind !== 'KubeSchedulerConfiguration' || given.apiVersion !== version)
    throw new SchedulerConfigError(
      `it is ${given.apiVersion ?? '(no apiVersion)'} ${given.kind ?? '(no kind)'}; write apiVersion: ${version} and kind: KubeSchedulerConfiguration`,
    );
  const misshapen = checkShape(given, shape, '');
  const errors = misshapen.length ? misshapen : validate(given);
  if (errors.length) throw new SchedulerConfigError(errors.map(fieldErrorMessage).join('; '));
  const { profiles, percentageOfNodesToScore, extenders } = given;
  return {
    ...(profiles?.length ? { profiles: profiles.map(profileOf) } : {}),
    ...(percentageOfNodesToScore === undefined ? {} : { percentageOfNodesToScore }),
    ...(extenders?.length ? { extenders } : {}),
    podInitialBackoffSeconds: given.podInitialBackoffSeconds ?? defaultInitialBackoff,
    podMaxBackoffSeconds: given.podMaxBackoffSeconds ?? defaultMaxBackoff,
  };
}

const defaultInitialBackoff = 1;
const defaultMaxBackoff = 10;

function validate(given: Given): FieldError[] {
  const {
    parallelism = 16,
    podInitialBackoffSeconds: initial = defaultInitialBackoff,
    podMaxBackoffSeconds: max = defaultMaxBackoff,
  } = given;
  return [
    ...(parallelism > 0 ? [] : [invalid('parallelism', parallelism, 'should be an integer value greater than zero')]),
    ...validateProfiles(given.profiles ?? [], 'profiles'),
    ...validatePercentage(given.percentageOfNodesToScore, 'percentageOfNodesToScore'),
    ...(initial > 0 ? [] : [invalid('podInitialBackoffSeconds', initial, 'must be greater than 0')]),
    ...(max >= initial
      ? []
      : [invalid('podMaxBackoffSeconds', max, 'must be greater than or equal to PodInitialBackoffSeconds')]),
    ...validateExtenders(given.extenders ?? [], 'extenders'),
  ];
}
