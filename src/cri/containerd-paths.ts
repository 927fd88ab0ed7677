/** Where the containerd of a data dir keeps its things, and how it is found when it runs. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { findProcesses, isAlive, type ProcessIdentity } from './processes.ts';

/** Longest path that a Unix socket may have, less what `.ttrpc` adds. */
const maxSocketPath = 107 - '.ttrpc'.length;

/** The paths of the containerd of a data dir. */
export interface ContainerdPaths {
  readonly base: string;
  readonly root: string;
  readonly state: string;
  readonly runcRoot: string;
  readonly socketDir: string;
  readonly socket: string;
  readonly pidFile: string;
  readonly logFile: string;
}

/** Where the containerd of a data dir keeps its things. The socket moves to /run when the data dir's path is too long. */
export function containerdPaths(dataDir: string): ContainerdPaths {
  const base = join(dataDir, 'containerd');
  const inside = join(base, 'containerd.sock');
  const short = `/run/timonel-${createHash('sha256').update(base).digest('hex').slice(0, 12)}`;
  const socketDir = inside.length <= maxSocketPath ? base : short;
  return {
    base,
    root: join(base, 'root'),
    state: join(base, 'state'),
    runcRoot: join(base, 'runc'),
    socketDir,
    socket: join(socketDir, 'containerd.sock'),
    pidFile: join(base, 'containerd.pid'),
    logFile: join(base, 'containerd.log'),
  };
}

/** The containerd that runs for these paths: by its pid file, else by its arguments. */
export function findRunning(paths: ContainerdPaths): ProcessIdentity | undefined {
  try {
    const kept = JSON.parse(readFileSync(paths.pidFile, 'utf8')) as ProcessIdentity;
    if (isAlive(kept)) return kept;
  } catch {
    // No or a torn pid file: the arguments below still tell.
  }
  const configFile = join(paths.base, 'config.toml');
  return findProcesses((args) => args[0]?.endsWith('containerd') === true && args.includes(configFile))[0];
}
