import { CronJob } from '../../api/batch/cron-job.ts';
import { Job } from '../../api/batch/job.ts';
import type { Shared } from '../../api/kind.ts';
import { isAlreadyExists, isNotFound } from '../../api/machinery/status.ts';
import type { CronJobStatus } from '../../api/types/batch-v1.ts';
import type { ObjectReference } from '../../api/types/core-v1.ts';
import { formatTime, parseTime } from '../../base/clock.ts';
import { deepEqual } from '../../base/deep.ts';
import type { Draft } from '../../client/client.ts';
import { type ControllerContext, defineController, type ReconcileResult } from '../../client/reconcile.ts';
import { isConditionTrue } from '../conditions.ts';
import { controllerOf, indexByController, ownedBy, ownerReference } from '../ownership.ts';
import { isNamespaceTerminating } from '../pods/control.ts';
import { allow, recordEvents } from '../rbac-rules.ts';
import { manyMissed, parseSchedule, type Schedule } from './schedule.ts';
import { offsetAt } from './time-zone.ts';

type C = Shared<CronJob>;
type J = Shared<Job>;

/** Upstream looks this much after the due time, so that no clock difference makes it too early. */
const afterDueMs = 100;

/** Makes Jobs at the times of a cron schedule, and keeps only so many that ended. */
export const cronJobController = defineController<CronJob>({
  name: 'cronjob-controller',
  for: CronJob,
  owns: [Job],
  rbac: [
    allow('get list watch update', 'batch', 'cronjobs'),
    allow('get list watch create update delete patch', 'batch', 'jobs'),
    allow('update', 'batch', 'cronjobs/status cronjobs/finalizers'),
    allow('list watch delete', '', 'pods'),
    recordEvents,
  ],
  start(context) {
    indexByController(context.informers.informer(Job));
    return undefined;
  },
  async reconcile(key, context) {
    const cronJob = context.lister(CronJob).byKey(key);
    return cronJob ? new CronStep(cronJob, context).run() : undefined;
  },
});

const isFailed = (job: J): boolean => isConditionTrue(job.status.conditions, 'Failed');
const isComplete = (job: J): boolean => isConditionTrue(job.status.conditions, 'Complete');

class CronStep {
  readonly #cronJob: C;
  readonly #context: ControllerContext;
  readonly #jobs: readonly J[];
  #status: Shared<CronJobStatus>;

  constructor(cronJob: C, context: ControllerContext) {
    this.#cronJob = cronJob;
    this.#context = context;
    this.#jobs = ownedBy(context.informers.informer(Job), cronJob.metadata.uid);
    this.#status = cronJob.status;
  }

