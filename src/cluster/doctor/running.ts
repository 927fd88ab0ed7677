/** The cluster's processes, port, kubeconfig, nodes and pods. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseDocument } from 'yaml';
import { Node } from '../../api/core/node.ts';
import { Pod } from '../../api/core/pod.ts';
import type { Shared } from '../../api/kind.ts';
import { parseTime } from '../../base/clock.ts';
import { adminClient, serverUrl } from '../admin-client.ts';
import { type ClusterConfig, contextName, paths } from '../config.ts';
import { isFree } from '../prepare.ts';
import { findRole, type Role } from '../processes.ts';
import { usability } from '../usable.ts';
import { factsOf } from './files.ts';
import { type Finding, Findings } from './finding.ts';
import { socketsOf } from './sockets.ts';

/** Pods younger than this are on their way. */
const patienceMs = 30_000;
/** Waiting for these is the normal course of a start. */
const passing: ReadonlySet<string> = new Set(['ContainerCreating', 'PodInitializing']);
const shownPods = 20;

/** Looks at everything that runs, or should. */
export async function examineRunning(config: ClusterConfig, now: number): Promise<Finding[]> {
  const found = new Findings('cluster');
  const serverRuns = examineProcess(found, config, 'server');
  if (config.runtime === 'cri') examineProcess(found, config, 'agent');
  await examinePort(found, config);
  examineKubeconfig(found, config);
  if (serverRuns) await examineObjects(found, config, now);
  return found.list;
}

function examineProcess(found: Findings, config: ClusterConfig, role: Role): boolean {
  const running = findRole(config.dataDir, role);
  const up = `timonel up --name ${config.name}`;
  if (running) found.ok(role, `runs as pid ${running.pid}`);
  else if (existsSync(join(paths(config.dataDir).run, `${role}.json`)))
    found.broken(
      role,
      `the ${role} has ended without being told to`,
      `"timonel logs --of ${role}" tells why; "${up}" starts it`,
    );
  else if (role === 'agent' && findRole(config.dataDir, 'server'))
    found.broken(role, 'the agent does not run, but the server does', `"${up}" starts it`);
  else found.warn(role, `the ${role} is stopped`, `"${up}" starts it`);
  return running !== undefined;
}

async function examinePort(found: Findings, config: ClusterConfig): Promise<void> {
  const server = findRole(config.dataDir, 'server');
  const port = config.apiPort;
  if (!server) {
    if (await isFree(port)) found.ok('API port', `${port} is free for the server`);
    else
      found.broken(
        'API port',
        `${port} is taken by another program, so the server cannot start`,
        `end that program (ss -ltnp "sport = :${port}" names it)`,
      );
    return;
  }
  const sockets = socketsOf(server.pid);
  if (!sockets) {
    found.warn('API port', `cannot see who listens on ${port}`, 'run this as the user of the server');
    return;
  }
  if (sockets.some((socket) => socket.port === port)) found.ok('API port', `the server listens on ${port}`);
  else
    found.broken(
      'API port',
      `the server does not listen on ${port}`,
      `"timonel logs --of server" tells why; then "timonel down" and "timonel up"`,
    );
}

interface Entry<T> {
  readonly name?: string;
  readonly cluster?: T;
  readonly context?: T;
}

function examineKubeconfig(found: Findings, config: ClusterConfig): void {
  const file = config.kubeconfig;
  const name = contextName(config.name);
  const restore = `"timonel up --name ${config.name}" writes it again, "timonel kubeconfig" prints it`;
  const facts = factsOf(file);
  if (!facts) {
    found.warn('kubeconfig', `${file} does not exist`, restore);
    return;
  }
  let document: {
    contexts?: Entry<{ cluster?: string }>[];
    clusters?: Entry<{ server?: string; 'certificate-authority-data'?: string }>[];
  };
  try {
    const parsed = parseDocument(readFileSync(file, 'utf8'));
    if (parsed.errors[0]) throw parsed.errors[0];
    document = parsed.toJS() ?? {};
  } catch (error) {
    found.broken('kubeconfig', `${file} cannot be read: ${(error as Error).message.split('\n')[0]}`, 'mend it');
    return;
  }
  const context = document.contexts?.find((entry) => entry.name === name)?.context;
  if (!context) {
    found.warn('kubeconfig', `${file} has no context ${name}`, restore);
    return;
  }
  const cluster = document.clusters?.find((entry) => entry.name === context.cluster)?.cluster;
  const ca = readFileSync(join(paths(config.dataDir).pki, 'ca.crt'), 'utf8');
  if (cluster?.server !== serverUrl(config))
    found.broken(
      'kubeconfig',
      `context ${name} of ${file} leads to ${cluster?.server ?? 'no server'}, the cluster is at ${serverUrl(config)}`,
      restore,
    );
  else if (Buffer.from(cluster['certificate-authority-data'] ?? '', 'base64').toString() !== ca)
    found.broken('kubeconfig', `context ${name} of ${file} trusts another authority than the cluster's`, restore);
  else if (facts.mode & 0o077)
    found.warn('kubeconfig', `others may read ${file} (${facts.mode.toString(8)})`, `chmod 600 ${file}`);
  else found.ok('kubeconfig', `context ${name} in ${file}`);
}

