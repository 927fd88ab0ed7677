import { realClock } from '../../base/clock.ts';
import { parseDuration } from '../../base/duration.ts';
import { adminClient, serverUrl } from '../../cluster/admin-client.ts';
import { writeKubeconfigs } from '../../cluster/admin-kubeconfig.ts';
import {
  type ClusterConfig,
  type ClusterSettings,
  contextName,
  defaultDataDir,
  paths,
  readSettingsFile,
  UserError,
} from '../../cluster/config.ts';
import { installPackages, nodePackages } from '../../cluster/packages.ts';
import { ensurePki, servingNames } from '../../cluster/pki.ts';
import { prepareCluster } from '../../cluster/prepare.ts';
import { findRole, type Role, type StartedRole, startRole, stopRole } from '../../cluster/processes.ts';
import { purgeNode } from '../../cluster/purge.ts';
import { NotUsableYet, waitUntilUsable } from '../../cluster/usable.ts';
import { createProgress, type OutputFormat, type Progress } from '../progress.ts';

/** Flags as commander gives them: what was not given is undefined. */
export interface UpOptions extends Partial<ClusterSettings> {
  readonly config?: string;
  readonly kubeconfig?: string;
  readonly authorizationMode?: string[];
  readonly foreground?: boolean;
  readonly wait: string;
  readonly output: OutputFormat;
}

/** `timonel up`: returns when the cluster is usable. */
export async function up(options: UpOptions): Promise<void> {
  const progress = createProgress(options.output);
  const waitMs = parseDuration(options.wait);
  if (waitMs === undefined) throw new UserError(`"${options.wait}" is not a duration; write it as 90s, 2m or 1h30m`, 2);
  const settings = resolveSettings(options);
  const running = (['server', 'agent'] as const).filter((role) => findRole(settings.dataDir, role));
  const { config, created, undo } = await prepareCluster(settings, {
    ...(options.kubeconfig ? { kubeconfig: options.kubeconfig } : {}),
    log: progress.note,
    beforeCreating: (runtime) => {
      if (runtime === 'cri' && !settings.criEndpoint) installPackages(nodePackages, progress.note);
    },
  });
  const wanted: Role[] = config.runtime === 'cri' ? ['server', 'agent'] : ['server'];
  const missing = wanted.filter((role) => !running.includes(role));
  if (missing.length === 0) {
    throw new UserError(
      `cluster "${config.name}" is already running at ${serverUrl(config)}; "timonel down --name ${config.name}" stops it, another --name starts a second one`,
    );
  }
  const started: StartedRole[] = [];
  try {
    await start(config, { missing, started, progress, waitMs });
  } catch (error) {
    if (error instanceof NotUsableYet) {
      publish(config, options.kubeconfig);
      for (const role of started) role.release();
      throw error;
    }
    for (const role of missing) await stopRole(config.dataDir, role);
    for (const { child } of started) child.kill('SIGKILL');
    if (created) {
      if (config.runtime === 'cri') await purgeNode(config, progress.warn);
      await undo();
    }
    throw error;
  }
  const merged = publish(config, options.kubeconfig);
  report(config, { merged, format: options.output, progress });
  if (options.foreground) await stayInForeground(config, started);
  else for (const role of started) role.release();
}

