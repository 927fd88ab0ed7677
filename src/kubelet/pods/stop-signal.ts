/** Asking a container to stop by a signal of its spec's choice (KEP-4960): runtimes before containerd 2.2 know only the image's. */
import { constants } from 'node:os';
import type { KubeletContext } from '../context.ts';

const pollMs = 50;
const firstRealTime = 34;
const lastRealTime = 64;
const synonyms: Readonly<Record<string, string>> = { SIGCLD: 'SIGCHLD', SIGPOLL: 'SIGIO' };

/** The number of a signal's name as the API has it, `SIGRTMIN+3` among them; undefined for what is none. */
export function signalNumber(name: string): number | undefined {
  const realTime = /^SIGRT(MIN|MAX)(?:([+-])(\d+))?$/.exec(name);
  if (!realTime) return (constants.signals as Readonly<Record<string, number>>)[synonyms[name] ?? name];
  const offset = Number(`${realTime[2] ?? '+'}${realTime[3] ?? '0'}`);
  const number = (realTime[1] === 'MIN' ? firstRealTime : lastRealTime) + offset;
  return number >= firstRealTime && number <= lastRealTime ? number : undefined;
}

/** Sends the signal to the container's first process, and resolves when it has ended or its grace is over. */
export async function signalContainer(
  { runtime, clock }: Pick<KubeletContext, 'runtime' | 'clock'>,
  containerId: string,
  { name, graceMs, signal }: { name: string; graceMs: number; signal?: AbortSignal | undefined },
): Promise<void> {
  const look = async (verbose: boolean) => {
    const { status, info } = await runtime.runtime.containerStatus({ container_id: containerId, verbose });
    return { runs: status?.state === 'CONTAINER_RUNNING', info };
  };
  const number = signalNumber(name);
  const { runs, info } = await look(true);
  const { pid } = JSON.parse(info['info'] ?? '{}') as { pid?: number };
  if (!runs || !pid || number === undefined) return;
  try {
    process.kill(pid, number);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return;
    throw error;
  }
  for (const start = clock.monotonic(); clock.monotonic() - start < graceMs; ) {
    await clock.sleep(pollMs, signal);
    if (!(await look(false)).runs) return;
  }
}
