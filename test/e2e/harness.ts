/** Runs ./timonel as a user would: its own HOME, data root and kubeconfig, and nothing of it left behind. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { realClock } from '../../src/base/clock.ts';
import { type RunResult, run, stockClients } from '../clients/stock-clients.ts';

const checkout = join(import.meta.dirname, '../..');

export interface User {
  readonly home: string;
  readonly env: NodeJS.ProcessEnv;
  timonel(...args: string[]): Promise<RunResult>;
  /** Stock kubectl 1.36; fails the test when it fails. */
  kubectl(...args: string[]): Promise<string>;
  tryKubectl(args: readonly string[], input?: string): Promise<RunResult>;
  /** Takes every cluster of this user down and removes the home. */
  leave(): Promise<void>;
}

/** A user with an empty home. */
export async function newUser(): Promise<User> {
  const home = mkdtempSync(join(tmpdir(), 'timonel-e2e-'));
  const { kubectl } = await stockClients();
  const env: NodeJS.ProcessEnv = { ...process.env, HOME: home, TIMONEL_DATA_ROOT: join(home, 'data'), NO_COLOR: '1' };
  delete env['KUBECONFIG'];
  delete env['TIMONEL_NAME'];
  const names = new Set<string>();
  const timonel = async (...args: string[]) => {
    if (args[0] === 'up') names.add(args[args.indexOf('--name') + 1] ?? 'default');
    return run(join(checkout, 'timonel'), args, { env, timeoutMs: 300_000 });
  };
  const tryKubectl = (args: readonly string[], input?: string) =>
    run(kubectl, args, { env, ...(input === undefined ? {} : { input }) });
  return {
    home,
    env,
    timonel,
    tryKubectl,
    async kubectl(...args) {
      const result = await tryKubectl(args);
      if (result.code !== 0)
        throw new Error(`kubectl ${args.join(' ')}: exit code ${result.code}\n${result.stdout}${result.stderr}`);
      return result.stdout;
    },
    async leave() {
      for (const name of names) await timonel('down', '--purge', '--name', name);
      rmSync(home, { recursive: true, force: true });
    },
  };
}

/** Waits until `probe` gives something; the error of a time-out says what was waited for. */
export async function eventually<T>(
  what: string,
  probe: () => Promise<T | undefined | false>,
  timeoutMs = 120_000,
): Promise<T> {
  const end = realClock.monotonic() + timeoutMs;
  let last: unknown;
  for (;;) {
    try {
      const found = await probe();
      if (found) return found;
    } catch (error) {
      last = error;
    }
    if (realClock.monotonic() > end)
      throw new Error(`waited ${timeoutMs / 1000}s in vain for ${what}${last ? `: ${(last as Error).message}` : ''}`);
    await realClock.sleep(50);
  }
}

/** The machine's state that a cluster must leave as it found it. */
export async function machineState(): Promise<Record<string, string[]>> {
  const lines = async (program: string, ...args: string[]) =>
    (await run(program, args)).stdout.split('\n').filter((line) => line.trim() !== '');
  return {
    mounts: (await lines('cat', '/proc/self/mounts')).map((line) => line.split(' ')[1]!).sort(),
    namespaces: (await lines('ip', 'netns', 'list')).sort(),
    links: (await lines('ip', '-o', 'link')).map((line) => line.split(': ')[1]!).sort(),
    routes: (await lines('ip', 'route', 'show', 'table', 'all')).filter((line) => !line.includes('cache')).sort(),
    tables: (await lines('nft', 'list', 'tables')).sort(),
    processes: (await lines('ps', '-eo', 'args'))
      // A process that has ended and waits for init to take note is gone as far as a cluster is concerned.
      .filter(
        (line) =>
          /containerd|run-server|run-agent|\/pause/.test(line) &&
          !line.startsWith('ps ') &&
          !line.includes('<defunct>'),
      )
      .sort(),
    cgroups: (await lines('find', '/sys/fs/cgroup', '-maxdepth', '3', '-type', 'd', '-name', '*timonel*')).sort(),
  };
}
