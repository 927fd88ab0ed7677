/**
 * What several control planes on one store have in common: authorities, token keys, networks. The first one writes it
 * down in the store; every other one takes it from there. Whoever may read the store may read all Secrets as well, so
 * the keys are no better kept elsewhere.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { silentLogger } from '../base/log.ts';
import type { CertificateAndKey } from '../base/pki.ts';
import { type ClusterConfig, paths, writeFileAtomic } from './config.ts';
import type { ClusterPki } from './pki.ts';
import { openStore, type StoreSettings } from './stores.ts';

const key = '/control-plane';

type Networks = Pick<ClusterConfig, 'id' | 'podCidr' | 'serviceCidr' | 'clusterDomain' | 'nodePortRange'>;

interface SharedState extends Networks {
  readonly authorities: Record<'ca' | 'front-proxy-ca', CertificateAndKey>;
  readonly serviceAccount: ClusterPki['serviceAccount'];
}

/**
 * Settles what a new control plane on a shared store has in common with the others. With an earlier one there, its
 * authorities are put into the data dir and its networks returned; else `make` makes them and they are written down.
 */
export async function settleSharedState(
  settings: StoreSettings,
  mine: Networks,
  make: () => ClusterPki,
): Promise<Networks> {
  const store = await openStore({ ...settings, id: undefined }, silentLogger);
  const { clusterId } = store as { readonly clusterId?: string };
  try {
    for (;;) {
      const found = await store.get(key);
      if (found) return adopt(settings.dataDir, JSON.parse(Buffer.from(found.value).toString()) as SharedState);
      const pki = make();
      const state: SharedState = {
        ...mine,
        id: clusterId ?? mine.id,
        authorities: { ca: pki.ca, 'front-proxy-ca': pki.frontProxyCa },
        serviceAccount: pki.serviceAccount,
      };
      const written = await store.commit([{ key, value: Buffer.from(JSON.stringify(state)), expectedRevision: 0 }]);
      if (written.ok) return { ...mine, id: state.id };
    }
  } finally {
    await store.close();
  }
}

function adopt(dataDir: string, state: SharedState): Networks {
  const folder = paths(dataDir).pki;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  for (const [name, pair] of Object.entries(state.authorities)) {
    writeFileAtomic(join(folder, `${name}.key`), pair.key);
    writeFileAtomic(join(folder, `${name}.crt`), pair.cert);
  }
  writeFileAtomic(join(folder, 'sa.key'), state.serviceAccount.key);
  writeFileAtomic(join(folder, 'sa.pub'), state.serviceAccount.publicKey);
  const { id, podCidr, serviceCidr, clusterDomain, nodePortRange } = state;
  return { id, podCidr, serviceCidr, clusterDomain, nodePortRange };
}
