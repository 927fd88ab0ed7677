/** Opening the store that a cluster's configuration names. */
import { readFileSync } from 'node:fs';
import type { Logger } from '../base/log.ts';
import { openMemoryStore } from '../store/memory.ts';
import { type Store, StoreError } from '../store/store.ts';
import { type ClusterConfig, paths, UserError } from './config.ts';

/** What opening needs to know. */
export type StoreSettings = Pick<
  ClusterConfig,
  'store' | 'dataDir' | 'etcdEndpoints' | 'etcdCa' | 'etcdCert' | 'etcdKey'
>;

/** Opens the store; an error of it is a UserError that says what to do. */
export async function openStore(settings: StoreSettings, log: Logger): Promise<Store> {
  try {
    switch (settings.store) {
      case 'memory':
        return openMemoryStore();
      case 'sqlite': {
        const { openSqliteStore } = await import('../store/sqlite.ts');
        return await openSqliteStore({ path: paths(settings.dataDir).database, log });
      }
      case 'etcd': {
        const { openEtcdStore } = await import('../store/etcd.ts');
        const tls = etcdTls(settings);
        return await openEtcdStore({ endpoints: settings.etcdEndpoints, log, ...(tls ? { tls } : {}) });
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
  const pem = (flag: string, file: string | undefined) => {
    if (!file) return undefined;
    try {
      return readFileSync(file, 'utf8');
    } catch (error) {
      throw new UserError(`${flag} ${file} cannot be read (${(error as NodeJS.ErrnoException).code})`);
    }
  };
  const [ca, cert, key] = [pem('--etcd-ca', etcdCa), pem('--etcd-cert', etcdCert), pem('--etcd-key', etcdKey)];
  return { ...(ca ? { ca } : {}), ...(cert ? { cert } : {}), ...(key ? { key } : {}) };
}
