/** A Job's pod failure policy and success policy. Pure functions. */
import type { Job } from '../../api/batch/job.ts';
import type { Pod } from '../../api/core/pod.ts';
import type { Shared } from '../../api/kind.ts';
import type { PodFailurePolicyRule } from '../../api/types/batch-v1.ts';
import { type IndexSet, parseIndexes } from './indexes.ts';

export interface FailureVerdict {
  /** Whether the failure counts towards the backoff limits. */
  readonly counts: boolean;
  readonly action: 'FailJob' | 'FailIndex' | 'Ignore' | 'Count' | undefined;
  /** Why the job fails, for FailJob. */
  readonly message: string | undefined;
}

const plain: FailureVerdict = { counts: true, action: undefined, message: undefined };

/** What the first matching rule says of a failed pod. */
export function judgeFailure(job: Shared<Job>, pod: Shared<Pod>): FailureVerdict {
  for (const [at, rule] of (job.spec.podFailurePolicy?.rules ?? []).entries()) {
    const why = rule.onExitCodes ? matchExitCodes(rule, pod) : matchConditions(rule, pod);
    if (why === undefined) continue;
    switch (rule.action) {
      case 'Ignore':
        return { counts: false, action: 'Ignore', message: undefined };
      case 'FailJob':
        return { counts: true, action: 'FailJob', message: `${why} matching FailJob rule at index ${at}` };
      case 'FailIndex':
        if (job.spec.backoffLimitPerIndex === undefined) continue;
        return { counts: true, action: 'FailIndex', message: undefined };
      default:
        return { counts: true, action: 'Count', message: undefined };
    }
  }
  return plain;
}

function matchExitCodes(rule: Shared<PodFailurePolicyRule>, pod: Shared<Pod>): string | undefined {
  const { containerName, operator, values } = rule.onExitCodes!;
  for (const status of [...(pod.status.containerStatuses ?? []), ...(pod.status.initContainerStatuses ?? [])]) {
    const code = status.state.terminated?.exitCode;
    if (!code || (containerName !== undefined && containerName !== status.name)) continue;
    if (values.includes(code) === (operator === 'In')) {
      const { namespace, name } = pod.metadata;
      return `Container ${status.name} for pod ${namespace}/${name} failed with exit code ${code}`;
    }
  }
  return undefined;
}

function matchConditions(rule: Shared<PodFailurePolicyRule>, pod: Shared<Pod>): string | undefined {
  for (const pattern of rule.onPodConditions ?? []) {
    const found = pod.status.conditions?.some(({ type, status }) => type === pattern.type && status === pattern.status);
    if (found) return `Pod ${pod.metadata.namespace}/${pod.metadata.name} has condition ${pattern.type}`;
  }
  return undefined;
}

/** The message of the first success rule that is met, or undefined. */
export function metSuccessRule(job: Shared<Job>, succeeded: IndexSet): string | undefined {
  const completions = job.spec.completions ?? 0;
  for (const [at, rule] of (job.spec.successPolicy?.rules ?? []).entries()) {
    const counted =
      rule.succeededIndexes === undefined
        ? [...succeeded]
        : [...parseIndexes(rule.succeededIndexes, completions)].filter((index) => succeeded.has(index));
    const wanted =
      rule.succeededCount ??
      (rule.succeededIndexes === undefined ? completions : parseIndexes(rule.succeededIndexes, completions).size);
    if (counted.length >= wanted) return `Matched rules at index ${at}`;
  }
  return undefined;
}
