/** The server process of `timonel up`: control plane with HTTPS, and the simulated nodes where there are no others. */
import { Node } from '../api/core/node.ts';
import { loopbackUser, roleUser } from '../apiserver/user.ts';
import { realClock } from '../base/clock.ts';
import { parseDuration } from '../base/duration.ts';
import { createLogger } from '../base/log.ts';
import { realRandom } from '../base/random.ts';
import { startSimulatedNodes } from '../kubelet/simulated/simulated-nodes.ts';
import { renewKubeconfigs } from './admin-kubeconfig.ts';
import { ensureSystemObjects } from './bootstrap.ts';
import { type ClusterConfig, paths, readConfig, readUserFile, UserError } from './config.ts';
import { type ControlPlaneOptions, startControlPlane } from './control-plane.ts';
import { serveControl } from './control-socket.ts';
import { blockOf } from './networks.ts';
import { type ClusterPki, ensurePki, issueKubeletServer, servingNames } from './pki.ts';
import { runRole } from './processes.ts';
import { renewWhileRunning } from './renewal.ts';
import { schedulerSettings } from './scheduler-settings.ts';
import { readSecurity } from './security.ts';
import { saveFrom } from './snapshots.ts';
import { openStore } from './stores.ts';

/** Runs until SIGTERM. */
export async function runServerProcess(dataDir: string): Promise<void> {
  const log = createLogger().child({ role: 'server' });
  await runRole('server', dataDir, async () => {
    const config = readConfig(dataDir);
    if (!config) throw new UserError(`there is no cluster in ${dataDir}`);
    const pki = ensurePki(paths(dataDir).pki, servingNames(config), realClock.now());
    const store = await openStore(config, log);
    const plane = await startControlPlane({
      store,
      clock: realClock,
      random: realRandom,
      log,
      pki,
      clusterName: config.name,
      clusterDomain: config.clusterDomain,
      podCidr: config.podCidr,
      serviceCidr: config.serviceCidr,
      nodePortRange: config.nodePortRange,
      disable: config.disable,
      // Clusters made by an earlier version have no such setting; `=true` is upstream's way to write it.
      runtimeConfig: (config.runtimeConfig ?? []).map((version) => version.replace(/=true$/, '')),
      advertise: { address: config.nodeIp, port: config.apiPort },
      security: readSecurity(config, { clock: realClock, random: realRandom, log }),
      ...schedulerSettings(config),
      ...(config.encryptionKeyFile
        ? { encryption: readUserFile('--encryption-key-file', config.encryptionKeyFile) }
        : {}),
      ...(config.store === 'etcd' || config.leaderElect ? { leaderElection: electionOf(config) } : {}),
    });
    const { url } = await plane.listen({ host: '::', port: config.apiPort }).catch((error: NodeJS.ErrnoException) => {
      throw error.code === 'EADDRINUSE'
        ? new UserError(
            `port ${config.apiPort} is taken by another program; end that, or make the cluster anew with another --api-port`,
          )
        : error;
    });
    await ensureSystemObjects(plane.clientAs(roleUser('system:apiserver', ['system:masters'])), config);
    const control = await serveControl(dataDir, { snapshot: ({ directory }) => saveFrom(store, config, directory) });
    const nodes =
      config.runtime === 'sim' && (config.nodes > 0 || config.adoptNodes)
        ? await startSimulatedNodes({
            client: plane.clientAs(roleUser('system:kube-apiserver', ['system:masters']), 'kubelet'),
            informers: plane.informers,
            clock: realClock,
            random: realRandom,
            log,
            count: config.nodes,
            // Several control planes on one store each bring nodes of their own.
            ...(config.store === 'etcd' ? { namePrefix: `${config.name}-node-` } : {}),
            podCidr: config.store === 'etcd' ? blockOf(config.podCidr, config.name) : config.podCidr,
            tls: simulatedTls(pki),
          })
        : undefined;
    if (nodes && config.adoptNodes) {
      const known = await plane.clientAs(loopbackUser).list(Node);
      for (const { metadata } of known.items) if (!nodes.names.includes(metadata.name)) await nodes.add(metadata.name);
    }
    const renewal = renewWhileRunning({
      clock: realClock,
      log,
      current: pki,
      read: (now) => ensurePki(paths(dataDir).pki, servingNames(config), now),
      use(renewed) {
        plane.renew(renewed);
        nodes?.setTls(simulatedTls(renewed));
        renewKubeconfigs(config, renewed);
      },
    });
    log.info('server is up', { url });
    return {
      url: url.replace('[::]', '127.0.0.1'),
      async stop() {
        log.info('server stops');
        renewal.cancel();
        control.close();
        await nodes?.stop();
        await plane.stop();
      },
    };
  });
}

/** What one server for all simulated nodes answers with. */
const simulatedTls = ({ ca }: ClusterPki) => ({
  ...issueKubeletServer(ca, 'simulated', [], realClock.now()),
  clientCa: ca.cert,
});

/**
 * client-go's proportions: the leader gives up at two thirds of the lease, and everybody tries seven times in it. Candidates
 * may notice the last renewal and the lease's end a try too late each: 9 s is the lease that is taken over within 15 s.
 */
function electionOf(config: ClusterConfig): NonNullable<ControlPlaneOptions['leaderElection']> {
  const leaseDurationMs = parseDuration(config.leaderElectLeaseDuration ?? '9s') ?? 9_000;
  return {
    identity: `${config.nodeName}_${config.name}_${realRandom.uuid()}`,
    leaseDurationMs,
    renewDeadlineMs: (leaseDurationMs * 2) / 3,
    retryPeriodMs: (leaseDurationMs * 2) / 15,
  };
}
