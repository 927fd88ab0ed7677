/** `--scheduler-config`: the user's settings for the scheduler, in upstream's form. */
import { parseSchedulerConfig, type SchedulerConfig, SchedulerConfigError } from '../scheduler/config.ts';
import { readUserFile, UserError } from './config.ts';

/** What the user's KubeSchedulerConfiguration says. Throws a {@link UserError} that names the file. */
export function schedulerSettings({ schedulerConfig }: { schedulerConfig?: string | undefined }): {
  schedulerConfig?: SchedulerConfig;
} {
  if (!schedulerConfig) return {};
  const text = readUserFile('--scheduler-config', schedulerConfig);
  try {
    return { schedulerConfig: parseSchedulerConfig(text) };
  } catch (error) {
    if (!(error instanceof SchedulerConfigError)) throw error;
    throw new UserError(`--scheduler-config ${schedulerConfig}: ${error.message}`);
  }
}
