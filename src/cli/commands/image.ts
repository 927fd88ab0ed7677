import { createReadStream, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { realClock } from '../../base/clock.ts';
import { type ClusterConfig, paths, UserError } from '../../cluster/config.ts';
import { type ClusterSelection, findCluster } from '../../cluster/find.ts';
import { containerdPaths, findRunning } from '../../cri/containerd-paths.ts';
import { importArchive } from '../../cri/import-image.ts';
import { type CriRuntime, connectCri } from '../../cri/runtime.ts';
import { createProgress, type OutputFormat } from '../progress.ts';

/** `timonel image import FILE…`. */
export async function importImages(files: readonly string[], options: ClusterSelection): Promise<void> {
  for (const file of files) if (!existsSync(file)) throw new UserError(`there is no file ${file}`);
  const progress = createProgress('text');
  await withRuntime(findCluster(options), async (runtime, own) => {
    for (const file of files) {
      const step = progress.step(`Imported ${file}:`);
      const names = await importArchive(createReadStream(file), { runtime, clock: realClock, ...own }).catch(
        (error: Error) => {
          throw new UserError(`${file}: ${error.message}`);
        },
      );
      step.done(names.join(', '));
    }
  });
}

/** `timonel image ls`. */
export async function listImages(options: ClusterSelection & { readonly output: OutputFormat }): Promise<void> {
  await withRuntime(findCluster(options), async (runtime) => {
    const { images } = await runtime.images.listImages({});
    const rows = images.map((image) => ({
      names: image.repo_tags.length ? image.repo_tags : image.repo_digests,
      id: image.id,
      sizeBytes: Number(image.size),
    }));
    if (options.output === 'json') process.stdout.write(`${JSON.stringify(rows)}\n`);
    else
      for (const row of rows)
        process.stdout.write(
          `${(row.names[0] ?? '<none>').padEnd(60)} ${row.id.replace('sha256:', '').slice(0, 12)} ${(row.sizeBytes / 1e6).toFixed(1)} MB\n`,
        );
  });
}

/** `timonel image rm IMAGE…`. */
export async function removeImages(images: readonly string[], options: ClusterSelection): Promise<void> {
  await withRuntime(findCluster(options), async (runtime) => {
    for (const image of images) {
      const { image: found } = await runtime.images.imageStatus({ image: { image } });
      if (!found) throw new UserError(`there is no image ${image}; "timonel image ls" lists them`);
      await runtime.images.removeImage({ image: { image: found.id } });
      process.stdout.write(`${image}\n`);
    }
  });
}

async function withRuntime(
  config: ClusterConfig,
  use: (runtime: CriRuntime, own: { snapshotter?: string }) => Promise<void>,
): Promise<void> {
  if (config.runtime === 'sim')
    throw new UserError(`cluster "${config.name}" has simulated nodes, which run no images: pods there need none`);
  const own = containerdPaths(paths(config.dataDir).agent);
  if (!config.criEndpoint && !findRunning(own))
    throw new UserError(
      `the container runtime of cluster "${config.name}" does not run; "timonel up --name ${config.name}" starts it`,
    );
  const runtime = connectCri(config.criEndpoint ?? `unix://${own.socket}`);
  try {
    const kept = join(own.base, 'snapshotter');
    await use(runtime, config.criEndpoint || !existsSync(kept) ? {} : { snapshotter: readFileSync(kept, 'utf8') });
  } finally {
    runtime.close();
  }
}
