/**
 * Our own containerd: a child with its own configuration, socket, root and state, detached so that it and every container
 * outlive a crash of the agent, and found again by the next one.
 */
import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Clock, realClock } from '../base/clock.ts';
import { type Logger, silentLogger } from '../base/log.ts';
import { containerdConfig } from './containerd-config.ts';
import { type ContainerdPaths, containerdPaths, findRunning } from './containerd-paths.ts';
import { purgeContainerd } from './containerd-purge.ts';
import { importArchive } from './import-image.ts';
import { bootId, findProgram, hasCapability, supportsOverlay } from './machine.ts';
import { imageArchitecture } from './oci-image.ts';
import { packPauseImage, pauseImageName } from './pause-image.ts';
import { endProcess, identifyProcess, isAlive, type ProcessIdentity } from './processes.ts';
import { type CriRuntime, connectCri } from './runtime.ts';
import { pause } from './wait.ts';

export interface ContainerdOptions {
  /** Everything that containerd keeps is under this directory, in `containerd/`. */
  readonly dataDir: string;
  /** Where the network's configuration is; `<dataDir>/cni` when absent. */
  readonly cniConfDir?: string;
  /** Where the CNI plugins are; the first directory that exists is used. */
  readonly cniBinDirs?: readonly string[];
  readonly cgroupDriver?: 'cgroupfs' | 'systemd';
  readonly clock?: Clock;
  readonly log?: Logger;
  /** How long it may take to answer; 20 s when absent. */
  readonly startTimeoutMs?: number;
}

/** A running containerd of ours. */
export interface Containerd {
  readonly endpoint: string;
  readonly socket: string;
  readonly pid: number;
  /** True when one that ran already was taken over. */
  readonly adopted: boolean;
  readonly snapshotter: 'overlayfs' | 'native';
  /** A connection, made once and closed by close(). */
  readonly runtime: CriRuntime;
  /** Imports an OCI or docker archive, plain or gzipped; resolves with the images' names. */
  importImages(archive: AsyncIterable<Uint8Array>): Promise<string[]>;
  /** Called when the process ends without stop(); it is started again by itself. */
  onExit(listener: () => void): void;
  /** Lets go of it: it and the containers keep running. */
  close(): void;
  /** Ends containerd; containers keep running and are found again by the next start. */
  stop(): Promise<void>;
  /** Ends all pods and containerd and removes everything they made outside and inside the data dir. */
  purge(): Promise<void>;
}

/** What could not be done about containerd; the message says what to install or free. */
export class ContainerdError extends Error {
  override readonly name = 'ContainerdError';
  readonly code: 'missing-program' | 'start-failed' | 'not-root';
  constructor(code: ContainerdError['code'], message: string) {
    super(message);
    this.code = code;
  }
}

/** How often the process is looked at. */
const aliveCheckMs = 1000;

const usualCniDirs = ['/opt/cni/bin', '/usr/lib/cni', '/usr/libexec/cni'];

