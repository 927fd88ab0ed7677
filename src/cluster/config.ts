/** A cluster's settings: from flags and a configuration file at `up`, kept in the data dir from then on. */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseDocument } from 'yaml';
import { parseDuration } from '../base/duration.ts';

export type RuntimeChoice = 'auto' | 'cri' | 'sim';
export type StoreChoice = 'sqlite' | 'memory' | 'etcd';

/** Parts that `--disable` may leave out. */
export const optionalParts = [
  'dns',
  'service-proxy',
  'network-policy',
  'load-balancer',
  'scheduler',
  'controllers',
] as const;
export type OptionalPart = (typeof optionalParts)[number];

/** What a user may set, by flag or in the `--config` file (YAML, the same names). */
export interface ClusterSettings {
  /** DNS-1123 label; `default` when not given. */
  name: string;
  dataDir: string;
  apiPort: number | undefined;
  nodes: number;
  runtime: RuntimeChoice;
  criEndpoint: string | undefined;
  store: StoreChoice;
  etcdEndpoints: string[];
  /** Put before every key, so that others may use the same etcd; one per cluster. */
  etcdPrefix: string;
  etcdCa: string | undefined;
  etcdCert: string | undefined;
  etcdKey: string | undefined;
  podCidr: string | undefined;
  serviceCidr: string | undefined;
  disable: OptionalPart[];
  /** The authority that a new cluster's certificates come from, with its key; one of its own without. */
  caCert: string | undefined;
  caKey: string | undefined;
  authenticationConfig: string | undefined;
  /** Kubeconfig file of a server that is asked about tokens. */
  authenticationTokenWebhookConfigFile: string | undefined;
  tokenAuthFile: string | undefined;
  authorizationMode: string[] | undefined;
  /** Kubeconfig file of the server that the mode Webhook asks. */
  authorizationWebhookConfigFile: string | undefined;
  admissionConfig: string | undefined;
  /** Group-versions to serve besides those that are served by default. */
  runtimeConfig: string[];
  enableAdmission: string[];
  disableAdmission: string[];
  auditPolicy: string | undefined;
  auditLog: string | undefined;
  /** Kubeconfig file of a server that audit events are sent to, in batches. */
  auditWebhookConfigFile: string | undefined;
  encryptionKeyFile: string | undefined;
  /** A KubeletConfiguration of upstream's form, for the node on this machine. */
  kubeletConfig: string | undefined;
  schedulerConfig: string | undefined;
  leaderElect: boolean | undefined;
  /** How long a leader that has gone is waited for, as a duration: `15s`. */
  leaderElectLeaseDuration: string | undefined;
  /** A snapshot that a new cluster begins with. */
  fromSnapshot: string | undefined;
  /** Simulates the nodes that are there already, for a fork of a real cluster. */
  adoptNodes: boolean | undefined;
}

/** What is fixed when the cluster is made, and kept in `cluster.json` in the data dir. */
export interface ClusterConfig extends Omit<ClusterSettings, 'runtime' | 'podCidr' | 'serviceCidr' | 'apiPort'> {
  /** Version of this file's form. */
  formatVersion: 1;
  /** Identifies the cluster, so that a data dir is not mistaken for another's. */
  id: string;
  runtime: 'cri' | 'sim';
  podCidr: string;
  serviceCidr: string;
  apiPort: number;
  nodePortRange: [first: number, last: number];
  nodeName: string;
  /** Address that other machines and pods reach this one at. */
  nodeIp: string;
  clusterDomain: string;
  /** Where the kubeconfig was merged; undefined when only written to a file of its own. */
  kubeconfig: string;
}

/** A mistake of the user: printed as one line, exit code 2 (usage) or 1. */
export class UserError extends Error {
  readonly exitCode: 1 | 2;

  constructor(message: string, exitCode: 1 | 2 = 1) {
    super(message);
    this.name = 'UserError';
    this.exitCode = exitCode;
  }
}

