/** One look at one Job: pods are created and deleted, their ends counted, the job's own end declared. */
import { Job } from '../../api/batch/job.ts';
import type { Pod } from '../../api/core/pod.ts';
import type { Shared } from '../../api/kind.ts';
import { isNotFound } from '../../api/machinery/status.ts';
import type { JobStatus } from '../../api/types/batch-v1.ts';
import { formatTime } from '../../base/clock.ts';
import { deepEqual } from '../../base/deep.ts';
import type { ControllerContext, ObjectKey, ReconcileResult } from '../../client/reconcile.ts';
import { coalesceMs } from '../coalesce.ts';
import { findCondition } from '../conditions.ts';
import type { Expectations } from '../expectations.ts';
import { createPod, deletePod, isNamespaceTerminating, slowStart } from '../pods/control.ts';
import { nonZero } from '../replica-counts.ts';
import { type Assessment, assess } from './assess.ts';
import {
  deadlineLeftMs,
  endConditions,
  endOf,
  isDone,
  type JobEnd,
  reachedCompletions,
  setCondition,
} from './conditions.ts';
import { removeFinalizer } from './finalizer.ts';
import { formatIndexes } from './indexes.ts';
import { planPods, retryDelayMs } from './manage.ts';
import { finishedAt, isIndexed, type J, jobPod, type P } from './pods.ts';

const recheckMs = 1_000;

export interface JobState {
  readonly expectations: Expectations<Pod>;
  /**
   * Status writes: pods that are counted lose their finalizer, and with an older status beside them they would seem
   * never to have run.
   */
  readonly written: Expectations<Job>;
  /** Failures since the last success and when the last one was, by job. */
  readonly backoffs: Map<ObjectKey, { failures: number; lastAt: number; readonly seen: Set<string> }>;
}

export interface JobLook {
  readonly key: ObjectKey;
  readonly context: ControllerContext;
  readonly state: JobState;
  /** Whether the cache shows the pods that earlier steps wrote. */
  readonly visible: boolean;
}

export class JobStep {
  readonly #job: J;
  readonly #pods: readonly P[];
  readonly #look: JobLook;
  readonly #counts: Assessment;
  readonly #now: number;
  #waitMs: number | undefined;
  #failure: unknown;

  constructor(job: J, pods: readonly P[], look: JobLook) {
    this.#job = job;
    this.#pods = pods;
    this.#look = look;
    this.#counts = assess(job, pods);
    this.#now = look.context.clock.now();
  }

