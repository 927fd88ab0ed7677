import { Job } from '../api/batch/job.ts';
import { isNotFound } from '../api/machinery/status.ts';
import { parseTime } from '../base/clock.ts';
import { defineController } from '../client/reconcile.ts';
import { allow, recordEvents } from './rbac-rules.ts';

/** Deletes Jobs some time after they ended. */
export const ttlAfterFinishedController = defineController<Job>({
  name: 'ttl-after-finished-controller',
  for: Job,
  rbac: [allow('get list watch delete', 'batch', 'jobs'), recordEvents],
  async reconcile(key, { client, lister, clock }) {
    const job = lister(Job).byKey(key);
    const ttl = job?.spec.ttlSecondsAfterFinished;
    if (!job || ttl === undefined || job.metadata.deletionTimestamp) return undefined;
    const end = job.status.conditions?.find(
      ({ type, status }) => (type === 'Complete' || type === 'Failed') && status === 'True',
    );
    if (!end?.lastTransitionTime) return undefined;
    const leftMs = parseTime(end.lastTransitionTime) + ttl * 1000 - clock.now();
    if (leftMs > 0) return { requeueAfterMs: leftMs };
    const { uid, resourceVersion } = job.metadata;
    try {
      // The very version that was judged: its TTL may be raised at this moment.
      await client.delete(Job, job.metadata, {
        propagationPolicy: 'Foreground',
        preconditions: { uid, resourceVersion },
      });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
    return undefined;
  },
});