/** Starts containerd for a data dir, or takes over the one that runs for it. Resolves when it answers and has the pause image. */
export async function superviseContainerd(options: ContainerdOptions): Promise<Containerd> {
  const clock = options.clock ?? realClock;
  const log = options.log ?? silentLogger;
  const paths = containerdPaths(options.dataDir);
  const program = requirePrograms();
  const cniConfDir = options.cniConfDir ?? join(options.dataDir, 'cni');
  for (const dir of [paths.base, paths.root, paths.state, paths.socketDir, cniConfDir]) {
    mkdirSync(dir, { recursive: true, mode: 0o711 });
  }
  clearAfterReboot(paths);

  const snapshotter = chooseSnapshotter(paths);
  const configFile = join(paths.base, 'config.toml');
  const start = () => {
    rmSync(paths.socket, { force: true });
    rmSync(`${paths.socket}.ttrpc`, { force: true });
    const config = containerdConfig({
      ...paths,
      cniConfDir,
      cniBinDirs: (options.cniBinDirs ?? usualCniDirs).filter((dir) => existsSync(dir)),
      registryDir: join(options.dataDir, 'registries'),
      snapshotter,
      systemdCgroup: options.cgroupDriver === 'systemd',
      restrictOomScoreAdj: !hasCapability('CAP_SYS_RESOURCE'),
    });
    writeFileSync(configFile, config);
    return launch(program, configFile, paths);
  };
  const found = findRunning(paths);
  let identity = found ?? start();
  const runtime = connectCri(`unix://${paths.socket}`);
  try {
    await whenAnswering(runtime, identity, { clock, paths, timeoutMs: options.startTimeoutMs ?? 20_000 });
    const importImages = (archive: AsyncIterable<Uint8Array>) =>
      importArchive(archive, { runtime, clock, snapshotter });
    if (!(await hasImage(runtime, pauseImageName))) {
      await importImages(once(packPauseImage(imageArchitecture(process.arch))));
    }
    log.info(found ? 'containerd adopted' : 'containerd started', { pid: identity.pid, socket: paths.socket });
    const exitListeners: (() => void)[] = [];
    const watch = clock.every(aliveCheckMs, () => {
      if (isAlive(identity)) return;
      log.error('containerd has ended and is started again; containers keep running', { pid: identity.pid });
      for (const listener of exitListeners) listener();
      try {
        identity = findRunning(paths) ?? start();
      } catch (error) {
        log.error('containerd could not be started again', { error });
      }
    });
    const close = () => {
      watch.cancel();
      runtime.close();
    };
    return {
      endpoint: runtime.endpoint,
      socket: paths.socket,
      get pid() {
        return identity.pid;
      },
      adopted: found !== undefined,
      snapshotter,
      runtime,
      importImages,
      onExit: (listener) => exitListeners.push(listener),
      close,
      async stop() {
        close();
        await endProcess(identity, clock, 10_000);
        rmSync(paths.pidFile, { force: true });
      },
      async purge() {
        watch.cancel();
        await purgeContainerd(options.dataDir, { clock, log, runtime });
        runtime.close();
      },
    };
  } catch (error) {
    runtime.close();
    if (!found) await endProcess(identity, clock, 2000);
    throw error;
  }
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

function requirePrograms(): string {
  if (process.getuid?.() !== 0) {
    throw new ContainerdError('not-root', 'containerd needs root: run as root, or use simulated nodes');
  }
  const missing = ['containerd', 'ctr', 'runc'].filter((name) => !findProgram(name));
  if (missing.length > 0) {
    throw new ContainerdError(
      'missing-program',
      `${missing.join(', ')} not found: install the packages containerd and runc`,
    );
  }
  return findProgram('containerd')!;
}

/** Mounts and processes do not survive a reboot; the state directory then tells of tasks that are not there. */
function clearAfterReboot(paths: ContainerdPaths): void {
  const bootFile = join(paths.base, 'boot-id');
  const now = bootId();
  const then = existsSync(bootFile) ? readFileSync(bootFile, 'utf8') : now;
  if (then !== now) {
    for (const dir of [paths.state, paths.runcRoot]) rmSync(dir, { recursive: true, force: true });
    rmSync(paths.pidFile, { force: true });
    mkdirSync(paths.state, { recursive: true, mode: 0o711 });
  }
  writeFileSync(bootFile, now);
}

/** The choice is kept: images unpacked by one snapshotter are not seen by the other. */
function chooseSnapshotter(paths: ContainerdPaths): 'overlayfs' | 'native' {
  const file = join(paths.base, 'snapshotter');
  const kept = existsSync(file) ? readFileSync(file, 'utf8') : '';
  if (kept === 'overlayfs' || kept === 'native') return kept;
  const chosen = supportsOverlay(paths.root) ? 'overlayfs' : 'native';
  writeFileSync(file, chosen);
  return chosen;
}

function launch(program: string, configFile: string, paths: ContainerdPaths): ProcessIdentity {
  const logFile = openSync(paths.logFile, 'a');
  // Its PATH must reach runc, the shim and the CNI plugins' own tools.
  const path = [...new Set([...(process.env['PATH'] ?? '').split(':'), '/usr/sbin', '/usr/bin', '/sbin', '/bin'])];
  const child = spawn(program, ['--config', configFile], {
    cwd: '/',
    detached: true,
    stdio: ['ignore', logFile, logFile],
    env: { PATH: path.filter((dir) => dir && !dir.includes('node_modules')).join(':'), ...proxySettings() },
  });
  closeSync(logFile);
  child.on('error', () => {});
  child.unref();
  const identity = child.pid === undefined ? undefined : identifyProcess(child.pid);
  if (!identity) throw new ContainerdError('start-failed', `${program} could not be started`);
  writeFileSync(paths.pidFile, JSON.stringify(identity));
  return identity;
}

function proxySettings(): Record<string, string> {
  const names = ['HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'http_proxy', 'https_proxy', 'no_proxy', 'SSL_CERT_FILE'];
  return Object.fromEntries(names.flatMap((name) => (process.env[name] ? [[name, process.env[name]!]] : [])));
}

async function whenAnswering(
  runtime: CriRuntime,
  identity: ProcessIdentity,
  { clock, paths, timeoutMs }: { clock: Clock; paths: ContainerdPaths; timeoutMs: number },
): Promise<void> {
  const start = clock.monotonic();
  for (;;) {
    if (existsSync(paths.socket)) {
      try {
        await runtime.runtime.version({}, { timeoutMs: 1000 });
        return;
      } catch {
        // It listens before its plugins are ready; ask again.
      }
    }
    const alive = isAlive(identity);
    if (!alive || clock.monotonic() - start > timeoutMs) {
      const how = alive ? `does not answer after ${timeoutMs / 1000} s` : 'ended at once';
      throw new ContainerdError(
        'start-failed',
        `containerd ${how}: ${lastErrors(paths.logFile)} (log: ${paths.logFile})`,
      );
    }
    await pause(clock, 10);
  }
}

function lastErrors(logFile: string): string {
  const lines = existsSync(logFile) ? readFileSync(logFile, 'utf8').trim().split('\n') : [];
  const telling = lines.filter((line) => /level=(error|fatal)|panic|^containerd: /.test(line));
  return (telling.at(-1) ?? lines.at(-1) ?? 'it wrote nothing').slice(0, 500);
}

async function hasImage(runtime: CriRuntime, name: string): Promise<boolean> {
  return (await runtime.images.imageStatus({ image: { image: name } })).image !== undefined;
}
