/** What updates of jobs and cron jobs may keep. */
import { podRules } from '../core/pod-ratcheting.ts';
import { type Tolerable, tolerable } from '../core/ratcheting.ts';

/** Jobs of releases before 1.27 lack the labels with a prefix. */
export const jobRules: readonly Tolerable[] = [
  ...podRules,
  tolerable({ path: /^spec\.template\.metadata\.labels\[batch\.kubernetes\.io\/(job-name|controller-uid)\]$/ }),
];

/** Cron jobs may have time zones that this server does not know. */
export const cronJobRules: readonly Tolerable[] = [...podRules, tolerable({ path: /^spec\.timeZone$/ })];
