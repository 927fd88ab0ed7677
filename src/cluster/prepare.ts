/** Making a cluster's data dir: its configuration, networks, port and keys; or reading what an earlier `up` made. */
import { accessSync, constants, existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { realClock } from '../base/clock.ts';
import { realRandom } from '../base/random.ts';
import { pickCidrs } from '../network/pod-network/pick-cidrs.ts';
import {
  type ClusterConfig,
  type ClusterSettings,
  paths,
  readConfig,
  readUserFile,
  UserError,
  validateSettings,
  writeConfig,
} from './config.ts';
import { listClusters } from './find.ts';
import { defaultKubeconfigPath } from './kubeconfig.ts';
import { kubeletSettings } from './kubelet-settings.ts';
import { machineAddress } from './networks.ts';
import { adoptAuthority, ensureAgentPki, ensurePki, servingNames } from './pki.ts';
import { schedulerSettings } from './scheduler-settings.ts';
import { settleSharedState } from './shared-state.ts';
import { fillFromSnapshot } from './snapshots.ts';

export interface PrepareOptions {
  /** A kubeconfig to write instead of merging. */
  readonly kubeconfig?: string;
  log(message: string): void;
  /** Called with the runtime that was chosen before anything is written. */
  beforeCreating(runtime: 'cri' | 'sim'): void;
}

export interface PreparedCluster {
  readonly config: ClusterConfig;
  /** False when the cluster was there before. */
  readonly created: boolean;
  /** Takes back what was made. */
  undo(): Promise<void>;
}

const defaultApiPort = 6443;

/** Reads or makes the configuration. Throws a UserError, and leaves nothing behind, when the settings cannot work here. */
export async function prepareCluster(given: ClusterSettings, options: PrepareOptions): Promise<PreparedCluster> {
  const settings = withAbsoluteFiles(given);
  validateSettings(settings);
  kubeletSettings(settings);
  schedulerSettings(settings);
  const dataDir = resolve(settings.dataDir);
  const known = readConfig(dataDir);
  if (known) {
    refuseChanges(known, settings);
    options.beforeCreating(known.runtime);
    return { config: known, created: false, undo: async () => {} };
  }
  const runtime = chooseRuntime(settings, options);
  if (runtime === 'cri' && settings.nodes !== 1) {
    throw new UserError(
      `--nodes ${settings.nodes}: one machine is one node when containers are real; use --runtime sim for more`,
      2,
    );
  }
  const existed = existsSync(dataDir);
  checkWritable(dataDir);
  options.beforeCreating(runtime);
  const apiPort = await choosePort(settings);
  const networks = await chooseNetworks(settings, runtime);
  let config: ClusterConfig = {
    ...settings,
    formatVersion: 1,
    id: realRandom.uuid(),
    dataDir,
    runtime,
    apiPort,
    ...networks,
    nodePortRange: [30000, 32767],
    nodeName: nodeNameOf(hostname()),
    nodeIp: machineAddress(),
    clusterDomain: 'cluster.local',
    kubeconfig: options.kubeconfig ? resolve(options.kubeconfig) : defaultKubeconfigPath(),
  };
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const now = realClock.now();
  const undo = async () => {
    if (!existed) rmSync(dataDir, { recursive: true, force: true });
    else for (const entry of readdirSync(dataDir)) rmSync(join(dataDir, entry), { recursive: true, force: true });
  };
  const undoOnError = async <T>(act: () => T | Promise<T>): Promise<T> => {
    try {
      return await act();
    } catch (error) {
      await undo();
      throw error;
    }
  };
  const { fromSnapshot } = settings;
  if (fromSnapshot) await undoOnError(() => fillFromSnapshot(fromSnapshot, config));
  if (settings.caCert && settings.caKey) {
    const authority = {
      cert: readUserFile('--ca-cert', settings.caCert),
      key: readUserFile('--ca-key', settings.caKey),
    };
    await undoOnError(() => adoptAuthority(paths(dataDir).pki, authority, now));
  }
  if (config.store === 'etcd') {
    const make = () => ensurePki(paths(dataDir).pki, servingNames(config), now);
    const shared = await undoOnError(() => settleSharedState(config, config, make));
    config = { ...config, ...shared };
  }
  const pki = ensurePki(paths(dataDir).pki, servingNames(config), now);
  if (runtime === 'cri')
    ensureAgentPki(join(paths(dataDir).agent, 'pki'), {
      ca: pki.ca,
      nodeName: config.nodeName,
      nodeIp: config.nodeIp,
      now,
    });
  writeConfig(config);
  return {
    config,
    created: true,
    undo,
  };
}

const fileSettings = [
  'etcdCa',
  'etcdCert',
  'etcdKey',
  'caCert',
  'caKey',
  'authenticationConfig',
  'authenticationTokenWebhookConfigFile',
  'tokenAuthFile',
  'authorizationWebhookConfigFile',
  'admissionConfig',
  'auditPolicy',
  'auditLog',
  'auditWebhookConfigFile',
  'encryptionKeyFile',
  'kubeletConfig',
  'schedulerConfig',
] as const;

/** The processes run elsewhere than the command: files are named from the root. */
function withAbsoluteFiles(settings: ClusterSettings): ClusterSettings {
  const absolute = fileSettings.flatMap((key) => (settings[key] ? [[key, resolve(settings[key])]] : []));
  return { ...settings, ...Object.fromEntries(absolute) };
}

/** What a cluster is made with stays; a flag that says otherwise is a mistake worth a line. */
function refuseChanges(known: ClusterConfig, settings: ClusterSettings): void {
  const fixed: [flag: string, now: unknown, asked: unknown][] = [
    ['--runtime', known.runtime, settings.runtime === 'auto' ? undefined : settings.runtime],
    ['--store', known.store, settings.store === 'sqlite' ? undefined : settings.store],
    ['--pod-cidr', known.podCidr, settings.podCidr],
    ['--service-cidr', known.serviceCidr, settings.serviceCidr],
    ['--api-port', known.apiPort, settings.apiPort || undefined],
    ['--cri-endpoint', known.criEndpoint, settings.criEndpoint],
    ['--ca-cert', known.caCert, settings.caCert],
  ];
  for (const [flag, now, asked] of fixed) {
    if (asked !== undefined && asked !== now) {
      throw new UserError(
        `cluster "${known.name}" was made with ${flag} ${now ?? '(not set)'}, not ${asked}; leave the flag out, or make the cluster anew after "timonel down --purge"`,
      );
    }
  }
}

function chooseRuntime(settings: ClusterSettings, options: PrepareOptions): 'cri' | 'sim' {
  const possible = process.platform === 'linux' && process.getuid?.() === 0;
  if (settings.runtime === 'sim') return 'sim';
  if (possible) return settings.nodes === 1 || settings.runtime === 'cri' ? 'cri' : 'sim';
  if (settings.runtime === 'cri')
    throw new UserError('real containers need root on Linux; run this with sudo, or use --runtime sim');
  options.log('Not root on Linux: nodes are simulated (run with sudo for real containers).');
  return 'sim';
}

function checkWritable(dataDir: string): void {
  let existing = dataDir;
  while (!existsSync(existing)) existing = resolve(existing, '..');
  try {
    accessSync(existing, constants.W_OK | constants.X_OK);
    if (existing !== dataDir) return;
    const entries = readdirSync(dataDir);
    if (entries.length > 0)
      throw new UserError(
        `the data dir ${dataDir} is not empty and holds no cluster; name an empty one with --data-dir`,
      );
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(
      `the data dir ${dataDir} cannot be written (${(error as NodeJS.ErrnoException).code ?? (error as Error).message}); name another with --data-dir, or change its owner`,
    );
  }
}

/** Real pods need networks that nothing else on the machine uses; simulated ones never send a packet. */
async function chooseNetworks(
  settings: ClusterSettings,
  runtime: 'cri' | 'sim',
): Promise<{ podCidr: string; serviceCidr: string }> {
  const free =
    runtime === 'sim' || (settings.podCidr && settings.serviceCidr)
      ? { podCidr: '10.244.0.0/16', serviceCidr: '10.96.0.0/16' }
      : await pickCidrs({ avoid: listClusters().flatMap((c) => [c.podCidr, c.serviceCidr]) });
  return { podCidr: settings.podCidr ?? free.podCidr, serviceCidr: settings.serviceCidr ?? free.serviceCidr };
}

async function choosePort(settings: ClusterSettings): Promise<number> {
  if (settings.apiPort) {
    if (!(await isFree(settings.apiPort)))
      throw new UserError(
        `port ${settings.apiPort} is taken by another program; name another with --api-port, or 0 for a free one`,
      );
    return settings.apiPort;
  }
  if (settings.apiPort === undefined && settings.name === 'default' && (await isFree(defaultApiPort)))
    return defaultApiPort;
  return freePort();
}

/** Whether nothing listens on a port of any address. */
export function isFree(port: number): Promise<boolean> {
  return new Promise((done) => {
    const probe = createServer();
    probe.once('error', () => done(false));
    probe.listen({ port, host: '0.0.0.0', exclusive: true }, () => probe.close(() => done(true)));
  });
}

function freePort(): Promise<number> {
  return new Promise((done, fail) => {
    const probe = createServer();
    probe.once('error', fail);
    probe.listen({ port: 0, host: '0.0.0.0' }, () => {
      const address = probe.address();
      probe.close(() => done(typeof address === 'object' && address ? address.port : 0));
    });
  });
}

/** A machine's name as a node name: a DNS-1123 subdomain. */
function nodeNameOf(host: string): string {
  const name = host
    .toLowerCase()
    .replace(/[^a-z0-9.-]+/g, '-')
    .replace(/^[^a-z0-9]+|[^a-z0-9]+$/g, '');
  return name || 'node';
}