  async run(): Promise<ReconcileResult> {
    const { context, visible } = this.#look;
    const job = this.#job;
    this.#noteFailures();
    let end = endOf(job, this.#pods, { counts: this.#counts, now: this.#now });
    let active = this.#counts.active.length;
    if (end) active -= await this.#removeAll(this.#counts.active);
    else if (visible && !job.metadata.deletionTimestamp) {
      active += await this.#manage();
      if (!job.spec.suspend && isDone(job, { succeeded: this.#counts.succeeded, active })) end = reachedCompletions;
    }
    const status = this.#statusOf(end, active);
    if (!deepEqual(status, job.status)) {
      try {
        const written = await context.client.updateStatus(Job, { ...job, status });
        this.#look.state.written.created(this.#look.key, written);
      } catch (error) {
        if (isNotFound(error)) return undefined;
        throw error;
      }
    }
    this.#report(status);
    await this.#release();
    if (this.#failure) throw this.#failure;
    return this.#nextLook(status);
  }

  /** The wait between retries grows with failures in a row; a success ends the row. */
  #noteFailures(): void {
    const { key, state } = this.#look;
    for (const { pod, succeeded } of this.#counts.newlyEnded) {
      let backoff = state.backoffs.get(key);
      if (!backoff) {
        backoff = { failures: 0, lastAt: 0, seen: new Set() };
        state.backoffs.set(key, backoff);
      }
      // The status write may fail and the step be repeated: a pod is noted once.
      if (backoff.seen.has(pod.metadata.uid)) continue;
      backoff.seen.add(pod.metadata.uid);
      if (succeeded) backoff.failures = 0;
      else {
        backoff.failures++;
        backoff.lastAt = Math.max(backoff.lastAt, finishedAt(pod, this.#now));
      }
    }
  }

  /** Returns by how many the number of active pods changed. */
  async #manage(): Promise<number> {
    const { key, context, state } = this.#look;
    const backoff = state.backoffs.get(key);
    const waitMs = backoff ? backoff.lastAt + retryDelayMs(backoff.failures) - this.#now : 0;
    const plan = planPods(this.#job, this.#pods, { counts: this.#counts, now: this.#now, waitMs });
    this.#waitMs = plan.waitMs;
    if (plan.remove.length) return -(await this.#removeAll(plan.remove));
    const { done, error } = await slowStart(plan.create.length, async (at) => {
      const pod = await createPod(context, this.#job, jobPod(this.#job, plan.create[at]));
      state.expectations.created(key, pod);
    });
    if (error && !isNamespaceTerminating(error)) this.#failure = error;
    return done;
  }

  async #removeAll(pods: readonly P[]): Promise<number> {
    const { key, context, state } = this.#look;
    const results = await Promise.allSettled(
      pods.map(async (pod) => {
        if (await deletePod(context, this.#job, pod)) state.expectations.deleted(key, pod);
      }),
    );
    const failures = results.filter((result) => result.status === 'rejected');
    this.#failure ??= failures[0]?.reason;
    return pods.length - failures.length;
  }

  #statusOf(end: JobEnd | undefined, active: number): Shared<JobStatus> {
    const job = this.#job;
    const counts = this.#counts;
    const removed = counts.active.length - active;
    const uncounted = counts.uncounted;
    const terminating = counts.terminating + Math.max(0, removed);
    const nothingLeft =
      uncounted.succeeded.length + uncounted.failed.length === 0 &&
      active === 0 &&
      terminating === 0 &&
      this.#look.visible &&
      !this.#failure;
    let conditions = this.#suspension(end);
    if (end) conditions = endConditions(conditions, end, { final: nothingLeft, now: this.#now });
    const startTime = this.#startTime();
    const finished = end && nothingLeft;
    const completedIndexes = isIndexed(job) ? formatIndexes(counts.succeededIndexes) : '';
    return {
      ...(conditions.length ? { conditions } : {}),
      ...(startTime ? { startTime } : {}),
      ...(finished && end.type === 'Complete' ? { completionTime: formatTime(this.#now) } : {}),
      ...nonZero({ active }),
      ...counts.counters,
      terminating: finished ? 0 : terminating,
      ...(completedIndexes ? { completedIndexes } : {}),
      ...(job.spec.backoffLimitPerIndex === undefined ? {} : { failedIndexes: formatIndexes(counts.failedIndexes) }),
      uncountedTerminatedPods: {
        ...(uncounted.succeeded.length ? { succeeded: uncounted.succeeded } : {}),
        ...(uncounted.failed.length ? { failed: uncounted.failed } : {}),
      },
      ready: end ? 0 : counts.ready,
    };
  }

  #startTime(): string | undefined {
    const { spec, status } = this.#job;
    if (spec.suspend) return undefined;
    const wasSuspended = findCondition(status.conditions, 'Suspended')?.status === 'True';
    return status.startTime && !wasSuspended ? status.startTime : formatTime(this.#now);
  }

  #suspension(end: JobEnd | undefined): NonNullable<Shared<JobStatus>['conditions']> {
    const before = this.#job.status.conditions ?? [];
    const current = findCondition(before, 'Suspended');
    if (end || (this.#job.spec.suspend ?? false) === (current?.status === 'True')) return before;
    return setCondition(
      before,
      this.#job.spec.suspend
        ? { type: 'Suspended', status: 'True', reason: 'JobSuspended', message: 'Job suspended', now: this.#now }
        : { type: 'Suspended', status: 'False', reason: 'JobResumed', message: 'Job resumed', now: this.#now },
    );
  }

  /** Events for what the written status says for the first time. */
  #report(status: Shared<JobStatus>): void {
    const { events } = this.#look.context;
    const before = this.#job.status.conditions;
    for (const condition of status.conditions ?? []) {
      if (findCondition(before, condition.type)?.status === condition.status) continue;
      if (condition.type === 'Suspended') {
        const reason = condition.status === 'True' ? 'Suspended' : 'Resumed';
        events.event(this.#job, 'Normal', reason, condition.message ?? '');
      } else if (condition.type === 'Complete') events.event(this.#job, 'Normal', 'Completed', 'Job completed');
      else if (condition.type === 'Failed') {
        events.event(this.#job, 'Warning', condition.reason ?? 'Failed', condition.message ?? '');
      }
    }
  }

  /** Lets go of the pods that the status accounts for now. */
  async #release(): Promise<void> {
    await Promise.all(this.#counts.release.map((pod) => removeFinalizer(pod, this.#look.context)));
  }

  #nextLook(status: Shared<JobStatus>): ReconcileResult {
    const pace = { coalesceMs: coalesceMs(this.#pods.length) };
    if (!this.#look.visible) return { requeueAfterMs: recheckMs, ...pace };
    const left = deadlineLeftMs({ ...this.#job, status }, this.#now);
    const waits = [left, this.#waitMs].filter((wait) => wait !== undefined);
    return waits.length ? { requeueAfterMs: Math.max(1, Math.min(...waits)), ...pace } : pace;
  }
}
