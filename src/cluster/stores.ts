/** Opening the store that a cluster's configuration names. */
import type { Logger } from '../base/log.ts';
import { openMemoryStore } from '../store/memory.ts';
import { type Store, StoreError } from '../store/store.ts';
import { type ClusterConfig, paths, readUserFile, UserError } from './config.ts';

/** What opening needs to know. */
export type StoreSettings = Pick<
  ClusterConfig,
  'store' | 'dataDir' | 'etcdEndpoints' | 'etcdPrefix' | 'etcdCa' | 'etcdCert' | 'etcdKey'
> & {
  /** The cluster that the data must belong to. */
  readonly id?: string | undefined;
};

/** Opens the store; an error of it is a UserError that says what to do. */
export async function openStore(settings: StoreSettings, log: Logger): Promise<Store> {
  const owner = settings.id ? { clusterId: settings.id } : {};
  try {
    switch (settings.store) {
      case 'memory':
        return openMemoryStore();
      case 'sqlite': {
        const { openSqliteStore } = await import('../store/sqlite.ts');
        const { database, snapshots } = paths(settings.dataDir);
        return await openSqliteStore({ path: database, snapshotDir: snapshots, log, ...owner });
      }
      case 'etcd': {
        const { openEtcdStore } = await import('../store/etcd.ts');
        const tls = etcdTls(settings);
        return await openEtcdStore({
          endpoints: settings.etcdEndpoints,
          prefix: settings.etcdPrefix,
          log,
          ...owner,
          ...(tls ? { tls } : {}),
        });
      }
    }
  } catch (error) {
    if (error instanceof StoreError) throw new UserError(error.message);
    throw error;
  }
}

function etcdTls({
  etcdCa,
  etcdCert,
  etcdKey,
}: StoreSettings): { ca?: string; cert?: string; key?: string } | undefined {
  if (!etcdCa && !etcdCert && !etcdKey) return undefined;
  if (Boolean(etcdCert) !== Boolean(etcdKey)) throw new UserError('--etcd-cert and --etcd-key are needed together', 2);
  const pem = (flag: string, file: string | undefined) => (file ? readUserFile(flag, file) : undefined);
  const [ca, cert, key] = [pem('--etcd-ca', etcdCa), pem('--etcd-cert', etcdCert), pem('--etcd-key', etcdKey)];
  return { ...(ca ? { ca } : {}), ...(cert ? { cert } : {}), ...(key ? { key } : {}) };
}
