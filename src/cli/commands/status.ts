import { adminClient, serverUrl } from '../../cluster/admin-client.ts';
import { findCluster } from '../../cluster/find.ts';
import { findRole } from '../../cluster/processes.ts';
import { usability } from '../../cluster/usable.ts';

interface StatusOptions {
  readonly name?: string;
  readonly dataDir?: string;
  readonly output: 'text' | 'json';
}

/** `timonel status`: exit code 0 when the cluster is usable, 1 when not. */
export async function status(options: StatusOptions): Promise<void> {
  const config = findCluster(options);
  const server = findRole(config.dataDir, 'server');
  const agent = findRole(config.dataDir, 'agent');
  const client = server ? adminClient(config) : undefined;
  const missing = client ? await usability(client, config) : ['the server does not run'];
  await client?.transport.close();
  const needsAgent = config.runtime === 'cri';
  if (needsAgent && !agent) missing.push('the node agent does not run');
  const phase = !server && !agent ? 'Stopped' : missing.length ? 'Degraded' : 'Running';
  const report = {
    name: config.name,
    phase,
    server: server ? { pid: server.pid, url: server.url ?? serverUrl(config) } : null,
    agents: agent ? [{ node: agent.node ?? config.nodeName, pid: agent.pid }] : [],
    runtime: config.runtime === 'cri' ? (config.criEndpoint ?? 'containerd') : 'sim',
    store: config.store,
    kubeconfig: config.kubeconfig,
    dataDir: config.dataDir,
    ...(missing.length ? { missing } : {}),
  };
  if (options.output === 'json') process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
  else {
    const row = (title: string, text: string) => process.stdout.write(`${title.padEnd(12)}${text}\n`);
    row('cluster', config.name);
    row('phase', phase);
    row('server', server ? `pid ${server.pid}, ${report.server?.url}` : 'not running');
    if (needsAgent) row('agent', agent ? `pid ${agent.pid}, node ${config.nodeName}` : 'not running');
    row('runtime', report.runtime);
    row('store', config.store);
    row('kubeconfig', config.kubeconfig);
    row('data', config.dataDir);
    for (const line of missing) row('missing', line);
  }
  if (phase !== 'Running') process.exitCode = 1;
}
