import { StorageVersion, withServers } from '../api/apiserverinternal/storage-version.ts';
import { Lease } from '../api/coordination/lease.ts';
import type { Shared } from '../api/kind.ts';
import { isNotFound } from '../api/machinery/status.ts';
import { defineController, keyOf, watches } from '../client/reconcile.ts';
import { allow } from './rbac-rules.ts';

const namespace = 'kube-system';
const isServer = (lease: Shared<Lease> | undefined): boolean =>
  lease?.metadata.labels?.['apiserver.kubernetes.io/identity'] === 'kube-apiserver';

/** Takes API servers whose lease is gone out of what says which version each of them stores objects in. */
export const storageVersionCollector = defineController<StorageVersion>({
  name: 'storage-version-garbage-collector',
  for: StorageVersion,
  requires: StorageVersion,
  concurrency: 1,
  watches: [
    watches<Lease>({
      kind: Lease,
      changed: () => false,
      keys: (lease, { lister }) =>
        isServer(lease)
          ? lister(StorageVersion)
              .list()
              .filter(({ status }) =>
                status.storageVersions?.some((entry) => entry.apiServerID === lease.metadata.name),
              )
              .map(keyOf)
          : [],
    }),
  ],
  rbac: [
    allow('get list watch', 'coordination.k8s.io', 'leases'),
    allow('get list watch delete', 'internal.apiserver.k8s.io', 'storageversions'),
    allow('update patch', 'internal.apiserver.k8s.io', 'storageversions/status'),
  ],
  async reconcile(key, { client, lister, clock }) {
    const version = lister(StorageVersion).byKey(key);
    const entries = version?.status.storageVersions ?? [];
    const lives = await Promise.all(
      entries.map(async ({ apiServerID: name = '' }) => {
        // The cache may not show yet a lease that was made with the entry.
        return isServer(lister(Lease).get(namespace, name) ?? (await client.find(Lease, { namespace, name })));
      }),
    );
    const living = entries.filter((_, i) => lives[i]);
    if (!version || living.length === entries.length) return undefined;
    const { uid, resourceVersion } = version.metadata;
    try {
      if (living.length === 0) {
        await client.delete(StorageVersion, version.metadata, { preconditions: { uid, resourceVersion } });
      } else {
        const status = withServers(version.status, living, clock.now());
        await client.updateStatus(StorageVersion, { ...version, status });
      }
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
    return undefined;
  },
});
