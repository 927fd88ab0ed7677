/** Kubeconfig files: made, merged into the user's, and taken out again. */
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { parseDocument, stringify } from 'yaml';
import { realClock } from '../base/clock.ts';
import { UserError, writeFileAtomic } from './config.ts';

/** What a kubeconfig entry is made of; PEM texts. */
export interface KubeconfigEntry {
  /** Name of the context, the cluster and the user. */
  readonly name: string;
  readonly server: string;
  readonly ca: string;
  readonly cert?: string;
  readonly key?: string;
  readonly token?: string;
}

interface Named {
  name: string;
  [key: string]: unknown;
}

interface Kubeconfig {
  apiVersion: 'v1';
  kind: 'Config';
  clusters: Named[];
  contexts: Named[];
  users: Named[];
  'current-context'?: string;
  [key: string]: unknown;
}

const base64 = (text: string) => Buffer.from(text).toString('base64');

/** A kubeconfig with one entry, as YAML. */
export function renderKubeconfig(entry: KubeconfigEntry): string {
  return stringify(withEntry(emptyKubeconfig(), entry));
}

/** Where kubectl would write: the first file of $KUBECONFIG, or ~/.kube/config. */
export function defaultKubeconfigPath(): string {
  const first = (process.env['KUBECONFIG'] ?? '').split(delimiter).find((file) => file !== '');
  return first ?? join(homedir(), '.kube/config');
}

/** Adds or replaces an entry and makes it current; the rest of the file stays as it is. */
export function mergeKubeconfig(file: string, entry: KubeconfigEntry): void {
  withLock(file, () => writeFileAtomic(file, stringify(withEntry(readKubeconfig(file), entry))));
}

/** Replaces an entry's credentials where it leads to the same server; contexts stay as the user has them. */
export function replaceInKubeconfig(file: string, entry: KubeconfigEntry): void {
  if (!existsSync(file)) return;
  withLock(file, () => {
    const config = readKubeconfig(file);
    const known = config.clusters.find((cluster) => cluster.name === entry.name);
    if ((known?.['cluster'] as { server?: string } | undefined)?.server !== entry.server) return;
    const { clusters, users } = withEntry(config, entry);
    writeFileAtomic(file, stringify({ ...config, clusters, users }));
  });
}

/** Takes an entry out; a file that then holds nothing is removed. */
export function removeFromKubeconfig(file: string, name: string): void {
  if (!existsSync(file)) return;
  withLock(file, () => {
    const config = readKubeconfig(file);
    const without = (list: Named[]) => list.filter((item) => item.name !== name);
    const next = {
      ...config,
      clusters: without(config.clusters),
      contexts: without(config.contexts),
      users: without(config.users),
    };
    if (next['current-context'] === name) delete next['current-context'];
    if (next.clusters.length + next.contexts.length + next.users.length === 0) rmSync(file);
    else writeFileAtomic(file, stringify(next));
  });
}

function emptyKubeconfig(): Kubeconfig {
  return { apiVersion: 'v1', kind: 'Config', clusters: [], contexts: [], users: [] };
}

function readKubeconfig(file: string): Kubeconfig {
  if (!existsSync(file)) return emptyKubeconfig();
  const document = parseDocument(readFileSync(file, 'utf8'));
  const problem = document.errors[0];
  if (problem)
    throw new UserError(
      `${file} line ${problem.linePos?.[0].line ?? 1}: not valid YAML (${problem.message.split('\n')[0]}); mend it, or name another file with --kubeconfig`,
    );
  const value = (document.toJS() ?? {}) as Partial<Kubeconfig>;
  return {
    ...value,
    apiVersion: 'v1',
    kind: 'Config',
    clusters: value.clusters ?? [],
    contexts: value.contexts ?? [],
    users: value.users ?? [],
  };
}

function withEntry(config: Kubeconfig, entry: KubeconfigEntry): Kubeconfig {
  const put = (list: Named[], item: Named) => [...list.filter((other) => other.name !== item.name), item];
  return {
    ...config,
    clusters: put(config.clusters, {
      name: entry.name,
      cluster: { server: entry.server, 'certificate-authority-data': base64(entry.ca) },
    }),
    contexts: put(config.contexts, { name: entry.name, context: { cluster: entry.name, user: entry.name } }),
    users: put(config.users, {
      name: entry.name,
      user: {
        ...(entry.cert ? { 'client-certificate-data': base64(entry.cert) } : {}),
        ...(entry.key ? { 'client-key-data': base64(entry.key) } : {}),
        ...(entry.token ? { token: entry.token } : {}),
      },
    }),
    'current-context': entry.name,
  };
}

const staleLockMs = 10_000;

/** kubectl's own lock file convention (FILE.lock), so that neither of us loses the other's change. */
function withLock(file: string, change: () => void): void {
  mkdirSync(dirname(file), { recursive: true });
  const lock = `${file}.lock`;
  const giveUp = elapsedMs() + staleLockMs;
  for (;;) {
    try {
      writeExclusive(lock);
      break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST')
        throw new UserError(`cannot write ${file}: ${(error as Error).message}`);
      const abandoned = isOlderThan(lock, staleLockMs);
      if (abandoned) rmSync(lock, { force: true });
      else if (elapsedMs() > giveUp)
        throw new UserError(`${lock} is held by another program; remove it if none is running`);
      else pause(20);
    }
  }
  try {
    change();
  } finally {
    rmSync(lock, { force: true });
  }
}

const elapsedMs = () => realClock.monotonic();
const isOlderThan = (file: string, ageMs: number) =>
  existsSync(file) && realClock.now() - statSync(file).mtimeMs > ageMs;
const writeExclusive = (file: string) => closeSync(openSync(file, 'wx', 0o600));
const pause = (ms: number) => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
