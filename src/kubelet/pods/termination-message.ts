/** What a container left behind to say why it ended. */
import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Shared } from '../../api/kind.ts';
import type { Pod } from '../../api/types/core-v1.ts';
import type { KubeletContext } from '../context.ts';
import { parseLogLine } from '../streaming/cri-log.ts';
import { terminationLogFile } from './container-config.ts';
import { containerLogPath, podLogDir } from './pod-dirs.ts';
import type { RuntimeContainer } from './pod-runtime.ts';
import { annotationNames } from './runtime-labels.ts';

const maxFileBytes = 4096;
const maxLogBytes = 2048;
const maxLogLines = 80;

/** The file's text; when it is empty and the policy says so and the container failed, the end of its log. */
export function terminationMessage(
  context: Pick<KubeletContext, 'rootDir' | 'logDir'>,
  pod: Shared<Pod>,
  container: RuntimeContainer,
): string {
  const { name, restartCount } = container;
  const fromFile = tail(terminationLogFile(context, pod.metadata.uid!, { name, restartCount }), maxFileBytes);
  if (fromFile) return fromFile;
  const policy = container.annotations[annotationNames.terminationMessagePolicy];
  if (policy !== 'FallbackToLogsOnError' || container.exitCode === 0) return '';
  const log = tail(join(podLogDir(context.logDir, pod), containerLogPath(name, restartCount)), 64 * 1024);
  const text = log
    .split('\n')
    .filter(Boolean)
    .slice(-maxLogLines)
    .map((line) => {
      const parsed = parseLogLine(Buffer.from(line));
      return parsed ? parsed.content.toString('utf8') + (parsed.partial ? '' : '\n') : '';
    })
    .join('');
  return Buffer.from(text).subarray(-maxLogBytes).toString('utf8');
}

function tail(file: string, maxBytes: number): string {
  const stats = statSync(file, { throwIfNoEntry: false });
  if (!stats || stats.size === 0) return '';
  const length = Math.min(stats.size, maxBytes);
  const buffer = Buffer.alloc(length);
  const fd = openSync(file, 'r');
  try {
    readSync(fd, buffer, 0, length, stats.size - length);
  } finally {
    closeSync(fd);
  }
  return buffer.toString('utf8');
}
