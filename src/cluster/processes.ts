/** The cluster's long-running processes: started detached, found again, stopped by pid and never by name. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync } from 'node:fs';
import { flushCompileCache } from 'node:module';
import { join } from 'node:path';
import { type Clock, realClock } from '../base/clock.ts';
import { paths, UserError, writeFileAtomic } from './config.ts';

export type Role = 'server' | 'agent';

/** What a role writes down once it is up: `run/server.json`, `run/agent.json`. */
export interface RunFile {
  readonly pid: number;
  /** Start time of the process in clock ticks since boot: a pid alone may have been given to another program. */
  readonly startTicks: string;
  readonly url?: string;
  readonly node?: string;
}

/** Messages from a role to the `up` that started it. */
export type RoleMessage =
  | { readonly type: 'ready'; readonly url?: string }
  | { readonly type: 'failed'; readonly message: string; readonly exitCode: number };

const runFilePath = (dataDir: string, role: Role) => join(paths(dataDir).run, `${role}.json`);

/** Start time of a process as the kernel counts it; undefined when there is none with this pid. */
function startTicksOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field, the program's name, may hold spaces and parentheses.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? undefined : fields[19];
  } catch {
    if (existsSync('/proc/self/stat')) return undefined;
    try {
      process.kill(pid, 0);
      return 'unknown';
    } catch {
      return undefined;
    }
  }
}

/** Says that this process is a role of the cluster. */
export function writeRunFile(dataDir: string, role: Role, facts: { url?: string; node?: string }): void {
  const file: RunFile = { pid: process.pid, startTicks: startTicksOf(process.pid) ?? 'unknown', ...facts };
  writeFileAtomic(runFilePath(dataDir, role), JSON.stringify(file));
}

export function removeRunFile(dataDir: string, role: Role): void {
  rmSync(runFilePath(dataDir, role), { force: true });
}

/** The running process of a role, or undefined. */
export function findRole(dataDir: string, role: Role): RunFile | undefined {
  try {
    const file = JSON.parse(readFileSync(runFilePath(dataDir, role), 'utf8')) as RunFile;
    return startTicksOf(file.pid) === file.startTicks ? file : undefined;
  } catch {
    return undefined;
  }
}

/** The program and arguments that run this very Timonel again. */
function selfCommand(): string[] {
  const main = import.meta.filename.endsWith('.ts') ? '../cli/main.ts' : '../cli/main.js';
  return [...process.execArgv, join(import.meta.dirname, main)];
}

/** The agent makes little garbage: a small nursery saves tens of megabytes. The server's throughput needs the default. */
const memoryFlags: Readonly<Record<Role, readonly string[]>> = { server: [], agent: ['--max-semi-space-size=2'] };

export interface StartedRole {
  readonly child: ChildProcess;
  /** Resolves when the role says that it is ready; rejects with its own words when it fails. */
  readonly ready: Promise<string | undefined>;
  /** Lets it go on without its parent. */
  release(): void;
}

/** Starts a role in the background, its output appended to its log. */
export function startRole(dataDir: string, role: Role): StartedRole {
  const { logs, serverLog, agentLog } = paths(dataDir);
  mkdirSync(logs, { recursive: true, mode: 0o700 });
  const logFile = role === 'server' ? serverLog : agentLog;
  const log = openSync(logFile, 'a', 0o600);
  const child = spawn(
    process.execPath,
    [...memoryFlags[role], ...selfCommand(), `run-${role}`, '--data-dir', dataDir],
    {
      detached: true,
      cwd: '/',
      stdio: ['ignore', log, log, 'ipc'],
    },
  );
  closeSync(log);
  const ready = new Promise<string | undefined>((resolve, reject) => {
    child.on('message', (message: RoleMessage) => {
      if (message.type === 'ready') resolve(message.url);
      else reject(new UserError(message.message, message.exitCode === 2 ? 2 : 1));
    });
    child.on('error', (error) => reject(new UserError(`the ${role} could not be started: ${error.message}`)));
    child.on('exit', (code, signal) =>
      reject(
        new UserError(
          `the ${role} ended (${signal ?? `exit code ${code}`}) before it was ready; ${lastLogLine(logFile)}`,
        ),
      ),
    );
  });
  ready.catch(() => {});
  return {
    child,
    ready,
    release() {
      if (child.connected) child.disconnect();
      child.unref();
    },
  };
}

function lastLogLine(file: string): string {
  const lines = existsSync(file) ? readFileSync(file, 'utf8').trimEnd().split('\n') : [];
  const last = lines.findLast((line) => line.trim() !== '');
  return last ? `the end of ${file}: ${last.slice(0, 400)}` : `see ${file}`;
}

/** Tells the parent, when there is one that listens. */
export function tellParent(message: RoleMessage): void {
  if (process.connected) process.send?.(message);
}

/** Sends SIGTERM and waits; SIGKILL when it takes longer than the time given. */
export async function stopRole(
  dataDir: string,
  role: Role,
  { graceMs = 15_000, clock = realClock }: { graceMs?: number; clock?: Clock } = {},
): Promise<boolean> {
  const found = findRole(dataDir, role);
  if (!found) return false;
  const alive = () => startTicksOf(found.pid) === found.startTicks;
  const send = (signal: NodeJS.Signals) => {
    try {
      process.kill(found.pid, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EPERM')
        throw new UserError(`the ${role} (pid ${found.pid}) belongs to another user; run this as that user or as root`);
    }
  };
  send('SIGTERM');
  const killAt = clock.monotonic() + graceMs;
  while (alive()) {
    if (clock.monotonic() > killAt) send('SIGKILL');
    await clock.sleep(10);
  }
  removeRunFile(dataDir, role);
  return true;
}

/**
 * The frame of a role's main function: reports a failure to the parent and the log, and ends in an orderly way on
 * SIGTERM and SIGINT.
 */
export async function runRole(
  role: Role,
  dataDir: string,
  start: () => Promise<{ url?: string; node?: string; stop(): Promise<void> }>,
): Promise<void> {
  try {
    const running = await start();
    let stopping = false;
    const stop = () => {
      if (stopping) return;
      stopping = true;
      void running.stop().then(
        () => {
          removeRunFile(dataDir, role);
          process.exit(0);
        },
        (error: unknown) => {
          process.stderr.write(`${(error as Error).stack}\n`);
          process.exit(1);
        },
      );
    };
    process.on('SIGTERM', stop);
    process.on('SIGINT', stop);
    process.on('SIGHUP', () => {});
    const { url, node } = running;
    writeRunFile(dataDir, role, { ...(url ? { url } : {}), ...(node ? { node } : {}) });
    tellParent({ type: 'ready', ...(url ? { url } : {}) });
    // What was compiled is kept for the next start, which is then quicker and does not load the type stripper.
    flushCompileCache();
  } catch (error) {
    process.stderr.write(`${(error as Error).stack}\n`);
    tellParent({
      type: 'failed',
      message: (error as Error).message,
      exitCode: error instanceof UserError ? error.exitCode : 1,
    });
    process.exit(1);
  }
}
