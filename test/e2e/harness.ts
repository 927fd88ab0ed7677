/** Runs ./timonel as a user would: its own HOME, data root and kubeconfig, and nothing of it left behind. */
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { realClock } from '../../src/base/clock.ts';
import { containerdPaths } from '../../src/cri/containerd-paths.ts';
import { mountsUnder } from '../../src/cri/mounts.ts';
import { argumentsOf, childrenOf, findProcesses } from '../../src/cri/processes.ts';
import { networkDevice } from '../../src/network/pod-network/pod-network.ts';
import { clusterTable } from '../../src/nft/transaction.ts';
import { type RunResult, run, stockClients } from '../clients/stock-clients.ts';
import { leftovers } from '../store/owned-names.ts';

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

/** Followed by the process's id, so that the next run finds what a killed one left. */
const homePrefix = 'timonel-e2e-';

function environmentOf(home: string): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = { ...process.env, HOME: home, TIMONEL_DATA_ROOT: join(home, 'data'), NO_COLOR: '1' };
  delete env['KUBECONFIG'];
  delete env['TIMONEL_NAME'];
  return env;
}

/** Takes down the clusters of a home, and removes it. */
async function removeHome(home: string): Promise<void> {
  const data = join(home, 'data');
  for (const name of existsSync(data) ? readdirSync(data) : []) {
    const args = ['down', '--purge', '--name', name];
    await run(join(checkout, 'timonel'), args, { env: environmentOf(home), timeoutMs: 300_000 });
  }
  rmSync(home, { recursive: true, force: true });
}

/** A user with an empty home. */
export async function newUser(): Promise<User> {
  for (const name of leftovers(readdirSync(tmpdir()), homePrefix)) await removeHome(join(tmpdir(), name));
  const home = mkdtempSync(join(tmpdir(), `${homePrefix}${process.pid}-`));
  const { kubectl } = await stockClients();
  const env = environmentOf(home);
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

/** What of the machine is a cluster's, outside its directory; other clusters and tests may run beside it. */
export interface Traces {
  readonly mounts: string[];
  readonly processes: string[];
  readonly namespaces: string[];
  readonly links: string[];
  readonly routes: string[];
  readonly tables: string[];
  readonly cgroups: string[];
}

const linesOf = async (program: string, ...args: string[]) =>
  (await run(program, args)).stdout.split('\n').filter((line) => line.trim() !== '');

/** A cluster's traces; of pods that are gone, those that are among `before`. */
export async function tracesOf(user: User, name: string, before?: Traces): Promise<Traces> {
  const dataDir = join(user.home, 'data', name);
  const { socket } = containerdPaths(join(dataDir, 'agent'));
  const shims = findProcesses((args) => args.includes(socket));
  const inodes = new Set(shims.flatMap(({ pid }) => childrenOf(pid)).map(({ pid }) => inodeOf(`/proc/${pid}/ns/net`)));
  inodes.delete(inodeOf('/proc/self/ns/net'));
  const namespaces = (existsSync('/run/netns') ? readdirSync('/run/netns') : []).filter(
    (netns) => inodes.has(inodeOf(join('/run/netns', netns))) || before?.namespaces.includes(netns),
  );
  const links = (await linesOf('ip', '-o', 'link')).flatMap((line) => {
    const link = line.split(': ')[1]!.split('@')[0]!;
    const peer = / link-netns (\S+)/.exec(line)?.[1];
    return link === networkDevice(name) || (peer && namespaces.includes(peer)) || before?.links.includes(link)
      ? link
      : [];
  });
  const routes = (await linesOf('ip', 'route', 'show', 'table', 'all')).filter((route) =>
    links.some((link) => route.includes(` dev ${link} `)),
  );
  const { name: table } = clusterTable(name);
  return {
    mounts: mountsUnder(user.home),
    // A process that has ended and waits for init to take note is gone as far as a cluster is concerned.
    processes: [...shims, ...findProcesses((args) => args.some((arg) => arg.includes(dataDir)))].map(
      ({ pid }) => `${pid} ${argumentsOf(pid).join(' ')}`,
    ),
    namespaces,
    links,
    routes,
    tables: (await linesOf('nft', 'list', 'tables')).filter((line) =>
      [table, `${table}.policy`].includes(line.split(' ')[2]!),
    ),
    cgroups: await linesOf('find', '/sys/fs/cgroup', '-maxdepth', '3', '-type', 'd', '-name', `timonel-${name}`),
  };
}

const inodeOf = (path: string) => statSync(path, { throwIfNoEntry: false })?.ino ?? 0;

/** That a cluster has left nothing. */
export const noTraces: Traces = {
  mounts: [],
  processes: [],
  namespaces: [],
  links: [],
  routes: [],
  tables: [],
  cgroups: [],
};