/** The folder that holds the clusters' data dirs: /var/lib/timonel for root, else below the user's data home. */
export function dataRoot(): string {
  if (process.env['TIMONEL_DATA_ROOT']) return process.env['TIMONEL_DATA_ROOT'];
  if (process.getuid?.() === 0) return '/var/lib/timonel';
  return join(process.env['XDG_DATA_HOME'] ?? join(homedir(), '.local/share'), 'timonel');
}

export const defaultDataDir = (name: string): string => join(dataRoot(), name);

/** The context, cluster and user name in kubeconfig files. */
export const contextName = (name: string): string => (name === 'default' ? 'timonel' : `timonel-${name}`);

/** Files below the data dir. */
export const paths = (dataDir: string) => ({
  config: join(dataDir, 'cluster.json'),
  pki: join(dataDir, 'pki'),
  run: join(dataDir, 'run'),
  logs: join(dataDir, 'logs'),
  database: join(dataDir, 'state.db'),
  snapshots: join(dataDir, 'snapshots'),
  agent: join(dataDir, 'agent'),
  serverLog: join(dataDir, 'logs/server.log'),
  agentLog: join(dataDir, 'logs/agent.log'),
  adminKubeconfig: join(dataDir, 'admin.kubeconfig'),
});

/** The kept configuration; undefined when there is no cluster in the data dir. */
export function readConfig(dataDir: string): ClusterConfig | undefined {
  const file = paths(dataDir).config;
  if (!existsSync(file)) return undefined;
  let config: ClusterConfig;
  try {
    config = JSON.parse(readFileSync(file, 'utf8')) as ClusterConfig;
  } catch (error) {
    throw new UserError(
      `${file} is not readable as JSON (${(error as Error).message}); restore it from a backup, or remove the data dir to start anew`,
    );
  }
  if (config.formatVersion !== 1) {
    throw new UserError(
      `${file} was written by a newer Timonel (format ${config.formatVersion}); update Timonel to use this cluster`,
    );
  }
  return config;
}

/** A file that a flag names; the error says which. */
export function readUserFile(flag: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new UserError(
      `${flag} ${file} cannot be read (${(error as NodeJS.ErrnoException).code ?? (error as Error).message})`,
    );
  }
}

/** Writes a file whole or not at all; folders that it has to make are their owner's alone. */
export function writeFileAtomic(file: string, text: string, mode = 0o600): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const temporary = `${file}.${process.pid}.tmp`;
  writeFileSync(temporary, text, { mode });
  renameSync(temporary, file);
}

export function writeConfig(config: ClusterConfig): void {
  writeFileAtomic(paths(config.dataDir).config, `${JSON.stringify(config, null, 2)}\n`);
}

/** Reads a `--config` file; errors name the line. */
export function readSettingsFile(file: string): Partial<ClusterSettings> {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new UserError(`cannot read the configuration file ${file}: ${(error as Error).message}`);
  }
  const document = parseDocument(text, { prettyErrors: true });
  const problem = document.errors[0];
  if (problem) {
    const line = problem.linePos?.[0].line;
    throw new UserError(`${file}${line ? ` line ${line}` : ''}: ${problem.message.split('\n')[0]}`);
  }
  const value: unknown = document.toJS() ?? {};
  if (typeof value !== 'object' || Array.isArray(value))
    throw new UserError(`${file}: must be a map of settings, such as "nodes: 3"`);
  const known: ReadonlySet<string> = new Set(Object.keys(settingTypes));
  for (const [key, setting] of Object.entries(value as Record<string, unknown>)) {
    if (!known.has(key))
      throw new UserError(`${file}: unknown setting "${key}"; known are ${[...known].sort().join(', ')}`);
    const type = settingTypes[key as keyof ClusterSettings];
    const actual = Array.isArray(setting) ? 'list' : typeof setting;
    if (actual !== type) throw new UserError(`${file}: "${key}" must be a ${type}, not a ${actual}`);
  }
  return value as Partial<ClusterSettings>;
}

