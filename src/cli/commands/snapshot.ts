import { paths } from '../../cluster/config.ts';
import { type ClusterSelection, findCluster } from '../../cluster/find.ts';
import { findSnapshot, restoreCluster, saveClusterSnapshot } from '../../cluster/snapshots.ts';
import { listSnapshots, snapshotName } from '../../store/snapshot.ts';
import { createProgress, type OutputFormat } from '../progress.ts';
import { up } from './up.ts';

/** `timonel snapshot save`. */
export async function save(options: ClusterSelection & { readonly to?: string }): Promise<void> {
  process.stdout.write(`${await saveClusterSnapshot(findCluster(options), options.to)}\n`);
}

/** `timonel snapshot ls`. */
export async function ls(options: ClusterSelection & { readonly output: OutputFormat }): Promise<void> {
  const infos = await listSnapshots(paths(findCluster(options).dataDir).snapshots);
  if (options.output === 'json') process.stdout.write(`${JSON.stringify(infos)}\n`);
  else
    for (const info of infos)
      process.stdout.write(
        `${snapshotName(info).padEnd(32)}revision ${String(info.revision).padEnd(10)}${(info.sizeBytes / 1e6).toFixed(1)} MB  by ${info.writtenBy}\n`,
      );
}

/** `timonel snapshot restore [SNAPSHOT]`. */
export async function restore(wanted: string | undefined, options: ClusterSelection): Promise<void> {
  const config = findCluster(options);
  const progress = createProgress('text');
  const { info, kept } = await restoreCluster(config, await findSnapshot(config, wanted));
  progress.note(
    `Restored ${snapshotName(info)} (revision ${info.revision}).${kept ? ` What was there is kept as ${kept}*.` : ''}`,
  );
  progress.note(`Next: timonel up --name ${config.name}`);
}

/** `timonel snapshot fork [SNAPSHOT]`: a simulated cluster to try things on; without a snapshot, of this moment. */
export async function fork(
  wanted: string | undefined,
  options: ClusterSelection & { readonly as?: string; readonly output: OutputFormat },
): Promise<void> {
  const config = findCluster(options);
  const snapshot = wanted ? await findSnapshot(config, wanted) : await saveClusterSnapshot(config);
  await up({
    name: options.as ?? `${config.name}-fork`,
    runtime: 'sim',
    nodes: 0,
    fromSnapshot: snapshot,
    adoptNodes: true,
    // What is encrypted at rest can be read with the same keys only.
    ...(config.encryptionKeyFile ? { encryptionKeyFile: config.encryptionKeyFile } : {}),
    wait: '60s',
    output: options.output,
  });
}
