import { createReadStream, existsSync, readFileSync, statSync, watch } from 'node:fs';
import { paths, UserError } from '../../cluster/config.ts';
import { findCluster } from '../../cluster/find.ts';

interface LogsOptions {
  readonly name?: string;
  readonly dataDir?: string;
  readonly follow?: boolean;
  readonly tail?: number;
  readonly of?: 'server' | 'agent';
}

/** `timonel logs`: what the server and the agent wrote, oldest first per process. */
export async function logs(options: LogsOptions): Promise<void> {
  const config = findCluster(options);
  const { serverLog, agentLog } = paths(config.dataDir);
  const files = [...(options.of === 'agent' ? [] : [serverLog]), ...(options.of === 'server' ? [] : [agentLog])].filter(
    (file) => existsSync(file),
  );
  if (files.length === 0)
    throw new UserError(`there are no logs in ${paths(config.dataDir).logs}; the cluster has not been started yet`);
  if (options.tail !== undefined && !(Number.isInteger(options.tail) && options.tail >= 0))
    throw new UserError('--tail must be a number of lines', 2);
  for (const file of files) {
    const lines = readFileSync(file, 'utf8').split('\n');
    if (lines.at(-1) === '') lines.pop();
    const shown = options.tail === undefined ? lines : options.tail === 0 ? [] : lines.slice(-options.tail);
    for (const line of shown) process.stdout.write(`${line}\n`);
  }
  if (!options.follow) return;
  for (const file of files) followFile(file);
  await new Promise(() => {});
}

function followFile(file: string): void {
  let at = statSync(file).size;
  let reading = false;
  watch(file, () => {
    const { size } = statSync(file);
    if (size < at) at = 0;
    if (reading || size === at) return;
    reading = true;
    const stream = createReadStream(file, { start: at, end: size - 1 });
    stream.on('data', (chunk) => process.stdout.write(chunk));
    stream.on('close', () => {
      at = size;
      reading = false;
    });
  });
}
