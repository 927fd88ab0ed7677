import { CronJob } from '../batch/cron-job.ts';
import { defineKind } from '../kind.ts';
import type * as batch from '../types/batch-v1beta1.ts';
import { storedUnderNewerVersion } from './newer-version.ts';

/** CronJob as batch/v1beta1 had it. */
export type BatchV1beta1CronJob = batch.CronJob;

/** batch/v1beta1 CronJob, stored as batch/v1. */
export const BatchV1beta1CronJob = defineKind<BatchV1beta1CronJob>({
  group: 'batch',
  version: 'v1beta1',
  kind: 'CronJob',
  plural: 'cronjobs',
  shortNames: ['cj'],
  categories: ['all'],
  scope: 'Namespaced',
  schema: 'batch/v1beta1.CronJob',
  subresources: { status: true },
  columns: CronJob.columns,
  allowUnconditionalUpdate: true,
  orphanDependentsByDefault: true,
  storedAs: storedUnderNewerVersion<BatchV1beta1CronJob, CronJob>({
    kind: () => CronJob,
    apiVersion: 'batch/v1beta1',
    deprecatedIn: '1.21',
    removedIn: '1.25',
  }),
});
