/** The server process of `timonel up`: control plane with HTTPS, and the simulated nodes where there are no others. */
import { roleUser } from '../apiserver/user.ts';
import { realClock } from '../base/clock.ts';
import { createLogger, type Logger } from '../base/log.ts';
import { realRandom } from '../base/random.ts';
import { startSimulatedNodes } from '../kubelet/simulated/simulated-nodes.ts';
import { openEtcdStore } from '../store/etcd.ts';
import { openMemoryStore } from '../store/memory.ts';
import { openSqliteStore } from '../store/sqlite.ts';
import { type Store, StoreError } from '../store/store.ts';
import { ensureSystemObjects } from './bootstrap.ts';
import { type ClusterConfig, paths, readConfig, UserError } from './config.ts';
import { startControlPlane } from './control-plane.ts';
import { ensurePki, servingNames } from './pki.ts';
import { runRole } from './processes.ts';

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
      advertise: { address: config.nodeIp, port: config.apiPort },
    });
    const { url } = await plane.listen({ host: '::', port: config.apiPort }).catch((error: NodeJS.ErrnoException) => {
      throw error.code === 'EADDRINUSE'
        ? new UserError(
            `port ${config.apiPort} is taken by another program; end that, or make the cluster anew with another --api-port`,
          )
        : error;
    });
    await ensureSystemObjects(plane.clientAs(roleUser('system:apiserver', ['system:masters'])), config);
    const nodes =
      config.runtime === 'sim' && config.nodes > 0
        ? await startSimulatedNodes({
            client: plane.clientAs(roleUser('system:kube-apiserver', ['system:masters']), 'kubelet'),
            informers: plane.informers,
            clock: realClock,
            random: realRandom,
            log,
            count: config.nodes,
            podCidr: config.podCidr,
          })
        : undefined;
    log.info('server is up', { url });
    return {
      url: url.replace('[::]', '127.0.0.1'),
      async stop() {
        log.info('server stops');
        await nodes?.stop();
        await plane.stop();
      },
    };
  });
}

async function openStore(config: ClusterConfig, log: Logger): Promise<Store> {
  try {
    switch (config.store) {
      case 'memory':
        return openMemoryStore();
      case 'sqlite':
        return await openSqliteStore({ path: paths(config.dataDir).database, log });
      case 'etcd':
        return await openEtcdStore({ endpoints: config.etcdEndpoints, log });
    }
  } catch (error) {
    if (error instanceof StoreError) throw new UserError(error.message);
    throw error;
  }
}