  async run(): Promise<ReconcileResult> {
    await this.#followJobs();
    let result: ReconcileResult;
    let failure: unknown;
    try {
      result = this.#cronJob.metadata.deletionTimestamp ? undefined : await this.#schedule();
    } catch (error) {
      failure = error;
    }
    if (!deepEqual(this.#status, this.#cronJob.status)) {
      try {
        await this.#context.client.updateStatus(CronJob, { ...this.#cronJob, status: this.#status });
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
    }
    if (failure) throw failure;
    await this.#cleanUp();
    return result;
  }

  /** Takes jobs that ended, or are gone, off the active list. */
  async #followJobs(): Promise<void> {
    const { client, events } = this.#context;
    for (const job of this.#jobs) {
      const listed = this.#status.active?.some(({ uid }) => uid === job.metadata.uid) ?? false;
      const done = isComplete(job) || isFailed(job);
      if (!listed && !done) {
        // Made by an earlier step whose status write was lost.
        if (this.#isOwnName(job)) this.#setActive([...(this.#status.active ?? []), reference(job)]);
        else {
          const message = `Saw a job that the controller did not create or forgot: ${job.metadata.name}`;
          events.event(this.#cronJob, 'Warning', 'UnexpectedJob', message);
        }
      } else if (listed && done) {
        this.#setActive(this.#status.active!.filter(({ uid }) => uid !== job.metadata.uid));
        const condition = isComplete(job) ? 'Complete' : 'Failed';
        const message = `Saw completed job: ${job.metadata.name}, condition: ${condition}`;
        events.event(this.#cronJob, 'Normal', 'SawCompletedJob', message);
      }
      const completed = isComplete(job) ? job.status.completionTime : undefined;
      if (completed && (this.#status.lastSuccessfulTime ?? '') < completed) {
        this.#status = { ...this.#status, lastSuccessfulTime: completed };
      }
    }
    for (const ref of this.#status.active ?? []) {
      if (this.#jobs.some((job) => job.metadata.uid === ref.uid)) continue;
      // The cache may be behind the list.
      const job = await client.find(Job, { namespace: this.#cronJob.metadata.namespace, name: ref.name ?? '' });
      if (job?.metadata.uid === ref.uid) continue;
      events.event(this.#cronJob, 'Normal', 'MissingJob', `Active job went missing: ${ref.name}`);
      this.#setActive(this.#status.active!.filter((other) => other !== ref));
    }
  }

  #isOwnName(job: J): boolean {
    const prefix = `${this.#cronJob.metadata.name}-`;
    return job.metadata.name.startsWith(prefix) && /^\d+$/.test(job.metadata.name.slice(prefix.length));
  }

  #setActive(active: readonly Shared<ObjectReference>[]): void {
    const { active: _, ...rest } = this.#status;
    this.#status = active.length ? { ...rest, active } : rest;
  }

  async #schedule(): Promise<ReconcileResult> {
    const { events, clock } = this.#context;
    const { spec, metadata } = this.#cronJob;
    if (spec.suspend) return undefined;
    let schedule: Schedule;
    try {
      schedule = parseSchedule(spec.schedule, spec.timeZone);
    } catch (error) {
      const message = `unparseable schedule: ${JSON.stringify(spec.schedule)} : ${(error as Error).message}`;
      events.event(this.#cronJob, 'Warning', 'UnparseableSchedule', message);
      return undefined;
    }
    const now = clock.now();
    const next = schedule.next(now);
    const later: ReconcileResult = next === undefined ? undefined : { requeueAfterMs: next - now + afterDueMs };
    const last = this.#status.lastScheduleTime;
    const deadline = spec.startingDeadlineSeconds;
    let earliest = parseTime(last ?? metadata.creationTimestamp);
    if (deadline !== undefined) earliest = Math.max(earliest, now - deadline * 1000);
    const due = schedule.mostRecent(earliest, now);
    if (!due) return later;
    if (due.missed > manyMissed) {
      const message = 'too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew';
      events.event(this.#cronJob, 'Warning', 'TooManyMissedTimes', message);
    }
    if (deadline !== undefined && due.at + deadline * 1000 < now) {
      const at = new Date(due.at).toUTCString().replace('GMT', '+0000');
      const message = `Missed scheduled time to start a job: ${at}`;
      events.event(this.#cronJob, 'Warning', 'MissSchedule', message);
      return later;
    }
    const name = `${metadata.name}-${Math.floor(due.at / 60_000)}`;
    const started = this.#status.active?.some((ref) => ref.name === name) ?? false;
    if (started || (last && parseTime(last) === due.at)) return later;
    if (!(await this.#makeRoom())) return later;
    await this.#start(name, due.at);
    return later;
  }

  /** What the concurrency policy says of jobs that still run; false when no new one may start. */
  async #makeRoom(): Promise<boolean> {
    const { events, client } = this.#context;
    const active = this.#status.active ?? [];
    const policy = this.#cronJob.spec.concurrencyPolicy;
    if (policy === 'Forbid' && active.length > 0) {
      const message = 'Not starting job because prior execution is running and concurrency policy is Forbid';
      events.event(this.#cronJob, 'Normal', 'JobAlreadyActive', message);
      return false;
    }
    if (policy === 'Replace') {
      for (const ref of active) {
        const job = await client.find(Job, { namespace: this.#cronJob.metadata.namespace, name: ref.name ?? '' });
        if (job?.metadata.uid === ref.uid) await this.#delete(job!);
        this.#setActive((this.#status.active ?? []).filter((other) => other !== ref));
      }
    }
    return true;
  }

  async #start(name: string, at: number): Promise<void> {
    const { client, events } = this.#context;
    const { jobTemplate } = this.#cronJob.spec;
    const { labels, annotations } = jobTemplate.metadata;
    const zone = this.#cronJob.spec.timeZone;
    const draft: Draft<Job> = {
      metadata: {
        namespace: this.#cronJob.metadata.namespace,
        name,
        ...(labels ? { labels: { ...labels } } : {}),
        annotations: { ...annotations, 'batch.kubernetes.io/cronjob-scheduled-timestamp': zonedTime(at, zone) },
        ownerReferences: [ownerReference(this.#cronJob, CronJob)],
      },
      spec: jobTemplate.spec as Draft<Job>['spec'] & object,
    };
    let job: J;
    try {
      job = await client.create(Job, draft);
      events.event(this.#cronJob, 'Normal', 'SuccessfulCreate', `Created job ${name}`);
    } catch (error) {
      if (isNamespaceTerminating(error)) return;
      if (!isAlreadyExists(error)) {
        const message = `Error creating job: ${(error as Error).message}`;
        events.event(this.#cronJob, 'Warning', 'FailedCreate', message);
        throw error;
      }
      // Made by an earlier step that did not come to write the status.
      job = await client.get(Job, { namespace: this.#cronJob.metadata.namespace, name });
      if (controllerOf(job)?.uid !== this.#cronJob.metadata.uid) throw error;
    }
    const finished = isComplete(job) || isFailed(job);
    if (!finished) this.#setActive([...(this.#status.active ?? []), reference(job)]);
    this.#status = { ...this.#status, lastScheduleTime: formatTime(at) };
  }

  /** Deletes jobs that ended beyond the history limits, the oldest first. */
  async #cleanUp(): Promise<void> {
    const { successfulJobsHistoryLimit, failedJobsHistoryLimit } = this.#cronJob.spec;
    const keep = async (jobs: readonly J[], limit: number | undefined) => {
      if (limit === undefined) return;
      const sorted = jobs
        .filter((job) => !job.metadata.deletionTimestamp)
        .sort((a, b) => ((a.status.startTime ?? '') < (b.status.startTime ?? '') ? -1 : 1));
      for (const job of sorted.slice(0, Math.max(0, sorted.length - limit))) await this.#delete(job);
    };
    await keep(this.#jobs.filter(isComplete), successfulJobsHistoryLimit);
    await keep(
      this.#jobs.filter((job) => isFailed(job) && !isComplete(job)),
      failedJobsHistoryLimit,
    );
  }

  async #delete(job: J): Promise<void> {
    const { client, events } = this.#context;
    const { name, uid } = job.metadata;
    try {
      await client.delete(Job, job.metadata, { propagationPolicy: 'Background', preconditions: { uid } });
      events.event(this.#cronJob, 'Normal', 'SuccessfulDelete', `Deleted job ${name}`);
    } catch (error) {
      if (isNotFound(error)) return;
      events.event(this.#cronJob, 'Warning', 'FailedDelete', `Deleted job: ${(error as Error).message}`);
      throw error;
    }
  }
}

function reference(job: J): ObjectReference {
  const { namespace, name, uid, resourceVersion } = job.metadata;
  return { kind: 'Job', namespace, name, uid, apiVersion: 'batch/v1', resourceVersion };
}

/** RFC 3339 in the schedule's own zone, as upstream annotates jobs. */
function zonedTime(at: number, timeZone: string | undefined): string {
  if (!timeZone) return formatTime(at);
  const offsetMs = offsetAt(timeZone, at);
  if (offsetMs === 0) return formatTime(at);
  const offset = new Date(Math.abs(offsetMs)).toISOString().slice(11, 16);
  return `${formatTime(at + offsetMs).slice(0, -1)}${offsetMs < 0 ? '-' : '+'}${offset}`;
}
