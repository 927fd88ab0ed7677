/** The examination that `timonel doctor` prints. */
import { realClock } from '../../base/clock.ts';
import { type ClusterConfig, dataRoot } from '../config.ts';
import { examineDataDir } from './data-dir.ts';
import type { Finding } from './finding.ts';
import { examineMachine } from './machine.ts';
import { examineRunning } from './running.ts';

/** Looks at the machine and, where there is one, the cluster. Changes nothing. */
export async function examine(config: ClusterConfig | undefined): Promise<Finding[]> {
  const now = realClock.now();
  const machine = examineMachine({ config, folder: config?.dataDir ?? dataRoot(), now });
  if (!config) return machine;
  return [...machine, ...(await examineDataDir(config, now)), ...(await examineRunning(config, now))];
}