async function examineObjects(found: Findings, config: ClusterConfig, now: number): Promise<void> {
  const client = adminClient(config);
  try {
    const missing = await usability(client, config);
    for (const what of missing) found.broken('usable', `missing: ${what}`, '"timonel logs" tells more');
    if (!missing.length) found.ok('usable', 'API, default service account, nodes and names are there');
    const [nodes, pods] = await Promise.all([client.list(Node), client.list(Pod)]);
    examineNodes(found, nodes.items);
    examinePods(found, pods.items, now);
  } catch (error) {
    found.broken('API server', (error as Error).message, '"timonel logs --of server" tells more');
  } finally {
    await client.transport.close();
  }
}

function examineNodes(found: Findings, nodes: readonly Shared<Node>[]): void {
  let good = 0;
  for (const { metadata, spec, status } of nodes) {
    const ready = status.conditions?.find((c) => c.type === 'Ready');
    const pressing = status.conditions?.filter((c) => c.type !== 'Ready' && c.status === 'True') ?? [];
    const describe = `"kubectl describe node ${metadata.name}" tells more`;
    if (ready?.status !== 'True')
      found.warn(
        'nodes',
        `${metadata.name} is not ready: ${ready?.message || ready?.reason || 'it has not reported'}`,
        describe,
      );
    else if (pressing.length)
      found.warn(
        'nodes',
        `${metadata.name} has ${pressing.map((c) => `${c.type} (${c.message})`).join(', ')}`,
        describe,
      );
    else if (spec.unschedulable)
      found.warn(
        'nodes',
        `${metadata.name} takes no pods`,
        `kubectl uncordon ${metadata.name} when its maintenance is over`,
      );
    else good++;
  }
  if (good === nodes.length) found.ok('nodes', `${good} of ${nodes.length} ready`);
}

function examinePods(found: Findings, pods: readonly Shared<Pod>[], now: number): void {
  const stuck = pods.flatMap((pod) => {
    const why = whyStuck(pod, now);
    return why ? [{ pod, why }] : [];
  });
  for (const { pod, why } of stuck.slice(0, shownPods)) {
    const { namespace, name } = pod.metadata;
    found.warn('pods', `${namespace}/${name} ${why}`, `kubectl describe pod ${name} -n ${namespace}`);
  }
  if (stuck.length > shownPods) found.warn('pods', `${stuck.length - shownPods} more are stuck`, 'kubectl get pods -A');
  if (!stuck.length) found.ok('pods', `${pods.length}, none stuck`);
}

/** Why a pod does not get on, in words; undefined when it does, or is too young to tell. Crash loops count at once. */
export function whyStuck(pod: Shared<Pod>, now: number): string | undefined {
  const { metadata, status } = pod;
  if (status.phase === 'Succeeded' || status.phase === 'Failed') return undefined;
  if (metadata.deletionTimestamp) {
    const overdue = now - parseTime(metadata.deletionTimestamp) > patienceMs;
    const finalizers = metadata.finalizers?.length ? `; finalizers: ${metadata.finalizers.join(', ')}` : '';
    return overdue ? `should have been gone since ${metadata.deletionTimestamp}${finalizers}` : undefined;
  }
  const waiting = [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])].find(
    ({ state }) => state?.waiting?.reason && !passing.has(state.waiting.reason),
  );
  if (waiting) {
    const { reason, message } = waiting.state!.waiting!;
    return `container ${waiting.name}: ${reason}${message ? `, ${message}` : ''}`;
  }
  const young = now - parseTime(metadata.creationTimestamp) < patienceMs;
  if (young || status.phase === 'Running') return undefined;
  const unscheduled = status.conditions?.find((c) => c.type === 'PodScheduled' && c.status !== 'True');
  if (unscheduled) return `Pending: ${unscheduled.message || unscheduled.reason || 'not scheduled'}`;
  return `Pending since ${metadata.creationTimestamp}`;
}
