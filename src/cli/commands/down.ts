import { existsSync, rmSync } from 'node:fs';
import { contextName } from '../../cluster/config.ts';
import { findCluster } from '../../cluster/find.ts';
import { removeFromKubeconfig } from '../../cluster/kubeconfig.ts';
import { stopRole } from '../../cluster/processes.ts';
import { purgeNode, stopRuntime } from '../../cluster/purge.ts';
import { createProgress, type OutputFormat } from '../progress.ts';

interface DownOptions {
  readonly name?: string;
  readonly dataDir?: string;
  readonly purge?: boolean;
  readonly output: OutputFormat;
}

/** `timonel down`: stops the processes; with --purge removes everything that `up` and the cluster made. */
export async function down(options: DownOptions): Promise<void> {
  const progress = createProgress(options.output);
  const config = findCluster(options);
  const stopping = progress.step('Stopped');
  const stopped = [await stopRole(config.dataDir, 'agent'), await stopRole(config.dataDir, 'server')].some(Boolean);
  if (config.runtime === 'cri') await stopRuntime(config);
  stopping.done(stopped ? '' : '(nothing was running)');
  if (!options.purge) {
    progress.note(
      `Containers keep running; "timonel up --name ${config.name}" takes them over, "timonel down --purge" removes everything.`,
    );
    return;
  }
  const purging = progress.step('Removed containers, networks, state and the kubeconfig entry');
  if (config.runtime === 'cri') await purgeNode(config, progress.warn);
  removeFromKubeconfig(config.kubeconfig, contextName(config.name));
  if (existsSync(config.dataDir)) rmSync(config.dataDir, { recursive: true, force: true });
  purging.done();
}