const settingTypes: Record<keyof ClusterSettings, 'string' | 'number' | 'boolean' | 'list'> = {
  name: 'string',
  dataDir: 'string',
  apiPort: 'number',
  nodes: 'number',
  runtime: 'string',
  criEndpoint: 'string',
  store: 'string',
  etcdEndpoints: 'list',
  etcdPrefix: 'string',
  etcdCa: 'string',
  etcdCert: 'string',
  etcdKey: 'string',
  podCidr: 'string',
  serviceCidr: 'string',
  disable: 'list',
  caCert: 'string',
  caKey: 'string',
  authenticationConfig: 'string',
  authenticationTokenWebhookConfigFile: 'string',
  tokenAuthFile: 'string',
  authorizationMode: 'list',
  authorizationWebhookConfigFile: 'string',
  admissionConfig: 'string',
  runtimeConfig: 'list',
  enableAdmission: 'list',
  disableAdmission: 'list',
  auditPolicy: 'string',
  auditLog: 'string',
  auditWebhookConfigFile: 'string',
  encryptionKeyFile: 'string',
  kubeletConfig: 'string',
  schedulerConfig: 'string',
  leaderElect: 'boolean',
  leaderElectLeaseDuration: 'string',
  fromSnapshot: 'string',
  adoptNodes: 'boolean',
};

/** Checks what the types cannot; throws a {@link UserError} that names the setting. */
export function validateSettings(settings: ClusterSettings): void {
  const wrong = (message: string) => new UserError(message, 2);
  if (!/^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$/.test(settings.name)) {
    throw wrong(
      `--name "${settings.name}" must be 1 to 32 lower-case letters, digits or dashes, and start and end with a letter or digit`,
    );
  }
  if (
    settings.apiPort !== undefined &&
    !(Number.isInteger(settings.apiPort) && settings.apiPort >= 0 && settings.apiPort < 65536)
  ) {
    throw wrong(`--api-port must be 0 to 65535, not ${settings.apiPort}`);
  }
  if (!Number.isInteger(settings.nodes) || settings.nodes < 0 || settings.nodes > 10_000) {
    throw wrong(`--nodes must be 0 to 10000, not ${settings.nodes}`);
  }
  if (!['auto', 'cri', 'sim'].includes(settings.runtime))
    throw wrong(`--runtime must be auto, cri or sim, not "${settings.runtime}"`);
  if (!['sqlite', 'memory', 'etcd'].includes(settings.store))
    throw wrong(`--store must be sqlite, memory or etcd, not "${settings.store}"`);
  if (settings.store === 'etcd' && settings.etcdEndpoints.length === 0)
    throw wrong('--store etcd needs --etcd-endpoints URL[,URL…]');
  for (const [flag, cidr] of [
    ['--pod-cidr', settings.podCidr],
    ['--service-cidr', settings.serviceCidr],
  ] as const) {
    if (cidr !== undefined && !/^\d+\.\d+\.\d+\.\d+\/\d+$/.test(cidr))
      throw wrong(`${flag} must be an IPv4 network such as 10.244.0.0/16, not "${cidr}"`);
  }
  if (Boolean(settings.caCert) !== Boolean(settings.caKey)) throw wrong('--ca-cert and --ca-key are needed together');
  const lease = settings.leaderElectLeaseDuration;
  if (lease !== undefined && !((parseDuration(lease) ?? 0) >= 1000)) {
    throw wrong(`--leader-elect-lease-duration "${lease}" must be a duration of at least 1s, such as 9s`);
  }
  for (const part of settings.disable) {
    if (!optionalParts.includes(part))
      throw wrong(`--disable ${part}: no such part; known are ${optionalParts.join(', ')}`);
  }
}