function resolveSettings(options: UpOptions): ClusterSettings {
  const file = options.config ? readSettingsFile(options.config) : {};
  const pick = <K extends keyof ClusterSettings>(key: K, fallback: ClusterSettings[K]): ClusterSettings[K] =>
    (options[key] ?? file[key] ?? fallback) as ClusterSettings[K];
  const name = pick('name', 'default');
  return {
    name,
    dataDir: pick('dataDir', defaultDataDir(name)),
    apiPort: pick('apiPort', undefined),
    nodes: pick('nodes', 1),
    runtime: pick('runtime', 'auto'),
    criEndpoint: pick('criEndpoint', undefined),
    store: pick('store', 'sqlite'),
    etcdEndpoints: pick('etcdEndpoints', []),
    etcdPrefix: pick('etcdPrefix', '/timonel'),
    etcdCa: pick('etcdCa', undefined),
    etcdCert: pick('etcdCert', undefined),
    etcdKey: pick('etcdKey', undefined),
    podCidr: pick('podCidr', undefined),
    serviceCidr: pick('serviceCidr', undefined),
    disable: pick('disable', []),
    caCert: pick('caCert', undefined),
    caKey: pick('caKey', undefined),
    authenticationConfig: pick('authenticationConfig', undefined),
    authenticationTokenWebhookConfigFile: pick('authenticationTokenWebhookConfigFile', undefined),
    tokenAuthFile: pick('tokenAuthFile', undefined),
    authorizationMode: pick('authorizationMode', undefined),
    authorizationWebhookConfigFile: pick('authorizationWebhookConfigFile', undefined),
    admissionConfig: pick('admissionConfig', undefined),
    runtimeConfig: pick('runtimeConfig', []),
    enableAdmission: pick('enableAdmission', []),
    disableAdmission: pick('disableAdmission', []),
    auditPolicy: pick('auditPolicy', undefined),
    auditLog: pick('auditLog', undefined),
    auditWebhookConfigFile: pick('auditWebhookConfigFile', undefined),
    encryptionKeyFile: pick('encryptionKeyFile', undefined),
    kubeletConfig: pick('kubeletConfig', undefined),
    schedulerConfig: pick('schedulerConfig', undefined),
    leaderElect: pick('leaderElect', undefined),
    leaderElectLeaseDuration: pick('leaderElectLeaseDuration', undefined),
    fromSnapshot: pick('fromSnapshot', undefined),
    adoptNodes: pick('adoptNodes', undefined),
  };
}

async function start(
  config: ClusterConfig,
  {
    missing,
    started,
    progress,
    waitMs,
  }: { missing: readonly Role[]; started: StartedRole[]; progress: Progress; waitMs: number },
): Promise<void> {
  const steps = new Map<Role, ReturnType<Progress['step']>>();
  for (const role of missing) {
    steps.set(role, progress.step(role === 'server' ? 'API server, controllers and scheduler' : 'Node agent'));
    started.push(startRole(config.dataDir, role));
  }
  const ready = missing.map(async (role, i) => {
    await started[i]!.ready;
    steps.get(role)?.done();
  });
  const failed = Promise.all(ready).then(() => new Promise<never>(() => {}));
  failed.catch(() => {});
  if (missing.includes('server')) await Promise.race([ready[missing.indexOf('server')]!, failed]);
  const usable = progress.step('Cluster usable');
  const client = adminClient(config);
  try {
    await waitUntilUsable(client, config, { timeoutMs: waitMs, failed });
  } finally {
    await client.transport.close();
  }
  await Promise.all(ready);
  usable.done();
}

function publish(config: ClusterConfig, file: string | undefined): string {
  return writeKubeconfigs(config, ensurePki(paths(config.dataDir).pki, servingNames(config), realClock.now()), file);
}

function report(
  config: ClusterConfig,
  { merged, format, progress }: { merged: string; format: OutputFormat; progress: Progress },
): void {
  const facts = {
    name: config.name,
    url: serverUrl(config),
    kubeconfig: merged,
    context: contextName(config.name),
    runtime: config.runtime,
    nodes: config.nodes,
  };
  if (format === 'json') {
    process.stdout.write(`${JSON.stringify(facts)}\n`);
    return;
  }
  if (config.runtime === 'sim') progress.warn('Nodes are simulated: pods go through their life without containers.');
  progress.note(`Cluster "${config.name}" runs at ${facts.url} (context ${facts.context} in ${merged}).`);
  progress.note('Try next: kubectl get nodes');
}

async function stayInForeground(config: ClusterConfig, started: readonly StartedRole[]): Promise<void> {
  await new Promise<void>((resolve) => {
    process.once('SIGINT', resolve);
    process.once('SIGTERM', resolve);
    for (const { child } of started) child.once('exit', () => resolve());
  });
  await stopRole(config.dataDir, 'agent');
  await stopRole(config.dataDir, 'server');
}
